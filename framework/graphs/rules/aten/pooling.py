"""Pooling: tensors are (batch, channels, *spatial)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .... import ops
from ...calls import Call, rank_of, shape_of
from .binding import aten, pair


def _extra(call: Call, sizes: Any, size: Any, stride: Any, pads: Any, dilation: Any) -> list[int]:
    """How many more elements each axis needs behind, for a last window that begins inside."""
    found = []
    for n, k, s, p, d in zip(sizes, size, stride, pads, dilation, strict=True):
        if not isinstance(n, int):
            raise call.wrong("ceil_mode over an axis whose size is free")
        reach = (k - 1) * d + 1
        count = -(-(n + 2 * p - reach) // s) + 1
        if (count - 1) * s >= n + p:
            count -= 1
        found.append(max((count - 1) * s + reach - n - 2 * p, 0))
    return found


def _pooled(call: Call, x: Any, axes: int, function: Callable[[Any], Any]) -> Any:
    """Applies a pooling; to one sample as to a batch of one."""
    if rank_of(x) == axes + 2:
        return function(x)
    return ops.squeeze(function(ops.expand_dims(x, 0)), 0)


def _max(
    call: Call, x: Any, size: Any, stride: Any, pads: Any, dilation: Any, ceil: bool, axes: int
) -> Any:
    size, pads, dilation = pair(size, axes), pair(pads, axes), pair(dilation, axes)
    stride = pair(stride, axes) if stride else size

    def compute(x: Any) -> Any:
        sizes = shape_of(x)[2:]
        extra = _extra(call, sizes, size, stride, pads, dilation) if ceil else [0] * axes
        around: Any = [(p, p + more) for p, more in zip(pads, extra, strict=True)]
        if set(dilation) <= {1}:
            return ops.max_pool(x, size, stride, around, "channels_first")
        low = float("-inf")
        if any(map(any, around)):
            x = ops.pad(x, [(0, 0), (0, 0), *around], constant_values=low)
        found, *rest = _taps(x, size, stride, dilation)
        for part in rest:
            found = ops.maximum(found, part)
        return found

    return _pooled(call, x, axes, compute)


def _taps(x: Any, size: Any, stride: Any, dilation: Any) -> list[Any]:
    """For each place in a window the elements that stand there: (batch, channels, *windows)."""
    counts = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(shape_of(x)[2:], size, stride, dilation, strict=True)
    ]
    found = []
    for place in itertools.product(*(range(k) for k in size)):
        cuts = tuple(
            slice(p * d, p * d + (c - 1) * s + 1, s)
            for p, d, c, s in zip(place, dilation, counts, stride, strict=True)
        )
        whole = (slice(None), slice(None), *cuts)
        found.append(x[whole] if isinstance(x, np.ndarray) else ops.get_item(x, whole))
    return found


def _max_places(
    call: Call, x: Any, size: Any, stride: Any, pads: Any, dilation: Any, ceil: bool, axes: int
) -> tuple[Any, Any]:
    """The largest elements, and where in their channel each stands, counted over its axes."""
    size, pads, dilation = pair(size, axes), pair(pads, axes), pair(dilation, axes)
    stride = pair(stride, axes) if stride else size
    sizes = shape_of(x)[2:]
    if not all(isinstance(n, int) for n in sizes):
        raise call.wrong("the places of the largest elements of axes whose sizes are free")
    extra = _extra(call, sizes, size, stride, pads, dilation) if ceil else [0] * axes
    around = [(p, p + more) for p, more in zip(pads, extra, strict=True)]
    inside = np.pad(np.arange(math.prod(sizes)).reshape(sizes), around)[None, None]
    where = np.stack(_taps(inside, size, stride, dilation))
    x = ops.pad(x, [(0, 0), (0, 0), *around], constant_values=float("-inf"))
    taps = ops.stack(_taps(x, size, stride, dilation), 0)
    best = ops.expand_dims(ops.argmax(taps, 0), 0)
    places = ops.broadcast_to(ops.convert_to_tensor(where), shape_of(taps))
    return ops.max(taps, 0), ops.squeeze(ops.take_along_axis(places, best, 0), 0)


def _spatial(call: Call) -> int:
    """The number of spatial axes that an operator's name has, such as max_pool2d."""
    return next(int(n) for n in "123" if f"{n}d" in call.node.op)


@aten("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(
    call: Call,
    x: Any,
    size: Any,
    stride: Any = (),
    pads: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> Any:
    return _max(call, x, size, stride, pads, dilation, ceil, _spatial(call))


@aten("max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool1d_with_indices")
def _max_pool_with_places(
    call: Call,
    x: Any,
    size: Any,
    stride: Any = (),
    pads: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> Any:
    axes = _spatial(call)
    if not call.wants(1):
        return _max(call, x, size, stride, pads, dilation, ceil, axes), None
    if rank_of(x) == axes + 2:
        return _max_places(call, x, size, stride, pads, dilation, ceil, axes)
    whole = ops.expand_dims(x, 0)
    found = _max_places(call, whole, size, stride, pads, dilation, ceil, axes)
    return tuple(ops.squeeze(part, 0) for part in found)


@aten("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _average_pool(
    call: Call,
    x: Any,
    size: Any,
    stride: Any = (),
    pads: Any = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> Any:
    axes = _spatial(call)
    size, pads = pair(size, axes), pair(pads, axes)
    stride = pair(stride, axes) if stride else size

    def compute(x: Any) -> Any:
        sizes = shape_of(x)[2:]
        extra = _extra(call, sizes, size, stride, pads, [1] * axes) if ceil else [0] * axes
        around: Any = [(p, p + more) for p, more in zip(pads, extra, strict=True)]
        if divisor is not None:
            x = ops.pad(x, [(0, 0), (0, 0), *around]) if any(map(any, around)) else x
            mean = ops.average_pool(x, size, stride, "valid", "channels_first")
            count = 1
            for k in size:
                count *= k
            return ops.multiply(mean, count / divisor)
        if count_include_pad and any(pads):
            x = ops.pad(x, [(0, 0), (0, 0), *((p, p) for p in pads)])
            around = [(0, more) for more in extra]
        return ops.average_pool(x, size, stride, around, "channels_first")

    return _pooled(call, x, axes, compute)


def _adaptive(call: Call, x: Any, size: Any, whole: Any, pool: Any) -> Any:
    axes = _spatial(call)
    sizes = shape_of(x)[-axes:]
    wanted = [n if m is None else m for n, m in zip(sizes, pair(size, axes), strict=True)]
    if all(isinstance(n, int) and n == 1 for n in wanted):
        return whole(x, tuple(range(-axes, 0)), keepdims=True)
    return _pooled(call, x, axes, lambda x: pool(x, wanted, "channels_first"))


@aten(
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d",
)
def _adaptive_average(call: Call, x: Any, size: Any) -> Any:
    return _adaptive(call, x, size, ops.mean, ops.adaptive_average_pool)


@aten("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max(call: Call, x: Any, size: Any) -> Any:
    if call.wants(1):
        raise call.wrong("the places of the largest elements are asked for")
    return _adaptive(call, x, size, ops.max, ops.adaptive_max_pool), None
