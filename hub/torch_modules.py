"""PyTorch modules as models that presets are loaded as."""

from __future__ import annotations

from typing import Any

from ..framework.graphs import from_torch as framework_from_torch
from .graphs import GraphModel


def from_torch(
    module: Any,
    args: Any,
    kwargs: Any = None,
    dynamic_shapes: Any = None,
    backend: str | None = None,
    *,
    name: str | None = None,
) -> GraphModel:
    """Returns the model that a `torch.nn.Module` describes, with its weights.

    The module is read by `torch.export` as it infers, and left as it was. The model is called with
    one tensor, with several in the order of the module's, or with a dict by their names. Its
    weights are variables under the module's own names. Batch normalizations follow the batches
    where the model trains, and `torch.nn.Dropout` drops units; what a module does otherwise in
    training (stochastic depth, dropout inside attention) is not read.

    Args:
        module: a `torch.nn.Module`.
        args: positional arguments of a call, tensors of the sizes that it shall take; a lone tensor
            stands for itself.
        kwargs: arguments by name.
        dynamic_shapes: which sizes stay free, as `torch.export.export` takes it; the first axis of
            each tensor when None, where the module allows it.
        backend: where the model shall live; the current backend when None.
        name: of the model; made from its class's name when None.

    Raises:
        GraphError: torch cannot export it; UnknownOperatorError where it has operators without a
            rule. Both are ValueErrors.
        TypeError: it is no module.
        ImportError: PyTorch is not installed.
    """
    return framework_from_torch(
        module, args, kwargs, dynamic_shapes, backend, name=name, cls=GraphModel
    )
