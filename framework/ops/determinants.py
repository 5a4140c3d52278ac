"""Determinants of the last two axes; all axes before them are batches."""

from typing import Any

from .. import dtypes
from ..typing import TensorLike
from .checks import matrices
from .dispatch import Tensor, floating
from .op import op


def _widened(x: Any) -> tuple[Any, Tensor, str]:
    backend, x = floating(x)
    matrices(backend, x, "x", square=True)
    name = backend.dtype(x)
    return backend, backend.cast(x, "float32") if name in ("float16", "bfloat16") else x, name


@op
def det(x: TensorLike) -> Tensor:
    """Returns the determinant (...) of x (..., M, M), by its LU decomposition.

    Its gradient is the matrix of cofactors, also where x is singular.
    """
    backend, x, name = _widened(x)
    return backend.cast(backend.det(x), name)


@op
def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns the sign and the logarithm of the absolute value of the determinant of x (..., M, M).

    The sign of a complex determinant is on the unit circle; a singular matrix has 0 and -inf.
    """
    backend, x, name = _widened(x)
    sign, logarithm = backend.slogdet(x)
    real = {"complex64": "float32", "complex128": "float64"}.get(name, name)
    return backend.cast(sign, name), backend.cast(logarithm, real)


@op
def logdet(x: TensorLike) -> Tensor:
    """Returns the logarithm of the absolute value of the determinant of x (..., M, M); -inf if it
    is 0.
    """
    backend, x, name = _widened(x)
    logarithm = backend.slogdet(x)[1]
    return logarithm if name in dtypes.COMPLEX else backend.cast(logarithm, name)
