"""Spectra, frames and segments by NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal

Pair = tuple[np.ndarray, np.ndarray]  # real and imaginary parts


def pair(function: Callable[..., Any]) -> Callable[..., Pair]:
    """A function of complex arrays as one of pairs (real, imaginary), which gives such a pair."""

    def call(x, *args, **kwargs):
        y = function(x[0] + 1j * x[1], *args, **kwargs)
        return y.real, y.imag

    return call


def rfft(x: np.ndarray, fft_length: int | None = None) -> Pair:
    """NumPy's, as a pair."""
    y = np.fft.rfft(x, fft_length)
    return y.real, y.imag


def irfft(x: Pair, fft_length: int | None = None) -> np.ndarray:
    """NumPy's, of a pair."""
    return np.fft.irfft(x[0] + 1j * x[1], fft_length)


def frames(x: np.ndarray, sequence_length: int, sequence_stride: int) -> np.ndarray:
    """Cuts frames one after the other, on a new axis before the last."""
    starts = range(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return np.stack([x[..., s : s + sequence_length] for s in starts], -2)


def window_of(window: str | np.ndarray, length: int, whole: int) -> np.ndarray:
    """Returns SciPy's window of a name, or the given one, in the middle of `whole` zeros."""
    values = scipy.signal.get_window(window, length) if isinstance(window, str) else window
    before = (whole - length) // 2
    return np.pad(values, (before, whole - length - before))


def stft(
    x: np.ndarray,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | np.ndarray | None = "hann",
    center: bool = True,
) -> Pair:
    """By SciPy, whose result is divided by the sum of the window."""
    values = np.ones(fft_length)
    values = values if window is None else window_of(window, sequence_length, fft_length)
    if center:
        pads = [(0, 0)] * (x.ndim - 1) + [(fft_length // 2,) * 2]
        x = np.pad(x, pads, "reflect")
    _, _, y = scipy.signal.stft(x, window=values, nperseg=fft_length, boundary=None, padded=False,
                                noverlap=fft_length - sequence_stride)  # fmt: skip
    y = y.swapaxes(-1, -2) * values.sum()
    return y.real, y.imag


def istft(
    x: Pair,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | np.ndarray | None = "hann",
    center: bool = True,
) -> np.ndarray:
    """By sums over frames."""
    pieces = irfft(x, fft_length)
    number = pieces.shape[-2]
    total = np.zeros((*pieces.shape[:-2], (number - 1) * sequence_stride + fft_length))
    weight = np.zeros(total.shape[-1])
    values = np.ones(fft_length)
    values = values if window is None else window_of(window, sequence_length, fft_length)
    for i in range(number):
        place = slice(i * sequence_stride, i * sequence_stride + fft_length)
        total[..., place] += pieces[..., i, :] * values
        weight[place] += values**2
    y = total if window is None else total / np.where(weight > 1e-10, weight, 1)
    start = fft_length // 2 if center else 0
    y = y[..., start : y.shape[-1] - start if length is None else start + length]
    missing = 0 if length is None else length - y.shape[-1]
    return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, missing)])


def segments(function: Callable[..., Any], empty: float) -> Callable[..., np.ndarray]:
    """The reduction of the rows of each segment by a NumPy function."""

    def reduce(data, segment_ids, num_segments=None, sorted=False):
        number = segment_ids.max() + 1 if num_segments is None else num_segments
        rows = [data[segment_ids == i] for i in range(number)]
        return np.stack([function(r, 0) if len(r) else np.full(r.shape[1:], empty) for r in rows])

    return reduce


def in_top_k(targets: np.ndarray, predictions: np.ndarray, k: int) -> np.ndarray:
    """Whether the target is among the first `k` of the predictions, sorted downward."""
    order = np.argsort(-predictions, -1, kind="stable")[..., :k]
    return (order == targets[..., None]).any(-1)
