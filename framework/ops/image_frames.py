"""Parts of images, and images with more around them."""

import itertools
import math
from typing import Any

from ..backends.base import Spec
from ..typing import Ints, TensorLike
from .checks import one_of
from .dispatch import Tensor
from .errors import wrong
from .image_common import channels_last, pair, pictures, spatial_axes
from .op import op, shaped

_CROPS = (
    ("top_cropping", "bottom_cropping", "target_height"),
    ("left_cropping", "right_cropping", "target_width"),
)
_PADS = (
    ("top_padding", "bottom_padding", "target_height"),
    ("left_padding", "right_padding", "target_width"),
)


def _cropped_shape(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
) -> Spec | None:
    """The shape where a size is unknown: the target may be larger than what could stand for it."""
    backend, x = pictures(images)
    shape = list(backend.static_shape(x))
    axes = spatial_axes(channels_last(data_format))
    if all(shape[axis] is not None for axis in axes):
        return None
    rows, columns = (
        (top_cropping, bottom_cropping, target_height),
        (left_cropping, right_cropping, target_width),
    )
    for axis, names, values in zip(axes, _CROPS, (rows, columns), strict=True):
        _check(names, values)
        if shape[axis] is None:
            shape[axis] = values[2]
        else:
            shape[axis] = _solved(names, values, shape[axis], -1)[2]
    return Spec(shape, backend.dtype(x))


@shaped(_cropped_shape)
def crop_images(
    images: TensorLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Returns a window of images.

    Shapes: (batch, height, width, channels) or (height, width, channels); with data_format
    "channels_first" the channels stand in front of the height. The dtype stays. Of each of the
    triples top_cropping, bottom_cropping, target_height and left_cropping, right_cropping,
    target_width two are given and the third follows. InvalidArgumentError where another number is
    given, or where one is or comes out negative.
    """
    backend, x = pictures(images)
    axes = spatial_axes(channels_last(data_format))
    given = (
        (top_cropping, bottom_cropping, target_height),
        (left_cropping, right_cropping, target_width),
    )
    key = [slice(None)] * len(backend.static_shape(x))
    for axis, names, values in zip(axes, _CROPS, given, strict=True):
        size = backend.shape(x)[axis]
        before, after, inner = _solved(names, values, size, -1)
        key[axis] = slice(before, before + inner)
    return x[tuple(key)]


@op
def pad_images(
    images: TensorLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Returns images with zeros around them.

    Shapes: (batch, height, width, channels) or (height, width, channels); with data_format
    "channels_first" the channels stand in front of the height. The dtype stays. Of each of the
    triples top_padding, bottom_padding, target_height and left_padding, right_padding,
    target_width two are given and the third follows. InvalidArgumentError where another number is
    given, or where one is or comes out negative.
    """
    backend, x = pictures(images)
    axes = spatial_axes(channels_last(data_format))
    given = (
        (top_padding, bottom_padding, target_height),
        (left_padding, right_padding, target_width),
    )
    pads: list[Any] = [(0, 0)] * len(backend.static_shape(x))
    for axis, names, values in zip(axes, _PADS, given, strict=True):
        before, after, _ = _solved(names, values, backend.shape(x)[axis], 1)
        pads[axis] = (before, after)
    return backend.pad(x, tuple(pads), "constant", 0)


def _check(names, values) -> None:
    """Raise unless two of three numbers are given, none below zero."""
    if [v is None for v in values].count(True) != 1:
        text = ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
        raise wrong(names[2], values[2], f"Must specify exactly two of {', '.join(names)}: {text}")
    for name, value in zip(names, values, strict=True):
        if value is not None and value < 0:
            raise wrong(name, value, f"{name} must be >= 0")


def _solved(names, values, size, sign: int) -> tuple[Any, Any, Any]:
    """before, after and target, of which one is None, where target = size + sign * (both)."""
    _check(names, values)
    before, after, target = values
    if target is None:
        target = size + sign * (before + after)
    elif before is None:
        before = sign * (target - size) - after
    else:
        after = sign * (target - size) - before
    for name, value in zip(names, (before, after, target), strict=True):
        if isinstance(value, int) and value < 0:
            raise wrong(name, value, f"{name} must be >= 0, in images of size {size}")
    return before, after, target


@op
def extract_patches(
    images: TensorLike,
    size: Ints,
    strides: Ints | None = None,
    dilation_rate: Ints = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Returns the windows of images, each as one long pixel.

    Args:
        images: (batch, height, width, channels) or (height, width, channels); with data_format
            "channels_first" the channels stand in front of the height. With three sizes, volumes:
            a depth stands in front of the height.
        size: of a window: (height, width), (depth, height, width), or one number for both.
        strides: from window to window; `size` if None.
        dilation_rate: from pixel to pixel in a window.
        padding: "valid", windows inside of the images, or "same", with zeros around so that there
            are ceil(size / stride) windows (the odd row goes behind).

    Returns (batch, rows, columns, height * width * channels of a window), the channels of a pixel
    next to each other, or with "channels_first" that axis in front; without batch if the images
    have none. The dtype stays. InvalidArgumentError for shapes and settings that do not fit.
    """
    if not isinstance(size, int) and not isinstance(size, list | tuple):
        raise wrong("size", size, "an int or a tuple (Invalid `size` argument)")
    if isinstance(size, list | tuple) and len(size) not in (2, 3):
        raise wrong("size", size, "two or three integers (Invalid `size` argument)")
    rank = 2 if isinstance(size, int) else len(size)
    return _patches(images, "images", size, strides, dilation_rate, padding, data_format, rank)


@op
def extract_patches_3d(
    volumes: TensorLike,
    size: Ints,
    strides: Ints | None = None,
    dilation_rate: Ints = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Returns the windows of volumes, each as one long voxel: `extract_patches` with three sizes.

    Shapes: (batch, depth, height, width, channels) or (depth, height, width, channels) gives
    (batch, planes, rows, columns, window) or the same without batch; `size` is one number or
    three.
    """
    return _patches(volumes, "volumes", size, strides, dilation_rate, padding, data_format, 3)


def _patches(images, name, size, strides, dilation_rate, padding, data_format, rank) -> Tensor:
    backend, x = pictures(images, (rank + 1, rank + 2), name)
    last = channels_last(data_format)
    size = pair("size", size, rank)
    strides = size if strides is None else pair("strides", strides, rank)
    dilation = pair("dilation_rate", dilation_rate, rank)
    one_of(padding, "padding", "valid", "same")
    whole = len(backend.static_shape(x)) == rank + 2
    x = x if whole else backend.expand_dims(x, 0)
    x = x if last else backend.moveaxis(x, 1, -1)
    if padding == "same":
        x = _surrounded(backend, x, size, strides, dilation)
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    for n, span in zip(backend.static_shape(x)[1:-1], spans, strict=True):
        if n is not None and n < span:
            raise wrong("size", size, f"a window inside of {name}, {backend.static_shape(x)}")
    y = _windows(backend, x, size, strides, dilation, spans)
    y = y if last else backend.moveaxis(y, -1, 1)
    return y if whole else backend.squeeze(y, 0)


def _surrounded(backend, x, size, strides, dilation) -> Tensor:
    """Zeros around, the odd one behind."""
    pads = [(0, 0)]
    for n, k, s, d in zip(backend.shape(x)[1:-1], size, strides, dilation, strict=True):
        total = (-(-n // s) - 1) * s + (k - 1) * d + 1 - n
        total = max(total, 0) if isinstance(total, int) else backend.maximum(total, 0)
        pads.append((total // 2, total - total // 2))
    return backend.pad(x, (*pads, (0, 0)), "constant", 0)


def _windows(backend, x, size, strides, dilation, spans) -> Tensor:
    shape = backend.shape(x)
    counts = [(n - span) // s + 1 for n, span, s in zip(shape[1:-1], spans, strides, strict=True)]
    if tuple(strides) == tuple(size) and set(dilation) == {1}:
        return _tiles(backend, x, size, counts)
    parts = []
    for place in itertools.product(*map(range, size)):
        key: list[slice] = [slice(None)]
        for p, d, n, s in zip(place, dilation, counts, strides, strict=True):
            key.append(slice(p * d, p * d + (n - 1) * s + 1, s))
        parts.append(x[(*key, slice(None))])
    return backend.concatenate(parts, -1)


def _tiles(backend, x, size, counts) -> Tensor:
    """Windows that do not overlap: a change of shape."""
    shape, rank = backend.shape(x), len(size)
    cuts = [slice(0, n * k) for n, k in zip(counts, size, strict=True)]
    x = x[(slice(None), *cuts)]
    pairs = [n for both in zip(counts, size, strict=True) for n in both]
    x = backend.reshape(x, (shape[0], *pairs, shape[-1]))
    outer, inner = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    x = backend.transpose(x, (0, *outer, *inner, 2 * rank + 1))
    return backend.reshape(x, (shape[0], *counts, math.prod(size) * shape[-1]))
