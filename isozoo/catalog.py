"""The zoo's catalogue: every family's presets, found by looking into the rooms of models."""

import pkgutil
from importlib import import_module
from typing import Any

from .hub import registry
from .hub.loading import load_preset

ROOMS = ("applications", "nlp", "cv")


def register_families() -> None:
    """Import `presets` of each family: a folder of a room that has such a module."""
    for room in ROOMS:
        package = import_module(f".{room}", __package__)
        for family in pkgutil.iter_modules(package.__path__):
            if family.ispkg:
                inside = import_module(f"{package.__name__}.{family.name}")
                if any(
                    module.name == "presets" for module in pkgutil.iter_modules(inside.__path__)
                ):
                    import_module(f"{inside.__name__}.presets")


def from_preset(name: Any, **options: Any) -> Any:
    """The model of a preset, with its weights and its preprocessor.

    `name` is one of `list_presets()`, the path of a folder, or `hf://org/name[@revision]`. Options
    are those of `isozoo.hub.load_preset`: `backend`, `task`, `dtype`, `load_weights`, …
    """
    return load_preset(name, **options)


def list_presets(family: str | None = None) -> list[str]:
    """The names of all presets, or of those of one family."""
    return [preset.name for preset in registry.list_presets(family)]
