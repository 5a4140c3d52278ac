"""Ops of arrays by definition, in NumPy; none is shared with isozoo."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

_REDUCE = {"add": operator.add, "max": max, "min": min, "mul": operator.mul}


def trace(x: np.ndarray, offset: int = 0, axis1: int = 0, axis2: int = 1) -> np.ndarray:
    """The sum along a diagonal, in float64."""
    return np.trace(x, offset, axis1, axis2)


def scatter(indices: np.ndarray, values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Zeros with values added one after the other."""
    out = np.zeros(shape)
    for place in np.ndindex(indices.shape[:-1]):
        out[tuple(indices[place])] += values[place]
    return out


def scatter_update(
    inputs: np.ndarray, indices: np.ndarray, updates: np.ndarray, reduction: str | None = None
) -> np.ndarray:
    """Updates put in one after the other."""
    out = np.array(inputs)
    for place in np.ndindex(indices.shape[:-1]):
        where = tuple(indices[place])
        if reduction is None:
            out[where] = updates[place]
        else:
            out[where] = np.frompyfunc(_REDUCE[reduction], 2, 1)(out[where], updates[place])
    return out


def histogram(
    x: np.ndarray, bins: int = 10, span: tuple[float, float] | None = None
) -> list[np.ndarray]:
    """NumPy's counts, and its edges."""
    return list(np.histogram(x, bins, span))


def unique(
    x: np.ndarray,
    size: int | None = None,
    fill_value: float = 0,
    axis: int | None = None,
    **asked: Any,
) -> list[np.ndarray]:
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
