"""Picking, placing and casting on NumPy arrays."""

import numpy as np

_REDUCE = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


class ArrayKernels:
    """Kernels of arrays that are no plain renames."""

    def searchsorted(self, line, values, side):
        if line.dtype.kind == "V" or values.dtype.kind == "V":  # not NumPy's own: no order of NaN
            line, values = line.astype(np.float32), values.astype(np.float32)
        return np.searchsorted(line, values, side)

    def scatter(self, x, indices, updates, reduction):
        out, places = np.copy(x), tuple(np.moveaxis(indices, -1, 0))
        if reduction is None:
            out[places] = updates
        else:
            _REDUCE[reduction].at(out, places, updates)
        return out

    def bitcast(self, x, dtype):
        # (A scalar would become a vector.)
        y = np.ascontiguousarray(x).view(self._native[dtype])  # pyright: ignore
        return y if np.ndim(x) else y.reshape(())

    def complex_from(self, real, imag):
        return real + np.asarray(1j, np.result_type(real, np.complex64)) * imag

    def get_item(self, x, key):
        return x[tuple(map(_listed, key)) if isinstance(key, tuple) else _listed(key)]


def _listed(key):
    """An empty list holds no floats, as NumPy thinks, but no places."""
    return np.zeros(np.shape(key), np.int64) if isinstance(key, list) and not np.size(key) else key
