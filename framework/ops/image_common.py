"""What the ops of images have in common: their layout, their checks, their way back to pixels."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config, dtypes
from .checks import one_of
from .dispatch import Tensor, tensor
from .errors import wrong


def channels_last(data_format: str | None) -> bool:
    """Tells whether channels are the last axis; the process-wide setting if `data_format` is
    None.
    """
    if data_format is None:
        return config.image_data_format() == "channels_last"
    one_of(data_format, "data_format", "channels_last", "channels_first")
    return data_format == "channels_last"


def pictures(
    images: Any, ranks: tuple[int, ...] = (3, 4), name: str = "images"
) -> tuple[Any, Tensor]:
    """Returns the backend of images and the images, with real numbers and one of `ranks`."""
    backend, x = tensor(images)
    if len(backend.static_shape(x)) not in ranks:
        one = "one image with 3 axes or " if 3 in ranks else ""
        raise wrong(name, x, f"{one}a batch of images with 4 axes (Invalid images rank)")
    if backend.dtype(x) in dtypes.COMPLEX:
        raise wrong(name, x, "real numbers")
    return backend, x


def spatial_axes(last: bool, count: int = 2) -> tuple[int, ...]:
    """Returns the axes of height and width (and depth before them), from the end."""
    return tuple(range(-1 - count, -1)) if last else tuple(range(-count, 0))


def pair(name: str, value: Any, count: int = 2, least: int = 1) -> tuple[int, ...]:
    """Returns `count` integers, none below `least`, given as one or as a sequence."""
    values = (value,) * count if isinstance(value, int | np.integer) else value
    try:
        numbers = tuple(int(v) for v in values)
        whole = all(n == v for n, v in zip(numbers, values, strict=True))
    except (TypeError, ValueError):
        numbers, whole = (), False
    if not whole or len(numbers) != count or any(n < least for n in numbers):
        raise wrong(name, value, f"{count} integers, none below {least}")
    return numbers


def wide(dtype: str) -> str:
    """Returns the dtype in which images of `dtype` are computed."""
    return "float64" if dtype == "float64" else "float32"


def batched(backend: Any, x: Tensor) -> tuple[Tensor, Any]:
    """Returns one image as a batch, and the function that takes it out of the batch again."""
    if len(backend.static_shape(x)) == 4:
        return x, lambda y: y
    return backend.expand_dims(x, 0), lambda y: backend.squeeze(y, 0)


def in_rows(backend: Any, x: Tensor, last: bool) -> tuple[Tensor, Any]:
    """Returns a batch (batch, height, width, channels), and the function that gives the layout
    back.
    """
    x, back = batched(backend, x)
    if last:
        return x, back
    return backend.moveaxis(x, 1, -1), lambda y: back(backend.moveaxis(y, -1, 1))


def as_pixels(backend: Any, x: Tensor, dtype: str, halves_up: bool = False) -> Tensor:
    """Returns computed floats as images of `dtype`: for integers rounded and saturated.

    Halves go to the even neighbour or, with `halves_up`, away from zero.
    """
    if dtype in dtypes.FLOATS:
        return x if backend.dtype(x) == dtype else backend.cast(x, dtype)
    if dtype == "bool":
        return backend.greater_equal(x, 0.5)
    if halves_up:
        size = backend.floor(backend.absolute(x) + 0.5)
        x = backend.where(x < 0, -size, size)
    else:
        x = backend.round(x)
    low, high = _reach(dtype, backend.dtype(x))
    return backend.cast(backend.clip(x, low, high), dtype)


def filling(value: Any, dtype: str) -> Any:
    """Returns a number that fills images of `dtype`: for integers cut to a whole one, and
    saturated.
    """
    if dtype in dtypes.FLOATS or not isinstance(value, int | float | np.number):
        return value
    if dtype == "bool":
        return bool(value)
    info = np.iinfo(dtype)
    return max(min(int(value), int(info.max)), int(info.min))


def _reach(dtype: str, computed: str) -> tuple[float, float]:
    """The least and the largest number of an integer dtype that the computed float has, too."""
    info, kind = np.iinfo(dtype), np.dtype(computed).type
    high = kind(info.max)
    if int(high) > info.max:
        high = np.nextafter(high, kind(0))
    return float(info.min), float(high)


def blurred(
    backend: Any, x: Tensor, kernel_size: Sequence[int], sigma: Sequence[float], dtype: str
) -> Tensor:
    """Returns a batch with its channels last, blurred along the width and the height."""
    for axis, taps, place in ((2, kernel_size[0], 0), (1, kernel_size[1], 1)):
        if isinstance(sigma, tuple):
            weights: Any = backend.asarray(bell(taps, sigma[place]), dtype)
        else:
            distance = backend.arange(0, taps, 1, dtype) - (taps - 1) / 2
            weights = backend.exp(
                -0.5 * backend.square(distance / backend.cast(backend.take(sigma, place, 0), dtype))
            )
            weights = weights / backend.sum(weights)
        x = along(backend, x, weights, taps, axis, "same")
    return x


def bell(taps: int, sigma: float) -> list[float]:
    """Returns the weights of a Gaussian at `taps` places around its middle, summing to 1."""
    weights = [math.exp(-0.5 * ((i - (taps - 1) / 2) / sigma) ** 2) for i in range(taps)]
    return [weight / sum(weights) for weight in weights]


def along(backend: Any, x: Tensor, weights: Tensor, taps: int, axis: int, padding: str) -> Tensor:
    """Returns each channel of (batch, height, width, channels) convolved along one axis."""
    channels = backend.shape(x)[-1]
    size = (taps, 1, 1, 1) if axis == 1 else (1, taps, 1, 1)
    kernel = backend.broadcast_to(backend.reshape(weights, size), (*size[:2], channels, 1))
    return backend.depthwise_conv(x, kernel, (1, 1), padding, (1, 1))
