"""ONNX's resizing and sampling of images.

Definition: github.com/onnx/onnx, docs/Operators.md. Each axis is resized by itself: the places and
weights of what an output element is made of are numbers of the host.
"""

from __future__ import annotations

import io
import itertools
import math
from typing import Any

import numpy as np

from ... import dtypes, ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


@rule("Upsample", numbers=(1,))
def _upsample(call: Call, x: Any, scales: Any = None) -> Any:
    factors = call.get("scales") if scales is None else _floats(call, scales)
    if factors is None:
        factors = [1.0, 1.0, call.get("height_scale"), call.get("width_scale")]
    mode = {"nearest": "nearest"}.get(call.get("mode", "nearest"), "linear")
    how = {"mode": mode, "transform": "asymmetric", "nearest": "floor"}
    return resized(call, x, list(range(rank_of(x))), factors, None, None, how)


def _floats(call: Call, x: Any) -> list[float]:
    return [float(v) for v in call.numbers(x, "the scales").reshape(-1)]


@rule("Resize", numbers=(1, 2, 3))
def _resize(call: Call, x: Any, roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    how = {
        "mode": {"bilinear": "linear"}.get(
            call.get("mode", "nearest"), call.get("mode", "nearest")
        ),
        "transform": call.get("coordinate_transformation_mode", "half_pixel"),
        "nearest": call.get("nearest_mode", "round_prefer_floor"),
        "cubic": call.get("cubic_coeff_a", -0.75),
        "exclude": bool(call.get("exclude_outside", 0)),
        "antialias": bool(call.get("antialias", 0)),
        "outside": call.get("extrapolation_value", 0.0),
        "policy": call.get("keep_aspect_ratio_policy", "stretch"),
    }
    if call.version < 11:  # (x, scales)
        roi, scales = None, roi
        how |= {"transform": "asymmetric", "nearest": "floor"}
    axes = list(call.axes(call.get("axes") or list(range(rank_of(x))), rank_of(x)))
    factors = None if scales is None else _floats(call, scales)
    wanted = None if sizes is None else call.ints(sizes, "the sizes")
    region = None
    if roi is not None and how["transform"] == "tf_crop_and_resize":
        region = _floats(call, roi)
    return resized(call, x, axes, factors or None, wanted or None, region, how)


def resized(
    call: Call,
    x: Any,
    axes: list[int],
    factors: list[float] | None,
    wanted: list[Any] | None,
    region: list[float] | None,
    how: dict[str, Any],
) -> Any:
    """Returns `x` with axes resized by factors or to wanted sizes, as ONNX's Resize defines it."""
    given = factors if wanted is None else wanted
    if given is None or len(given) != len(axes):
        raise call.wrong(f"it should have a scale or a size for each of {len(axes)} axes")
    known = [shape_of(x)[axis] for axis in axes]
    if not all(isinstance(n, int) for n in [*known, *(wanted or ())]):
        raise call.wrong("an axis that it resizes has no size that is known")
    if wanted is not None:
        factors, wanted = _kept_ratio(known, wanted, how.get("policy", "stretch"))
    assert factors is not None
    call.limit(math.prod(int(math.floor(n * f)) for n, f in zip(known, factors, strict=True)))
    dtype = dtype_of(x)
    whole = dtype in dtypes.INTEGERS
    y = ops.cast(x, "float32") if whole and how["mode"] != "nearest" else x
    for number, axis in enumerate(axes):
        size, factor = known[number], factors[number]
        count = wanted[number] if wanted is not None else int(math.floor(size * factor))
        part = None if region is None else (region[number], region[number + len(axes)])
        if count == size and factor == 1.0 and part is None:
            continue
        y = _along(call, y, axis, size, count, factor, part, how)
    if whole and how["mode"] != "nearest":
        low, high = dtypes.LIMITS[dtype]
        y = ops.minimum(ops.maximum(ops.round(y), float(low)), float(high))
    return ops.cast(y, dtype)


def _kept_ratio(known: Any, wanted: list[int], policy: str) -> tuple[list[float], list[int]]:
    scales = [n / max(m, 1) for n, m in zip(wanted, known, strict=True)]
    if policy == "stretch":
        return scales, wanted
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [scale] * len(known), [int(math.floor(scale * n + 0.5)) for n in known]


def _places(call: Call, size: int, count: int, factor: float, part: Any, how: Any) -> np.ndarray:
    """Where on an axis of `size` elements each of `count` new ones lies."""
    at, mode, width = np.arange(count, dtype=np.float64), how["transform"], factor * size
    if mode == "align_corners":
        return np.zeros(count) if width == 1 else at * (size - 1) / (width - 1)
    if mode == "asymmetric":
        return at / factor
    if mode == "tf_crop_and_resize":
        if part is None:
            raise call.wrong("tf_crop_and_resize needs a region")
        first, last = part
        if width == 1:
            return np.full(count, (first + last) * (size - 1) / 2)
        return first * (size - 1) + at * (last - first) * (size - 1) / (width - 1)
    if mode == "pytorch_half_pixel" and width == 1:
        return np.full(count, -0.5)
    if mode in ("half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn"):
        return (at + 0.5) / factor - (0.0 if mode.startswith("tf") else 0.5)
    if mode == "half_pixel_symmetric":
        return size / 2 * (1 - count / width) + (at + 0.5) / factor - 0.5
    raise call.wrong(f"the transformation {mode!r} of coordinates is not known")


_ROUNDED = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _along(
    call: Call, x: Any, axis: int, size: int, count: int, factor: float, part: Any, how: Any
) -> Any:
    places = _places(call, size, count, factor, part, how)
    outside = None
    if how["transform"] == "tf_crop_and_resize":
        outside = (places < 0) | (places > size - 1)
    if how["mode"] == "nearest":
        index = _ROUNDED[how["nearest"]](places).clip(0, size - 1).astype(np.int32)
        y = ops.take(x, index, axis)
    else:
        index, weights = _taps(call, places, size, factor, how)
        y = _weighted(x, axis, size, index, weights)
    if outside is None or not outside.any():
        return y
    mask = outside.reshape([-1 if n == axis else 1 for n in range(rank_of(x))])
    return ops.where(mask, ops.cast(np.asarray(how["outside"], np.float32), dtype_of(y)), y)


def _taps(
    call: Call, places: np.ndarray, size: int, factor: float, how: Any
) -> tuple[np.ndarray, np.ndarray]:
    """(index, weight), each (count, taps), of what every new element is a sum of."""
    cubic, scale = how["mode"] == "cubic", 1.0
    if not cubic and how["mode"] != "linear":
        raise call.wrong(f"the mode {how['mode']!r} is not known")
    if how.get("antialias") and factor < 1:
        scale = factor
    reach = 2 if cubic else 1
    first = int(np.floor(-reach / scale)) + 1
    offsets = np.arange(first, 2 - first)
    base = np.ceil(places) - 1
    distance = np.abs((offsets[None] - (places - base)[:, None]) * scale)
    weights = _cubic(distance, how["cubic"]) if cubic else np.clip(1 - distance, 0, 1)
    index = base[:, None] + offsets[None]
    if how.get("exclude"):
        weights = np.where((index < 0) | (index >= size), 0, weights)
    if how.get("exclude") or scale != 1:
        weights = weights / weights.sum(1, keepdims=True)
    return index.clip(0, size - 1).astype(np.int32), weights


def _cubic(d: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel at distances (Keys 1981, equation 15, with a free parameter)."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _weighted(x: Any, axis: int, size: int, index: np.ndarray, weights: np.ndarray) -> Any:
    count, taps = index.shape
    dtype, rank = dtype_of(x), rank_of(x)
    if taps > 4:  # a product with a matrix, most of which is zeros
        matrix = np.zeros((size, count))
        np.add.at(matrix, (index, np.arange(count)[:, None]), weights)
        moved = ops.matmul(ops.moveaxis(x, axis, -1), ops.cast(matrix, dtype))
        return ops.moveaxis(moved, -1, axis)
    total: Any = None
    line = [-1 if n == axis else 1 for n in range(rank)]
    for tap in range(taps):
        factor = ops.cast(weights[:, tap].reshape(line), dtype)
        part = ops.multiply(ops.take(x, index[:, tap], axis), factor)
        total = part if total is None else ops.add(total, part)
    return total


@rule("GridSample")
def _grid_sample(call: Call, x: Any, grid: Any) -> Any:
    """Elements at places that a grid (batch, *output, axes) names from -1 to 1, last axis first."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(call.get("mode", "linear"), None)
    mode = mode or call.get("mode", "linear")
    corners, padding = bool(call.get("align_corners", 0)), call.get("padding_mode", "zeros")
    sizes = shape_of(x)[2:]
    at = []
    for axis, size in enumerate(sizes):
        place = ops.get_item(grid, (..., len(sizes) - 1 - axis))
        if corners:
            place = ops.multiply(ops.add(place, 1), (size - 1) / 2)
        else:
            place = ops.subtract(ops.divide(ops.multiply(ops.add(place, 1), size), 2), 0.5)
        at.append(place)
    flat = ops.reshape(x, (*shape_of(x)[:2], math.prod(sizes)))
    if mode == "nearest":
        found = picked(flat, [ops.round(p) for p in at], sizes, padding, corners)
        return ops.reshape(found, (*shape_of(x)[:2], *shape_of(grid)[1:-1]))
    if padding != "zeros" and mode == "linear":
        at = [_inside(p, n, padding, corners) for p, n in zip(at, sizes, strict=True)]
    lows = [ops.floor(p) for p in at]
    parts = [ops.subtract(p, low) for p, low in zip(at, lows, strict=True)]
    offsets = (-1, 0, 1, 2) if mode == "cubic" else (0, 1)
    total: Any = None
    for corner in itertools.product(offsets, repeat=len(sizes)):
        places = [ops.add(low, float(o)) for low, o in zip(lows, corner, strict=True)]
        weight: Any = None
        for part, offset in zip(parts, corner, strict=True):
            one = (
                _cubic_at(part, offset)
                if mode == "cubic"
                else part
                if offset
                else ops.subtract(1, part)
            )
            weight = one if weight is None else ops.multiply(weight, one)
        corner_values = picked(flat, places, sizes, padding, corners)
        term = ops.multiply(corner_values, ops.reshape(weight, (shape_of(x)[0], 1, -1)))
        total = term if total is None else ops.add(total, term)
    return ops.reshape(ops.cast(total, dtype_of(x)), (*shape_of(x)[:2], *shape_of(grid)[1:-1]))


def _cubic_at(part: Any, offset: int, a: float = -0.75) -> Any:
    d = ops.absolute(ops.subtract(part, float(offset)))
    near = ops.add(ops.multiply(ops.multiply(ops.subtract(ops.multiply(d, a + 2), a + 3), d), d), 1)
    far = ops.multiply(ops.add(ops.multiply(ops.subtract(ops.multiply(d, a), 5 * a), d), 8 * a), d)
    return near if offset in (0, 1) else ops.subtract(far, 4 * a)


def _inside(place: Any, size: int, padding: str, corners: bool) -> Any:
    """Places moved onto an axis of `size` elements: to its ends, or mirrored there."""
    if padding == "border":
        return ops.minimum(ops.maximum(place, 0.0), float(size - 1))
    low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
    span = max(high - low, 1e-30)
    turned = ops.mod(ops.subtract(place, low), 2 * span)
    turned = ops.where(ops.greater(turned, span), ops.subtract(2 * span, turned), turned)
    return ops.minimum(ops.maximum(ops.add(turned, low), 0.0), float(size - 1))


def picked(flat: Any, places: list[Any], sizes: Any, padding: str, corners: bool) -> Any:
    """Returns elements (batch, channels, n) at whole places; zeros where there are none."""
    index: Any = None
    good: Any = None
    for place, size in zip(places, sizes, strict=True):
        if padding == "zeros":
            within = ops.logical_and(ops.greater_equal(place, 0), ops.less(place, size))
            good = within if good is None else ops.logical_and(good, within)
            place = ops.minimum(ops.maximum(place, 0.0), float(size - 1))
        else:
            place = ops.round(_inside(place, size, padding, corners))
        whole = ops.cast(place, "int64")
        index = whole if index is None else ops.add(ops.multiply(index, size), whole)
    batch, channels = shape_of(flat)[:2]
    index = ops.reshape(index, (batch, 1, -1))
    index = ops.broadcast_to(index, (batch, channels, shape_of(index)[2]))
    found = ops.take_along_axis(flat, index, 2)
    if good is None:
        return found
    return ops.where(ops.reshape(good, (batch, 1, -1)), found, ops.zeros_like(found))


@rule("ImageDecoder", absorbs=True, pure=False)
def _image_decoder(call: Call, data: Any) -> Any:
    """The pixels (height, width, channels) of an image file, uint8."""
    from PIL import Image

    form = call.get("pixel_format", "RGB")
    raw = call.numbers(data, "what the image holds").astype(np.uint8).tobytes()
    with Image.open(io.BytesIO(raw)) as image:
        call.limit(image.size[0] * image.size[1] * 3)
        found = np.asarray(image.convert("L" if form == "Grayscale" else "RGB"))
    if form == "Grayscale":
        return found[..., None]
    return np.ascontiguousarray(found[..., ::-1]) if form == "BGR" else found
