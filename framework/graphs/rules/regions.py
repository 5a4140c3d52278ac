"""ONNX's operators on regions of images, and convolutions whose windows are moved.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule
from .convolution import pads_of, per_channel, window
from .images import picked


@rule("RoiAlign")
def _roi_align(call: Call, x: Any, rois: Any, batches: Any) -> Any:
    """Means, or largest, of bilinear samples in the bins of regions (n, 4)."""
    height, width = call.get("output_height", 1), call.get("output_width", 1)
    scale, ratio = call.get("spatial_scale", 1.0), call.get("sampling_ratio", 0)
    mode = call.get("coordinate_transformation_mode", "half_pixel" if call.version >= 16 else "")
    shift = 0.5 if mode == "half_pixel" else 0.0
    boxes = call.numbers(rois, "where the regions lie").astype(np.float64) * scale - shift
    places = call.numbers(batches, "which images the regions are of").astype(np.int32)
    largest = call.get("mode", "avg") == "max"
    rows = [
        _aligned(x, box, int(n), (height, width), ratio, not shift, largest)
        for box, n in zip(boxes, places, strict=True)
    ]
    if not rows:
        return ops.zeros((0, shape_of(x)[1], height, width), dtype=dtype_of(x))
    return ops.stack(rows, 0)


def _aligned(
    x: Any, box: Any, batch: int, bins: Any, ratio: int, at_least_one: bool, largest: bool
) -> Any:
    image, axes = ops.take(x, batch, 0), []
    bounds = ((box[1], box[3], bins[0]), (box[0], box[2], bins[1]))
    for size, (first, last, count) in zip(shape_of(x)[2:], bounds, strict=True):
        span = max(last - first, 1.0) if at_least_one else last - first
        samples = ratio if ratio > 0 else max(math.ceil(span / count), 1)
        inner = (np.arange(samples)[None] + 0.5) / samples
        at = first + (np.arange(count)[:, None] + inner) * span / count
        axes.append((_bilinear(at.reshape(-1), size), samples))
    (rows, down), (columns, across) = axes
    pieces = []
    for y_index, y_weight in rows:
        line = ops.take(image, y_index, 1)
        for x_index, x_weight in columns:
            weight = ops.cast(y_weight[:, None] * x_weight[None], dtype_of(x))
            pieces.append(ops.multiply(ops.take(line, x_index, 2), weight))
    shape = (shape_of(x)[1], bins[0], down, bins[1], across)
    join = ops.maximum if largest else ops.add  # the largest of weighted corners, by definition
    total = pieces[0]
    for piece in pieces[1:]:
        total = join(total, piece)
    return (ops.max if largest else ops.mean)(ops.reshape(total, shape), (2, 4))


def _bilinear(at: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(index, weight) of the two neighbours of each place on an axis."""
    good = (at >= -1) & (at <= size)
    at = np.maximum(at, 0)
    low = np.minimum(np.floor(at), size - 1)
    high = np.minimum(low + 1, size - 1)
    part = np.where(low >= size - 1, 0.0, at - low)
    return [
        (low.astype(np.int32), np.where(good, 1 - part, 0)),
        (high.astype(np.int32), np.where(good, part, 0)),
    ]


@rule("MaxRoiPool")
def _max_roi_pool(call: Call, x: Any, rois: Any) -> Any:
    """The largest elements of the bins of regions (n, 5): batch, x1, y1, x2, y2."""
    bins, scale = call.get("pooled_shape"), call.get("spatial_scale", 1.0)
    boxes = call.numbers(rois, "where the regions lie").astype(np.float64)
    found = []
    for batch, *corners in boxes:
        image = ops.take(x, int(batch), 0)
        left, top, right, bottom = (int(np.floor(c * scale + 0.5)) for c in corners)
        rows = _bins(top, bottom, bins[0], shape_of(x)[2])
        columns = _bins(left, right, bins[1], shape_of(x)[3])
        cells = [
            ops.max(ops.get_item(image, (slice(None), slice(*r), slice(*c))), (1, 2))
            if r[0] < r[1] and c[0] < c[1]
            else ops.zeros((shape_of(x)[1],), dtype=dtype_of(x))
            for r, c in itertools.product(rows, columns)
        ]
        found.append(ops.reshape(ops.stack(cells, -1), (-1, *bins)))
    return ops.stack(found, 0)


def _bins(first: int, last: int, count: int, size: int) -> list[tuple[int, int]]:
    step = max(last - first + 1, 1) / count
    ends = [(math.floor(n * step) + first, math.ceil((n + 1) * step) + first) for n in range(count)]
    return [(min(max(a, 0), size), min(max(b, 0), size)) for a, b in ends]


@rule("DeformConv", weights=(1, 3))
def _deform_conv(
    call: Call, x: Any, kernel: Any, offset: Any, bias: Any = None, mask: Any = None
) -> Any:
    """A convolution whose windows' elements are moved by `offset`, and weighted by `mask`."""
    rank = rank_of(x) - 2
    size, strides, dilations = window(call, rank, shape_of(kernel)[2:])
    pads = pads_of(call, shape_of(x)[2:], size, strides, dilations)
    parts, groups = call.get("offset_group", 1), call.get("group", 1)
    batch, channels, *sizes = shape_of(x)
    output = shape_of(offset)[2:]
    taps, count = math.prod(size), math.prod(output)
    # (batch, parts, taps, axes, *output), and where each element lies without an offset.
    offset = ops.reshape(offset, (batch, parts, taps, rank, count))
    grid = np.indices(output).reshape(rank, 1, count)
    steps = np.indices(size).reshape(rank, taps, 1)
    at = []
    for axis in range(rank):
        base = grid[axis] * strides[axis] - pads[axis][0] + steps[axis] * dilations[axis]
        moved = ops.get_item(offset, (slice(None), slice(None), slice(None), axis))
        place = ops.add(moved, ops.cast(base[None, None].astype(np.float64), dtype_of(x)))
        at.append(ops.reshape(place, (batch * parts, taps * count)))
    flat = ops.reshape(x, (batch * parts, channels // parts, math.prod(sizes)))
    lows = [ops.floor(place) for place in at]
    total: Any = None
    for corner in itertools.product((0, 1), repeat=rank):
        places = [ops.add(low, float(c)) for low, c in zip(lows, corner, strict=True)]
        found = picked(flat, places, sizes, "zeros", True)
        for place, low, c in zip(at, lows, corner, strict=True):
            part = ops.subtract(place, low)
            weight = part if c else ops.subtract(1, part)
            found = ops.multiply(found, ops.reshape(weight, (batch * parts, 1, -1)))
        total = found if total is None else ops.add(total, found)
    columns = ops.reshape(total, (batch, parts, channels // parts, taps, count))
    if mask is not None:
        columns = ops.multiply(columns, ops.reshape(mask, (batch, parts, 1, taps, count)))
    columns = ops.reshape(columns, (batch, groups, channels // groups * taps, count))
    weights = ops.reshape(kernel, (groups, shape_of(kernel)[0] // groups, -1))
    y = ops.reshape(ops.matmul(weights, columns), (batch, shape_of(kernel)[0], *output))
    return y if bias is None else ops.add(y, per_channel(bias, rank_of(y)))
