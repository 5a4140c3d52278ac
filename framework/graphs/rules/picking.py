"""ONNX's operators that pick elements by their places, or put them there.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..ir import TEXT
from ..registry import rule


@rule("Gather", weights=(0,), moves=True)
def _gather(call: Call, x: Any, indices: Any) -> Any:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    if dtype_of(x) == TEXT or isinstance(x, np.ndarray) and isinstance(indices, np.ndarray):
        _check_within(call, indices, x.shape[axis])
        return np.take(x, indices, axis)
    if isinstance(indices, np.ndarray):
        _check_within(call, indices, shape_of(x)[axis])
        if indices.ndim == 0:  # a slice, which costs less than a gathering
            return ops.take(x, int(indices), axis)
    return ops.take(x, indices, axis)


def _check_within(call: Call, indices: Any, size: Any) -> None:
    if isinstance(indices, np.ndarray) and isinstance(size, int) and indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < -size or high >= size:
            raise call.wrong(f"an index {low if low < -size else high} of {size} elements")


@rule("GatherElements", moves=True)
def _gather_elements(call: Call, x: Any, indices: Any) -> Any:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    # The other axes of the indices may be shorter.
    cuts = tuple(
        slice(None) if n == axis else slice(0, size) for n, size in enumerate(shape_of(indices))
    )
    return ops.take_along_axis(ops.get_item(x, cuts), indices, axis)


def _flat_places(call: Call, indices: Any, sizes: Any) -> Any:
    """Places (…, k) on axes of `sizes` as numbers of rows of the flattened axes."""
    strides = [math.prod(sizes[n + 1 :]) for n in range(len(sizes))]
    whole = np.array(sizes, np.int64)
    indices = ops.where(ops.less(indices, 0), ops.add(indices, whole), indices)
    return ops.sum(ops.multiply(indices, np.array(strides, np.int64)), -1)


@rule("GatherND", moves=True)
def _gather_nd(call: Call, x: Any, indices: Any) -> Any:
    batch = call.get("batch_dims", 0)
    shape, places = shape_of(x), shape_of(indices)
    depth = places[-1]
    if not isinstance(depth, int) or depth + batch > len(shape):
        raise call.wrong(f"indices of {depth} axes for a tensor of {len(shape)}")
    rest = shape[batch + depth :]
    if batch:
        outer = math.prod(shape[:batch])
        flat = ops.reshape(x, (outer, math.prod(shape[batch : batch + depth]), *rest))
        rows = _flat_places(call, indices, shape[batch : batch + depth])
        rows = ops.reshape(rows, (outer, -1))
        rows = ops.add(rows, np.arange(outer)[:, None] * math.prod(shape[batch : batch + depth]))
        flat = ops.reshape(flat, (-1, *rest))
        found = ops.take(flat, ops.reshape(rows, (-1,)), 0)
    else:
        flat = ops.reshape(x, (math.prod(shape[:depth]), *rest))
        found = ops.take(flat, ops.reshape(_flat_places(call, indices, shape[:depth]), (-1,)), 0)
    return ops.reshape(found, (*places[:-1], *rest))


_REDUCTIONS = {"none": None, "add": "add", "mul": "mul", "max": "max", "min": "min"}


@rule("Scatter", "ScatterElements")
def _scatter_elements(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    grid = np.indices(shape_of(indices)).astype(np.int64)
    size = shape_of(x)[axis]
    indices = ops.where(ops.less(indices, 0), ops.add(indices, size), indices)
    parts = [
        ops.cast(indices, "int64") if n == axis else ops.convert_to_tensor(grid[n])
        for n in range(rank_of(x))
    ]
    return _put(call, x, ops.stack(parts, -1), updates)


@rule("ScatterND")
def _scatter_nd(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    return _put(call, x, indices, updates)


def _put(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    how = call.get("reduction", "none")
    if how not in _REDUCTIONS:
        raise call.wrong(f"the reduction {how!r} is not known")
    if dtype_of(x) == "bool":
        whole = ops.scatter_update(
            ops.cast(x, "int32"), indices, ops.cast(updates, "int32"), _REDUCTIONS[how]
        )
        return ops.cast(whole, "bool")
    return ops.scatter_update(x, indices, updates, _REDUCTIONS[how])


@rule("OneHot", numbers=(1,))
def _one_hot(call: Call, indices: Any, depth: Any, values: Any) -> Any:
    count = int(call.int(depth, "the depth"))
    total = math.prod(n for n in shape_of(indices) if isinstance(n, int)) * count
    call.limit(total)
    axis = call.get("axis", -1)
    axis = axis + rank_of(indices) + 1 if axis < 0 else axis
    indices = ops.cast(indices, "int64")
    indices = ops.where(ops.less(indices, 0), ops.add(indices, count), indices)
    lit = ops.equal(
        ops.expand_dims(indices, axis), _line(np.arange(count), axis, rank_of(indices) + 1)
    )
    off, on = ops.take(values, 0, 0), ops.take(values, 1, 0)
    return ops.where(lit, on, off)


def _line(x: np.ndarray, axis: int, rank: int) -> np.ndarray:
    return x.reshape([-1 if n == axis else 1 for n in range(rank)])


@rule("Compress", numbers=(1,))
def _compress(call: Call, x: Any, condition: Any) -> Any:
    chosen = np.flatnonzero(call.numbers(condition, "the condition")).astype(np.int32)
    axis = call.get("axis")
    if axis is None:
        return ops.take(ops.reshape(x, (-1,)), chosen, 0)
    return ops.take(x, chosen, call.axis(axis, rank_of(x)))


@rule("Unique")
def _unique(call: Call, x: Any) -> Any:
    """In the order of their values, or of their first places; computed on the host."""
    array = call.numbers(x, "which elements are equal")
    axis = call.get("axis")
    values, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    inverse = inverse.reshape(-1)
    if not call.get("sorted", 1):
        order = np.argsort(first, kind="stable")
        values = np.take(values, order, 0 if axis is None else axis)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        first, inverse, counts = first[order], back[inverse], counts[order]
    return (values, *(part.astype(np.int64) for part in (first, inverse, counts)))


@rule("ReverseSequence")
def _reverse_sequence(call: Call, x: Any, lengths: Any) -> Any:
    time, batch = call.get("time_axis", 0), call.get("batch_axis", 1)
    size, rank = shape_of(x)[time], rank_of(x)
    steps = _line(np.arange(size), time, rank)
    lengths = ops.reshape(lengths, [-1 if n == batch else 1 for n in range(rank)])
    turned = ops.subtract(ops.subtract(lengths, 1), steps)
    return ops.take_along_axis(x, ops.where(ops.less(steps, lengths), turned, steps), time)


@rule("TensorScatter", numbers=())
def _tensor_scatter(call: Call, past: Any, update: Any, start: Any = None) -> Any:
    """Puts (batch, …, n, …) into a cache from a place of each sequence on, or in a circle."""
    axis = call.axis(call.get("axis", -2), rank_of(past))
    size, count = shape_of(past)[axis], shape_of(update)[axis]
    batch, rank = shape_of(past)[0], rank_of(past)
    start = np.zeros(batch, np.int64) if start is None else start
    begin = ops.reshape(ops.cast(start, "int64"), [-1] + [1] * (rank - 1))
    steps = _line(np.arange(size), axis, rank)
    place = ops.subtract(steps, begin)
    if call.get("mode", "linear") == "circular":
        place = ops.mod(place, size)
    inside = ops.logical_and(ops.greater_equal(place, 0), ops.less(place, count))
    place = ops.broadcast_to(
        ops.minimum(ops.maximum(place, 0), count - 1),
        [n if m in (0, axis) else 1 for m, n in enumerate(shape_of(past))],
    )
    return ops.where(inside, ops.take_along_axis(update, place, axis), past)


@rule("NonMaxSuppression", numbers=(2, 3, 4))
def _non_max_suppression(
    call: Call, boxes: Any, scores: Any, most: Any = None, overlap: Any = None, least: Any = None
) -> Any:
    """(picked, 3): batch, class and box of those that overlap no better one; on the host."""
    found = call.numbers(boxes, "which boxes are kept").astype(np.float64)
    points = call.numbers(scores, "which boxes are kept")
    count = 0 if most is None else int(call.int(most, "the number of boxes"))
    limit = 0.0 if overlap is None else float(call.numbers(overlap, "the overlap").reshape(()))
    lowest = -np.inf if least is None else float(call.numbers(least, "the least score").reshape(()))
    if call.get("center_point_box", 0):
        x, y, w, h = (found[..., n] for n in range(4))
        found = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], -1)
    low, high = (
        np.minimum(found[..., :2], found[..., 2:]),
        np.maximum(found[..., :2], found[..., 2:]),
    )
    rows = [
        (batch, kind, place)
        for batch in range(points.shape[0])
        for kind in range(points.shape[1])
        for place in _kept(low[batch], high[batch], points[batch, kind], count, limit, lowest)
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def _kept(low: Any, high: Any, scores: Any, count: int, limit: float, lowest: float) -> list[int]:
    areas = (high - low).prod(-1)
    order = [n for n in np.argsort(-scores, kind="stable") if scores[n] > lowest]
    alive = np.zeros(len(scores), bool)
    alive[order] = True
    kept: list[int] = []
    for place in order:
        if len(kept) >= count:
            break
        if not alive[place]:
            continue
        kept.append(int(place))
        inner = np.minimum(high, high[place]) - np.maximum(low, low[place])
        shared = np.maximum(inner, 0).prod(-1)
        union = areas + areas[place] - shared
        alive &= ~(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0) > limit)
    return kept
