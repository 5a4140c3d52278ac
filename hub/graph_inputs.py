"""Graphs in folders and repositories of others, with what prepares their inputs there.

The files that tell of a tokenizer or of pictures are those of a family here, if it knows their
config.json; what its preprocessor gives is then renamed and rearranged for the graph.
"""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .bases import Preprocessor
from .errors import HubError, UnknownPresetError
from .fetch import resolve
from .graph_family import IMAGE_CLASSIFIER, ORIGIN, ORIGIN_FILES
from .loading import JsonFiles, preprocessor_of
from .preset import FileEntry, LocalPreset, Preset, check_file_name
from .registry import architectures_of, get_family, identify, source_of_name

PROCESSOR = "preprocessor_config.json"

# What preprocessors here call their results -> what exporters call the inputs.
_NAMES = {
    "token_ids": ("input_ids", "ids", "tokens"),
    "padding_mask": ("attention_mask", "mask"),
    "segment_ids": ("token_type_ids", "segment_ids"),
}


class GraphPreprocessor(Preprocessor):
    """Inputs as users have them to those of a graph, by name and in its dtypes.

    Args:
        inner: the preprocessor of a family: texts to a dict of integers, or pictures to an array
            (batch, height, width, channels).
        inputs: those of the graph.

    Raises:
        HubError: the graph has inputs that the preprocessor does not give.
    """

    task = "graph"

    def __init__(self, inner: Any, inputs: Any) -> None:
        self.inner, self.inputs = inner, tuple(inputs)

    def __call__(self, inputs: Any) -> dict[str, np.ndarray]:
        """Returns name -> array of each input of the graph."""
        given = self.inner(inputs)
        if not isinstance(given, Mapping):
            return self._pictures(np.asarray(given))
        found = {}
        for value in self.inputs:
            array = next(
                (a for name, a in given.items() if value.name in _NAMES.get(name, ())), None
            )
            if array is None and value.name in _NAMES["segment_ids"]:
                array = np.zeros_like(given["token_ids"])  # one segment
            if array is None:
                raise HubError(f"the graph has an input {value.name!r}; texts give {list(given)}")
            found[value.name] = np.asarray(array).astype(value.dtype or "int64")
        return found

    def _pictures(self, array: np.ndarray) -> dict[str, np.ndarray]:
        if len(self.inputs) != 1:
            names = ", ".join(value.name for value in self.inputs)
            raise HubError(f"the graph has the inputs {names}; pictures are one")
        (value,) = self.inputs
        shape = value.shape or ()
        if len(shape) == 4 and shape[3] != 3:
            array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        return {value.name: array.astype(value.dtype or "float32")}


def origin_preprocessor(graph: Any, files: Mapping[str, Path]) -> GraphPreprocessor | None:
    """Returns the preprocessor that the files of a graph's origin describe; None where none does.

    Args:
        graph: the graph.
        files: name -> path of a preset's files, those of the origin below "origin".
    """
    prefix = f"{ORIGIN}/"
    inside = {n.removeprefix(prefix): p for n, p in files.items() if n.startswith(prefix)}
    return _preprocessor(graph, inside)


def _preprocessor(graph: Any, files: Mapping[str, Path]) -> GraphPreprocessor | None:
    if "config.json" not in files:
        return None
    parsed = JsonFiles(files)
    try:
        found = identify(parsed["config.json"])
    except HubError:
        return None  # a network that no family here knows: its graph alone is
    # Of a backbone alone the files are those of some task.
    builds = (found.family.tasks[task]() for task in (found.task, *found.family.tasks))
    build = next((one for one in builds if hasattr(one, "make_preprocessor")), None)
    if build is None:
        return None
    layout = found.family.layouts[found.layout]
    preset = Preset("origin", found.family.name, found.task, found.layout, (), ())
    local = LocalPreset(preset, "origin", found.layout, files, "nothing")
    try:
        inner = preprocessor_of(build, local, layout.arguments(parsed, {}))
    except (HubError, KeyError, OSError) as error:
        warnings.warn(
            f"the files beside the graph give no preprocessor ({error}): it takes arrays alone",
            stacklevel=4,
        )
        return None
    if inner is None:
        return None
    made = GraphPreprocessor(inner, graph.inputs)
    made.files = dict(files)
    return made


def load_graph_file(
    name: str | os.PathLike[str] | Preset,
    file: str,
    backend: str | None = None,
    dtype: str | None = None,
    expected: type | None = None,
    **how: Any,
) -> Any:
    """Returns the model of an ONNX file in a folder or repository; see `load_preset`.

    Args:
        name: `hf://org/name[@revision]` or a folder's path.
        file: the name of the file there, with `/`.
        backend: where it shall live; the current backend when None.
        dtype: of the weights; the graph's own when None.
        expected: the class that the model must be an instance of.
        **how: `folder`, `offline` and `progress`; see `fetch.resolve`.

    Raises:
        UnknownPresetError: the name is neither, or the model is not an `expected` one.
        HubError: `file` is no name of an ONNX file.
        GraphError: the file is broken or hostile; see `from_onnx`.
        SourcesExhaustedError: the files cannot be had.
    """
    from ..framework.graphs import GraphError
    from ..framework.graphs.reading_onnx import outside_files
    from .graphs import GraphModel, from_onnx

    source = None if isinstance(name, Preset) else source_of_name(name)
    if source is None or isinstance(name, Preset):
        raise UnknownPresetError(
            str(name), (), "`file` goes with a folder's path or with hf://org/name"
        )
    if expected is not None and not issubclass(GraphModel, expected):
        raise UnknownPresetError(
            str(name), (), f"an ONNX file becomes a GraphModel, not a {expected.__name__}"
        )
    if not file.endswith(".onnx"):
        raise HubError(f"`file` names an ONNX file, which ends in .onnx; got {file!r}")

    def fetched(*entries: FileEntry) -> Mapping[str, Path]:
        preset = Preset(os.fspath(name), "graph", "graph", "onnx", entries, (source,))
        return resolve(preset, **how).paths

    try:
        check_file_name(file)
    except ValueError as error:
        raise HubError(f"`file`: {error}") from error
    paths = fetched(FileEntry(file), *(FileEntry(one, optional=True) for one in ORIGIN_FILES))
    beside = {}
    folder = posixpath.dirname(file)
    for location in outside_files(paths[file]):
        try:
            full = check_file_name(posixpath.join(folder, location))
        except ValueError as error:
            raise GraphError(
                f"a tensor lies in {location!r}: only plain files beside the ONNX file are read"
            ) from error
        beside[location] = fetched(FileEntry(full))[full]
    model = from_onnx(paths[file], backend, beside=beside or None)
    inside = {n: p for n, p in paths.items() if n != file}
    parsed = JsonFiles(inside)
    named = architectures_of(parsed["config.json"]) if "config.json" in inside else []
    if PROCESSOR in inside and any(name.endswith("ForImageClassification") for name in named):
        model = image_classifier(model, parsed["config.json"], parsed[PROCESSOR])
    if model.preprocessor is None:
        model.preprocessor = _preprocessor(model.graph, inside)
    return model.to_backend(model.backend, dtype=dtype) if dtype else model


def image_classifier(
    model: Any, about: Mapping[str, Any], processor: Mapping[str, Any] | None = None
) -> Any:
    """Returns a graph's model as an image classifier, where it is one; else the model as it is.

    Args:
        model: a GraphModel.
        about: what config.json says of the classes, and of pictures with timm.
        processor: what transformers' preprocessor_config.json says of pictures.
    """
    from ..framework import config
    from ..framework.core.scopes import deferred_initialization
    from ..framework.graphs import GraphError

    build = get_family(IMAGE_CLASSIFIER).tasks["image_classifier"]()
    arrays = {path: v.numpy() for path, v in model.weights_by_path().items()}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content in {"config.json": about, PROCESSOR: processor}.items():
            if content is not None:
                paths[name] = Path(folder, name)
                paths[name].write_text(json.dumps(content))
        try:
            with config.use_backend(model.backend), deferred_initialization():
                made = build(model.graph, name=model.name)
            given = {"graph": made.graph, "num_classes": made.num_classes}
            made.preprocessor = build.make_preprocessor(paths, given, {})
        except (GraphError, HubError) as error:
            warnings.warn(f"the graph does not become an image classifier: {error}", stacklevel=3)
            return model
    made.load_arrays(arrays, release=True)
    return made
