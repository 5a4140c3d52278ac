"""ONNX's pooling.

Definition: github.com/onnx/onnx, docs/Operators.md. Tensors are (batch, channels, *spatial).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ... import dtypes, ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule
from .convolution import pads_of, window, within


def _windows(call: Call, x: Any) -> tuple[list[int], list[int], list[int], list[tuple[int, int]]]:
    rank = rank_of(x) - 2
    size, strides, dilations = window(call, rank)
    pads = pads_of(call, shape_of(x)[2:], size, strides, dilations)
    within(call, shape_of(x)[2:], pads)
    return size, strides, dilations, pads


def _extra(
    call: Call, x: Any, size: Any, strides: Any, dilations: Any, pads: list[tuple[int, int]]
) -> list[int]:
    """How many more elements each axis needs behind, for a last window that begins inside."""
    if not call.get("ceil_mode", 0):
        return [0] * len(size)
    found = []
    for n, k, s, d, (low, high) in zip(
        shape_of(x)[2:], size, strides, dilations, pads, strict=True
    ):
        if not isinstance(n, int):
            raise call.wrong("ceil_mode over an axis of unknown size")
        reach = (k - 1) * d + 1
        count = -(-(n + low + high - reach) // s) + 1
        if (count - 1) * s >= n + low:
            count -= 1
        found.append(max((count - 1) * s + reach - n - low - high, 0))
    return found


def _taps(x: Any, size: Any, strides: Any, dilations: Any) -> list[Any]:
    """For each place in a window the elements that stand there: (batch, channels, *windows)."""
    sizes = shape_of(x)[2:]
    counts = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(sizes, size, strides, dilations, strict=True)
    ]
    found = []
    for place in itertools.product(*(range(k) for k in size)):
        cuts = [
            slice(p * d, p * d + (c - 1) * s + 1, s)
            for p, d, c, s in zip(place, dilations, counts, strides, strict=True)
        ]
        found.append(ops.get_item(x, (slice(None), slice(None), *cuts)))
    return found


def _lowest(dtype: str) -> float | int:
    return dtypes.LIMITS[dtype][0] if dtype in dtypes.LIMITS else float("-inf")


@rule("MaxPool")
def _max_pool(call: Call, x: Any) -> Any:
    size, strides, dilations, pads = _windows(call, x)
    extra = _extra(call, x, size, strides, dilations, pads)
    pairs = [(low, high + more) for (low, high), more in zip(pads, extra, strict=True)]
    if call.wants(1):
        return _max_with_places(call, x, size, strides, dilations, pairs)
    if set(dilations) <= {1} and len(size) <= 3 and dtype_of(x) in dtypes.FLOATS:
        around: Any = pairs
        return ops.max_pool(x, size, strides, around, "channels_first")
    lowest = _lowest(dtype_of(x))
    x = ops.pad(x, [(0, 0), (0, 0), *pairs], constant_values=lowest) if any(map(any, pairs)) else x
    taps = _taps(x, size, strides, dilations)
    found = taps[0]
    for tap in taps[1:]:
        found = ops.maximum(found, tap)
    return found


def _max_with_places(
    call: Call, x: Any, size: Any, strides: Any, dilations: Any, pairs: Any
) -> Any:
    """The largest elements, and where in the flattened tensor each of them stands."""
    shape = shape_of(x)
    count = int(np.prod(shape[2:]))
    order = "F" if call.get("storage_order", 0) else "C"
    inside = np.arange(count).reshape(shape[2:], order=order)
    inside = np.pad(inside, pairs)[None, None]
    lowest = _lowest(dtype_of(x))
    x = ops.pad(x, [(0, 0), (0, 0), *pairs], constant_values=lowest) if any(map(any, pairs)) else x
    taps = ops.stack(_taps(x, size, strides, dilations), 0)
    where = np.stack([np.asarray(t) for t in _host_taps(inside, size, strides, dilations)])
    best = ops.argmax(taps, 0)
    found = ops.max(taps, 0)
    places = ops.take_along_axis(
        ops.broadcast_to(ops.convert_to_tensor(where), shape_of(taps)), ops.expand_dims(best, 0), 0
    )
    first = np.arange(shape[0] * shape[1]).reshape(shape[0], shape[1], *(1,) * len(size)) * count
    return found, ops.add(ops.cast(ops.squeeze(places, 0), "int64"), first)


def _host_taps(x: np.ndarray, size: Any, strides: Any, dilations: Any) -> list[np.ndarray]:
    from ...backends import registry as backends
    from ...ops.flat import running

    with running(backends.get("numpy")):
        return _taps(x, size, strides, dilations)


@rule("AveragePool")
def _average_pool(call: Call, x: Any) -> Any:
    size, strides, dilations, pads = _windows(call, x)
    extra = [(0, more) for more in _extra(call, x, size, strides, dilations, pads)]
    if call.get("count_include_pad", 0):
        x = ops.pad(x, [(0, 0), (0, 0), *pads]) if any(map(any, pads)) else x
        pairs = extra
    else:
        pairs = [(low, high + more) for (low, high), (_, more) in zip(pads, extra, strict=True)]
    if set(dilations) <= {1} and len(size) <= 3:
        around: Any = pairs
        return ops.average_pool(x, size, strides, around, "channels_first")
    total = _summed(x, size, strides, dilations, pairs)
    if not any(map(any, pairs)):
        return ops.divide(total, int(np.prod(size)))
    ones = ops.ones((1, 1, *shape_of(x)[2:]), dtype_of(x))
    return ops.divide(total, _summed(ones, size, strides, dilations, pairs))


def _summed(x: Any, size: Any, strides: Any, dilations: Any, pairs: Any) -> Any:
    x = ops.pad(x, [(0, 0), (0, 0), *pairs]) if any(map(any, pairs)) else x
    taps = _taps(x, size, strides, dilations)
    total = taps[0]
    for tap in taps[1:]:
        total = ops.add(total, tap)
    return total


@rule("LpPool")
def _lp_pool(call: Call, x: Any) -> Any:
    size, strides, dilations, pads = _windows(call, x)
    extra = _extra(call, x, size, strides, dilations, pads)
    pairs = [(low, high + more) for (low, high), more in zip(pads, extra, strict=True)]
    p = float(call.get("p", 2))
    total = _summed(ops.power(ops.absolute(x), p), size, strides, dilations, pairs)
    return ops.power(total, 1 / p)


def _spatial(x: Any) -> tuple[int, ...]:
    return tuple(range(2, rank_of(x)))


@rule("GlobalAveragePool")
def _global_average(call: Call, x: Any) -> Any:
    return ops.mean(x, _spatial(x), keepdims=True)


@rule("GlobalMaxPool")
def _global_max(call: Call, x: Any) -> Any:
    return ops.max(x, _spatial(x), keepdims=True)


@rule("GlobalLpPool")
def _global_lp(call: Call, x: Any) -> Any:
    p = float(call.get("p", 2))
    return ops.power(ops.sum(ops.power(ops.absolute(x), p), _spatial(x), keepdims=True), 1 / p)


@rule("MaxUnpool", numbers=(2,))
def _max_unpool(call: Call, x: Any, places: Any, shape: Any = None) -> Any:
    size, strides, _, pads = _windows(call, x)
    known = shape_of(x)
    inner = [
        (n - 1) * s - low - high + k
        for n, s, k, (low, high) in zip(known[2:], strides, size, pads, strict=True)
    ]
    sizes = [*known[:2], *inner]
    wanted = sizes if shape is None else [int(n) for n in call.ints(shape, "the shape")]
    call.limit(int(np.prod(wanted)))
    flat = ops.zeros((int(np.prod(sizes)),), dtype_of(x))
    at = ops.reshape(places, (-1, 1))
    made = ops.reshape(ops.scatter_update(flat, at, ops.reshape(x, (-1,))), sizes)
    more = [(0, want - have) for want, have in zip(wanted, sizes, strict=True)]
    return ops.pad(made, more) if any(map(any, more)) else made
