"""Averages with weights, quantiles, correlations and integrals, as NumPy defines them."""

import math
from typing import Any

import numpy as np

from ..typing import Axis, TensorLike
from .checks import axis_of, of_rank, one_of, rank_of
from .dispatch import Tensor, flattened, float_promoted, floating, tensor
from .errors import wrong
from .op import op
from .reductions import _places, mean

_ARRAYS = (np.ndarray, np.generic)
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Tensor:
    """Returns the mean, in a float dtype; with `weights` sum(x * weights) / sum(weights).

    `weights` has the shape of `x`, or one axis, of the length of `axis`.
    """
    if weights is None:
        return mean(x, axis)
    backend, x, weights = float_promoted(x, weights)
    shape, given = backend.static_shape(x), backend.static_shape(weights)
    if len(given) == 1 and isinstance(axis, int):
        place = axis_of(backend, x, axis)
        if None not in (given[0], shape[place]) and given[0] != shape[place]:
            raise wrong("weights", weights, f"{shape[place]} of them, as axis {axis} is long")
        sizes = tuple(-1 if i == place else 1 for i in range(len(shape)))
        weights = backend.reshape(weights, sizes)
    elif len(given) != len(shape) or any(
        None not in (a, b) and a != b for a, b in zip(given, shape, strict=True)
    ):
        raise wrong("weights", weights, f"the shape {shape} of x, or one axis and an int `axis`")
    x, weights, back = backend.in_single(x, weights)
    axes = tuple(axis) if isinstance(axis, list) else axis
    total = backend.sum(backend.multiply(x, weights), axes, False)
    return back(backend.divide(total, backend.sum(weights, axes, False)))


# Quantiles --------------------------------------------------------------------------------------


@op
def quantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Returns the numbers below which the shares `q` (from 0 to 1) of the elements lie, in a float
    dtype.

    With n sorted elements, the share q stands at place q * (n - 1). Between two elements `method`
    takes a mean by distance ("linear"), one of them ("lower", "higher", "nearest": of places in
    the middle the even one) or their mean ("midpoint"). The axes of `q` come first in the result.
    NaN among the elements, or no elements, give NaN. Definition: NumPy.
    """
    return _quantiles(x, q, 1.0, axis, method, keepdims, False)


@op
def percentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Computes `quantile` with `q` from 0 to 100."""
    return _quantiles(x, q, 100.0, axis, method, keepdims, False)


@op
def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Computes `quantile` of the elements that are not NaN."""
    return _quantiles(x, q, 1.0, axis, method, keepdims, True)


@op
def nanpercentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Computes `percentile` of the elements that are not NaN."""
    return _quantiles(x, q, 100.0, axis, method, keepdims, True)


@op
def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the middle element, or the mean of the middle two, in a float dtype; NaN if one is
    NaN.
    """
    return _quantiles(x, 0.5, 1.0, axis, "linear", keepdims, False)


@op
def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes `median` of the elements that are not NaN."""
    return _quantiles(x, 0.5, 1.0, axis, "linear", keepdims, True)


def _quantiles(x, q, whole: float, axis, method: str, keepdims: bool, skip: bool) -> Tensor:
    one_of(method, "method", *_METHODS)
    backend, x = floating(x)
    shares = _shares(backend, q, whole)
    places = _places(rank_of(backend, x), axis)
    shape = backend.shape(x)
    kept = tuple(n for i, n in enumerate(shape) if i not in places)
    x, back = backend.in_single(x)
    lanes = _lanes(backend, x, places, kept)
    flat = backend.reshape(shares, (-1,))
    if backend.static_shape(lanes)[-1] == 0:
        y = backend.full((*kept, *backend.shape(flat)), math.nan, backend.dtype(lanes))
    else:
        y = _picked(backend, lanes, flat, method, skip)
    if keepdims:
        kept = tuple(1 if i in places else n for i, n in enumerate(shape))
    y = backend.moveaxis(y, -1, 0)
    return back(backend.reshape(y, (*backend.shape(shares), *kept)))


def _shares(backend: Any, q: Any, whole: float) -> Tensor:
    """`q` as float64 from 0 to 1, in which the place of an element is exact."""
    if isinstance(q, _ARRAYS):
        q = q.tolist()
    given = flattened([q])
    if all(isinstance(share, int | float) for share in given):
        if not all(0 <= share <= whole for share in given):
            raise wrong("q", q, f"numbers from 0 to {whole:g}")
        shares = backend.asarray(q, "float64")
    else:
        shares = backend.cast(tensor(q)[1], "float64")
    return shares if whole == 1 else backend.divide(shares, whole)


def _lanes(backend: Any, x: Tensor, places: tuple[int, ...], kept: tuple) -> Tensor:
    """The elements that are reduced along one last axis, in order, NaN at the end."""
    order = (*(i for i in range(rank_of(backend, x)) if i not in places), *places)
    size = 1
    for i in places:
        size = size * backend.shape(x)[i]
    return backend.sort(backend.reshape(backend.transpose(x, order), (*kept, size)), -1)


def _picked(backend: Any, lanes: Tensor, shares: Tensor, method: str, skip: bool) -> Tensor:
    """Quantiles of sorted `lanes` (..., elements) at `shares` (Q), as (..., Q)."""
    if skip:
        real = backend.cast(backend.logical_not(backend.isnan(lanes)), "int32")
        last = backend.subtract(backend.sum(real, -1, True), 1)
        last = backend.cast(backend.maximum(last, backend.asarray(0, "int32")), "float64")
    else:
        last = backend.cast(backend.asarray(backend.shape(lanes)[-1] - 1), "float64")
    place = backend.multiply(shares, last)
    low, high = backend.floor(place), backend.ceil(place)
    if method in ("lower", "higher", "nearest"):
        one = {"lower": low, "higher": high, "nearest": backend.round(place)}[method]
        y = _element(backend, lanes, one, skip)
    else:
        part = backend.subtract(place, low)
        if method == "midpoint":
            part = backend.multiply(backend.ceil(part), 0.5)
        y = _between(backend, lanes, low, high, part, skip)
    if skip:
        return y
    top = lanes[..., -1:]
    return backend.where(backend.isnan(top), top, y)


def _element(backend: Any, lanes: Tensor, place: Tensor, skip: bool) -> Tensor:
    place = backend.cast(place, "int32")
    return backend.take_along_axis(lanes, place, -1) if skip else backend.take(lanes, place, -1)


def _between(backend: Any, lanes: Tensor, low: Tensor, high: Tensor, part: Tensor, skip: bool):
    first, second = (_element(backend, lanes, place, skip) for place in (low, high))
    part = backend.cast(part, backend.dtype(lanes))
    # What has no part may be infinite, and 0 * inf is NaN.
    zero = backend.asarray(0.0, backend.dtype(lanes))
    rest = backend.multiply(first, backend.subtract(1.0, part))
    share = backend.multiply(backend.where(backend.equal(part, zero), zero, second), part)
    return backend.add(rest, share)


# Integrals and correlations ---------------------------------------------------------------------


def _cut(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    return x[(*(slice(None),) * axis, slice(start, stop))]


@op
def trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """Returns the integral of `y` along `axis` by the trapezoidal rule, in a float dtype.

    The samples lie at `x` (of the shape of `y`, or of one axis), or `dx` apart.
    """
    if x is None:
        backend, y = floating(y)
        steps = None
    else:
        backend, y, x = float_promoted(y, x)
        steps = x
    place = axis_of(backend, y, axis)
    name = backend.dtype(y)
    y, back = backend.in_single(y)
    both = backend.add(_cut(y, place, 1, None), _cut(y, place, None, -1))
    if steps is None:
        dx = dx if isinstance(dx, int | float) else backend.cast(tensor(dx)[1], backend.dtype(y))
        both = backend.multiply(both, dx)
    else:
        steps = backend.cast(steps, backend.dtype(y))
        if rank_of(backend, steps) == 1:
            sizes = tuple(-1 if i == place else 1 for i in range(rank_of(backend, y)))
            steps = backend.reshape(steps, sizes)
        widths = backend.subtract(_cut(steps, place, 1, None), _cut(steps, place, None, -1))
        both = backend.multiply(both, widths)
    return backend.cast(back(backend.multiply(backend.sum(both, place, False), 0.5)), name)


@op
def corrcoef(x: TensorLike) -> Tensor:
    """Computes Pearson's correlation coefficients of the rows of `x` (variables, observations).

    The result is (variables, variables), in a float dtype; of one row, one number. A row without
    variance has NaN.
    """
    backend, x = floating(x)
    rank = of_rank(backend, x, "x", 1, 2)
    x, back = backend.in_single(x)
    rows = backend.reshape(x, (1, -1)) if rank == 1 else x
    rows = backend.subtract(rows, backend.mean(rows, -1, True))
    size = backend.sqrt(backend.sum(backend.square(backend.absolute(rows)), -1, True))
    unit = backend.divide(rows, backend.cast(size, backend.dtype(rows)))
    other = backend.conj(unit) if backend.dtype(unit).startswith("complex") else unit
    y = backend.matmul(unit, backend.transpose(other))
    return back(backend.reshape(y, ()) if rank == 1 else y)


@op
def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """Returns the cross-correlation of two vectors: sums over n of x1[n + k] * conj(x2[n]).

    `mode` is "valid" (k where both overlap fully), "same" (as many k as the longer vector has
    elements) or "full" (every k where they overlap). In a float dtype, as in Keras.
    """
    one_of(mode, "mode", "valid", "same", "full")
    backend, x1, x2 = float_promoted(x1, x2)
    for name, x in (("x1", x1), ("x2", x2)):
        of_rank(backend, x, name, 1)
        if backend.static_shape(x)[0] == 0:
            raise wrong(name, x, "a vector with elements")
    name = backend.dtype(x1)
    x1, x2, back = backend.in_single(x1, x2)
    if not name.startswith("complex"):
        return back(_correlated(backend, x1, x2, mode))
    (a, b), (c, d) = ((backend.real(x), backend.imag(x)) for x in (x1, x2))
    real = backend.add(_correlated(backend, a, c, mode), _correlated(backend, b, d, mode))
    imag = backend.subtract(_correlated(backend, b, c, mode), _correlated(backend, a, d, mode))
    turned = backend.multiply(backend.cast(imag, name), backend.asarray(1j, name))
    return backend.add(backend.cast(real, name), turned)


def _correlated(backend: Any, x1: Tensor, x2: Tensor, mode: str) -> Tensor:
    """The correlation of real vectors, by the kernel of convolution."""
    size, width = backend.shape(x1)[0], backend.shape(x2)[0]
    known = isinstance(size, int) and isinstance(width, int)
    if known and size < width:
        return backend.flip(_correlated(backend, x2, x1, mode), 0)
    pads = {"valid": (0, 0), "full": (width - 1, width - 1)}
    pads["same"] = (width // 2, width - width // 2 - 1)
    line = backend.pad(x1, (pads[mode],), "constant", 0)
    image, kernel = backend.reshape(line, (1, -1, 1)), backend.reshape(x2, (-1, 1, 1))
    y = backend.conv(image, kernel, strides=(1,), padding="valid", dilation=(1,), groups=1)
    return backend.reshape(y, (-1,))
