"""Which keys a query may attend to."""

from ... import ops
from ...typing import Tensor


def causal_mask(query: Tensor, key: Tensor) -> Tensor:
    """Returns the mask (1, target, source) of the keys that are not behind a query's own place.

    Args:
        query: (batch, target, …).
        key: (batch, source, …).
    """
    rows, columns = _places(query, key)
    return ops.greater_equal(rows, columns)


def window_mask(query: Tensor, key: Tensor, size: int) -> Tensor:
    """Returns the mask (1, target, source) of the keys that are fewer than `size` places away."""
    rows, columns = _places(query, key)
    return ops.less(ops.absolute(ops.subtract(rows, columns)), size)


def joined(*masks: Tensor | None) -> Tensor | None:
    """Returns masks joined by "and", or None where there are none; numbers become booleans."""
    found = None
    for mask in masks:
        if mask is not None:
            mask = ops.cast(mask, "bool")
            found = mask if found is None else ops.logical_and(found, mask)
    return found


def _places(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """The places of queries, (1, target, 1), and of keys, (1, 1, source)."""
    rows = ops.arange(ops.shape(query)[1], dtype="int32")
    columns = ops.arange(ops.shape(key)[1], dtype="int32")
    return ops.expand_dims(rows, (0, 2)), ops.expand_dims(columns, (0, 1))
