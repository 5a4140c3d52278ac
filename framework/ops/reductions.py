"""Sums, extremes, moments and products of tensors, as NumPy defines them.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` leaves reduced axes in place
with length 1.
"""

from .dispatch import Tensor, floating, numeric, promoted, promoted_all, tensor


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def sum(x, axis=None, keepdims: bool = False) -> Tensor:
    """The sum, in the dtype of `x` (booleans count as int32)."""
    backend, x = numeric(x)
    return backend.sum(x, _axes(axis), keepdims)


def prod(x, axis=None, keepdims: bool = False) -> Tensor:
    """The product, in the dtype of `x` (booleans count as int32)."""
    backend, x = numeric(x)
    return backend.prod(x, _axes(axis), keepdims)


def mean(x, axis=None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean, in a float dtype."""
    backend, x = floating(x)
    return backend.mean(x, _axes(axis), keepdims)


def var(x, axis=None, keepdims: bool = False) -> Tensor:
    """The variance over the population (divisor n)."""
    backend, x = floating(x)
    return backend.var(x, _axes(axis), keepdims)


def std(x, axis=None, keepdims: bool = False) -> Tensor:
    """The standard deviation over the population (divisor n)."""
    backend, x = floating(x)
    return backend.std(x, _axes(axis), keepdims)


def max(x, axis=None, keepdims: bool = False) -> Tensor:
    """The largest element; NaN if there is one."""
    backend, x = tensor(x)
    return backend.max(x, _axes(axis), keepdims)


amax = max


def min(x, axis=None, keepdims: bool = False) -> Tensor:
    """The smallest element; NaN if there is one."""
    backend, x = tensor(x)
    return backend.min(x, _axes(axis), keepdims)


amin = min


def _booleans(x):
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


def all(x, axis=None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.all(x, _axes(axis), keepdims)


def any(x, axis=None, keepdims: bool = False) -> Tensor:
    """Whether some element is true (not zero)."""
    backend, x = _booleans(x)
    return backend.any(x, _axes(axis), keepdims)


def argmax(x, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the first largest element."""
    backend, x = tensor(x)
    return backend.argmax(x, axis, keepdims)


def argmin(x, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the first smallest element."""
    backend, x = tensor(x)
    return backend.argmin(x, axis, keepdims)


def logsumexp(x, axis=None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))), without overflow."""
    backend, x = floating(x)
    return backend.logsumexp(x, _axes(axis), keepdims)


def matmul(x1, x2) -> Tensor:
    """The matrix product of the last two axes; leading axes broadcast, 1-D operands are vectors."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.matmul(x1, x2)


def einsum(subscripts: str, *operands) -> Tensor:
    """Sums of products by Einstein's convention, as `numpy.einsum`."""
    backend, operands = promoted_all(*operands)
    return backend.einsum(subscripts, *operands)
