"""Activations, losses and windows by definition, in NumPy and float64; none shared with isozoo."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special

from . import kernels
from .kernels import Padding


def selu(x: np.ndarray) -> np.ndarray:
    """The published constants times elu."""
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return scale * np.where(x > 0, x, alpha * np.expm1(x))


def celu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """Barron's continuously differentiable elu."""
    return np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha))


def glu(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """One half gated by the other."""
    value, gate = np.split(x, 2, axis)
    return value * scipy.special.expit(gate)


def sparsemax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """The projection on the simplex, row by row, by bisection of its threshold."""

    def row(z):
        low, high = z.min() - 1.0, z.max()
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
        support = z > high
        return np.where(support, z - (z[support].sum() - 1) / support.sum(), 0)

    return np.apply_along_axis(row, axis, x)


def several_axes(
    function: Callable[..., Any], axes: Sequence[int] | None
) -> Callable[..., np.ndarray]:
    """A function of one axis over several, by reshaping."""

    def over(x, axis):
        places = tuple(range(x.ndim)) if axes is None else axes
        rest = [a for a in range(x.ndim) if a not in places]
        order = rest + list(places)
        moved = np.transpose(x, order)
        flat = function(moved.reshape([x.shape[a] for a in rest] + [-1]), -1)
        return np.transpose(flat.reshape(moved.shape), np.argsort(order))

    return over


def binary_crossentropy(
    target: np.ndarray, output: np.ndarray, from_logits: bool = False
) -> np.ndarray:
    """The logarithm of the probability of each target."""
    if from_logits:
        return target * np.logaddexp(0, -output) + (1 - target) * np.logaddexp(0, output)
    output = np.clip(output, 1e-7, 1 - 1e-7)
    return -(target * np.log(output) + (1 - target) * np.log1p(-output))


def categorical_crossentropy(
    target: np.ndarray, output: np.ndarray, from_logits: bool = False, axis: int = -1
) -> np.ndarray:
    """The sum of target times the logarithm of the share of each class."""
    if from_logits:
        logs = scipy.special.log_softmax(output, axis)
    else:
        logs = np.log(np.clip(output / output.sum(axis, keepdims=True), 1e-7, 1 - 1e-7))
    return -(target * logs).sum(axis)


def sparse_categorical_crossentropy(
    target: np.ndarray, output: np.ndarray, from_logits: bool = False, axis: int = -1
) -> np.ndarray:
    """The same with the target given by its number, which may be out of range."""
    if target.ndim == output.ndim:
        target = target[..., 0]
    hot = target[..., None] == np.arange(output.shape[axis])
    return categorical_crossentropy(np.moveaxis(hot, -1, axis), output, from_logits, axis)


def moments(x: np.ndarray, axes: Any, keepdims: bool = False) -> list[np.ndarray]:
    """NumPy's."""
    axes = tuple(axes) if isinstance(axes, list) else axes
    return [x.mean(axes, keepdims=keepdims), x.var(axes, keepdims=keepdims)]


def normalize(x: np.ndarray, axis: int = -1, order: float = 2, epsilon: float = 1e-7) -> np.ndarray:
    """Division by the norm, which is at least epsilon."""
    norm = (np.abs(x) ** order).sum(axis, keepdims=True) ** (1 / order)
    return x / np.maximum(norm, epsilon)


def over_axes(function: Callable[..., Any], count: int) -> Callable[..., np.ndarray]:
    """A normalization of one axis over `count` last ones."""

    def over(x, *vectors, axis, **settings):
        flat = x.reshape(*x.shape[: x.ndim - count], -1)
        vectors = [None if v is None else v.reshape(-1) for v in vectors]
        return function(flat, *vectors, **settings).reshape(x.shape)

    return over


def conv_transpose(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> np.ndarray:
    """Each input adds its share to the window that it came from; then what is too much is cut."""
    rank = kernel.ndim - 2
    strides, dilation = (kernels.per_axis(v, rank) for v in (strides, dilation_rate))
    size = kernel.shape[:rank]
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    more = (None,) * rank if output_padding is None else kernels.per_axis(output_padding, rank)
    axes = list(zip(x.shape[1:-1], reach, strides, more, strict=True))
    if padding == "valid":
        output = [(n - 1) * s + (max(k, s) if p is None else k + p) for n, k, s, p in axes]
    else:
        output = [n * s if p is None else (n - 1) * s + k % 2 + p for n, k, s, p in axes]
    whole = [max((n - 1) * s + k, o) + k for (n, k, s, _), o in zip(axes, output, strict=True)]
    total = np.zeros((len(x), *whole, kernel.shape[-2]))
    for place in itertools.product(*map(range, x.shape[1:-1])):
        for tap in itertools.product(*map(range, size)):
            at = [p * s + t * d for p, s, t, d in zip(place, strides, tap, dilation, strict=True)]
            total[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[tap].T
    front = [0] * rank
    if padding == "same":  # what a convolution of the output with padding "same" would pad before
        front = [
            max((n - 1) * s + k - o, 0) // 2 for (n, k, s, _), o in zip(axes, output, strict=True)
        ]
    cut = tuple(slice(f, f + o) for f, o in zip(front, output, strict=True))
    return total[(slice(None), *cut)]


def adaptive_pool(
    x: np.ndarray, output_size: int | Sequence[int], reduce: Callable[..., Any] = np.max
) -> np.ndarray:
    """Window by window."""
    rank = x.ndim - 2
    output = kernels.per_axis(output_size, rank)
    result = np.zeros((len(x), *output, x.shape[-1]))
    for place in itertools.product(*map(range, output)):
        cut = tuple(
            slice(p * n // o, -(-(p + 1) * n // o))
            for p, n, o in zip(place, x.shape[1:-1], output, strict=True)
        )
        axes = tuple(range(1, rank + 1))
        result[(slice(None), *place)] = reduce(x[(slice(None), *cut)], axis=axes)
    return result


def unfold(
    x: np.ndarray,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> np.ndarray:
    """Window by window, channels first."""
    (k, w), (d, e), (p, q), (s, t) = (
        kernels.per_axis(v, 2) for v in (kernel_size, dilation, padding, stride)
    )
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)))
    rows = range(0, x.shape[2] - (k - 1) * d, s)
    columns = range(0, x.shape[3] - (w - 1) * e, t)
    windows = [
        x[:, :, i : i + (k - 1) * d + 1 : d, j : j + (w - 1) * e + 1 : e].reshape(len(x), -1)
        for i in rows
        for j in columns
    ]
    return np.stack(windows, -1)


def fold(
    x: np.ndarray,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> np.ndarray:
    """The transpose of unfold, which is linear: its matrix, from unit images."""
    output, size = kernels.per_axis(output_size, 2), kernels.per_axis(kernel_size, 2)
    channels = x.shape[1] // (size[0] * size[1])
    cells = channels * output[0] * output[1]
    units = np.eye(cells).reshape(cells, channels, *output)
    columns = unfold(units, size, dilation, padding, stride).reshape(cells, -1)
    return (x.reshape(len(x), -1) @ columns.T).reshape(len(x), channels, *output)


def depth_to_space(
    x: np.ndarray, block_size: int, data_format: str = "channels_last"
) -> np.ndarray:
    """Pixel by pixel."""
    first = data_format == "channels_first"
    x = np.moveaxis(x, 1, -1) if first else x
    b, (n, h, w, c) = block_size, x.shape
    y = np.zeros((n, h * b, w * b, c // (b * b)))
    for i, j, k in itertools.product(range(h * b), range(w * b), range(c // (b * b))):
        place = (i % b) * b + j % b
        source = k * b * b + place if first else place * (c // (b * b)) + k
        y[:, i, j, k] = x[:, i // b, j // b, source]
    return np.moveaxis(y, -1, 1) if first else y


def space_to_depth(
    x: np.ndarray, block_size: int, data_format: str = "channels_last"
) -> np.ndarray:
    """The permutation that depth_to_space undoes, found from numbered elements."""
    b, first = block_size, data_format == "channels_first"
    n, h, w, c = (x.shape[0], *x.shape[2:], x.shape[1]) if first else x.shape
    sizes = (h // b, w // b)
    shape = (n, c * b * b, *sizes) if first else (n, *sizes, c * b * b)
    numbers = np.arange(x.size, dtype=float).reshape(shape)
    places = depth_to_space(numbers, b, data_format).astype(int)
    flat = np.zeros(x.size)
    flat[places.reshape(-1)] = x.reshape(-1)
    return flat.reshape(shape)


def multi_hot(x: np.ndarray, num_classes: int, axis: int = -1) -> np.ndarray:
    """The largest of the one-hot vectors."""
    return kernels.one_hot(x, num_classes, axis).max(1 if x.ndim > 1 else 0)


def separable_conv(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation_rate: int | Sequence[int] = 1,
) -> np.ndarray:
    """One convolution after the other."""
    y = kernels.depthwise_conv(x, depthwise, strides, padding, dilation_rate)
    return kernels.conv(y, pointwise)


def attention(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    *,
    attn_logits_soft_cap: float | None = None,
    **settings: Any,
) -> np.ndarray:
    """Heads of key repeated, scores bent."""
    groups = query.shape[2] // key.shape[2]
    key, value = (np.repeat(x, groups, 2) for x in (key, value))
    if attn_logits_soft_cap is None:
        return kernels.attention(query, key, value, **settings)
    scores = np.einsum("bthd,bshd->bhts", query, key) * query.shape[-1] ** -0.5
    scores = attn_logits_soft_cap * np.tanh(scores / attn_logits_soft_cap)
    return np.einsum("bhts,bshd->bthd", kernels.softmax(scores), value)


def cached_attention(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    position: int,
    bias: np.ndarray | None = None,
    **settings: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attention to a cache, in which the new tokens stand already."""
    keys, values = np.array(keys), np.array(values)
    place = slice(int(position), int(position) + key.shape[1])
    keys[:, :, place], values[:, :, place] = key.swapaxes(1, 2), value.swapaxes(1, 2)
    y = attention(query, keys.swapaxes(1, 2), values.swapaxes(1, 2), bias=bias, **settings)
    return y, keys, values


def turn_halves(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """x * cos + (x with its halves exchanged) * sin."""
    first, second = np.split(x, 2, axis=-1)
    return x * cos + np.concatenate([second, first], axis=-1) * sin


def _alignments(labels, blank):
    """Labels with a blank around each of them."""
    return [blank, *(c for label in labels for c in (label, blank))]


def ctc_loss(
    target: np.ndarray,
    output: np.ndarray,
    target_length: np.ndarray,
    output_length: np.ndarray,
    mask_index: int = 0,
) -> np.ndarray:
    """The forward recursion of Graves et al. 2006, with probabilities as they are, and scaled."""
    losses = []
    for labels, logits, count, time in zip(
        target, output, target_length, output_length, strict=True
    ):
        states = _alignments(labels[:count], mask_index)
        shares = kernels.softmax(logits[:time])
        forward, log_scale = np.eye(1, len(states))[0], 0.0
        for share in shares:
            moved = np.zeros(len(states))
            for s, label in enumerate(states):
                moved[s] = forward[s] + (forward[s - 1] if s else 0)
                if s > 1 and label not in (mask_index, states[s - 2]):
                    moved[s] += forward[s - 2]
                moved[s] *= share[label]
            log_scale += np.log(moved.sum())
            forward = moved / moved.sum()
        losses.append(-log_scale - np.log(forward[-2:].sum()))
    return np.array(losses)


def ctc_paths(logits: np.ndarray, blank: int = 0) -> dict[tuple[int, ...], float]:
    """The probability of every row of labels, by all alignments: {labels: log probability}."""
    logs = np.log(kernels.softmax(logits))
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        merged = [label for label, _ in itertools.groupby(path) if label != blank]
        total = sum(logs[step, label] for step, label in enumerate(path))
        key = tuple(merged)
        found[key] = np.logaddexp(found.get(key, -np.inf), total)
    return found


def ctc_beam_search(
    inputs: np.ndarray, lengths: np.ndarray, paths: int, mask_index: int = 0
) -> list[np.ndarray]:
    """The likeliest rows of labels, none left out: (paths, batch, time), log probabilities."""
    labels = np.full((paths, len(inputs), inputs.shape[1]), -1)
    scores = np.zeros((len(inputs), paths))
    for i, (logits, time) in enumerate(zip(inputs, lengths, strict=True)):
        ranked = sorted(ctc_paths(logits[:time], mask_index).items(), key=lambda found: -found[1])
        for place, (row, score) in enumerate(ranked[:paths]):
            labels[place, i, : len(row)], scores[i, place] = row, score
    return [labels, scores]


def ctc_greedy(inputs: np.ndarray, lengths: np.ndarray, mask_index: int = 0) -> list[np.ndarray]:
    """The likeliest class of each step, runs as one, blanks left out."""
    labels = np.full((1, len(inputs), inputs.shape[1]), -1)
    scores = np.zeros((len(inputs), 1))
    for i, (logits, time) in enumerate(zip(inputs, lengths, strict=True)):
        runs = itertools.groupby(logits[:time].argmax(-1))
        row = [label for label, _ in runs if label != mask_index]
        labels[0, i, : len(row)] = row
        scores[i] = -logits[:time].max(-1).sum()
    return [labels, scores]
