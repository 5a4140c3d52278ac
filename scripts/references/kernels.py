"""The larger kernels by definition, in NumPy loops and float64; none is shared with isozoo."""

from __future__ import annotations

import itertools

import numpy as np


def pairs(padding, sizes, kernel, strides, dilation):
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


def per_axis(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def conv(x, kernel, strides=1, padding="valid", dilation_rate=1):
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


def depthwise_conv(x, kernel, strides=1, padding="valid", dilation_rate=1):
    """Each channel by its own kernels: channel c gives outputs c * multiplier + m."""
    channels, multiplier = kernel.shape[-2:]
    columns = [
        conv(x[..., c : c + 1], kernel[..., c : c + 1, m : m + 1], strides, padding, dilation_rate)
        for c in range(channels)
        for m in range(multiplier)
    ]
    return np.concatenate(columns, -1)


def pool(x, size, strides=None, padding="valid", kind="max"):
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


def softmax(x, axis=-1):
    """exp(x) over its sum."""
    power = np.exp(x - x.max(axis, keepdims=True))
    return power / power.sum(axis, keepdims=True)


def attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False):
    """Attention head by head: (batch, length, heads, dim) tensors."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("bthd,bshd->bhts", query, key) * scale
    scores = scores if bias is None else scores + bias
    allowed = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if is_causal:
        allowed = allowed & np.tril(np.ones(scores.shape[-2:], bool))
    return np.einsum("bhts,bshd->bthd", softmax(np.where(allowed, scores, -1e300)), value)


def normalize(x, mean, variance, scale=None, offset=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""
    y = (x - mean) / np.sqrt(variance + epsilon)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=1e-7):
    """Normalization by the moments of one axis."""
    shape = [1] * x.ndim
    shape[axis] = -1
    gamma = None if gamma is None else gamma.reshape(shape)
    beta = None if beta is None else beta.reshape(shape)
    return normalize(
        x, x.mean(axis, keepdims=True), x.var(axis, keepdims=True), gamma, beta, epsilon
    )


def rms_normalization(x, scale=None, axis=-1, epsilon=1e-7):
    """Division by the root of the mean square of one axis."""
    shape = [1] * x.ndim
    shape[axis] = -1
    y = x / np.sqrt((x * x).mean(axis, keepdims=True) + epsilon)
    return y if scale is None else y * scale.reshape(shape)


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """Normalization by given statistics of the channels at `axis`."""
    shape = [1] * x.ndim
    shape[axis] = -1
    mean, variance, offset, scale = (
        None if v is None else v.reshape(shape) for v in (mean, variance, offset, scale)
    )
    return normalize(x, mean, variance, scale, offset, epsilon)


def one_hot(x, num_classes, axis=-1):
    """1 where the class number equals the position."""
    hot = np.asarray(x)[..., None] == np.arange(num_classes)
    return np.moveaxis(hot.astype(np.float64), -1, axis)


def scatter_add(x, indices, updates):
    """`updates` added one after the other."""
    out = np.array(x)
    for place in np.ndindex(indices.shape[:-1]):
        out[tuple(indices[place])] += updates[place]
    return out


def slice_update(x, start, updates):
    """A block written over."""
    out = np.array(x)
    out[tuple(slice(s, s + n) for s, n in zip(start, updates.shape, strict=True))] = updates
    return out
