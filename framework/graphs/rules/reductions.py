"""ONNX's operators along axes: sums, extremes, running sums, order.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import dtypes, ops
from ...ops.reductions import prod
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


def _reduced(name: str, function: Callable[..., Any]) -> None:
    @rule(name, numbers=(1,))
    def compute(call: Call, x: Any, axes: Any = None) -> Any:
        given = call.get("axes") if axes is None else call.ints(axes, "axes")
        rank, keep = rank_of(x), bool(call.get("keepdims", 1))
        if not given:
            if call.get("noop_with_empty_axes", 0):
                return function(ops.expand_dims(x, 0), (0,), False) if name in _EACH else x
            given = list(range(rank))
        return function(x, call.axes(given, rank), keep)


# Those that change an element even where nothing is joined.
_EACH = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceSumSquare")


def _l1(x: Any, axes: Any, keep: bool) -> Any:
    return ops.sum(ops.absolute(x), axes, keep)


def _l2(x: Any, axes: Any, keep: bool) -> Any:
    if dtype_of(x) in dtypes.INTEGERS:
        wide = ops.cast(x, "float64")
        return ops.cast(ops.sqrt(ops.sum(ops.square(wide), axes, keep)), dtype_of(x))
    return ops.sqrt(ops.sum(ops.square(x), axes, keep))


def _log_sum(x: Any, axes: Any, keep: bool) -> Any:
    return ops.log(ops.sum(x, axes, keep))


def _log_sum_exp(x: Any, axes: Any, keep: bool) -> Any:
    if 0 in shape_of(x):
        return ops.log(ops.sum(ops.exp(x), axes, keep))
    return ops.logsumexp(x, axes, keep)


def _sum_square(x: Any, axes: Any, keep: bool) -> Any:
    return ops.sum(ops.square(x), axes, keep)


def _same_sum(x: Any, axes: Any, keep: bool) -> Any:
    return ops.cast(ops.sum(x, axes, keep), dtype_of(x))


def _same_prod(x: Any, axes: Any, keep: bool) -> Any:
    return ops.cast(prod(x, axes, keep), dtype_of(x))


def _same_mean(x: Any, axes: Any, keep: bool) -> Any:
    return ops.cast(ops.mean(x, axes, keep), dtype_of(x))


def _extreme(largest: bool) -> Callable[..., Any]:
    def compute(x: Any, axes: Any, keep: bool) -> Any:
        dtype, shape = dtype_of(x), shape_of(x)
        if dtype == "bool":
            return (ops.any if largest else ops.all)(x, axes, keep)
        if any(shape[a] == 0 for a in axes):
            low, high = dtypes.LIMITS.get(dtype, (float("-inf"), float("inf")))
            sizes = [1 if n in axes else m for n, m in enumerate(shape) if keep or n not in axes]
            return ops.full(sizes, low if largest else high, dtype)
        return (ops.max if largest else ops.min)(x, axes, keep)

    return compute


for _name, _function in {
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _extreme(True),
    "ReduceMean": _same_mean,
    "ReduceMin": _extreme(False),
    "ReduceProd": _same_prod,
    "ReduceSum": _same_sum,
    "ReduceSumSquare": _sum_square,
}.items():
    _reduced(_name, _function)


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(call: Call, x: Any) -> Any:
        rank = rank_of(x)
        axis, keep = call.axis(call.get("axis", 0), rank), bool(call.get("keepdims", 1))
        if not call.get("select_last_index", 0):
            return ops.cast(function(x, axis, keep), "int64")
        found = ops.cast(function(ops.flip(x, axis), axis, keep), "int64")
        return ops.subtract(shape_of(x)[axis] - 1, found)

    return compute


rule("ArgMax")(_place(ops.argmax))
rule("ArgMin")(_place(ops.argmin))


def _running(function: Callable[..., Any], first: int) -> Callable[..., Any]:
    def compute(call: Call, x: Any, axis: Any) -> Any:
        place = call.axis(int(call.int(axis, "the axis")), rank_of(x))
        if call.get("reverse", 0):
            x = ops.flip(x, place)
        size = shape_of(x)[place]
        if call.get("exclusive", 0):
            pads = [(0, 0)] * rank_of(x)
            pads[place] = (1, 0)
            x = ops.pad(x, pads, constant_values=first)
            x = ops.get_item(x, (*(slice(None),) * place, slice(0, size)))
        found = ops.cast(function(x, place), dtype_of(x))
        return ops.flip(found, place) if call.get("reverse", 0) else found

    return compute


rule("CumSum", numbers=(1,))(_running(ops.cumsum, 0))
rule("CumProd", numbers=(1,))(_running(ops.cumprod, 1))


@rule("TopK", numbers=(1,))
def _top_k(call: Call, x: Any, k: Any = None) -> Any:
    axis = call.axis(call.get("axis", -1), rank_of(x))
    count = int(call.get("k") if k is None else call.int(k, "k"))
    size = shape_of(x)[axis]
    if isinstance(size, int) and not 0 <= count <= size:
        raise call.wrong(f"the {count} largest of {size} elements")
    last = axis == rank_of(x) - 1
    x = x if last else ops.moveaxis(x, axis, -1)
    if call.get("largest", 1):
        values, places = ops.top_k(x, count, sorted=True)
    else:
        places = ops.get_item(ops.argsort(x, -1), (..., slice(0, count)))
        values = ops.take_along_axis(x, places, -1)
    places = ops.cast(places, "int64")
    return (
        (values, places)
        if last
        else (ops.moveaxis(values, -1, axis), ops.moveaxis(places, -1, axis))
    )


@rule("NonZero")
def _nonzero(call: Call, x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return np.array(np.nonzero(x), np.int64).reshape(x.ndim, -1)
    found = ops.nonzero(x)
    return ops.cast(ops.stack(found, 0), "int64")
