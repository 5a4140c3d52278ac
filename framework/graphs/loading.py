"""From a file of a foreign format to a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..core.scopes import deferred_initialization
from .imported import ImportedModel
from .ir import ForeignGraph
from .reading_onnx import read_onnx
from .reading_torch import read_torch


def from_onnx(
    source: Any,
    backend: str | None = None,
    *,
    name: str | None = None,
    cls: type[ImportedModel] = ImportedModel,
    beside: Mapping[str, Path] | None = None,
) -> Any:
    """Returns the model that an ONNX file describes, with its weights.

    Args:
        source: a path, the bytes of a file, or an `onnx.ModelProto`.
        backend: where it shall live; the current backend when None.
        name: of the model; the graph's when None.
        cls: the class of the model.
        beside: see `reading_onnx.read_onnx`.

    Raises:
        GraphError: see `reading_onnx.read_onnx`; a class of ValueError.
        OSError: the file cannot be read.
        ImportError: the package `onnx` is not installed.
    """
    graph, arrays = read_onnx(source, beside)
    return model_of(graph, arrays, backend=backend, name=name, cls=cls, release=True)


def from_torch(
    module: Any,
    args: Any,
    kwargs: Any = None,
    dynamic_shapes: Any = None,
    backend: str | None = None,
    *,
    name: str | None = None,
    cls: type[ImportedModel] = ImportedModel,
) -> Any:
    """Returns the model that a `torch.nn.Module` describes, with its weights.

    Args:
        module: what is read, as it infers; it is left as it was.
        args: positional arguments of a call, tensors of the sizes that it shall take.
        kwargs: arguments by name.
        dynamic_shapes: which sizes stay free, as `torch.export.export` takes it; the first axis of
            each tensor when None, where the module allows it.
        backend: where the model shall live; the current backend when None.
        name: of the model; made from its class's name when None.
        cls: the class of the model.

    Raises:
        GraphError: torch cannot export it; UnknownOperatorError where it has operators without a
            rule. Both are ValueErrors.
        TypeError: it is no module.
        ImportError: PyTorch is not installed.
    """
    graph, arrays = read_torch(module, args, kwargs, dynamic_shapes)
    return model_of(graph, arrays, backend=backend, name=name, cls=cls, release=True)


def model_of(
    graph: ForeignGraph,
    arrays: dict[str, np.ndarray],
    *,
    backend: str | None = None,
    name: str | None = None,
    cls: type[ImportedModel] = ImportedModel,
    release: bool = False,
) -> Any:
    """Returns the model of a graph and its weights. No initializer runs.

    Args:
        graph: what it computes.
        arrays: the weights by name.
        backend: where it shall live; the current backend when None.
        name: of the model; made from its class's name when None.
        cls: the class of the model.
        release: see `ImportedModel.load_arrays`.
    """
    with config.use_backend(backend or config.backend()):
        with deferred_initialization():
            model = cls(graph, name=name)
        model.load_arrays(arrays, release)
    return model
