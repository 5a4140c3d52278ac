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
    """Returns the square root; NaN for negative x."""
    backend, x = floating(x)
    return backend.sqrt(x)


@op
def rsqrt(x: TensorLike) -> Tensor:
    """Computes 1 / sqrt(x)."""
    backend, x = floating(x)
    return backend.rsqrt(x)


@op
def exp(x: TensorLike) -> Tensor:
    """Computes e to the power of x."""
    backend, x = floating(x)
    return backend.exp(x)


@op
def expm1(x: TensorLike) -> Tensor:
    """Computes exp(x) - 1, exact near 0."""
    backend, x = floating(x)
    return backend.expm1(x)


@op
def log(x: TensorLike) -> Tensor:
    """Returns the natural logarithm."""
    backend, x = floating(x)
    return backend.log(x)


@op
def log1p(x: TensorLike) -> Tensor:
    """Computes log(1 + x), exact near 0."""
    backend, x = floating(x)
    return backend.log1p(x)


@op
def log2(x: TensorLike) -> Tensor:
    """Returns the logarithm to base 2."""
    backend, x = floating(x)
    return backend.log2(x)


@op
def log10(x: TensorLike) -> Tensor:
    """Returns the logarithm to base 10."""
    backend, x = floating(x)
    return backend.log10(x)


@op
def sin(x: TensorLike) -> Tensor:
    """Returns the sine of x radians."""
    backend, x = floating(x)
    return backend.sin(x)


@op
def cos(x: TensorLike) -> Tensor:
    """Returns the cosine of x radians."""
    backend, x = floating(x)
    return backend.cos(x)


@op
def tan(x: TensorLike) -> Tensor:
    """Returns the tangent of x radians."""
    backend, x = floating(x)
    return backend.tan(x)


@op
def arcsin(x: TensorLike) -> Tensor:
    """Returns the angle in radians whose sine is x."""
    backend, x = floating(x)
    return backend.arcsin(x)


@op
def arccos(x: TensorLike) -> Tensor:
    """Returns the angle in radians whose cosine is x."""
    backend, x = floating(x)
    return backend.arccos(x)


@op
def arctan(x: TensorLike) -> Tensor:
    """Returns the angle in radians whose tangent is x."""
    backend, x = floating(x)
    return backend.arctan(x)


@op
def sinh(x: TensorLike) -> Tensor:
    """Returns the hyperbolic sine."""
    backend, x = floating(x)
    return backend.sinh(x)


@op
def cosh(x: TensorLike) -> Tensor:
    """Returns the hyperbolic cosine."""
    backend, x = floating(x)
    return backend.cosh(x)


@op
def tanh(x: TensorLike) -> Tensor:
    """Returns the hyperbolic tangent."""
    backend, x = floating(x)
    return backend.tanh(x)


@op
def arcsinh(x: TensorLike) -> Tensor:
    """Returns the inverse of sinh."""
    backend, x = floating(x)
    return backend.arcsinh(x)


@op
def arccosh(x: TensorLike) -> Tensor:
    """Returns the inverse of cosh."""
    backend, x = floating(x)
    return backend.arccosh(x)


@op
def arctanh(x: TensorLike) -> Tensor:
    """Returns the inverse of tanh."""
    backend, x = floating(x)
    return backend.arctanh(x)


@op
def cbrt(x: TensorLike) -> Tensor:
    """Returns the cube root, of negative x too."""
    backend, x = floating(x)
    return backend.cbrt(x)


@op
def exp2(x: TensorLike) -> Tensor:
    """Computes 2 to the power of x."""
    backend, x = floating(x)
    return backend.exp2(x)


@op
def sinc(x: TensorLike) -> Tensor:
    """Computes sin(pi x) / (pi x), 1 at 0."""
    backend, x = floating(x)
    return backend.sinc(x)


@op
def i0(x: TensorLike) -> Tensor:
    """Returns the modified Bessel function of the first kind, of order 0."""
    backend, x = floating(x)
    return backend.i0(x)


@op
def deg2rad(x: TensorLike) -> Tensor:
    """Returns degrees as radians: x * pi / 180."""
    backend, x = floating(x)
    return backend.multiply(x, math.pi / 180)


@op
def rad2deg(x: TensorLike) -> Tensor:
    """Returns radians as degrees: x * 180 / pi."""
    backend, x = floating(x)
    return backend.multiply(x, 180 / math.pi)


@op
def erf(x: TensorLike) -> Tensor:
    """Returns the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    backend, x = floating(x)
    return backend.erf(x)


@op
def floor(x: TensorLike) -> Tensor:
    """Returns the largest integer not above x, as a float."""
    backend, x = floating(x)
    return backend.floor(x)


@op
def ceil(x: TensorLike) -> Tensor:
    """Returns the smallest integer not below x, as a float."""
    backend, x = floating(x)
    return backend.ceil(x)


@op
def trunc(x: TensorLike) -> Tensor:
    """Returns x without its fraction, in the dtype of x."""
    backend, x = tensor(x)
    return backend.trunc(x) if x.dtype in backend.float_types else x


@op
def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """Rounds x to `decimals` places (before the point, when negative); halves go to the even
    neighbour.
    """
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
    """Returns the real part; real x itself."""
    backend, x = tensor(x)
    return backend.real(x) if backend.dtype(x) in dtypes.COMPLEX else x


@op
def imag(x: TensorLike) -> Tensor:
    """Returns the imaginary part; zeros for real x."""
    backend, x = tensor(x)
    dtype = backend.dtype(x)
    return backend.imag(x) if dtype in dtypes.COMPLEX else backend.full_like(x, 0, dtype)


@op
def conjugate(x: TensorLike) -> Tensor:
    """Returns the complex conjugate; real x itself."""
    backend, x = tensor(x)
    return backend.conj(x) if backend.dtype(x) in dtypes.COMPLEX else x


conj = conjugate


@op
def angle(x: TensorLike) -> Tensor:
    """Returns the angle of a complex number, in radians from -pi to pi; of real x: 0, or pi below
    0.
    """
    backend, x = floating(x)
    if backend.dtype(x) in dtypes.COMPLEX:
        return backend.arctan2(backend.imag(x), backend.real(x))
    # By arctan2, so that -0 has the angle pi and NaN has NaN; no slope, but at the jump.
    flat = backend.stop_gradient(x)
    return backend.arctan2(backend.full_like(flat, 0, backend.dtype(flat)), flat)
