"""Reductions that pass over NaN, as NumPy defines them."""

import math
from typing import Any

from ..typing import Axis, DType, TensorLike
from .dispatch import Tensor, floating, tensor
from .op import op
from .reductions import _axes, _summable, argmax, argmin, max, min
from .sorting import cumprod, cumsum


def _without(x: Any, value: float) -> tuple[Any, Tensor, Tensor | None]:
    """The backend, `x` with `value` in the place of NaN, and where NaN was (None: it cannot be)."""
    backend, x = tensor(x)
    if x.dtype not in backend.float_types:
        return backend, x, None
    lost = backend.isnan(x)
    return backend, backend.where(lost, backend.asarray(value, backend.dtype(x)), x), lost


@op
def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes `sum` with NaN counted as 0."""
    backend, x = _summable(_without(x, 0)[1])
    return backend.sum(x, _axes(axis), keepdims)


@op
def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes `prod` with NaN counted as 1."""
    backend, x = _summable(_without(x, 1)[1])
    return backend.prod(x, _axes(axis), keepdims)


@op
def nancumsum(x: TensorLike, axis: Axis = None, dtype: DType = None) -> Tensor:
    """Computes `cumsum` with NaN counted as 0. An `axis` of () leaves x without its NaN."""
    return _running(cumsum, _without(x, 0)[1], axis, dtype)


@op
def nancumprod(x: TensorLike, axis: Axis = None, dtype: DType = None) -> Tensor:
    """Computes `cumprod` with NaN counted as 1. An `axis` of () leaves x without its NaN."""
    return _running(cumprod, _without(x, 1)[1], axis, dtype)


def _running(total: Any, x: Tensor, axis: Any, dtype: Any) -> Tensor:
    if isinstance(axis, list | tuple):
        if len(axis) == 0:
            backend, x = _summable(x, dtype or tensor(x)[0].dtype(x))
            return x
        axis = axis[0] if len(axis) == 1 else axis
    return total(x, axis, dtype)


@op
def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes `max` of the elements that are not NaN; NaN where there are none."""
    return _extreme(max, x, axis, keepdims, -math.inf)


@op
def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes `min` of the elements that are not NaN; NaN where there are none."""
    return _extreme(min, x, axis, keepdims, math.inf)


def _extreme(extreme: Any, x: Any, axis: Any, keepdims: bool, value: float) -> Tensor:
    backend, x, lost = _without(x, value)
    y = extreme(x, axis, keepdims)
    if lost is None:
        return y
    nan = backend.asarray(math.nan, backend.dtype(y))
    return backend.where(backend.all(lost, _axes(axis), keepdims), nan, y)


@op
def nanargmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the position (int32) of the first largest element that is not NaN; -1 if there is
    none.
    """
    return _position(argmax, x, axis, keepdims, -math.inf)


@op
def nanargmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the position (int32) of the first smallest element that is not NaN; -1 if there is
    none.
    """
    return _position(argmin, x, axis, keepdims, math.inf)


def _position(first: Any, x: Any, axis: Any, keepdims: bool, value: float) -> Tensor:
    backend, x, lost = _without(x, value)
    place = first(x, axis, keepdims)
    if lost is None:
        return place
    none = backend.all(lost, axis, keepdims)
    return backend.where(none, backend.asarray(-1, "int32"), place)


@op
def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the mean of the elements that are not NaN, in a float dtype; NaN where there are
    none.
    """
    backend, x = floating(x)
    x, back = backend.in_single(x)
    return back(_mean(backend, x, backend.isnan(x), _axes(axis), keepdims))


def _mean(backend: Any, x: Tensor, lost: Tensor, axis: Any, keepdims: bool) -> Tensor:
    zero = backend.asarray(0, backend.dtype(x))
    total = backend.sum(backend.where(lost, zero, x), axis, keepdims)
    count = backend.sum(backend.cast(backend.logical_not(lost), "int32"), axis, keepdims)
    return backend.divide(total, backend.cast(count, backend.dtype(x)))


@op
def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the variance (divisor: their number) of the elements that are not NaN, in a float
    dtype.
    """
    backend, x = floating(x)
    x, back = backend.in_single(x)
    return back(_variance(backend, x, _axes(axis), keepdims))


def _variance(backend: Any, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    lost = backend.isnan(x)
    centred = backend.subtract(x, _mean(backend, x, lost, axis, True))
    if backend.dtype(x).startswith("complex"):
        centred = backend.absolute(centred)
    return _mean(backend, backend.square(centred), lost, axis, keepdims)


@op
def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the square root of `nanvar`."""
    backend, x = floating(x)
    x, back = backend.in_single(x)
    return back(backend.sqrt(_variance(backend, x, _axes(axis), keepdims)))
