"""Sums, extremes and moments, as NumPy defines them.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` leaves reduced axes in place
with length 1.
"""

from .dispatch import Tensor, floating, numeric, tensor
from .op import op


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@op
def sum(x, axis=None, keepdims: bool = False) -> Tensor:
    """The sum, in the dtype of `x` (booleans count as int32)."""
    backend, x = numeric(x)
    return backend.sum(x, _axes(axis), keepdims)


@op
def prod(x, axis=None, keepdims: bool = False) -> Tensor:
    """The product, in the dtype of `x` (booleans count as int32)."""
    backend, x = numeric(x)
    return backend.prod(x, _axes(axis), keepdims)


@op
def mean(x, axis=None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean, in a float dtype."""
    backend, x = floating(x)
    return backend.mean(x, _axes(axis), keepdims)


@op
def var(x, axis=None, keepdims: bool = False) -> Tensor:
    """The variance over the population (divisor n)."""
    backend, x = floating(x)
    return backend.var(x, _axes(axis), keepdims)


@op
def std(x, axis=None, keepdims: bool = False) -> Tensor:
    """The standard deviation over the population (divisor n)."""
    backend, x = floating(x)
    return backend.std(x, _axes(axis), keepdims)


@op
def max(x, axis=None, keepdims: bool = False) -> Tensor:
    """The largest element; NaN if there is one."""
    backend, x = tensor(x)
    return backend.max(x, _axes(axis), keepdims)


amax = max


@op
def min(x, axis=None, keepdims: bool = False) -> Tensor:
    """The smallest element; NaN if there is one."""
    backend, x = tensor(x)
    return backend.min(x, _axes(axis), keepdims)


amin = min


def _booleans(x):
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def all(x, axis=None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.all(x, _axes(axis), keepdims)


@op
def any(x, axis=None, keepdims: bool = False) -> Tensor:
    """Whether some element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.any(x, _axes(axis), keepdims)


@op
def argmax(x, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the first largest element."""
    backend, x = tensor(x)
    return backend.argmax(x, axis, keepdims)


@op
def argmin(x, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the first smallest element."""
    backend, x = tensor(x)
    return backend.argmin(x, axis, keepdims)


@op
def logsumexp(x, axis=None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))), without overflow."""
    backend, x = floating(x)
    return backend.logsumexp(x, _axes(axis), keepdims)
