"""Resampling of one axis: of which input pixels, and with what weights, an output pixel is made.

Pixel i is centred at i + 0.5. An output pixel weighs the input pixels around its place in the
input by a kernel; the weights of those that exist are made to sum to one. With `antialias`, a
kernel that shrinks an image is as wide in output pixels as it otherwise is in input pixels. This is
the method of `jax.image.scale_and_translate` and of TensorFlow's ScaleAndTranslate.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .. import registry

# Weights that sum to less than this say that no input pixel is near: the output is 0.
_NOTHING = 1000 * float(np.finfo(np.float32).eps)


def _linear(backend, x):
    return backend.maximum(1.0 - x, 0.0)


def _cubic(backend, x):
    """Cubic convolution with a = -0.5 (R. G. Keys, 1981)."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return backend.where(x < 1.0, near, backend.where(x < 2.0, far, 0.0))


def _lanczos(radius):
    def kernel(backend, x):
        # Gradients go through both branches of a `where`, and so do divisions by zero.
        safe = backend.multiply(backend.where(x < 1e-6, 1.0, x), math.pi)
        bell = backend.sin(safe) * backend.sin(safe / radius) * radius / (safe * safe)
        bell = backend.where(x < 1e-6, 1.0, bell)
        return backend.where(x < radius, bell, 0.0)

    return kernel


# Radius and kernel of each method.
KERNELS = {
    "bilinear": (1, _linear),
    "bicubic": (2, _cubic),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
}


def _weights(backend, centres, places, size, width, method) -> Any:
    """What the pixels at `places` (n or 1, k) weigh in output pixels at `centres` (n, 1)."""
    real = (places >= 0) & (places <= size - 1)
    weights = KERNELS[method][1](backend, backend.absolute(centres - places) / width)
    weights = backend.where(real, weights, 0.0)
    total = backend.sum(weights, 1, True)
    some = backend.absolute(total) > _NOTHING
    weights = weights / backend.where(some, total, 1.0)
    return backend.where(some & (centres >= -0.5) & (centres <= size - 0.5), weights, 0.0)


def _shares(backend, low, step, places, size) -> Any:
    """Shares of the pixels at `places` in spans of `step` that begin at `low` (n, 1)."""
    overlap = backend.minimum(low + step, places + 1.0) - backend.maximum(low, places)
    # What rounding puts beyond a span is none of it.
    overlap = backend.where((overlap > 1e-5) & (places < size), overlap, 0.0)
    return overlap / backend.sum(overlap, 1, True)


def matrix(backend, size, out: int, scale, shift, method: str, antialias: bool, dtype: str):
    """Weights (out, size) for output pixels at scale * input + shift.

    `scale` and `shift` are tensors or numbers, `size` is an int or a scalar tensor.
    """
    step = 1.0 / scale
    number = size if isinstance(size, int) else backend.cast(size, dtype)
    rows = backend.expand_dims(backend.arange(0, out, 1, dtype), 1)
    places = backend.expand_dims(backend.arange(0, size, 1, dtype), 0)
    if method == "area":
        return _shares(backend, (rows - shift) * step, step, places, number)
    centres = backend.multiply(backend.subtract(rows + 0.5, shift), step) - 0.5
    width: Any = 1.0
    if antialias:
        width = max(step, 1.0) if isinstance(step, float) else backend.maximum(step, 1.0)
    return _weights(backend, centres, places, number, width, method)


def taps(backend, size: int, out: int, method: str, antialias: bool, dtype: str):
    """The input pixels (out, k) of each output pixel, int32, and their weights, of `dtype`."""
    step = size / out
    rows = backend.expand_dims(backend.arange(0, out, 1, dtype), 1)
    if method == "area":
        low = rows * step
        places = backend.floor(low) + backend.arange(0, math.ceil(step) + 1, 1, dtype)
        weights = _shares(backend, low, step, places, size)
    else:
        width = max(step, 1.0) if antialias else 1.0
        reach = KERNELS[method][0] * width
        centres = (rows + 0.5) * step - 0.5
        count = math.ceil(2 * reach)
        places = backend.floor(centres - reach) + backend.arange(1, count + 1, 1, dtype)
        weights = _weights(backend, centres, places, size, width, method)
    return backend.cast(backend.clip(places, 0, size - 1), "int32"), weights


@lru_cache(maxsize=128)
def fixed_taps(size: int, out: int, method: str, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Taps in float64, less the columns that weigh nothing."""
    places, weights = taps(registry.get("numpy"), size, out, method, antialias, "float64")
    used = np.abs(weights).max(0, initial=0.0) > 0
    return places[:, used], weights[:, used]


def dense(places: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Taps as a matrix (out, size)."""
    full = np.zeros((len(places), size))
    np.add.at(full, (np.arange(len(places))[:, None], places), weights)
    return full


def smoothes(shape, axes, size, antialias: bool) -> bool:
    """Whether antialias makes a difference: an axis shrinks."""
    return antialias and any(n < shape[a] for a, n in zip(axes, size, strict=True))


def are_exact(shape, axes, size) -> bool:
    """Whether float32 has the places of all output pixels: few bits and a power of two below."""
    return all(_is_exact(shape[a], n) for a, n in zip(axes, size, strict=True))


def _is_exact(size: int, out: int) -> bool:
    below = out // math.gcd(size, out)
    return below & (below - 1) == 0 and 2 * size * out < 1 << 24
