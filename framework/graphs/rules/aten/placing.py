"""Tensors with some elements replaced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....dtypes import INTEGERS, LIMITS
from ...calls import Call, dtype_of, rank_of, shape_of
from .binding import aten, is_tensor
from .picking import key_of
from .shapes import cut_of

_REDUCTIONS = {
    None: None,
    "sum": "add",
    "add": "add",
    "prod": "mul",
    "multiply": "mul",
    "amax": "max",
    "amin": "min",
}


def _coordinates(x: Any, dim: int, indices: Any) -> Any:
    """(…, axes): where in x each element of `indices` belongs, of which it says one axis."""
    shape, rank = shape_of(indices), rank_of(x)
    whole = ops.cast(indices, "int64")
    parts = []
    for axis, size in enumerate(shape):
        if axis == dim:
            parts.append(whole)
            continue
        line = [size if place == axis else 1 for place in range(rank)]
        numbers = ops.reshape(ops.arange(size, dtype="int64"), line)
        parts.append(ops.broadcast_to(numbers, shape))
    return ops.stack(parts, -1)


def _scattered(call: Call, x: Any, dim: int, indices: Any, source: Any, reduction: Any) -> Any:
    dim %= max(rank_of(x), 1)
    shape = shape_of(indices)
    if is_tensor(source) and rank_of(source):
        source = ops.get_item(source, tuple(slice(0, n) for n in shape))
    else:
        source = ops.broadcast_to(ops.cast(source, dtype_of(x)), shape)
    places = _coordinates(x, dim, indices)
    return ops.scatter_update(x, places, source, _REDUCTIONS[reduction])


@aten("assign", domain="isozoo", pure=False)
def _assign(call: Call, value: Any, to: str) -> Any:
    """Replaces a buffer of the model, which gives nothing."""
    call.run.assign(to, value)
    return ()


@aten("scatter.src", "scatter.value")
def _scatter(call: Call, x: Any, dim: int, indices: Any, source: Any) -> Any:
    return _scattered(call, x, dim, indices, source, None)


@aten("scatter.reduce", "scatter.value_reduce")
def _scatter_reduced(
    call: Call, x: Any, dim: int, indices: Any, source: Any, reduce: str = "add"
) -> Any:
    return _scattered(call, x, dim, indices, source, reduce)


@aten("scatter_add")
def _scatter_add(call: Call, x: Any, dim: int, indices: Any, source: Any) -> Any:
    return _scattered(call, x, dim, indices, source, "add")


@aten("scatter_reduce.two")
def _scatter_reduce(
    call: Call, x: Any, dim: int, indices: Any, source: Any, reduce: str, include_self: bool = True
) -> Any:
    if include_self and reduce != "mean":
        return _scattered(call, x, dim, indices, source, reduce)
    dtype = dtype_of(x)
    count = _scattered(call, ops.zeros_like(x), dim, indices, 1, "add")
    is_met = ops.greater(count, 0)
    start = x
    if not include_self:  # what stands there is as if it were not
        start = ops.where(is_met, ops.full_like(x, _neutral(reduce, dtype)), x)
    if reduce != "mean":
        return _scattered(call, start, dim, indices, source, reduce)
    total = _scattered(call, start, dim, indices, source, "sum")
    count = ops.add(count, 1) if include_self else ops.where(is_met, count, ops.ones_like(count))
    return ops.cast((ops.floor_divide if dtype in INTEGERS else ops.divide)(total, count), dtype)


def _neutral(reduce: str, dtype: str) -> Any:
    """What changes nothing in a reduction."""
    if reduce in ("amax", "amin"):
        low, high = LIMITS[dtype] if dtype in INTEGERS else (-math.inf, math.inf)
        return low if reduce == "amax" else high
    return 1 if reduce == "prod" else 0


@aten("index_put", "_unsafe_index_put")
def _index_put(
    call: Call, x: Any, indices: list[Any], values: Any, accumulate: bool = False
) -> Any:
    """x with x[indices] replaced, or added to."""
    values = ops.cast(values, dtype_of(x))
    if len(indices) == 1 and dtype_of(indices[0]) == "bool" and not rank_of(values):
        mask = indices[0]
        mask = ops.reshape(mask, (*shape_of(mask), *(1,) * (rank_of(x) - rank_of(mask))))
        return ops.where(mask, ops.add(x, values) if accumulate else values, x)
    keys = [key_of(call, part) for part in indices]
    keys += [slice(None)] * (rank_of(x) - len(keys))
    if any(is_tensor(key) and dtype_of(key) == "bool" for key in keys):
        raise call.wrong("it puts several values where a mask is true, which has no fixed number")
    places = [place for place, key in enumerate(keys) if not isinstance(key, slice)]
    rest = [place for place, key in enumerate(keys) if isinstance(key, slice)]
    order = [*places, *rest]
    turned = ops.transpose(x, order)
    shapes = [shape_of(keys[place]) for place in places]
    sizes = _broadcast(shapes)
    at = ops.stack(
        [ops.broadcast_to(ops.cast(keys[place], "int64"), sizes) for place in places], -1
    )
    inner = [shape_of(x)[place] for place in rest]
    # NumPy's rule: axes that are picked together stand where the first of them was.
    joined = places == list(range(places[0], places[-1] + 1))
    front = places[0] if joined else 0
    whole = [*inner[:front], *sizes, *inner[front:]]
    values = ops.broadcast_to(values, whole)
    back = [*range(front, front + len(sizes)), *range(front)]
    back += range(front + len(sizes), len(whole))
    values = ops.transpose(values, back) if values is not None and len(whole) else values
    put = ops.scatter_update(turned, at, values, "add" if accumulate else None)
    return ops.transpose(put, np.argsort(order).tolist())


def _broadcast(shapes: list[Any]) -> list[Any]:
    rank = max(map(len, shapes))
    found: list[Any] = [1] * rank
    for shape in shapes:
        for place, n in enumerate(shape, rank - len(shape)):
            if not (isinstance(n, int) and n == 1):
                found[place] = n
    return found


@aten("slice_scatter")
def _slice_scatter(
    call: Call,
    x: Any,
    source: Any,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Any:
    dim %= rank_of(x)
    size = shape_of(x)[dim]
    cut = cut_of(size, start, end, step)
    source = ops.cast(source, dtype_of(x))
    if cut is None:
        return source
    if not isinstance(size, int):
        raise call.wrong("it replaces a part of an axis whose size is free")
    places = np.arange(size)[cut]
    if (cut.step or 1) == 1 and places.size:
        first, last = int(places[0]), int(places[-1]) + 1
        whole = (slice(None),) * dim
        parts = [ops.get_item(x, (*whole, slice(0, first))), source]
        parts.append(ops.get_item(x, (*whole, slice(last, size))))
        return ops.concatenate(parts, dim)
    moved = ops.moveaxis(x, dim, 0)
    put = ops.scatter_update(moved, places[:, None], ops.moveaxis(source, dim, 0))
    return ops.moveaxis(put, 0, dim)


@aten("select_scatter")
def _select_scatter(call: Call, x: Any, source: Any, dim: int, index: int) -> Any:
    dim %= rank_of(x)
    index = index + shape_of(x)[dim] if index < 0 else index
    source = ops.expand_dims(source, dim)
    return _slice_scatter(call, x, source, dim, index, index + 1)


@aten("masked_scatter")
def _masked_scatter(call: Call, x: Any, mask: Any, source: Any) -> Any:
    """x with the source's elements, in their order, where the mask is true."""
    mask = ops.broadcast_to(mask, shape_of(x))
    flat = ops.cast(ops.reshape(mask, (-1,)), "int32")
    places = ops.maximum(ops.subtract(ops.cumsum(flat, 0), 1), 0)
    taken = ops.reshape(ops.take(ops.reshape(source, (-1,)), places, 0), shape_of(x))
    return ops.where(mask, ops.cast(taken, dtype_of(x)), x)
