"""The zoo's catalogue: every family and its presets, found in the folders of models."""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from .hub import registry
from .hub.graph_family import register_graphs
from .hub.loading import load_preset
from .hub.preset_data import read_presets
from .hub.saved_models import register_saved_models

MODEL_PACKAGES = ("applications", "nlp", "cv")


def register_families() -> None:
    """Registers each family: a folder among the models that has a module `family`; and the
    presets of the files `presets*.toml` beside it."""
    register_graphs()
    register_saved_models()
    for name in MODEL_PACKAGES:
        package = import_module(f".{name}", __package__)
        for found in pkgutil.iter_modules(package.__path__):
            folder = Path(package.__path__[0]) / found.name
            if not (found.ispkg and (folder / "family.py").is_file()):
                continue
            import_module(f"{package.__name__}.{found.name}.family")
            for path in sorted(folder.glob("presets*.toml")):
                for preset in read_presets(path, found.name):
                    registry.register_preset(preset)


def from_preset(name: Any, **options: Any) -> Any:
    """Returns the model of a preset, with its weights and its preprocessor.

    `name` is one of `list_presets()`, the path of a folder, or `hf://org/name[@revision]`. Options
    are those of `isozoo.hub.load_preset`: `backend`, `task`, `dtype`, `load_weights`, …
    """
    return load_preset(name, **options)


def list_presets(family: str | None = None) -> list[str]:
    """Returns the names of all presets, or of those of one family."""
    return [preset.name for preset in registry.list_presets(family)]
