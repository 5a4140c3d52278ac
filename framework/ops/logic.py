"""Comparisons, logic and bits, element by element, as NumPy defines them."""

from .. import dtypes
from ..typing import TensorLike
from .checks import of_integers
from .dispatch import Tensor, floating, promoted, promoted_all, tensor
from .errors import is_scalar, wrong
from .op import op


@op
def equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 == x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.equal(x1, x2)


@op
def not_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 != x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.not_equal(x1, x2)


@op
def less(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 < x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less(x1, x2)


@op
def less_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 <= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less_equal(x1, x2)


@op
def greater(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 > x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater(x1, x2)


@op
def greater_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 >= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater_equal(x1, x2)


def _boolean(x) -> tuple:
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def logical_and(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Tells whether both are true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_and(x1, x2)


@op
def logical_or(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Tells whether either is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_or(x1, x2)


@op
def logical_xor(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Tells whether exactly one is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_xor(x1, x2)


def _booleans(x1, x2) -> tuple:
    backend, x1, x2 = promoted(x1, x2)
    return backend, *(_as_boolean(backend, x) for x in (x1, x2))


def _as_boolean(backend, x):
    if isinstance(x, bool | int | float | complex):
        return backend.asarray(bool(x), "bool")
    return x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def logical_not(x: TensorLike) -> Tensor:
    """Tells whether x is false (zero)."""
    backend, x = _boolean(x)
    return backend.logical_not(x)


@op
def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns bits set in both, of integers or booleans."""
    backend, x, y = _bits(x, y)
    return backend.bitwise_and(x, y)


@op
def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns bits set in either, of integers or booleans."""
    backend, x, y = _bits(x, y)
    return backend.bitwise_or(x, y)


@op
def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns bits set in exactly one, of integers or booleans."""
    backend, x, y = _bits(x, y)
    return backend.bitwise_xor(x, y)


def _bits(x, y) -> tuple:
    backend, first, second = promoted(x, y)
    one = second if is_scalar(first) else first
    if backend.dtype(one) in dtypes.INTEGERS or backend.dtype(one) == "bool":
        return backend, first, second
    name, given = ("x", x) if _has_fractions(x) else ("y", y)
    raise wrong(name, given, "integers or booleans, which have bits")


def _has_fractions(x) -> bool:
    if is_scalar(x):
        return isinstance(x, float | complex)
    backend, x = tensor(x)
    return dtypes.is_inexact(backend.dtype(x))


@op
def bitwise_not(x: TensorLike) -> Tensor:
    """Returns all bits turned over, of integers or booleans."""
    backend, x = tensor(x)
    of_integers(backend, x, "x")
    return backend.bitwise_not(x)


bitwise_invert = bitwise_not


@op
def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns `x` with its bits moved up by `y` places; 0 when `y` is their number or more, or
    negative.

    Of booleans as of int32.
    """
    backend, x, y, bits = _shifted(x, y)
    if bits is None:
        return backend.left_shift(x, y)
    kept = backend.where(backend.less(y, bits), x, backend.full_like(x, 0, backend.dtype(x)))
    return backend.left_shift(kept, backend.minimum(y, bits - 1))


left_shift = bitwise_left_shift


@op
def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns `x` with its bits moved down by `y` places; the sign is kept, whatever `y` is.

    Of booleans as of int32. A negative `y` is as the number of bits and more: all are moved out.
    """
    backend, x, y, bits = _shifted(x, y)
    if bits is None:
        return backend.right_shift(x, y)
    if backend.dtype(x).startswith("u"):
        x = backend.where(backend.less(y, bits), x, backend.full_like(x, 0, backend.dtype(x)))
    return backend.right_shift(x, backend.minimum(y, bits - 1))


right_shift = bitwise_right_shift


def _shifted(x, y) -> tuple:
    """Operands of one shape and the number of bits of each, or None where `y` is known to fit."""
    backend, x, y = _bits(x, y)
    if type(y) is int and 0 <= y < 8 and backend.dtype(x) != "bool":
        return backend, x, y, None
    dtype = backend.dtype(y if is_scalar(x) else x)
    dtype = "int32" if dtype == "bool" else dtype
    x, y = (backend.asarray(v, dtype) for v in (x, y))
    if backend.static_shape(x) != backend.static_shape(y):
        shape = backend.shape(backend.bitwise_or(x, y))
        x, y = (backend.broadcast_to(v, shape) for v in (x, y))
    bits = 8 * dtypes.ITEMSIZES[dtype]
    if not dtype.startswith("u"):
        y = backend.where(backend.less(y, 0), backend.full_like(y, bits, dtype), y)
    return backend, x, y, bits


@op
def isnan(x: TensorLike) -> Tensor:
    """Tells whether x is NaN."""
    backend, x = floating(x)
    return backend.isnan(x)


@op
def isinf(x: TensorLike) -> Tensor:
    """Tells whether x is positive or negative infinity."""
    backend, x = floating(x)
    return backend.isinf(x)


@op
def isposinf(x: TensorLike) -> Tensor:
    """Tells whether x is positive infinity. Complex numbers are neither positive nor negative."""
    backend, x = _real(x)
    return backend.equal(x, float("inf"))


@op
def isneginf(x: TensorLike) -> Tensor:
    """Tells whether x is negative infinity. Complex numbers are neither positive nor negative."""
    backend, x = _real(x)
    return backend.equal(x, float("-inf"))


def _real(x) -> tuple:
    backend, y = floating(x)
    if backend.dtype(y) in dtypes.COMPLEX:
        raise wrong("x", x, "a tensor of real numbers")
    return backend, y


@op
def isfinite(x: TensorLike) -> Tensor:
    """Tells whether x is neither infinite nor NaN."""
    backend, x = floating(x)
    return backend.isfinite(x)


@op
def isreal(x: TensorLike) -> Tensor:
    """Tells whether x has no imaginary part."""
    backend, x = tensor(x)
    if backend.dtype(x) in dtypes.COMPLEX:
        return backend.equal(backend.imag(x), 0.0)
    return backend.full_like(x, True, "bool")


@op
def signbit(x: TensorLike) -> Tensor:
    """Tells whether the sign of x is negative: of negative numbers, -0.0 and NaN with that sign."""
    backend, x = tensor(x)
    if backend.dtype(x) in dtypes.COMPLEX:
        raise wrong("x", x, "a tensor of real numbers")
    return backend.signbit(x)


@op
def isclose(
    x1: TensorLike,
    x2: TensorLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Tells whether |x1 - x2| <= atol + rtol * |x2|; equal infinities are close.

    NaN is close to NaN with `equal_nan`, and else to nothing. Integers of 32 bits and more are
    compared in float64.
    """
    return _close(x1, x2, rtol, atol, equal_nan)[1]


@op
def allclose(
    x1: TensorLike,
    x2: TensorLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Tells whether all elements are close, as `isclose` has it: one boolean."""
    backend, close = _close(x1, x2, rtol, atol, equal_nan)
    return backend.all(close)


def _close(x1, x2, rtol, atol, equal_nan) -> tuple:
    backend, (x1, x2) = promoted_all(x1, x2)
    dtype = backend.dtype(x1)
    if dtype not in ("float32", "float64", *dtypes.COMPLEX):
        wide = "float64" if dtypes.ITEMSIZES[dtype] >= 4 else "float32"
        x1, x2 = (backend.cast(x, wide) for x in (x1, x2))
    distance = backend.absolute(backend.subtract(x1, x2))
    size = backend.absolute(x2)
    # Infinite distances are within no bound, infinite bounds hold nothing.
    near = backend.less_equal(distance, backend.add(backend.multiply(size, rtol), atol))
    near = backend.logical_and(near, backend.isfinite(size))
    close = backend.logical_or(near, backend.equal(x1, x2))
    if equal_nan:
        nan = backend.logical_and(backend.not_equal(x1, x1), backend.not_equal(x2, x2))
        close = backend.logical_or(close, nan)
    return backend, close
