"""Diagonals and triangles of matrices, as NumPy and Keras define them."""

from ..backends.base import Spec
from ..typing import TensorLike
from .checks import axis_of, count_of, of_rank, rank_of
from .dispatch import Tensor, tensor
from .errors import wrong
from .op import op, shaped
from .reductions import sum as _sum


@op
def tril(x: TensorLike, k: int = 0) -> Tensor:
    """Returns `x` (..., rows, columns) with zeros above diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    _matrix(backend, x)
    return backend.tril(x, k)


@op
def triu(x: TensorLike, k: int = 0) -> Tensor:
    """Returns `x` (..., rows, columns) with zeros below diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    _matrix(backend, x)
    return backend.triu(x, k)


def _matrix(backend, x) -> None:
    if rank_of(backend, x) < 2:
        raise wrong("x", x, "a tensor of at least 2 axes")


def _diag_shape(x, k=0) -> Spec | None:
    if len(x.shape) == 2 and None in x.shape:
        return Spec((None,), x.dtype)
    return None


def _diagonal_shape(x, offset=0, axis1=0, axis2=1) -> Spec | None:
    axes = {axis_of(*tensor(x), axis) for axis in (axis1, axis2)}
    if len(axes) == 2 and any(x.shape[a] is None for a in axes):
        return Spec((*(n for a, n in enumerate(x.shape) if a not in axes), None), x.dtype)
    return None


@shaped(_diag_shape)
def diag(x: TensorLike, k: int = 0) -> Tensor:
    """Returns the matrix with the vector `x` on diagonal `k`; of a matrix, the vector on it."""
    backend, x = tensor(x)
    if of_rank(backend, x, "x", 1, 2) == 1:
        return backend.diag(x, k)
    return backend.diagonal(x, k, 0, 1)


@op
def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """Returns the matrix with all elements of `x`, in order, on diagonal `k`."""
    backend, x = tensor(x)
    return backend.diag(backend.reshape(x, (-1,)), k)


@shaped(_diagonal_shape)
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Returns the elements on diagonal `offset` of the matrices that axes `axis1` and `axis2` make.

    They lie along the last axis of the result, behind the other axes of `x`.
    """
    backend, x = tensor(x)
    return _diagonal(backend, x, offset, axis1, axis2)


def _diagonal(backend, x, offset, axis1, axis2):
    axes = axis_of(backend, x, axis1, "axis1"), axis_of(backend, x, axis2, "axis2")
    if axes[0] == axes[1]:
        raise wrong("axis2", axis2, f"another axis than `axis1`, which is {axis1}")
    return backend.diagonal(x, offset, *axes)


@op
def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Returns the sum of the elements on diagonal `offset`, in the dtype that `sum` gives."""
    backend, x = tensor(x)
    return _sum(_diagonal(backend, x, offset, axis1, axis2), axis=-1)


@op
def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """Returns powers of the vector `x`, (length, N): x**(N - 1) to x**0, or the other way round.

    In the dtype of `x`; `N` is the length of `x` when None.
    """
    backend, x = tensor(x)
    of_rank(backend, x, "x", 1)
    columns = backend.static_shape(x)[0] if N is None else count_of(N, "N")
    powers = [backend.full_like(x, 1, backend.dtype(x))][:columns]
    while len(powers) < columns:  # products, since 0 ** 0 has no derivative
        powers.append(x if len(powers) == 1 else backend.multiply(powers[-1], x))
    if not powers:
        return backend.zeros((*backend.shape(x), 0), backend.dtype(x))
    return backend.stack(powers if increasing else powers[::-1], -1)
