"""Graphs from outside as models that presets are loaded as: ONNX files, opened and converted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.folders import files_of, new_folder
from ..framework.graphs import GraphError, ImportedModel
from ..framework.graphs import from_onnx as framework_from_onnx
from .bases import PresetModel
from .converting import Conversion
from .graph_inputs import origin_preprocessor


class GraphModel(ImportedModel, PresetModel):
    """A model that computes a graph from outside, and that presets are loaded as and saved from.

    See `isozoo.framework.graphs.ImportedModel` for how it is called.
    """

    task = "graph"
    preprocessor: Any = None

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """Makes the preprocessor of the graph's origin, where its files came along; else None."""
        return origin_preprocessor(config["graph"], files)

    def save_to_preset(
        self, folder: str | os.PathLike[str], layout: str = "isozoo", **options: Any
    ) -> list[Path]:
        """Writes a folder that `from_preset` reads; see `isozoo.hub.save_to_preset`."""
        return super().save_to_preset(folder, layout, **options)


def from_onnx(
    source: Any,
    backend: str | None = None,
    *,
    name: str | None = None,
    beside: Mapping[str, Path] | None = None,
) -> GraphModel:
    """Returns the model that an ONNX file describes, with its weights.

    It is called with one tensor, with several in the order of the file's inputs, or with a dict by
    their names. Its weights are variables under the initializers' names.

    Args:
        source: a path, the bytes of a file, or an `onnx.ModelProto`.
        backend: where it shall live; the current backend when None.
        name: of the model; made from its class's name when None.
        beside: name -> path of files that hold tensors of the file, where these do not lie in its
            folder.

    Raises:
        GraphError: the file is broken or hostile; UnknownOperatorError where it has operators that
            are not known here. Both are ValueErrors.
        OSError: the file cannot be read.
        ImportError: the package `onnx` is not installed.
    """
    return framework_from_onnx(source, backend, name=name, cls=GraphModel, beside=beside)


def convert_onnx(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    file: str | None = None,
    dtype: str | None = None,
    max_shard_bytes: int = 5_000_000_000,
    overwrite: bool = False,
    offline: bool | None = None,
) -> Conversion:
    """Writes the folder of an ONNX file's model, which `from_preset` opens without `onnx`.

    Args:
        source: the path of the file; with `file` a folder's path or hf://org/name.
        folder: where the files go; there must be none yet, or an empty one.
        file: the name of the file in `source`, whose other files tell of its inputs.
        dtype: of the tensors of floats; as they are stored when None.
        max_shard_bytes: the most bytes of tensors in one file.
        overwrite: whether files of a folder that is not empty may be replaced.
        offline: see `from_preset`.

    Raises:
        GraphError: see `from_onnx`.
        HubError: `source` is no such place, or does not have the file.
        FileExistsError: the folder is not empty.
        OSError: a file cannot be read or written.
    """
    if file is None:
        model = from_onnx(source, "numpy")
    else:
        from .graph_inputs import load_graph_file

        model = load_graph_file(source, file, "numpy", offline=offline)
    with new_folder(folder, "merge" if overwrite else "refuse") as place:
        model.save_to_preset(place, max_shard_bytes=max_shard_bytes, dtype=dtype)
        found = Conversion(str(source), "isozoo", tensors=len(model.graph.weights))
        found.files = files_of(place)
    return found


def call_with_files(model: GraphModel, paths: list[str]) -> dict[str, np.ndarray]:
    """Returns the outputs by name for inputs that stand in `.npy` files.

    Args:
        model: what is called.
        paths: paths in the order of the graph's inputs, or `NAME=PATH`.

    Raises:
        GraphError: an input is not there, is missing, or does not fit.
        ValueError: a file holds no array of numbers.
        OSError: a file cannot be read.
    """
    from ..framework.ops import convert_to_numpy

    names = [value.name for value in model.graph.inputs]
    given: dict[str, np.ndarray] = {}
    for number, text in enumerate(paths):
        name, separator, path = text.partition("=")
        if not separator or name not in names:
            if number >= len(names):
                raise GraphError(f"{len(paths)} inputs are given; the graph has {len(names)}")
            name, path = names[number], text
        given[name] = np.load(path, allow_pickle=False)
    outputs = model(given)
    outputs = outputs if isinstance(outputs, dict) else {model.graph.outputs[0].name: outputs}
    return {name: np.asarray(convert_to_numpy(x)) for name, x in outputs.items()}
