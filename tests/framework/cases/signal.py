"""Rows of ops: spectra, frames, segments and special functions."""

from __future__ import annotations

import numpy as np
import scipy.special

from isozoo.scripts.references import signal as by_hand

from .table import CUBE, FLOAT, FLOATS, NOBOOL, SMALL, UNIT, A, case, numbers, rows

EXACT = {"of_largest": True}
case("erfc", A, reference=scipy.special.erfc, dtype=FLOAT, error=2e-6)
case("erfinv", UNIT, reference=scipy.special.erfinv, dtype=FLOAT, error=2e-6)

REAL, IMAGINARY = rows(4, 6), rows(4, 6)
for name, function in (("fft", np.fft.fft), ("fft2", np.fft.fft2), ("ifft2", np.fft.ifft2)):
    case(name, [REAL, IMAGINARY], reference=by_hand.pair(function), tried=FLOATS, **EXACT)
    case(name, [REAL[..., 1:], IMAGINARY[..., 1:]], reference=by_hand.pair(function), tried=(),
         note="odd", **EXACT)  # fmt: skip
case("rfft", rows(8), reference=by_hand.rfft, dtype=FLOAT, **EXACT)
case("rfft", rows(8), 6, reference=by_hand.rfft, dtype=FLOAT, tried=(), **EXACT)
case("rfft", rows(5), 8, reference=by_hand.rfft, dtype=FLOAT, tried=(), **EXACT)
SPECTRUM = [rows(5), rows(5)]
for length in (None, 9, 6, 12):
    case("irfft", SPECTRUM, length, reference=by_hand.irfft, tried=() if length else FLOATS,
         **EXACT)  # fmt: skip

case("extract_sequences", rows(3, 10), 4, 3, reference=by_hand.frames)
case("extract_sequences", rows(10), 3, 1, reference=by_hand.frames, tried=())
case("extract_sequences", numbers(10), 3, 8, reference=by_hand.frames, tried=())
SIGNAL = rows(38)
WINDOW = numbers(8, low=0.25, high=1.0)
FRAMINGS = (
    (8, 2, 8),
    (8, 3, 8, "hamming"),
    (6, 4, 9, "hann"),
    (6, 2, 9, "hann", False),
    (8, 4, 10, None),
    (8, 4, 10, None, False),
    (1, 1, 1),
    (3, 5, 8),
)
for framing in FRAMINGS:
    case("stft", SIGNAL, *framing, reference=by_hand.stft, tried=("float64",), **EXACT)
case("stft", rows(2, 40), 8, 4, 8, reference=by_hand.stft, tried=(), **EXACT)
case("stft", SIGNAL, 8, 4, 10, WINDOW, reference=by_hand.stft, tried=(), note="window", **EXACT)
PARTS = {n: [rows(5, n // 2 + 1), rows(5, n // 2 + 1)] for n in (1, 8, 9, 10)}
for framing in FRAMINGS[:-1]:
    length, stride, whole, *rest = framing
    case("istft", PARTS[whole], length, stride, whole, None, *rest, reference=by_hand.istft,
         tried=("float64", "float16"), error=2e-6, **EXACT)  # fmt: skip
for length in (10, 20):
    case("istft", PARTS[8], 8, 2, 8, length, reference=by_hand.istft, tried=(), error=2e-6,
         note=f"length-{length}", **EXACT)  # fmt: skip
case("istft", [rows(2, 5, 6), rows(2, 5, 6)], 8, 4, 10, window=WINDOW, reference=by_hand.istft,
     tried=(), error=2e-6, note="window", **EXACT)  # fmt: skip

IDS = np.array([2, 0, 2, 1, -1, 3, 9], np.int32)
UP = np.array([0, 0, 1, 1, 1, 2, 3], np.int32)
SEGMENTS = {
    "sum": (np.sum, 0),
    "prod": (np.prod, 1),
    "max": (np.max, -np.inf),
    "min": (np.min, np.inf),
}
for name, (function, empty) in SEGMENTS.items():
    reference = by_hand.segments(function, empty)
    case(f"segment_{name}", CUBE, IDS % 3, 3, fixed=(1,), reference=reference, dtype=NOBOOL,
         of_largest=name in ("sum", "prod"))  # fmt: skip
    case(f"segment_{name}", CUBE, IDS, 4, fixed=(1,), reference=reference, dtype=NOBOOL,
         tried=(), gradient=False, note="dropped", error=1e-5)  # fmt: skip
    case(f"segment_{name}", CUBE, UP, 4, True, fixed=(1,), reference=reference, dtype=NOBOOL,
         tried=(), gradient=False, note="sorted", error=1e-5)  # fmt: skip
case("segment_sum", A, IDS, 5, fixed=(1,), reference=by_hand.segments(np.sum, 0), tried=(), **EXACT)
case(
    "segment_prod", A, IDS, 5, fixed=(1,), reference=by_hand.segments(np.prod, 1), tried=(), **EXACT
)

TARGETS = SMALL[:, 0] % 5
for k in (1, 3):
    case("in_top_k", TARGETS, A, k, reference=by_hand.in_top_k, dtype="bool", gradient=False,
         tried=())  # fmt: skip
