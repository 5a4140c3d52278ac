"""Convolution and pooling in NumPy, channels last."""

import math

import numpy as np

from ..base import explicit_pads


def _padded(x, pads, value: float = 0):
    if any(low or high for low, high in pads):
        return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)
    return x


def _windows(x, kernel, strides, dilation):
    """A view of shape (batch, *output, *kernel, channels); nothing is copied."""
    spatial = x.shape[1:-1]
    output = tuple(
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(spatial, kernel, strides, dilation, strict=True)
    )
    steps = x.strides[1:-1]
    shape = (x.shape[0], *output, *kernel, x.shape[-1])
    moves = (
        x.strides[0],
        *(t * s for t, s in zip(steps, strides, strict=True)),
        *(t * d for t, d in zip(steps, dilation, strict=True)),
        x.strides[-1],
    )
    return np.lib.stride_tricks.as_strided(x, shape, moves, writeable=False)


def conv(x, kernel, strides, padding, dilation, groups):
    """Convolution of (batch, *spatial, channels) with a kernel of (*size, in, out)."""
    rank = kernel.ndim - 2
    size = kernel.shape[:rank]
    x = _padded(x, explicit_pads(padding, x.shape[1:-1], size, strides, dilation))
    windows = _windows(x, size, strides, dilation)
    if groups == 1:
        taps = math.prod(size)
        if taps == 1:
            return np.matmul(
                windows.reshape(*windows.shape[: rank + 1], x.shape[-1]), kernel[(0,) * rank]
            )
        if kernel.shape[-2] >= 32:
            # One product for each tap: no copy of the windows is ever made.
            total = None
            for i in np.ndindex(*size):
                part = np.matmul(windows[(..., *i, slice(None))], kernel[i])
                total = part if total is None else np.add(total, part, out=total)
            return total
        flat = windows.reshape(*windows.shape[: rank + 1], taps * x.shape[-1])
        return np.matmul(flat, kernel.reshape(-1, kernel.shape[-1]))
    parts = np.split(kernel, groups, -1)
    each = kernel.shape[-2]
    return np.concatenate(
        [
            conv(x[..., g * each : (g + 1) * each], part, strides, "valid", dilation, 1)
            for g, part in enumerate(parts)
        ],
        -1,
    )


_BLOCK = 1 << 16  # elements


def depthwise_conv(x, kernel, strides, padding, dilation):
    """Each channel with its own kernels: (*size, channels, multiplier)."""
    rank = kernel.ndim - 2
    size = kernel.shape[:rank]
    x = _padded(x, explicit_pads(padding, x.shape[1:-1], size, strides, dilation))
    windows = _windows(x, size, strides, dilation)
    shape = (*windows.shape[: rank + 1], math.prod(kernel.shape[-2:]))
    total = np.zeros(shape, np.result_type(x, kernel))
    # Some rows of an image at a time, which stay in the processor's cache from tap to tap.
    rows = max(1, _BLOCK * shape[1] // max(1, math.prod(shape[1:])))
    for image, given in zip(total, windows, strict=True):
        for row in range(0, shape[1], rows):
            part = image[row : row + rows]
            part = part.reshape(*part.shape[:-1], *kernel.shape[-2:])
            for tap in np.ndindex(*size):
                part += given[(slice(row, row + rows), ..., *tap, slice(None), None)] * kernel[tap]
    return total


def pool(x, size, strides, padding, kind):
    """Window "max", "average" (padding does not count) or "sum"."""
    pads = explicit_pads(padding, x.shape[1:-1], size, strides)
    low = -np.inf if x.dtype.kind not in "iu" else np.iinfo(x.dtype).min
    padded = _padded(x, pads, low if kind == "max" else 0)
    windows = _windows(padded, size, strides, (1,) * len(size))
    axes = tuple(range(1 + len(size), 1 + 2 * len(size)))
    if kind == "max":
        return windows.max(axis=axes)
    total = windows.sum(axis=axes, dtype=x.dtype)
    if kind == "sum":
        return total
    ones = np.ones((1, *x.shape[1:-1], 1), x.dtype)
    return total / pool(ones, size, strides, padding, "sum")


def gelu(x, approximate):
    """x times the normal distribution's probability below x, or an approximation of it."""
    if approximate:
        inner = np.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi))
    else:
        from scipy.special import erf

        inner = erf(x * math.sqrt(0.5))
    return x * 0.5 * (inner + 1)


def softmax(x, axis):
    """Exponentials over their sum along `axis`."""
    power = np.exp(x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf))
    return power / np.add.reduce(power, axis, keepdims=True)
