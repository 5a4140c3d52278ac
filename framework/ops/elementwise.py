"""Arithmetic, comparison and mathematical functions, element by element, as NumPy defines them.

Operands broadcast and meet in the dtype of the promotion table (`framework.dtypes`). Functions
with real values answer integers in the default float.
"""

from .. import dtypes
from .dispatch import Tensor, float_promoted, floating, numeric, operands, promoted, tensor


def add(x1, x2) -> Tensor:
    """x1 + x2. Broadcasts; booleans add as "or"."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.add(x1, x2)


def subtract(x1, x2) -> Tensor:
    """x1 - x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.subtract(x1, x2)


def multiply(x1, x2) -> Tensor:
    """x1 * x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.multiply(x1, x2)


def divide(x1, x2) -> Tensor:
    """x1 / x2 in a float dtype; a zero divisor gives infinity or NaN."""
    backend, x1, x2 = float_promoted(x1, x2)
    return backend.divide(x1, x2)


true_divide = divide


def floor_divide(x1, x2) -> Tensor:
    """The largest integer not above x1 / x2, in the operands' dtype.

    An integer divided by zero is an error or any number, as the backend has it.
    """
    backend, x1, x2 = promoted(x1, x2)
    return backend.floor_divide(x1, x2)


def mod(x1, x2) -> Tensor:
    """x1 - floor(x1 / x2) * x2: the remainder with the divisor's sign."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.mod(x1, x2)


def power(x1, x2) -> Tensor:
    """x1 to the power of x2."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.power(x1, x2)


def maximum(x1, x2) -> Tensor:
    """The larger of both; NaN where either is NaN."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.maximum(x1, x2)


def minimum(x1, x2) -> Tensor:
    """The smaller of both; NaN where either is NaN."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.minimum(x1, x2)


def arctan2(x1, x2) -> Tensor:
    """The angle of the point (x2, x1), in radians from -pi to pi."""
    backend, x1, x2 = float_promoted(x1, x2)
    return backend.arctan2(x1, x2)


def equal(x1, x2) -> Tensor:
    """x1 == x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.equal(x1, x2)


def not_equal(x1, x2) -> Tensor:
    """x1 != x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.not_equal(x1, x2)


def less(x1, x2) -> Tensor:
    """x1 < x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less(x1, x2)


def less_equal(x1, x2) -> Tensor:
    """x1 <= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less_equal(x1, x2)


def greater(x1, x2) -> Tensor:
    """x1 > x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater(x1, x2)


def greater_equal(x1, x2) -> Tensor:
    """x1 >= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater_equal(x1, x2)


def _boolean(x) -> tuple:
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


def logical_and(x1, x2) -> Tensor:
    """Whether both are true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_and(x1, x2)


def logical_or(x1, x2) -> Tensor:
    """Whether either is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_or(x1, x2)


def logical_xor(x1, x2) -> Tensor:
    """Whether exactly one is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_xor(x1, x2)


def _booleans(x1, x2) -> tuple:
    backend, x1, x2 = promoted(x1, x2)
    return backend, *(_as_boolean(backend, x) for x in (x1, x2))


def _as_boolean(backend, x):
    if isinstance(x, bool | int | float | complex):
        return backend.asarray(bool(x), "bool")
    return x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


def logical_not(x) -> Tensor:
    """Whether x is false (zero)."""
    backend, x = _boolean(x)
    return backend.logical_not(x)


def bitwise_and(x1, x2) -> Tensor:
    """Bits set in both, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_and(x1, x2)


def bitwise_or(x1, x2) -> Tensor:
    """Bits set in either, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_or(x1, x2)


def bitwise_xor(x1, x2) -> Tensor:
    """Bits set in exactly one, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_xor(x1, x2)


def bitwise_not(x) -> Tensor:
    """All bits turned over, of integers or booleans."""
    backend, x = tensor(x)
    return backend.bitwise_not(x)


def left_shift(x1, x2) -> Tensor:
    """x1 with its bits moved up by x2 places."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.left_shift(x1, x2)


def right_shift(x1, x2) -> Tensor:
    """x1 with its bits moved down by x2 places; the sign is kept."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.right_shift(x1, x2)


def negative(x) -> Tensor:
    """-x."""
    backend, x = tensor(x)
    return backend.negative(x)


def absolute(x) -> Tensor:
    """|x|; the modulus of a complex number."""
    backend, x = tensor(x)
    return x if backend.dtype(x) == "bool" else backend.absolute(x)


abs = absolute


def sign(x) -> Tensor:
    """-1, 0 or 1 by the sign of x; NaN stays NaN."""
    backend, x = tensor(x)
    return backend.sign(x)


def square(x) -> Tensor:
    """x * x. Booleans count as int32."""
    backend, x = numeric(x)
    return backend.square(x)


def reciprocal(x) -> Tensor:
    """1 / x in a float dtype."""
    backend, x = floating(x)
    return backend.reciprocal(x)


def sqrt(x) -> Tensor:
    """The square root; NaN for negative x."""
    backend, x = floating(x)
    return backend.sqrt(x)


def rsqrt(x) -> Tensor:
    """1 / sqrt(x)."""
    backend, x = floating(x)
    return backend.rsqrt(x)


def exp(x) -> Tensor:
    """e to the power of x."""
    backend, x = floating(x)
    return backend.exp(x)


def expm1(x) -> Tensor:
    """exp(x) - 1, exact near 0."""
    backend, x = floating(x)
    return backend.expm1(x)


def log(x) -> Tensor:
    """The natural logarithm."""
    backend, x = floating(x)
    return backend.log(x)


def log1p(x) -> Tensor:
    """log(1 + x), exact near 0."""
    backend, x = floating(x)
    return backend.log1p(x)


def log2(x) -> Tensor:
    """The logarithm to base 2."""
    backend, x = floating(x)
    return backend.log2(x)


def log10(x) -> Tensor:
    """The logarithm to base 10."""
    backend, x = floating(x)
    return backend.log10(x)


def sin(x) -> Tensor:
    """The sine of x radians."""
    backend, x = floating(x)
    return backend.sin(x)


def cos(x) -> Tensor:
    """The cosine of x radians."""
    backend, x = floating(x)
    return backend.cos(x)


def tan(x) -> Tensor:
    """The tangent of x radians."""
    backend, x = floating(x)
    return backend.tan(x)


def arcsin(x) -> Tensor:
    """The angle in radians whose sine is x."""
    backend, x = floating(x)
    return backend.arcsin(x)


def arccos(x) -> Tensor:
    """The angle in radians whose cosine is x."""
    backend, x = floating(x)
    return backend.arccos(x)


def arctan(x) -> Tensor:
    """The angle in radians whose tangent is x."""
    backend, x = floating(x)
    return backend.arctan(x)


def sinh(x) -> Tensor:
    """The hyperbolic sine."""
    backend, x = floating(x)
    return backend.sinh(x)


def cosh(x) -> Tensor:
    """The hyperbolic cosine."""
    backend, x = floating(x)
    return backend.cosh(x)


def tanh(x) -> Tensor:
    """The hyperbolic tangent."""
    backend, x = floating(x)
    return backend.tanh(x)


def arcsinh(x) -> Tensor:
    """The inverse of sinh."""
    backend, x = floating(x)
    return backend.arcsinh(x)


def arccosh(x) -> Tensor:
    """The inverse of cosh."""
    backend, x = floating(x)
    return backend.arccosh(x)


def arctanh(x) -> Tensor:
    """The inverse of tanh."""
    backend, x = floating(x)
    return backend.arctanh(x)


def erf(x) -> Tensor:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    backend, x = floating(x)
    return backend.erf(x)


def floor(x) -> Tensor:
    """The largest integer not above x, as a float."""
    backend, x = floating(x)
    return backend.floor(x)


def ceil(x) -> Tensor:
    """The smallest integer not below x, as a float."""
    backend, x = floating(x)
    return backend.ceil(x)


def round(x, decimals: int = 0) -> Tensor:
    """x to `decimals` places; halves go to the even neighbour."""
    backend, x = tensor(x)
    return backend.round(x, decimals) if x.dtype in backend.float_types else x


def isnan(x) -> Tensor:
    """Whether x is NaN."""
    backend, x = floating(x)
    return backend.isnan(x)


def isinf(x) -> Tensor:
    """Whether x is positive or negative infinity."""
    backend, x = floating(x)
    return backend.isinf(x)


def isfinite(x) -> Tensor:
    """Whether x is neither infinite nor NaN."""
    backend, x = floating(x)
    return backend.isfinite(x)


def clip(x, x_min, x_max) -> Tensor:
    """x, no lower than x_min and no higher than x_max, which broadcast. Booleans count as int32."""
    backend, x = numeric(x)
    if type(x_min) is type(x_max) is float and x.dtype in backend.float_types:
        return backend.clip(x, x_min, x_max)  # nothing to promote
    backend, (x, x_min, x_max) = operands(x, x_min, x_max)
    return backend.clip(x, x_min, x_max)


def real(x) -> Tensor:
    """The real part; real x itself."""
    backend, x = tensor(x)
    return backend.real(x) if backend.dtype(x) in dtypes.COMPLEX else x


def imag(x) -> Tensor:
    """The imaginary part; zeros for real x."""
    backend, x = tensor(x)
    dtype = backend.dtype(x)
    return backend.imag(x) if dtype in dtypes.COMPLEX else backend.full_like(x, 0, dtype)


def conjugate(x) -> Tensor:
    """The complex conjugate; real x itself."""
    backend, x = tensor(x)
    return backend.conj(x) if backend.dtype(x) in dtypes.COMPLEX else x


conj = conjugate
