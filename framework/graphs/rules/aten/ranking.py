"""Elements in the order of their size."""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call, rank_of, shape_of
from .binding import aten


@aten("topk")
def _top(
    call: Call, x: Any, k: Any, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Any:
    """The largest or smallest elements along an axis, and their places (int64)."""
    if not rank_of(x):
        return x, ops.zeros((), "int64")
    last = dim % rank_of(x) == rank_of(x) - 1
    moved = x if last else ops.moveaxis(x, dim, -1)
    if largest:
        found, places = ops.top_k(moved, k)
    else:
        places = ops.get_item(ops.argsort(moved, -1), (..., slice(0, k)))
        found = ops.take_along_axis(moved, places, -1)
    places = ops.cast(places, "int64")
    if last:
        return found, places
    return ops.moveaxis(found, -1, dim), ops.moveaxis(places, -1, dim)


@aten("sort", "sort.stable")
def _sort(
    call: Call, x: Any, dim: int = -1, descending: bool = False, stable: bool | None = None
) -> Any:
    places = _order(x, dim, descending)
    return ops.take_along_axis(x, places, dim), ops.cast(places, "int64")


def _order(x: Any, dim: int, descending: bool) -> Any:
    if not descending:
        return ops.argsort(x, dim)
    # Equal elements keep their order: what is sorted is the reverse, whose places count backward.
    backward = ops.argsort(ops.flip(x, dim), dim)
    size = shape_of(x)[dim]
    return ops.flip(ops.subtract(size - 1, backward), dim)


@aten("argsort", "argsort.stable")
def _argsort(
    call: Call, x: Any, dim: int = -1, descending: bool = False, stable: bool | None = None
) -> Any:
    return ops.cast(_order(x, dim, descending), "int64")


@aten("bucketize.Tensor")
def _bucketize(
    call: Call, x: Any, bounds: Any, out_int32: bool = False, right: bool = False
) -> Any:
    found = ops.searchsorted(bounds, x, "right" if right else "left")
    return ops.cast(found, "int32" if out_int32 else "int64")
