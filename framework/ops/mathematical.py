"""Mathematical functions of one operand, element by element, as NumPy defines them.

Integers are answered in the default float.
"""

import math

from .. import dtypes
from ..typing import TensorLike
from .dispatch import Tensor, floating, tensor
from .op import op


@op
def sqrt(x: TensorLike) -> Tensor:
    """The square root; NaN for negative x."""
    backend, x = floating(x)
    return backend.sqrt(x)


@op
def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x)."""
    backend, x = floating(x)
    return backend.rsqrt(x)


@op
def exp(x: TensorLike) -> Tensor:
    """e to the power of x."""
    backend, x = floating(x)
    return backend.exp(x)


@op
def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, exact near 0."""
    backend, x = floating(x)
    return backend.expm1(x)


@op
def log(x: TensorLike) -> Tensor:
    """The natural logarithm."""
    backend, x = floating(x)
    return backend.log(x)


@op
def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), exact near 0."""
    backend, x = floating(x)
    return backend.log1p(x)


@op
def log2(x: TensorLike) -> Tensor:
    """The logarithm to base 2."""
    backend, x = floating(x)
    return backend.log2(x)


@op
def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10."""
    backend, x = floating(x)
    return backend.log10(x)


@op
def sin(x: TensorLike) -> Tensor:
    """The sine of x radians."""
    backend, x = floating(x)
    return backend.sin(x)


@op
def cos(x: TensorLike) -> Tensor:
    """The cosine of x radians."""
    backend, x = floating(x)
    return backend.cos(x)


@op
def tan(x: TensorLike) -> Tensor:
    """The tangent of x radians."""
    backend, x = floating(x)
    return backend.tan(x)


@op
def arcsin(x: TensorLike) -> Tensor:
    """The angle in radians whose sine is x."""
    backend, x = floating(x)
    return backend.arcsin(x)


@op
def arccos(x: TensorLike) -> Tensor:
    """The angle in radians whose cosine is x."""
    backend, x = floating(x)
    return backend.arccos(x)


@op
def arctan(x: TensorLike) -> Tensor:
    """The angle in radians whose tangent is x."""
    backend, x = floating(x)
    return backend.arctan(x)


@op
def sinh(x: TensorLike) -> Tensor:
    """The hyperbolic sine."""
    backend, x = floating(x)
    return backend.sinh(x)


@op
def cosh(x: TensorLike) -> Tensor:
    """The hyperbolic cosine."""
    backend, x = floating(x)
    return backend.cosh(x)


@op
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent."""
    backend, x = floating(x)
    return backend.tanh(x)


@op
def arcsinh(x: TensorLike) -> Tensor:
    """The inverse of sinh."""
    backend, x = floating(x)
    return backend.arcsinh(x)


@op
def arccosh(x: TensorLike) -> Tensor:
    """The inverse of cosh."""
    backend, x = floating(x)
    return backend.arccosh(x)


@op
def arctanh(x: TensorLike) -> Tensor:
    """The inverse of tanh."""
    backend, x = floating(x)
    return backend.arctanh(x)


@op
def cbrt(x: TensorLike) -> Tensor:
    """The cube root, of negative x too."""
    backend, x = floating(x)
    return backend.cbrt(x)


@op
def exp2(x: TensorLike) -> Tensor:
    """2 to the power of x."""
    backend, x = floating(x)
    return backend.exp2(x)


@op
def sinc(x: TensorLike) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    backend, x = floating(x)
    return backend.sinc(x)


@op
def i0(x: TensorLike) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""
    backend, x = floating(x)
    return backend.i0(x)


@op
def deg2rad(x: TensorLike) -> Tensor:
    """Degrees as radians: x * pi / 180."""
    backend, x = floating(x)
    return backend.multiply(x, math.pi / 180)


@op
def rad2deg(x: TensorLike) -> Tensor:
    """Radians as degrees: x * 180 / pi."""
    backend, x = floating(x)
    return backend.multiply(x, 180 / math.pi)


@op
def erf(x: TensorLike) -> Tensor:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    backend, x = floating(x)
    return backend.erf(x)


@op
def floor(x: TensorLike) -> Tensor:
    """The largest integer not above x, as a float."""
    backend, x = floating(x)
    return backend.floor(x)


@op
def ceil(x: TensorLike) -> Tensor:
    """The smallest integer not below x, as a float."""
    backend, x = floating(x)
    return backend.ceil(x)


@op
def trunc(x: TensorLike) -> Tensor:
    """x without its fraction, in the dtype of x."""
    backend, x = tensor(x)
    return backend.trunc(x) if x.dtype in backend.float_types else x


@op
def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """x to `decimals` places (before the point, when negative); halves go to the even neighbour."""
    backend, x = tensor(x)
    if x.dtype in backend.float_types:
        return backend.round(x, decimals)
    dtype = backend.dtype(x)
    if decimals >= 0 or dtype == "bool":
        return x
    if 10**-decimals > dtypes.LIMITS[dtype][1] // 2:
        return backend.full_like(x, 0, dtype)
    unit, one, two = (backend.asarray(n, dtype) for n in (10**-decimals, 1, 2))
    below = backend.floor_divide(x, unit)
    rest = backend.multiply(backend.subtract(x, backend.multiply(below, unit)), two)
    odd = backend.equal(backend.bitwise_and(below, one), one)
    up = backend.logical_or(
        backend.greater(rest, unit), backend.logical_and(backend.equal(rest, unit), odd)
    )
    return backend.multiply(backend.add(below, backend.cast(up, dtype)), unit)


@op
def real(x: TensorLike) -> Tensor:
    """The real part; real x itself."""
    backend, x = tensor(x)
    return backend.real(x) if backend.dtype(x) in dtypes.COMPLEX else x


@op
def imag(x: TensorLike) -> Tensor:
    """The imaginary part; zeros for real x."""
    backend, x = tensor(x)
    dtype = backend.dtype(x)
    return backend.imag(x) if dtype in dtypes.COMPLEX else backend.full_like(x, 0, dtype)


@op
def conjugate(x: TensorLike) -> Tensor:
    """The complex conjugate; real x itself."""
    backend, x = tensor(x)
    return backend.conj(x) if backend.dtype(x) in dtypes.COMPLEX else x


conj = conjugate


@op
def angle(x: TensorLike) -> Tensor:
    """The angle of a complex number, in radians from -pi to pi; of real x: 0, or pi below 0."""
    backend, x = floating(x)
    if backend.dtype(x) in dtypes.COMPLEX:
        return backend.arctan2(backend.imag(x), backend.real(x))
    # By arctan2, so that -0 has the angle pi and NaN has NaN; no slope, but at the jump.
    flat = backend.stop_gradient(x)
    return backend.arctan2(backend.full_like(flat, 0, backend.dtype(flat)), flat)
