"""Filters over the neighbours of a pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Ints, TensorLike
from .dispatch import Tensor, floating, promoted_all, tensor
from .errors import is_scalar, wrong
from .image_common import (
    along,
    as_pixels,
    bell,
    blurred,
    channels_last,
    in_rows,
    pair,
    pictures,
    wide,
)
from .op import op


@op
def gaussian_blur(
    images: TensorLike,
    kernel_size: Ints = (3, 3),
    sigma: float | Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Returns images convolved with a Gaussian, with zeros around them.

    Args:
        images: (batch, height, width, channels) or (height, width, channels); with data_format
            "channels_first" the channels stand in front of the height.
        kernel_size: taps along the width, then along the height. The weights of each axis sum to 1.
        sigma: standard deviations in pixels, in the same order; numbers or a tensor (2,).
        data_format: as above.

    Returns images of the same shape and dtype; integers are rounded and saturated, halves computed
    in float32. All of Keras's backends take the width first, though its documentation names the
    height first. InvalidArgumentError for shapes and settings that do not fit.
    """
    backend, x = pictures(images)
    last = channels_last(data_format)
    kernel_size = pair("kernel_size", kernel_size)
    deviations = _deviations(sigma)
    dtype = backend.dtype(x)
    x, back = in_rows(backend, backend.cast(x, wide(dtype)), last)
    return back(
        as_pixels(backend, blurred(backend, x, kernel_size, deviations, wide(dtype)), dtype)
    )


def _deviations(sigma) -> Any:
    """Two positive numbers, or a tensor of two."""
    if is_scalar(sigma):
        sigma = (sigma, sigma)
    if isinstance(sigma, np.ndarray):
        sigma = sigma.tolist()
    if isinstance(sigma, list | tuple) and all(isinstance(s, int | float) for s in sigma):
        if len(sigma) != 2 or not all(s > 0 for s in sigma):
            raise wrong("sigma", sigma, "two positive numbers")
        return tuple(map(float, sigma))
    backend, deviations = tensor(sigma)
    if tuple(backend.static_shape(deviations)) != (2,):
        raise wrong("sigma", sigma, "two positive numbers")
    return deviations


@op
def sobel_edges(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Returns differences between the neighbours of each pixel, by Sobel's kernels.

    Shapes: (batch, height, width, channels) gives (batch, height, width, channels, 2), and
    (batch, channels, height, width) with data_format "channels_first" gives
    (batch, channels, height, width, 2). The last axis holds the change along the height, then along
    the width: rows (-1 -2 -1), (0 0 0), (1 2 1) and their transpose. Images are mirrored at their
    borders without their outermost row, as by `tf.image.sobel_edges`, so that a border is no edge.
    Floats keep their dtype, other images give the default float. InvalidArgumentError for other
    ranks.
    """
    pictures(images, (4,))
    backend, x = floating(images)
    dtype = backend.dtype(x)
    down, across = (1, 2) if channels_last(data_format) else (2, 3)
    x = backend.cast(x, wide(dtype))
    edges = [
        _sloped(backend, _smoothed(backend, x, across), down),
        _sloped(backend, _smoothed(backend, x, down), across),
    ]
    return backend.cast(backend.stack(edges, -1), dtype)


def _neighbours(backend, x, axis: int):
    """`x` moved by one in both directions along an axis, mirrored at the borders."""
    size = backend.shape(x)[axis]
    if isinstance(size, int) and size < 2:
        return x, x
    behind = _cut(backend, x, axis, slice(1, 2)), _cut(backend, x, axis, slice(0, -1))
    ahead = _cut(backend, x, axis, slice(1, None)), _cut(backend, x, axis, slice(-2, -1))
    return backend.concatenate(list(behind), axis), backend.concatenate(list(ahead), axis)


def _cut(backend, x, axis: int, part: slice) -> Tensor:
    return x[(slice(None),) * axis + (part,)]


def _smoothed(backend, x, axis: int) -> Tensor:
    before, after = _neighbours(backend, x, axis)
    return before + 2.0 * x + after


def _sloped(backend, x, axis: int) -> Tensor:
    before, after = _neighbours(backend, x, axis)
    return after - before


@op
def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Returns the structural similarity of images, from -1 to 1, which only equal ones have.

    Args:
        image1, image2: (batch, height, width, channels) or (height, width, channels), one shape;
            with data_format "channels_first" the channels stand in front of the height.
        max_val: the largest value that a pixel can have.
        filter_size, filter_sigma: the taps and the standard deviation of the Gaussian window.
        k1, k2: the constants of the luminance and of the contrast.

    Returns (batch,) or (): the mean over all windows inside of the images and over the channels, in
    the dtype of `image1`, or in the default float if that is none. After Wang, Bovik, Sheikh and
    Simoncelli (2004). InvalidArgumentError for shapes that do not fit and for windows that are
    larger than the images.
    """
    pictures(image1, name="image1")
    pictures(image2, name="image2")
    backend, (first, second) = promoted_all(image1, image2)
    _, first = floating(first)
    _, second = floating(second)
    last = channels_last(data_format)
    known = tuple(backend.static_shape(first))
    other = tuple(backend.static_shape(second))
    if len(known) != len(other) or any(
        None not in (a, b) and a != b for a, b in zip(known, other, strict=True)
    ):
        raise wrong("image2", second, f"the shape of image1, {known}")
    (taps,) = pair("filter_size", filter_size, 1)
    dtype = backend.dtype(first)
    # Neither variances nor the covariance depend on the middle of the range; less of it rounds off.
    middle = backend.asarray(float(max_val) / 2, wide(dtype))
    first, _ = in_rows(backend, backend.cast(first, wide(dtype)) - middle, last)
    second, _ = in_rows(backend, backend.cast(second, wide(dtype)) - middle, last)
    if any(n is not None and n < taps for n in backend.static_shape(first)[1:3]):
        raise wrong("filter_size", filter_size, f"a window inside of the images, {known}")

    weights = backend.asarray(bell(taps, float(filter_sigma)), wide(dtype))

    def window(x: Any) -> Any:
        return along(
            backend, along(backend, x, weights, taps, 1, "valid"), weights, taps, 2, "valid"
        )

    mean1, mean2 = window(first), window(second)
    power = window(first * first + second * second) - mean1 * mean1 - mean2 * mean2
    shared = window(first * second) - mean1 * mean2
    mean1, mean2 = mean1 + middle, mean2 + middle
    # As tensors: JAX reads a number beside a tensor of float64 in 32 bits.
    c1, c2 = (backend.asarray((float(k) * float(max_val)) ** 2, wide(dtype)) for k in (k1, k2))
    alike = (2.0 * mean1 * mean2 + c1) * (2.0 * shared + c2)
    alike = alike / ((mean1 * mean1 + mean2 * mean2 + c1) * (power + c2))
    result = backend.cast(backend.mean(alike, (1, 2, 3), False), dtype)
    return result if len(known) == 4 else backend.reshape(result, ())
