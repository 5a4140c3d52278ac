"""Sums, extremes and moments, as NumPy defines them.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` leaves reduced axes in place
with length 1.
"""

import math
from typing import Any

from .. import dtypes
from ..typing import Axis, DType, TensorLike
from .arithmetic import subtract
from .checks import axis_in
from .dispatch import Tensor, floating, tensor
from .errors import wrong
from .op import op

# The dtypes in which small integers are added up.
_SUMS = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _places(rank: int, axis: Any) -> tuple[int, ...]:
    """`axis` (None, an integer or several) as axes counted from the front."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    return tuple(axis_in(rank, a) for a in axes)


def _is_empty(backend: Any, x: Tensor, axis: Any) -> bool:
    """Whether there is nothing along the axes that are reduced."""
    shape = backend.static_shape(x)
    return 0 in shape and 0 in (shape[a] for a in _places(len(shape), axis))


def _filled(backend: Any, x: Tensor, axis: Any, keepdims: bool, value: Any, dtype: str) -> Tensor:
    """The reduced shape, filled with `value`."""
    none = backend.sum(backend.cast(x, "int32"), _axes(axis), keepdims)
    return backend.full_like(none, value, dtype)


def _summable(x: Any, dtype: Any = None) -> tuple[Any, Tensor]:
    backend, x = tensor(x)
    name = backend.dtype(x)
    target = _SUMS.get(name, name) if dtype is None else dtypes.standardize(dtype)
    return backend, x if name == target else backend.cast(x, target)


@op
def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the sum, in the dtype of `x`; of integers of less than 32 bits in int32 or uint32."""
    backend, x = _summable(x)
    return backend.sum(x, _axes(axis), keepdims)


@op
def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Tensor:
    """Returns the product, in `dtype`; without one in the dtype of `x`, as `sum`."""
    backend, x = _summable(x, dtype)
    return backend.prod(x, _axes(axis), keepdims)


@op
def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the arithmetic mean, in a float dtype."""
    backend, x = floating(x)
    return backend.mean(x, _axes(axis), keepdims)


@op
def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the variance over the population (divisor n); of complex numbers, that of the
    distances.
    """
    backend, x = floating(x)
    return backend.var(x, _axes(axis), keepdims)


@op
def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the standard deviation over the population (divisor n)."""
    backend, x = floating(x)
    return backend.std(x, _axes(axis), keepdims)


def _extreme(backend: Any, x: Tensor, axis: Any, keepdims: bool, initial: Any, name: str) -> Tensor:
    dtype = backend.dtype(x)
    if _is_empty(backend, x, axis):
        if initial is None:
            raise wrong("x", x, "elements to choose from along the axis, or `initial`")
        return _filled(backend, x, axis, keepdims, initial, dtype)
    y = getattr(backend, name)(x, _axes(axis), keepdims)
    if initial is None:
        return y
    return getattr(backend, f"{name}imum")(y, backend.cast(tensor(initial)[1], dtype))


@op
def max(
    x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: TensorLike | None = None
) -> Tensor:
    """Returns the largest element, and no less than `initial`; NaN if there is one.

    Equal elements share the gradient. InvalidArgumentError for no elements without `initial`.
    """
    backend, x = tensor(x)
    return _extreme(backend, x, axis, keepdims, initial, "max")


@op
def min(
    x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: TensorLike | None = None
) -> Tensor:
    """Returns the smallest element, and no more than `initial`; NaN if there is one.

    Equal elements share the gradient. InvalidArgumentError for no elements without `initial`.
    """
    backend, x = tensor(x)
    return _extreme(backend, x, axis, keepdims, initial, "min")


@op
def amax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the largest element, as `max`."""
    return max(x, axis, keepdims)


@op
def amin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the smallest element, as `min`."""
    return min(x, axis, keepdims)


@op
def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Returns the largest element less the smallest ("peak to peak"), in the dtype of `x`."""
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def _booleans(x):
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tells whether every element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.all(x, _axes(axis), keepdims)


@op
def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tells whether some element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.any(x, _axes(axis), keepdims)


def _chosen(x: Any, axis: Any) -> tuple[Any, Tensor]:
    backend, x = tensor(x)
    if _is_empty(backend, x, axis):
        raise wrong("x", x, "elements to choose from along the axis")
    return backend, x


@op
def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Returns the position (int32) of the first largest element, or of the first NaN."""
    backend, x = _chosen(x, axis)
    return backend.argmax(x, axis, keepdims)


@op
def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Returns the position (int32) of the first smallest element, or of the first NaN."""
    backend, x = _chosen(x, axis)
    return backend.argmin(x, axis, keepdims)


@op
def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Computes log(sum(exp(x))), without overflow; -inf of no elements."""
    backend, x = floating(x)
    if _is_empty(backend, x, axis):
        return _filled(backend, x, axis, keepdims, -math.inf, backend.dtype(x))
    return backend.logsumexp(x, _axes(axis), keepdims)
