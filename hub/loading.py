"""From a name to a model: resolve, read the config, build without values, stream the weights."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import nullcontext
from fnmatch import filter as matching
from pathlib import Path
from typing import Any

from .cache import Cache
from .errors import HubError, UnknownPresetError
from .fetch import resolve
from .licences import check_licence
from .other_forms import refuse_folder
from .preset import FileEntry, Folder, LocalPreset, Preset, check_file_name
from .quantized import KEY, dtype_of_config, set_inputs, with_parts
from .readers import Reader, open_reader
from .readers.joined import JoinedReader
from .readers.unwrapped import unwrapped
from .registry import (
    Architecture,
    Layout,
    architectures_of,
    get_family,
    get_preset,
    known_indexes,
    known_marks,
    preset_of_source,
    preset_of_weights,
    source_of_name,
    weights_file,
)
from .saved_models import saved_model_file
from .weights import LoadReport
from .weights import load as load_weights_of

MAX_JSON_BYTES = 16 << 20


ADAPTER = "adapter"
"""The layout of adapters, which stand on a base; see `lora_presets`."""
PEFT = "peft"
"""The layout of PEFT's adapters; see `peft_adapters`."""
PEFT_CONFIG, PEFT_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter.json", "adapter.safetensors"
# Files that hold a list.
_LISTS = ("modules.json",)


class JsonFiles(Mapping[str, Mapping[str, Any]]):
    """The JSON files of a preset, each parsed when it is first asked for.

    Only objects of at most 16 MiB are accepted, without duplicate keys, NaN or Infinity; the list
    in modules.json is given as the object {"items": list}. A value in them is never taken for a
    path, an address or a name to import.

    Attributes:
        paths: name -> path of all files of the preset.

    Raises:
        KeyError: the preset has no such file.
        HubError: the file is not such JSON.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths
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
    """Reads the object in a JSON file strictly; see `JsonFiles`. Raises HubError."""

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
        if isinstance(value, list) and name in _LISTS:
            value = {"items": value}
        if not isinstance(value, dict):
            raise ValueError("an object is expected")
    except (OSError, ValueError, RecursionError) as error:
        raise HubError(f"cannot read {name} ({path}): {str(error)[:160]}") from error
    return value


def find_preset(
    name: str | os.PathLike[str],
    *,
    expected: type | None = None,
    cache: Cache | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    endpoint: str | None = None,
) -> Preset:
    """Finds the preset for a registered name, `hf://org/name[@revision]`, or a path.

    Of a folder or a repository, config.json (or what stands for it, see `Family.index`) is read
    (fetched, if need be) to find the family; where it names none, the class `expected` tells. A
    path of one weights file is known by its tensors; see `Layout.recognize`; so is a folder of one
    GGUF file without a config.json. A file that `model.save` wrote is known by its ending. Where
    there is an adapter.json in the place of config.json, the preset is an adapter, which names its
    base; see `lora_presets`.

    Raises:
        UnknownPresetError: there is none; near matches are named.
        SourcesExhaustedError: config.json cannot be had.
        HubError: no family knows what config.json describes.
    """
    if (saved := saved_model_file(name)) is not None:
        return saved
    source = source_of_name(name)
    path = None if source is None else weights_file(name)
    if path is None and isinstance(source, Folder):
        path = _alone_in(Path(source.path))
    if path is not None:
        with open_reader(path) as reader:
            return preset_of_weights(os.fspath(name), path, reader)
    name = os.fspath(name)
    if source is None:
        return get_preset(name)
    marks = (FileEntry(mark, optional=True) for mark in known_marks())
    indexes = known_indexes()
    first = FileEntry("config.json", alternatives=(ADAPTER_CONFIG, PEFT_CONFIG, *indexes))
    alone = Preset(name, "", "", "", (first, *marks), (source,))
    local = resolve(alone, cache=cache, offline=offline, progress=progress, endpoint=endpoint)
    if ADAPTER_CONFIG in local.paths:
        files = (FileEntry(ADAPTER_CONFIG), FileEntry(ADAPTER_WEIGHTS))
        return Preset(name, "", "", ADAPTER, files, (source,))
    if PEFT_CONFIG in local.paths:
        files = (FileEntry(PEFT_CONFIG), FileEntry(PEFT_WEIGHTS))
        return Preset(name, "", "", PEFT, files, (source,))
    told = next(file for file in ("config.json", *indexes) if file in local.paths)
    config = read_json(local.paths[told], told)
    return preset_of_source(name, source, config, expected, JsonFiles(local.paths))


def _alone_in(folder: Path) -> Path | None:
    """The GGUF file of a folder that has no other description of a model.

    Raises:
        HubError: there are several.
        UnknownPresetError: it holds a model of another form alone.
    """
    others = ("config.json", "adapter.json", "adapter_config.json", *known_indexes())
    if any((folder / name).exists() for name in others):
        return None
    found = sorted(folder.glob("*.gguf"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise HubError(f"{folder} has several models: say which by `file`, of {names}")
    if not found:
        refuse_folder(folder)
    return found[0] if found else None


def fetch_preset(
    name: str | os.PathLike[str] | Preset,
    *,
    expected: type | None = None,
    cache: Cache | None = None,
    folder: str | Path | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    endpoint: str | None = None,
    accept_licence: bool = False,
) -> LocalPreset:
    """Fetches and checks a preset's files: `find_preset`, then `resolve`.

    Raises LicenceError where its licence restricts its use and the user has not agreed; see
    `licences`.
    """
    preset = name
    if not isinstance(preset, Preset):
        preset = find_preset(
            preset,
            expected=expected,
            cache=cache,
            offline=offline,
            progress=progress,
            endpoint=endpoint,
        )
    check_licence(preset, accept_licence, cache)
    return resolve(
        preset, cache=cache, folder=folder, offline=offline, progress=progress, endpoint=endpoint
    )


def layout_of(local: LocalPreset) -> Layout:
    """Returns how the files of a local preset are read. HubError when its family does not know."""
    if local.layout in (ADAPTER, PEFT):
        raise HubError(
            f"{local.preset.name} is an adapter, which has no layout of its own: load it, "
            "lora.merge(model), and save_to_preset"
        )
    family = get_family(local.preset.family)
    if local.layout not in family.layouts:
        known = ", ".join(family.layouts)
        raise HubError(f"family {family.name!r} has no layout {local.layout!r}; it has: {known}")
    return family.layouts[local.layout]


def model_config(local: LocalPreset, ignore_keys: Iterable[str] = ()) -> dict[str, Any]:
    """Returns the keyword arguments of the model, from the preset's files and settings."""
    files = JsonFiles(local.paths)
    return layout_of(local).arguments(files, local.preset.settings, ignore_keys)


def open_weights(local: LocalPreset) -> Reader:
    """Opens the local preset's weights file. HubError when it has none."""
    layout = layout_of(local)
    if layout.weight_parts:
        return _open_parts(local, layout)
    for pattern in layout.weights:
        for name in matching(local.paths, pattern):
            return _with_head(open_reader(local.paths[name], local.paths), local, layout)
    raise HubError(
        f"preset {local.preset.name!r} has no weights file in layout {local.layout!r}; "
        f"one of {', '.join(layout.weights)} is expected among {', '.join(local.paths)}"
    )


def _with_head(reader: Reader, local: LocalPreset, layout: Layout) -> Reader:
    """Joins the weights file of a head to a backbone's, where there is one."""
    head = layout.head
    if head is None or head.weights not in local.paths:
        return reader
    try:
        also = open_reader(local.paths[head.weights], local.paths)
    except BaseException:
        reader.close()
        raise
    return JoinedReader(reader.path, {"": reader, head.prefix.removesuffix("."): also})


def _open_parts(local: LocalPreset, layout: Layout) -> Reader:
    """Opens the weights files of all parts. HubError where a part has none."""
    found: dict[str, Reader] = {}
    try:
        for part, names in layout.weight_parts.items():
            name = next((name for name in names if name in local.paths), None)
            if name is None:
                raise HubError(
                    f"preset {local.preset.name!r} has no weights file for its {part}; one of "
                    f"{', '.join(names)} is expected among {', '.join(local.paths)}"
                )
            folder = f"{name.rpartition('/')[0]}/".lstrip("/")
            beside = {n.removeprefix(folder): p for n, p in local.paths.items()}
            found[part] = open_reader(local.paths[name], beside)
        return JoinedReader(Path(local.preset.name), found)
    except BaseException:
        for reader in found.values():
            reader.close()
        raise


def load_preset(
    name: str | os.PathLike[str] | Preset,
    *,
    task: str | None = None,
    expected: type | None = None,
    backend: str | None = None,
    load_weights: bool = True,
    dtype: str | None = None,
    float32_precision: str | None = None,
    folder: str | Path | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    ignore_keys: Iterable[str] = (),
    accept_licence: bool = False,
    file: str | None = None,
    distribution: Any = None,
    **overrides: Any,
) -> Any:
    """Builds a model and loads a preset's weights. No initializer and no forward pass runs.

    Where a folder or repository holds a head that the family does not have, the backbone is loaded
    and a warning names the head and its tensors; say `task="backbone"` to ask for it.

    Args:
        name: a registered name, `hf://org/name[@revision]`, a folder's path, or a Preset.
        task: what the model is for; the preset's own task when None or "".
        expected: the class that the model must be an instance of.
        backend: where it shall live; the current backend when None.
        load_weights: False builds the architecture alone, with initial values.
        dtype: of the variables; the model's default when None.
        float32_precision: how this model computes products of float32 numbers on accelerators,
            see `isozoo.config.set_float32_precision`; the setting when None.
        folder: a folder that holds the preset's files.
        offline: see `fetch.resolve`.
        progress: see `fetch.resolve`.
        ignore_keys: keys of the config file to pass over, whatever they say.
        accept_licence: whether the user agrees to a licence that restricts how the weights are
            used; see `licences`.
        file: of the folder or repository, an ONNX file, such as "onnx/model.onnx": the model is
            its graph, see `isozoo.from_onnx`, and its preprocessor that of the config.json there,
            where a family here knows it. Or a GGUF file, which is then all that is read.
        distribution: how the weights lie on many devices, see `isozoo.distribution`: each process
            reads those parts of the files that its devices hold. The one in use when None. The
            model runs under it: `with distribution.scope():`.
        **overrides: arguments of the model that replace those of the config; of a saved model of no
            family `custom_objects` and `compile`, see `isozoo.saving.load_model`.

    Raises:
        UnknownPresetError: an unknown preset, or a task the family does not have.
        SourcesExhaustedError: the files cannot be had.
        LicenceError: the licence restricts the use, and the user has not agreed.
        HubError: the config file describes a network that the family does not have.
        WeightsError: file and model do not fit.
    """
    from ..framework import config as settings

    if file is not None and file.endswith(".gguf") and not isinstance(name, Preset):
        name = _fetched_alone(name, file, folder=folder, offline=offline, progress=progress)
    elif file is not None:
        from .graph_inputs import load_graph_file

        if overrides or task or not load_weights or distribution is not None:
            raise HubError("`file` names a graph, which has no task, arguments or distribution")
        how = {"folder": folder, "offline": offline, "progress": progress}
        return load_graph_file(name, file, backend, dtype, expected, **how)
    scope = nullcontext() if distribution is None else distribution.scope()
    with settings.use_backend(backend or settings.backend()), scope:
        local = fetch_preset(
            name,
            expected=expected,
            folder=folder,
            offline=offline,
            progress=progress,
            accept_licence=accept_licence,
        )
        if local.layout in (ADAPTER, PEFT):
            from .lora_presets import load_adapter
            from .peft_adapters import load_with_base

            if not load_weights:
                raise HubError(f"{local.preset.name} is an adapter: nothing without its weights")
            with_base = load_adapter if local.layout == ADAPTER else load_with_base
            return with_base(
                local,
                task=task,
                expected=expected,
                dtype=dtype,
                float32_precision=float32_precision,
                offline=offline,
                progress=progress,
                ignore_keys=ignore_keys,
                **overrides,
            )
        if (load := layout_of(local).load) is not None:
            if dtype is not None:
                raise HubError(
                    f"{local.preset.name} is a saved model, whose config tells the dtypes of its "
                    "layers; it is loaded without `dtype`"
                )
            class_for(local, task, None)  # whether there is such a task
            model = load(local, load_weights, overrides)
            if expected is not None and not isinstance(model, expected):
                raise UnknownPresetError(
                    local.preset.name,
                    hint=f"use {type(model).__name__}.from_preset or isozoo.from_preset",
                    problem=f"{local.preset.name!r} is a {type(model).__name__}, not a "
                    f"{expected.__name__}",
                )
            if float32_precision is not None:
                model.float32_precision = settings.checked_float32_precision(float32_precision)
            return model
        build = class_for(local, task, expected)
        described = JsonFiles(local.paths).get("config.json", {})
        if (quantized := dtype_of_config(described, dtype)) is not None:
            dtype, ignore_keys = quantized, (*ignore_keys, KEY)
        config = model_config(local, ignore_keys)
        head = head_config(build, local)
        renewed = any(overrides.get(name, value) != value for name, value in head.items())
        config = {**config, **head, **overrides}
        extra = {} if dtype is None else {"dtype": dtype}
        if load_weights and (fill := layout_of(local).fill) is not None:
            model, report = _build_and_read(build, local, fill, config, extra)
            _tell_of_new(report, local.preset.name)
        elif load_weights:
            with open_weights(local) as reader:
                model, report = _build_and_fill(
                    build, local, reader, config, extra, renewed, overrides
                )
            _tell_of_new(report, local.preset.name)
            if not task and not isinstance(name, Preset) and source_of_name(name) is not None:
                _tell_of_head(local, report, type(model).__name__)
        else:
            model = build(**config, **extra)
        set_inputs(model, described)
        if float32_precision is not None:
            model.float32_precision = settings.checked_float32_precision(float32_precision)
        if hasattr(build, "make_preprocessor"):
            model.preprocessor = preprocessor_of(build, local, config)
        return model


def _fetched_alone(name: str | os.PathLike[str], file: str, **how: Any) -> Path:
    """Fetches one file of a folder or repository; returns where it lies."""
    source = source_of_name(name)
    if source is None:
        raise UnknownPresetError(
            str(name), (), "`file` goes with a folder's path or with hf://org/name"
        )
    try:
        entry = FileEntry(check_file_name(file))
    except ValueError as error:
        raise HubError(f"`file`: {error}") from error
    return resolve(Preset(os.fspath(name), "", "", "", (entry,), (source,)), **how).paths[file]


def _build_and_read(
    build: Any,
    local: LocalPreset,
    fill: Any,
    config: dict[str, Any],
    extra: Mapping[str, Any],
) -> tuple[Any, LoadReport]:
    """Builds the model without initial values, and has its layout's `fill` read the weights."""
    from ..framework.core import scopes

    with scopes.deferred_initialization():
        model = build(**config, **extra)
        report = fill(model, local)
    paths = get_family(local.preset.family).map_paths(model.weights_by_path())
    for path in report.missing:
        paths[path].initialize()
    return model, report


def _build_and_fill(
    build: Any,
    local: LocalPreset,
    reader: Reader,
    config: dict[str, Any],
    extra: Mapping[str, Any],
    renewed: bool,
    given: Container[str],
) -> tuple[Any, LoadReport]:
    """Builds the model without initial values and streams its weights into it.

    With `renewed` the head gets no values, whatever the file has for it.
    """
    layout, family = layout_of(local), get_family(local.preset.family)
    model = build_without_values(build, local, reader, config, extra, given)
    paths = family.map_paths(model.weights_by_path())
    head, optional = getattr(build, "head", ()), getattr(build, "optional_parts", ())
    fresh = head if renewed else ()
    weight_map = with_parts(layout.weight_map(config), paths)
    report = load_weights_of(
        reader, paths, weight_map, allow_missing=(*head, *optional), fresh=fresh
    )
    for path in report.missing:
        paths[path].initialize()
    return model, report


def build_without_values(
    build: Any,
    local: LocalPreset,
    reader: Reader,
    config: dict[str, Any],
    extra: Mapping[str, Any],
    given: Container[str] = (),
) -> Any:
    """Builds the model of a preset; its variables have shapes and no values.

    Adds to `config` the arguments that the weights file decides, unless the user has `given` them;
    see `Layout.parts`.
    """
    from ..framework.core import scopes

    layout = layout_of(local)
    weight_map = layout.weight_map(config)
    for argument, path in layout.parts.items():
        if argument not in given and config.get(argument, True):
            if not _holds(reader, weight_map, path):
                config[argument] = False
    with scopes.deferred_initialization(_Bound(local.preset.name, len(reader))):
        return build(**config, **extra)


class _Bound:
    """How many variables a model may have whose config names no more than its sizes.

    A config can ask for as many layers as it likes. The file of weights tells how many there are.

    Args:
        name: of the preset, for errors.
        tensors: how many the file has.
    """

    def __init__(self, name: str, tensors: int) -> None:
        self.name, self.tensors, self.made = name, tensors, 0

    def note(self, variable: Any) -> None:
        """Counts a variable. HubError if there are more than the file can have values for."""
        self.made += 1
        # Three may be one tensor, as queries, keys and values; a new head has none.
        if self.made > 4 * self.tensors + 100:
            raise HubError(
                f"{self.name}: its config describes a network of {self.made} variables and more, "
                f"but its file of weights holds {self.tensors} tensors: the two do not fit."
            )


def _tell_of_new(report: LoadReport, name: str) -> None:
    """Warns of variables that begin with their initial values."""
    if report.missing:
        warnings.warn(
            f"{name}: these weights of the head begin with new values, for the files have none "
            f"that fit: {', '.join(report.missing)}. Train the model before you use it.",
            stacklevel=4,
        )


def _holds(reader: Reader, weight_map: Any, path: str) -> bool:
    """Returns whether a weights file has a tensor for the variable `path`."""
    reader, prefix = unwrapped(reader, {path}, weight_map)
    return any(key in reader for key in weight_map.expected_keys(path, prefix))


def _tell_of_head(local: LocalPreset, report: LoadReport, made: str) -> None:
    """Warns of a head that config.json names and whose tensors were dropped."""
    files, form = JsonFiles(local.paths), layout_of(local)
    told = form.head.config if form.head and form.head.config in files else "config.json"
    names = architectures_of(files.get(told, {}))
    known = get_family(local.preset.family).architectures
    heads = [Architecture(*known[name]).head for name in names if name in known]
    if not report.of_heads or (heads and not any(heads)):
        return  # the architecture is here as a whole
    dropped = ", ".join(report.of_heads[:8]) + (", …" if len(report.of_heads) > 8 else "")
    head = " and ".join(filter(None, heads))
    warnings.warn(
        f"{local.preset.name}: {told} says {', '.join(names) or 'nothing of its architecture'}"
        + (f", whose head for {head} is not here" if head else "")
        + f". It was loaded as {made}, without these tensors of heads: {dropped}. "
        f"Pass task={local.preset.task!r} to ask for that.",
        stacklevel=4,
    )


def preprocessor_of(build: Any, local: LocalPreset, config: Mapping[str, Any]) -> Any:
    """Makes the preprocessor of a task's class, with the preset's files as its `files`."""
    paths, settings = local.paths, local.preset.settings
    form = layout_of(local)
    if form.preprocessing is not None:
        paths, settings = form.preprocessing(paths, settings)
    found = build.make_preprocessor(paths, config, settings)
    if found is not None and form.preprocessing is None:
        found.files = dict(paths)
    return found


def head_config(build: Any, local: LocalPreset) -> dict[str, Any]:
    """Returns the arguments of a task's head, from the preset's files and settings."""
    if not hasattr(build, "head_config"):
        return {}
    files, settings, head = JsonFiles(local.paths), local.preset.settings, layout_of(local).head
    if head is not None and head.config in files:
        settings = {**head.settings(files[head.config]), **settings}
    return build.head_config(files, settings)


def load_preprocessor(
    name: str | os.PathLike[str] | Preset,
    *,
    task: str | None = None,
    expected: type | None = None,
    asked_of: type | None = None,
    ignore_keys: Iterable[str] = (),
    **options: Any,
) -> Any:
    """Makes the preprocessor that a preset's model would have; reads no weights.

    Args:
        name: see `load_preset`.
        task: what the model would be for. When None or "", the preset's own task or, where its
            model has no preprocessor, the first of the family's tasks whose model has one.
        expected: the class that the preprocessor must be an instance of.
        asked_of: a class of the family, such as a tokenizer, for a config that names no family.
        ignore_keys: see `load_preset`.
        **options: see `fetch_preset`.

    Raises:
        UnknownPresetError: an unknown preset or task, or the task has no such preprocessor.
    """
    local = fetch_preset(name, expected=expected or asked_of, **options)
    config = model_config(local, ignore_keys)
    found = None
    for one in (task,) if task else ("", *get_family(local.preset.family).tasks):
        build = class_for(local, one, None)
        if hasattr(build, "make_preprocessor"):
            found = preprocessor_of(build, local, config)
            break
    if found is None or (expected is not None and not isinstance(found, expected)):
        wanted = "a preprocessor" if expected is None else expected.__name__
        raise UnknownPresetError(
            local.preset.name,
            hint=f"what it has is {type(found).__name__}",
            problem=f"{local.preset.name!r} does not have {wanted}",
        )
    return found


def class_for(local: LocalPreset, task: str | None, expected: type | None) -> Any:
    """Returns the class that a preset becomes for a task; the preset's own when None or "".

    Raises:
        UnknownPresetError: the family has no such task, or the class is not an `expected` one.
    """
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
