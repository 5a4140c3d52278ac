"""Bad calls of linear algebra, spectra, frames and segments."""

from __future__ import annotations

import numpy as np

from .table import bad, floats

for name in ("cholesky", "cholesky_inverse", "det", "slogdet", "logdet", "eig", "eigh", "inv"):
    bad(name, floats(2, 3), names="x square (2, 3)")
    bad(name, floats(3), names="x two axes (3,)")
for name in ("lu_factor", "qr", "svd", "pinv", "matrix_rank"):
    bad(name, floats(3), names="x two axes (3,)")
bad("qr", floats(2, 2), "raw", names="mode 'raw' 'reduced' 'complete'")
for name in ("solve", "solve_triangular"):
    bad(name, floats(2, 3), floats(2), names="a square (2, 3)")
    bad(name, floats(3, 3), floats(2), names="b (2,) M = 3")
    bad(name, floats(3, 3), 1.0, names="b () M = 3")
bad("lstsq", floats(2, 3, 3), floats(3), names="a (2, 3, 3) 2 axes")
bad("lstsq", floats(4, 3), floats(3), names="b (3,) M = 4")
bad("lstsq", floats(4, 3), floats(4, 1, 1), names="b (4, 1, 1) 1 or 2")
bad("norm", floats(3), "fro", names="ord 'fro' vectors")
bad("norm", floats(3, 3), 3, names="ord 3 'nuc'")
bad("norm", floats(3, 3), axis=2, names="axis 2 -2 1")
bad("norm", floats(3, 3), axis=(1, -1), names="axis (1, -1) different")
bad("norm", floats(2, 3, 3), axis=(0, 1, 2), names="axis (0, 1, 2) two")
bad("cdist", floats(2, 3), floats(2, 4), names="y (2, 4) 3")
bad("cdist", floats(3), floats(2, 3), names="x (3,)")

IDS = np.zeros(3, np.int32)
for name in ("segment_sum", "segment_max", "segment_min", "segment_prod"):
    bad(name, floats(4, 2), IDS, 2, names="segment_ids (3,) (4,)")
    bad(name, floats(3, 2), floats(3), 2, names="segment_ids float32 integers")
    bad(name, floats(1, 3), IDS[None], 2, names="segment_ids (1, 3)")
    bad(name, floats(3, 2), IDS, -1, names="num_segments -1")
bad("in_top_k", IDS, floats(3), 1, names="predictions (3,)")
bad("in_top_k", floats(3), floats(3, 2), 1, names="targets float32 integers")

for name in ("fft", "fft2", "ifft2", "irfft"):
    bad(name, floats(2, 4), names="x (2, 4) two tensors")
    bad(name, (floats(2, 4), floats(2, 3)), names="x (2, 4) (2, 3) one shape")
    bad(name, (np.ones((2, 4), np.int32), np.ones((2, 4), np.int32)), names="x int32 floats")
bad("fft2", (floats(4), floats(4)), names="x (4,) 2")
bad("rfft", floats(4), 0, names="fft_length 0")
bad("rfft", floats(), names="x () one axis")
bad("extract_sequences", floats(), 2, 1, names="x ()")
bad("extract_sequences", floats(4), 0, 1, names="sequence_length 0 positive")
bad("extract_sequences", floats(4), 2, 1.5, names="sequence_stride 1.5 positive")
bad("stft", np.ones(9, np.int32), 4, 2, 4, names="x int32 float32 float64")
bad("stft", floats(9), 4, 2, 3, names="fft_length 3 4")
bad("stft", floats(9), 4, 0, 4, names="sequence_stride 0")
bad("stft", floats(9), 4, 2, 4, "blackman", names="window 'blackman' 'hann'")
bad("stft", floats(9), 4, 2, 4, floats(3), names="window (3,) (4,)")
bad("stft", floats(3), 4, 2, 4, center=False, names="x (3,) 4")
bad("istft", floats(5, 3), 4, 2, 4, names="x two tensors")
bad("istft", (floats(3), floats(3)), 4, 2, 4, names="x (3,) 2")
bad("istft", (floats(5, 3), floats(5, 3)), 4, 2, 4, -1, names="length -1")
