"""The larger kernels by definition, in NumPy loops and float64; none is shared with isozoo."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

# "valid", "same", or a pair (before, behind) for each spatial axis.
Padding = str | Sequence[Sequence[int]]


def pairs(
    padding: Padding,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> list[tuple[int, ...]]:
    """(before, behind) for each axis; "same" is TensorFlow's: the odd element goes behind."""
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding != "same":
        return [tuple(pair) for pair in padding]
    found = []
    for n, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        output = -(-n // s)
        total = max(0, (output - 1) * s + (k - 1) * d + 1 - n)
        found.append((total // 2, total - total // 2))
    return found


def _windows(x, kernel, strides, padding, dilation, fill):
    """Yields (output position, window of shape (batch, *kernel, channels)) of a padded `x`."""
    amounts = pairs(padding, x.shape[1:-1], kernel, strides, dilation)
    x = np.pad(x, [(0, 0), *amounts, (0, 0)], constant_values=fill)
    sizes = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:-1], kernel, strides, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, sizes)):
        cut = tuple(
            slice(p * s, p * s + (k - 1) * d + 1, d)
            for p, s, k, d in zip(place, strides, kernel, dilation, strict=True)
        )
        yield place, sizes, x[(slice(None), *cut, slice(None))]


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Returns a number for each of `rank` axes, given as one or as several."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation_rate: int | Sequence[int] = 1,
) -> np.ndarray:
    """Cross-correlation, window by window and group by group."""
    rank = kernel.ndim - 2
    strides, dilation = per_axis(strides, rank), per_axis(dilation_rate, rank)
    inputs, outputs = kernel.shape[-2:]
    groups = x.shape[-1] // inputs
    each = outputs // groups
    result = None
    for place, sizes, window in _windows(x, kernel.shape[:rank], strides, padding, dilation, 0.0):
        if result is None:
            result = np.zeros((len(x), *sizes, outputs))
        for g in range(groups):
            part = window[..., g * inputs : (g + 1) * inputs].reshape(len(x), -1)
            taps = kernel[..., g * each : (g + 1) * each].reshape(-1, each)
            result[(slice(None), *place, slice(g * each, (g + 1) * each))] = part @ taps
    return result


def depthwise_conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation_rate: int | Sequence[int] = 1,
) -> np.ndarray:
    """Each channel by its own kernels: channel c gives outputs c * multiplier + m."""
    channels, multiplier = kernel.shape[-2:]
    columns = [
        conv(x[..., c : c + 1], kernel[..., c : c + 1, m : m + 1], strides, padding, dilation_rate)
        for c in range(channels)
        for m in range(multiplier)
    ]
    return np.concatenate(columns, -1)


def pool(
    x: np.ndarray,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
    kind: str = "max",
) -> np.ndarray:
    """The maximum or the mean over the real (not padded) elements of each window."""
    rank = x.ndim - 2
    size = per_axis(size, rank)
    strides = size if strides is None else per_axis(strides, rank)
    reduce = np.nanmax if kind == "max" else np.nanmean
    result = None
    for place, sizes, window in _windows(x, size, strides, padding, (1,) * rank, np.nan):
        if result is None:
            result = np.zeros((len(x), *sizes, x.shape[-1]))
        result[(slice(None), *place)] = reduce(window, axis=tuple(range(1, rank + 1)))
    return result


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) over its sum."""
    power = np.exp(x - x.max(axis, keepdims=True))
    return power / power.sum(axis, keepdims=True)


def attention(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    bias: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    scale: float | None = None,
    is_causal: bool = False,
) -> np.ndarray:
    """Attention head by head: (batch, length, heads, dim) tensors."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("bthd,bshd->bhts", query, key) * scale
    scores = scores if bias is None else scores + bias
    allowed = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if is_causal:
        allowed = allowed & np.tril(np.ones(scores.shape[-2:], bool))
    return np.einsum("bhts,bshd->bthd", softmax(np.where(allowed, scores, -1e300)), value)


def normalize(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    scale: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""
    y = (x - mean) / np.sqrt(variance + epsilon)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def layer_normalization(
    x: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    axis: int = -1,
    epsilon: float = 1e-7,
) -> np.ndarray:
    """Normalization by the moments of one axis."""
    shape = [1] * x.ndim
    shape[axis] = -1
    gamma = None if gamma is None else gamma.reshape(shape)
    beta = None if beta is None else beta.reshape(shape)
    return normalize(
        x, x.mean(axis, keepdims=True), x.var(axis, keepdims=True), gamma, beta, epsilon
    )


def rms_normalization(
    x: np.ndarray, scale: np.ndarray | None = None, axis: int = -1, epsilon: float = 1e-7
) -> np.ndarray:
    """Division by the root of the mean square of one axis."""
    shape = [1] * x.ndim
    shape[axis] = -1
    y = x / np.sqrt((x * x).mean(axis, keepdims=True) + epsilon)
    return y if scale is None else y * scale.reshape(shape)


def batch_normalization(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    axis: int,
    offset: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """Normalization by given statistics of the channels at `axis`."""
    shape = [1] * x.ndim
    shape[axis] = -1
    mean, variance, offset, scale = (
        None if v is None else v.reshape(shape) for v in (mean, variance, offset, scale)
    )
    return normalize(x, mean, variance, scale, offset, epsilon)


def one_hot(x: np.ndarray, num_classes: int, axis: int = -1) -> np.ndarray:
    """1 where the class number equals the position."""
    hot = np.asarray(x)[..., None] == np.arange(num_classes)
    return np.moveaxis(hot.astype(np.float64), -1, axis)


def scatter_add(x: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
    """`updates` added one after the other."""
    out = np.array(x)
    for place in np.ndindex(indices.shape[:-1]):
        out[tuple(indices[place])] += updates[place]
    return out


def slice_update(x: np.ndarray, start: Sequence[int], updates: np.ndarray) -> np.ndarray:
    """A block written over."""
    out = np.array(x)
    out[tuple(slice(s, s + n) for s, n in zip(start, updates.shape, strict=True))] = updates
    return out
