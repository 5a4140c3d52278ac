"""Rows of ops: spectra and frames."""

import numpy as np

from ...references import signal
from ..draws import FLOATS, REAL, Draw
from ..rows import Call, row

ROUGH = {"size": "largest", "error": 32}


def _parts(axes: int):
    def make(draw: Draw) -> Call:
        shape = (*draw.shape(0, 1), *(draw.size(1) for _ in range(axes)))
        kind = draw.dtype(FLOATS)
        return Call([[draw.array(shape, kind, "tame"), draw.array(shape, kind, "tame")]])

    return make


for name, axes in (("fft", 1), ("fft2", 2), ("ifft2", 2)):
    row(name, _parts(axes), signal.pair(getattr(np.fft, name)), **ROUGH)


def _real(draw: Draw) -> Call:
    x = draw.array((*draw.shape(0, 1), draw.size(1)), draw.dtype(REAL), "tame")
    return Call([x] if draw.chance(0.5) else [x, draw.whole(1, 6)])


row("rfft", _real, signal.rfft, meet="float", operands=(0,), **ROUGH, gradient=(0,))


def _half(draw: Draw) -> Call:
    call = _parts(1)(draw)
    n = call.args[0][0].shape[-1]
    if n == 1 or draw.chance(0.5):
        call.args.append(draw.whole(1, 6))
    return call


row("irfft", _half, signal.irfft, operands=(0,), **ROUGH)


def _framed(draw: Draw) -> Call:
    n = draw.whole(2, 12)
    return Call(
        [
            draw.array((*draw.shape(0, 2), n), draw.dtype(REAL), "tame"),
            draw.whole(1, n),
            draw.whole(1, 4),
        ]
    )


row("extract_sequences", _framed, signal.frames, operands=(0,))


def _windowed(draw: Draw) -> Call:
    length = draw.pick(2, 4, 5)
    whole = length + draw.pick(0, 2)
    n = whole + draw.whole(1, 8)
    x = draw.array((*draw.shape(0, 1), n), draw.pick("float32", "float64"), "tame")
    return Call(
        [x, length, draw.whole(1, length), whole],
        {"window": draw.pick("hann", "hamming", None), "center": draw.chance(0.5)},
    )


def _stft(x, length, stride, whole, window, center):
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(whole // 2,) * 2], "reflect")
    values = np.ones(whole) if window is None else signal.window_of(window, length, whole)
    starts = range(0, x.shape[-1] - whole + 1, stride)
    frames = np.stack([x[..., s : s + whole] for s in starts], -2)
    y = np.fft.rfft(frames * values)
    return y.real, y.imag


row("stft", _windowed, _stft, operands=(0,), **ROUGH, gradient=(0,))


def _spectra(draw: Draw) -> Call:
    length = draw.pick(4, 5)
    whole = length + draw.pick(0, 2)
    shape = (*draw.shape(0, 1), draw.whole(3, 5), whole // 2 + 1)
    kind = draw.pick("float32", "float64")
    return Call(
        [
            [draw.array(shape, kind, "tame"), draw.array(shape, kind, "tame")],
            length,
            draw.whole(1, 2),
            whole,
        ],
        {"window": draw.pick("hamming", None), "center": draw.chance(0.5)},
    )


def _istft(x, length, stride, whole, window, center):
    return signal.istft(x, length, stride, whole, None, window, center)


row("istft", _spectra, _istft, operands=(0,), size="largest", error=256)
