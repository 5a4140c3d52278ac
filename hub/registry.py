"""The table of presets and of the families that know how to read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .discovery import discover
from .errors import HubError, UnknownPresetError
from .preset import FileEntry, Folder, HuggingFace, Preset, Source
from .weight_map import WeightMap

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """One way in which the files of a family come.

    Args:
        config: (name -> parsed JSON file, the preset's settings) -> keyword arguments of the model.
            It takes from the files the keys it knows; the rest is inert.
        weight_map: those arguments -> the table of tensor names.
        weights: candidate names of the weights file, the preferred first.
        files: other files that must be there; those ending in `.json` that `config` reads are
            parsed for it.
        optional_files: files that may be there, such as a tokenizer's.
    """

    config: Callable[[Mapping[str, Config], Mapping[str, Any]], dict[str, Any]]
    weight_map: Callable[[Mapping[str, Any]], WeightMap]
    weights: tuple[str, ...] = (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
    )
    files: tuple[str, ...] = ("config.json",)
    optional_files: tuple[str, ...] = ()

    def entries(self) -> tuple[FileEntry, ...]:
        """The files to look for at a source that was not described by a preset."""
        return (
            *(FileEntry(name) for name in self.files),
            FileEntry(self.weights[0], alternatives=self.weights[1:]),
            *(FileEntry(name, optional=True) for name in self.optional_files),
        )


@dataclass(frozen=True)
class Family:
    """What the hub needs to know of a model family; registered by the family's own folder.

    Args:
        name: such as "bert".
        tasks: task -> callable that returns the class (and imports it only then).
        layouts: layout -> how to read it.
        model_types: `model_type` of a config.json -> layout.
        architectures: name among `architectures` (or timm's `architecture`) of a config.json ->
            (layout, task).
        default_task: the task when neither user nor config names one; the first of `tasks` if "".
    """

    name: str
    tasks: Mapping[str, Callable[[], type]]
    layouts: Mapping[str, Layout]
    model_types: Mapping[str, str] = field(default_factory=dict)
    architectures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    default_task: str = ""


_families: dict[str, Family] = {}
_presets: dict[str, Preset] = {}
_PRESET_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")


def register_family(family: Family) -> Family:
    """Adds a family. Registering the same name again replaces it (a module was reloaded)."""
    _families[family.name] = family
    return family


def register_preset(preset: Preset) -> Preset:
    """Adds a preset. Raises ValueError when its name is malformed or taken by another."""
    if not _PRESET_NAME.fullmatch(preset.name):
        raise ValueError(f"preset name {preset.name!r}: lower-case letters, digits, _ . - only")
    if _presets.get(preset.name, preset) != preset:
        raise ValueError(f"a preset called {preset.name!r} is registered already")
    _presets[preset.name] = preset
    return preset


def get_family(name: str) -> Family:
    """The family called `name`. HubError when none is registered."""
    discover()
    if name not in _families:
        raise HubError(f"no family called {name!r}; there are: {', '.join(sorted(_families))}")
    return _families[name]


def list_families() -> list[str]:
    """The names of all families, sorted."""
    discover()
    return sorted(_families)


def get_preset(name: str) -> Preset:
    """The registered preset called `name`. UnknownPresetError, with near matches, if none is."""
    discover()
    if name not in _presets:
        raise UnknownPresetError(name, _presets)
    return _presets[name]


def list_presets(family: str | None = None) -> list[Preset]:
    """The registered presets, sorted by name; of one family when it is given."""
    discover()
    chosen = (p for p in _presets.values() if family is None or p.family == family)
    return sorted(chosen, key=lambda preset: preset.name)


def source_of_name(name: str) -> Source | None:
    """The source that `hf://org/name[@revision]` or a path names; None for a preset's name.

    A path is anything that is an existing folder, or begins with `.`, `~` or `/`.

    Raises:
        UnknownPresetError: the repository's name is malformed, or the folder does not exist.
    """
    if name.startswith("hf://"):
        repo_id, _, revision = name.removeprefix("hf://").partition("@")
        try:
            return HuggingFace(repo_id.rstrip("/"), revision or None)
        except ValueError as error:
            raise UnknownPresetError(name, (), str(error)) from error
    path = Path(name).expanduser()
    if path.is_dir():
        return Folder(path.resolve())
    if name.startswith((".", "~", "/")):
        raise UnknownPresetError(name, (), f"the folder {path} does not exist")
    return None


def identify(config: Config) -> tuple[Family, str, str]:
    """(family, layout, task) for a parsed config.json, by what the families registered.

    Raises:
        HubError: no family knows its `model_type` or `architectures`.
    """
    discover()
    named = config.get("architectures")
    architectures = [a for a in named if isinstance(a, str)] if isinstance(named, list) else []
    if isinstance(single := config.get("architecture"), str):
        architectures.append(single)
    for family in _families.values():
        for architecture in architectures:
            if architecture in family.architectures:
                layout, task = family.architectures[architecture]
                return family, layout, task
    model_type = config.get("model_type")
    for family in _families.values():
        if isinstance(model_type, str) and model_type in family.model_types:
            task = family.default_task or next(iter(family.tasks))
            return family, family.model_types[model_type], task
    raise HubError(
        f"config.json says model_type {model_type!r} and architectures {architectures}; no family "
        f"here knows them. The families are: {', '.join(sorted(_families)) or '(none)'}."
    )


def preset_of_source(name: str, source: Source, config: Config) -> Preset:
    """The preset that stands for a source named by the user, whose config.json was read."""
    family, layout, task = identify(config)
    files = family.layouts[layout].entries()
    return Preset(name, family.name, task, layout, files, (source,))
