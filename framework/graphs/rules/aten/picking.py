"""Elements by their places."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ...calls import Call, dtype_of, rank_of, shape_of
from .binding import aten


@aten("embedding")
def _embedding(
    call: Call,
    table: Any,
    indices: Any,
    padding: Any = None,
    scale_grad: Any = None,
    sparse: Any = None,
) -> Any:
    return ops.take(table, indices, 0)


@aten("_embedding_bag", "_embedding_bag_forward_only")
def _embedding_bag(
    call: Call,
    table: Any,
    indices: Any,
    offsets: Any,
    scale_grad: Any = None,
    mode: int = 0,
    sparse: Any = None,
    weights: Any = None,
    last: bool = False,
    padding: int = -1,
) -> Any:
    """Sums, means or largest elements (by `mode`) of the rows of each bag; where they begin is
    `offsets`."""
    if any(call.wants(place) for place in (1, 2, 3)):
        raise call.wrong("more than the joined rows is asked for")
    count = shape_of(offsets)[0] - bool(last)
    place = ops.arange(shape_of(indices)[0], dtype="int64")
    bag = ops.subtract(ops.searchsorted(ops.cast(offsets, "int64"), place, "right"), 1)
    rows = ops.take(table, indices, 0)
    there = ops.cast(ops.not_equal(indices, padding), dtype_of(rows))
    there = there if weights is None else ops.multiply(there, weights)
    if mode == 2:
        if padding >= 0:
            raise call.wrong("the largest elements of bags with padding are asked for")
        return ops.segment_max(rows, bag, count), None, None, None
    total = ops.segment_sum(ops.multiply(rows, ops.expand_dims(there, -1)), bag, count)
    if mode == 1:
        met = ops.maximum(ops.segment_sum(there, bag, count), 1)
        total = ops.divide(total, ops.expand_dims(met, -1))
    return total, None, None, None


@aten("index_select")
def _index_select(call: Call, x: Any, dim: int, indices: Any) -> Any:
    return ops.take(x, indices, dim)


@aten("gather")
def _gather(call: Call, x: Any, dim: int, indices: Any, sparse: bool = False) -> Any:
    if not rank_of(x):
        return x
    dim %= rank_of(x)
    # The other axes of the indices may be shorter.
    cuts = tuple(
        slice(None) if place == dim else slice(0, size)
        for place, size in enumerate(shape_of(indices))
    )
    return ops.take_along_axis(ops.get_item(x, cuts), indices, dim)


@aten("index.Tensor", "_unsafe_index.Tensor")
def _index(call: Call, x: Any, indices: list[Any]) -> Any:
    """x[indices], in which None keeps an axis whole."""
    return ops.get_item(x, tuple(key_of(call, part) for part in indices))


def key_of(call: Call, part: Any) -> Any:
    """Returns a key for one axis: masks whose numbers are known as places."""
    if part is None:
        return slice(None)
    if isinstance(part, np.ndarray) and part.dtype == bool and part.ndim == 1:
        return np.flatnonzero(part)
    return ops.cast(part, "int64") if dtype_of(part) == "uint8" else part


@aten("take_along_dim")
def _take_along(call: Call, x: Any, indices: Any, dim: int) -> Any:
    return ops.take_along_axis(x, indices, dim)


@aten("nonzero")
def _nonzero(call: Call, x: Any) -> Any:
    """(count, axes): where elements are not zero."""
    return ops.cast(ops.stack(ops.nonzero(x), -1), "int64")
