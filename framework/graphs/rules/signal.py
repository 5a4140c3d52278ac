"""ONNX's Fourier transforms, windows and mel filters.

Definition: github.com/onnx/onnx, docs/Operators.md. Complex numbers are pairs on a last axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


@rule("DFT", numbers=(1, 2))
def _dft(call: Call, x: Any, length: Any = None, axis: Any = None) -> Any:
    rank = rank_of(x)
    if call.version < 20:
        place = call.get("axis", 1)
    else:
        place = -2 if axis is None else int(call.int(axis, "the axis"))
    place = call.axis(place, rank)
    inverse, half = bool(call.get("inverse", 0)), bool(call.get("onesided", 0))
    count = shape_of(x)[place] if length is None else int(call.int(length, "the length"))
    if inverse and half and length is None:
        count = 2 * (count - 1)
    call.limit(count)
    dtype = dtype_of(x)
    x = ops.cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    pair = shape_of(x)[-1] == 2
    real = ops.moveaxis(ops.get_item(x, (..., 0)), place, -1)
    imag = ops.moveaxis(ops.get_item(x, (..., 1)), place, -1) if pair else ops.zeros_like(real)
    kept = count // 2 + 1 if inverse and half else count
    real, imag = _sized(real, kept), _sized(imag, kept)
    if inverse and half:
        parts = [ops.irfft((real, imag), count)]
    elif inverse:
        parts = [ops.divide(p, count) for p in _transformed(real, ops.negative(imag))]
        parts[1] = ops.negative(parts[1])
    else:
        parts = list(_transformed(real, imag))
        if half:
            parts = [ops.get_item(p, (..., slice(0, count // 2 + 1))) for p in parts]
    found = ops.stack([ops.moveaxis(p, -1, place) for p in parts], -1)
    return ops.cast(found, dtype)


def _sized(x: Any, count: int) -> Any:
    have = shape_of(x)[-1]
    if have < count:
        return ops.pad(x, [(0, 0)] * (rank_of(x) - 1) + [(0, count - have)])
    return ops.get_item(x, (..., slice(0, count))) if have > count else x


# Transforms of other lengths than these go by a matrix, which for short ones costs no more.
_MOST_BY_MATRIX = 4096


def _transformed(real: Any, imag: Any) -> tuple[Any, Any]:
    """The discrete Fourier transform along the last axis."""
    return ops.fft((real, imag))


@rule("STFT", numbers=(1, 3))
def _stft(call: Call, x: Any, step: Any, window: Any = None, length: Any = None) -> Any:
    """(batch, frames, bins, 2) of a signal (batch, samples), or of pairs (batch, samples, 2)."""
    hop = int(call.int(step, "the step"))
    size = shape_of(window)[0] if length is None else int(call.int(length, "the frames' length"))
    samples, half = shape_of(x)[1], bool(call.get("onesided", 1))
    if hop < 1 or size < 1:
        raise call.wrong(f"frames of {size} samples every {hop} samples")
    if not isinstance(samples, int):
        raise call.wrong("the number of samples is not known")
    count = (samples - size) // hop + 1
    call.limit(count * size)
    index = (np.arange(count)[:, None] * hop + np.arange(size)[None]).astype(np.int32)
    pair = rank_of(x) == 3 and shape_of(x)[2] == 2
    flat = x if rank_of(x) == 2 or pair else ops.squeeze(x, 2)
    parts = [ops.get_item(flat, (..., n)) for n in range(2)] if pair else [flat]
    frames = [ops.take(part, index, 1) for part in parts]
    if window is not None:
        frames = [ops.multiply(frame, window) for frame in frames]
    if half and not pair:
        found = ops.rfft(frames[0], size)
    else:
        real = frames[0]
        found = _transformed(real, frames[1] if pair else ops.zeros_like(real))
        if half:
            found = tuple(ops.get_item(p, (..., slice(0, size // 2 + 1))) for p in found)
    return ops.stack(list(found), -1)


def _window(call: Call, size: Any, *factors: float) -> Any:
    """A sum of cosines: a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N)."""
    count = int(call.int(size, "the size"))
    call.limit(count)
    span = count if call.get("periodic", 1) else max(count - 1, 1)
    angle = 2 * np.pi * np.arange(count) / span
    made = sum((-1) ** k * a * np.cos(k * angle) for k, a in enumerate(factors))
    return ops.cast(np.asarray(made), call.dtype(call.get("output_datatype", "float32")))


@rule("HannWindow", numbers=(0,))
def _hann(call: Call, size: Any) -> Any:
    return _window(call, size, 0.5, 0.5)


@rule("HammingWindow", numbers=(0,))
def _hamming(call: Call, size: Any) -> Any:
    return _window(call, size, 25 / 46, 21 / 46)


@rule("BlackmanWindow", numbers=(0,))
def _blackman(call: Call, size: Any) -> Any:
    return _window(call, size, 0.42, 0.5, 0.08)


@rule("MelWeightMatrix", numbers=(0, 1, 2, 3, 4))
def _mel(call: Call, bins: Any, length: Any, rate: Any, low: Any, high: Any) -> Any:
    """(length / 2 + 1, bins): triangles whose corners are even steps of the mel scale."""
    count, size = int(call.int(bins, "the bins")), int(call.int(length, "the length"))
    hertz, first, last = (
        float(call.numbers(x, "a frequency").reshape(())) for x in (rate, low, high)
    )
    call.limit(count * (size // 2 + 1))
    ends = 2595 * np.log10(1 + np.array([first, last]) / 700)
    mels = ends[0] + np.arange(count + 2) * (ends[1] - ends[0]) / (count + 2)
    corners = np.floor((size + 1) * 700 * (10 ** (mels / 2595) - 1) / hertz).astype(int)
    made = np.zeros((size // 2 + 1, count))
    places = np.arange(size // 2 + 1)
    for n in range(count):
        left, middle, right = corners[n : n + 3]
        if middle == left:
            made[middle, n] = 1
        else:
            rising = (places >= left) & (places <= middle)
            made[rising, n] = (places[rising] - left) / (middle - left)
        if right > middle:
            falling = (places >= middle) & (places < right)
            made[falling, n] = (right - places[falling]) / (right - middle)
    return ops.cast(made, call.dtype(call.get("output_datatype", "float32")))
