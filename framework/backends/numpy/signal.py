"""Frames and segments on NumPy."""

import numpy as np

from ..derived.signal import identity


class NumpySignal:
    """Kernels of signals and segments."""

    def complex(self, real, imag):
        z = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
        z.real, z.imag = real, imag
        return z

    def extract_sequences(self, x, length, stride):
        if x.shape[-1] < length:
            return np.empty((*x.shape[:-1], 0, length), x.dtype)
        frames = np.lib.stride_tricks.sliding_window_view(x, length, -1)
        return frames[..., ::stride, :].copy()

    def count_segments(self, ids):
        return int(ids.max(initial=-1)) + 1

    def segment_reduce(self, kind, data, ids, number, sorted):
        function = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[kind]
        inside = (ids >= 0) & (ids < number)
        start = identity(kind, data.dtype.name)
        out = np.full((number, *data.shape[1:]), start, data.dtype)
        with np.errstate(all="ignore"):
            function.at(out, ids[inside].astype(np.int64), data[inside])
        return out
