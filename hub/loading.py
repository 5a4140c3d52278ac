"""From a name to a model: resolve, read the config, build without values, stream the weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .cache import Cache
from .errors import HubError, UnknownPresetError
from .fetch import resolve
from .preset import FileEntry, LocalPreset, Preset
from .readers import open_reader
from .registry import Layout, get_family, get_preset, preset_of_source, source_of_name
from .weights import LoadReport, load

MAX_JSON_BYTES = 16 << 20


class JsonFiles(Mapping[str, Mapping[str, Any]]):
    """The JSON files of a preset, each parsed when it is first asked for.

    Only objects of at most 16 MiB are accepted, without duplicate keys, NaN or Infinity. A value in
    them is never taken for a path, an address or a name to import.

    Raises:
        KeyError: the preset has no such file.
        HubError: the file is not such JSON.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = {name: path for name, path in paths.items() if name.endswith(".json")}
        self._parsed: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self._parsed:
            self._parsed[name] = read_json(self._paths[name], name)
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def read_json(path: Path, name: str) -> dict[str, Any]:
    """The object in a JSON file, strictly read; see `JsonFiles`. Raises HubError."""

    def refuse(what: str) -> Any:
        raise ValueError(f"{what} is not JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key occurs twice")
        return found

    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise ValueError(f"it is over {MAX_JSON_BYTES} bytes")
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
        if not isinstance(value, dict):
            raise ValueError("an object is expected")
    except (OSError, ValueError, RecursionError) as error:
        raise HubError(f"cannot read {name} ({path}): {str(error)[:160]}") from error
    return value


def find_preset(
    name: str,
    *,
    cache: Cache | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    endpoint: str | None = None,
) -> Preset:
    """The preset for a registered name, `hf://org/name[@revision]`, or the path of a folder.

    For the last two, config.json is read (fetched, if need be) to find the family.

    Raises:
        UnknownPresetError: there is none; near matches are named.
        SourcesExhaustedError: config.json cannot be had.
        HubError: no family knows what config.json describes.
    """
    source = source_of_name(name)
    if source is None:
        return get_preset(name)
    alone = Preset(name, "", "", "", (FileEntry("config.json"),), (source,))
    local = resolve(alone, cache=cache, offline=offline, progress=progress, endpoint=endpoint)
    return preset_of_source(name, source, read_json(local.paths["config.json"], "config.json"))


def fetch_preset(
    name: str | Preset,
    *,
    cache: Cache | None = None,
    folder: str | Path | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    endpoint: str | None = None,
) -> LocalPreset:
    """A preset's files on this machine, checked: `find_preset`, then `resolve`."""
    preset = name
    if not isinstance(preset, Preset):
        preset = find_preset(
            preset, cache=cache, offline=offline, progress=progress, endpoint=endpoint
        )
    return resolve(
        preset, cache=cache, folder=folder, offline=offline, progress=progress, endpoint=endpoint
    )


def layout_of(local: LocalPreset) -> Layout:
    """How the files of a local preset are read. HubError when its family does not know."""
    family = get_family(local.preset.family)
    if local.layout not in family.layouts:
        known = ", ".join(family.layouts)
        raise HubError(f"family {family.name!r} has no layout {local.layout!r}; it has: {known}")
    return family.layouts[local.layout]


def model_config(local: LocalPreset) -> dict[str, Any]:
    """The keyword arguments of the model, from the preset's files and settings."""
    return layout_of(local).config(JsonFiles(local.paths), local.preset.settings)


def stream_weights(
    local: LocalPreset,
    variables: Mapping[str, Any],
    config: Mapping[str, Any],
    allow_missing: tuple[str, ...] = (),
) -> LoadReport:
    """Streams a local preset's weights into variables (path -> variable); see `weights.load`."""
    layout = layout_of(local)
    for name in layout.weights:
        if name in local.paths:
            with open_reader(local.paths[name], local.paths) as reader:
                return load(
                    reader, variables, layout.weight_map(config), allow_missing=allow_missing
                )
    raise HubError(
        f"preset {local.preset.name!r} has no weights file in layout {local.layout!r}; "
        f"one of {', '.join(layout.weights)} is expected among {', '.join(local.paths)}"
    )


def load_preset(
    name: str | Preset,
    *,
    task: str | None = None,
    expected: type | None = None,
    backend: str | None = None,
    load_weights: bool = True,
    dtype: str | None = None,
    folder: str | Path | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    **overrides: Any,
) -> Any:
    """A model with a preset's weights. No initializer and no forward pass runs.

    Args:
        name: a registered name, `hf://org/name[@revision]`, a folder's path, or a Preset.
        task: what the model is for; the preset's own task when None or "".
        expected: the class that the model must be an instance of.
        backend: where it shall live; the current backend when None.
        load_weights: False builds the architecture alone, with initial values.
        dtype: of the variables; the model's default when None.
        folder: a folder that holds the preset's files.
        offline: see `fetch.resolve`.
        progress: see `fetch.resolve`.
        **overrides: arguments of the model that replace those of the config.

    Raises:
        UnknownPresetError: an unknown preset, or a task the family does not have.
        SourcesExhaustedError: the files cannot be had.
        WeightsError: file and model do not fit.
    """
    from ..framework import config as settings
    from ..framework.core import scopes

    with settings.use_backend(backend or settings.backend()):
        local = fetch_preset(name, folder=folder, offline=offline, progress=progress)
        build = _class_for(local, task, expected)
        config = {**model_config(local), **_head_config(build, local), **overrides}
        arguments = config if dtype is None else {**config, "dtype": dtype}
        if load_weights:
            with scopes.deferred_initialization():
                model = build(**arguments)
            paths = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
            stream_weights(local, paths, config)
        else:
            model = build(**arguments)
        if hasattr(build, "make_preprocessor"):
            model.preprocessor = build.make_preprocessor(local.paths, config, local.preset.settings)
        return model


def _head_config(build: Any, local: LocalPreset) -> dict[str, Any]:
    if not hasattr(build, "head_config"):
        return {}
    return build.head_config(JsonFiles(local.paths), local.preset.settings)


def load_preprocessor(
    name: str | Preset, *, task: str | None = None, expected: type | None = None, **options: Any
) -> Any:
    """The preprocessor that a preset's model would have; no weights are read.

    Raises:
        UnknownPresetError: an unknown preset or task, or the task has no such preprocessor.
    """
    local = fetch_preset(name, **options)
    build = _class_for(local, task, None)
    maker = getattr(build, "make_preprocessor", lambda *args: None)
    found = maker(local.paths, model_config(local), local.preset.settings)
    if found is None or (expected is not None and not isinstance(found, expected)):
        wanted = "a preprocessor" if expected is None else expected.__name__
        raise UnknownPresetError(
            local.preset.name,
            hint=f"what it has is {type(found).__name__}",
            problem=f"{local.preset.name!r} does not have {wanted}",
        )
    return found


def _class_for(local: LocalPreset, task: str | None, expected: type | None) -> Any:
    family = get_family(local.preset.family)
    task = task or local.preset.task
    if task not in family.tasks:
        hint = f"the tasks of family {family.name!r} are: {', '.join(family.tasks)}"
        problem = f"{local.preset.name!r} has no task {task!r}"
        raise UnknownPresetError(task, family.tasks, hint, problem)
    build = family.tasks[task]()
    if expected is not None and not issubclass(build, expected):
        raise UnknownPresetError(
            local.preset.name,
            hint=f"use {build.__name__}.from_preset, or another task",
            problem=f"{local.preset.name!r} as {task!r} is a {build.__name__}, not a "
            f"{expected.__name__}",
        )
    return build
