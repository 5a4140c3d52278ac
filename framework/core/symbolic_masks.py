"""Masks of symbolic tensors: a layer that will find a mask beside its input is traced with one."""

from typing import Any

from ..configs import plain_class
from ..context import entered
from ..nested import flatten, map_structure
from . import symbolic
from .keras_tensor import KerasTensor

_LIBRARY = __name__.partition(".framework.")[0] + "."


def of(x: Any) -> Any:
    """Returns the masks of nested symbolic tensors in their structure, or None if none has one."""
    if not any(_mask(leaf) is not None for leaf in flatten(x)):
        return None
    return map_structure(_mask, x)


def give(layer: Any, first: Any, previous: Any, outputs: Any) -> None:
    """Gives the symbolic outputs of a call the masks that those of a call on tensors would have.

    Args:
        layer: what was called.
        first: the first argument of the call.
        previous: the masks of its tensors, nested like them, or None.
        outputs: what the call gave.
    """
    graph = getattr(layer, "_graph", None)
    if graph is not None:
        _put(outputs, [_again(_mask(x)) for x in flatten(graph.outputs_structure)])
    if previous is None and not _begins(layer):
        return
    if layer.supports_masking or layer._makes_mask:
        with entered(backend=layer._backend, owner=None, masks=None, losses=None):
            args = (first, previous)
            found = symbolic.infer(layer._backend, layer.compute_mask, args, {})
        if found is not None:
            _put(outputs, flatten(found))


def _begins(layer: Any) -> bool:
    """Whether a layer may give a mask where its inputs have none: a trace costs milliseconds."""
    if not layer._makes_mask:
        return False
    return layer.supports_masking or not plain_class(type(layer)).__module__.startswith(_LIBRARY)


def _mask(x: Any) -> Any:
    return x._keras_mask if isinstance(x, KerasTensor) else None


def _again(mask: Any) -> Any:
    return None if mask is None else mask.with_dtype(mask.dtype)


def _put(outputs: Any, masks: list[Any]) -> None:
    """Masks for outputs that have none."""
    for x, mask in zip(flatten(outputs), masks, strict=False):
        if mask is not None and isinstance(x, KerasTensor) and x._keras_mask is None:
            x._keras_mask = mask
