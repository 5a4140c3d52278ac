"""Ops of arrays by definition, in NumPy; none is shared with isozoo."""

from __future__ import annotations

import operator

import numpy as np

_REDUCE = {"add": operator.add, "max": max, "min": min, "mul": operator.mul}


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum along a diagonal, in float64."""
    return np.trace(x, offset, axis1, axis2)


def scatter(indices, values, shape):
    """Zeros with values added one after the other."""
    out = np.zeros(shape)
    for place in np.ndindex(indices.shape[:-1]):
        out[tuple(indices[place])] += values[place]
    return out


def scatter_update(inputs, indices, updates, reduction=None):
    """Updates put in one after the other."""
    out = np.array(inputs)
    for place in np.ndindex(indices.shape[:-1]):
        where = tuple(indices[place])
        if reduction is None:
            out[where] = updates[place]
        else:
            out[where] = np.frompyfunc(_REDUCE[reduction], 2, 1)(out[where], updates[place])
    return out


def histogram(x, bins=10, span=None):
    """NumPy's counts, and its edges."""
    return list(np.histogram(x, bins, span))


def unique(x, size=None, fill_value=0, axis=None, **asked):
    """NumPy's, cut or filled to `size`."""
    values, index, inverse, counts = np.unique(x, axis=axis, **asked)
    if size is not None:
        values = np.moveaxis(values, axis or 0, 0)
        values, index, counts = (
            np.pad(y[:size], [(0, max(size - len(y), 0))] + [(0, 0)] * (y.ndim - 1),
                   constant_values=fill)
            for y, fill in ((values, fill_value), (index, index[0]), (counts, 0))
        )  # fmt: skip
        values = np.moveaxis(values, 0, axis or 0)
    return [values, index, inverse, counts]
