"""Kernels that compute each element of the result from those at the same place."""

from typing import Any, Protocol

from ...typing import Tensor


class ElementwiseKernels(Protocol):
    """Functions of single elements; of two operands, one may be a Python number."""

    def logical_not(self, x: Tensor, /) -> Tensor:
        """Says whether a boolean does not hold."""
        ...

    def bitwise_not(self, x: Tensor, /) -> Tensor:
        """Turns all bits over."""
        ...

    def negative(self, x: Tensor, /) -> Tensor:
        """Computes -x."""
        ...

    def absolute(self, x: Tensor, /) -> Tensor:
        """Computes |x|, of complex numbers the modulus."""
        ...

    def sign(self, x: Tensor, /) -> Tensor:
        """Gives -1, 0 or 1, and NaN for NaN."""
        ...

    def square(self, x: Tensor, /) -> Tensor:
        """Computes x²."""
        ...

    def sqrt(self, x: Tensor, /) -> Tensor:
        """Computes the square root."""
        ...

    def rsqrt(self, x: Tensor, /) -> Tensor:
        """Computes 1 / sqrt(x)."""
        ...

    def cbrt(self, x: Tensor, /) -> Tensor:
        """Computes the cube root."""
        ...

    def reciprocal(self, x: Tensor, /) -> Tensor:
        """Computes 1 / x."""
        ...

    def exp(self, x: Tensor, /) -> Tensor:
        """Computes e^x."""
        ...

    def exp2(self, x: Tensor, /) -> Tensor:
        """Computes 2^x."""
        ...

    def expm1(self, x: Tensor, /) -> Tensor:
        """Computes e^x - 1, exactly near 0."""
        ...

    def log(self, x: Tensor, /) -> Tensor:
        """Computes the natural logarithm."""
        ...

    def log1p(self, x: Tensor, /) -> Tensor:
        """Computes log(1 + x), exactly near 0."""
        ...

    def log2(self, x: Tensor, /) -> Tensor:
        """Computes the logarithm to base 2."""
        ...

    def log10(self, x: Tensor, /) -> Tensor:
        """Computes the logarithm to base 10."""
        ...

    def sin(self, x: Tensor, /) -> Tensor:
        """Computes the sine of an angle in radians."""
        ...

    def cos(self, x: Tensor, /) -> Tensor:
        """Computes the cosine of an angle in radians."""
        ...

    def tan(self, x: Tensor, /) -> Tensor:
        """Computes the tangent of an angle in radians."""
        ...

    def arcsin(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `sin`."""
        ...

    def arccos(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `cos`."""
        ...

    def arctan(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `tan`."""
        ...

    def sinh(self, x: Tensor, /) -> Tensor:
        """Computes the hyperbolic sine."""
        ...

    def cosh(self, x: Tensor, /) -> Tensor:
        """Computes the hyperbolic cosine."""
        ...

    def tanh(self, x: Tensor, /) -> Tensor:
        """Computes the hyperbolic tangent."""
        ...

    def arcsinh(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `sinh`."""
        ...

    def arccosh(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `cosh`."""
        ...

    def arctanh(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `tanh`."""
        ...

    def floor(self, x: Tensor, /) -> Tensor:
        """Rounds down."""
        ...

    def ceil(self, x: Tensor, /) -> Tensor:
        """Rounds up."""
        ...

    def trunc(self, x: Tensor, /) -> Tensor:
        """Rounds to 0."""
        ...

    def isnan(self, x: Tensor, /) -> Tensor:
        """Says whether it is NaN."""
        ...

    def isinf(self, x: Tensor, /) -> Tensor:
        """Says whether it is infinite."""
        ...

    def isfinite(self, x: Tensor, /) -> Tensor:
        """Says whether it is neither NaN nor infinite."""
        ...

    def real(self, x: Tensor, /) -> Tensor:
        """Takes the real part."""
        ...

    def imag(self, x: Tensor, /) -> Tensor:
        """Takes the imaginary part."""
        ...

    def conj(self, x: Tensor, /) -> Tensor:
        """Turns the sign of the imaginary part."""
        ...

    def sinc(self, x: Tensor, /) -> Tensor:
        """Computes sin(πx) / (πx), 1 at 0."""
        ...

    def i0(self, x: Tensor, /) -> Tensor:
        """Computes the modified Bessel function of the first kind and order 0."""
        ...

    def erf(self, x: Tensor, /) -> Tensor:
        """Computes the error function."""
        ...

    def erfc(self, x: Tensor, /) -> Tensor:
        """Computes 1 - erf(x), exactly for large x."""
        ...

    def erfinv(self, x: Tensor, /) -> Tensor:
        """Computes the inverse of `erf`."""
        ...

    def stop_gradient(self, x: Tensor, /) -> Tensor:
        """Gives x, of which no gradient is known."""
        ...

    def sigmoid(self, x: Tensor, /) -> Tensor:
        """Computes 1 / (1 + e^-x)."""
        ...

    def log_sigmoid(self, x: Tensor, /) -> Tensor:
        """Computes log(sigmoid(x))."""
        ...

    def hard_sigmoid(self, x: Tensor, /) -> Tensor:
        """Computes relu6(x + 3) / 6."""
        ...

    def relu(self, x: Tensor, /) -> Tensor:
        """Computes max(x, 0)."""
        ...

    def relu6(self, x: Tensor, /) -> Tensor:
        """Computes min(max(x, 0), 6)."""
        ...

    def silu(self, x: Tensor, /) -> Tensor:
        """Computes x · sigmoid(x)."""
        ...

    def hard_silu(self, x: Tensor, /) -> Tensor:
        """Computes x · hard_sigmoid(x)."""
        ...

    def softplus(self, x: Tensor, /) -> Tensor:
        """Computes log(1 + e^x)."""
        ...

    def softsign(self, x: Tensor, /) -> Tensor:
        """Computes x / (1 + |x|)."""
        ...

    def selu(self, x: Tensor, /) -> Tensor:
        """Computes scale · (max(x, 0) + alpha · min(e^x - 1, 0)), Klambauer et al. 2017."""
        ...

    def equal(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 = x2."""
        ...

    def not_equal(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 ≠ x2."""
        ...

    def less(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 < x2."""
        ...

    def less_equal(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 ≤ x2."""
        ...

    def greater(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 > x2."""
        ...

    def greater_equal(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether x1 ≥ x2."""
        ...

    def logical_and(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether both booleans hold."""
        ...

    def logical_or(self, x1: Any, x2: Any, /) -> Tensor:
        """Says whether one of two booleans holds."""
        ...

    def bitwise_and(self, x1: Any, x2: Any, /) -> Tensor:
        """Joins bits by "and"."""
        ...

    def bitwise_or(self, x1: Any, x2: Any, /) -> Tensor:
        """Joins bits by "or"."""
        ...

    def bitwise_xor(self, x1: Any, x2: Any, /) -> Tensor:
        """Joins bits by "either or"."""
        ...

    def left_shift(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 · 2^x2 of integers."""
        ...

    def right_shift(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 / 2^x2 of integers, rounded down."""
        ...

    def add(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 + x2."""
        ...

    def subtract(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 - x2."""
        ...

    def multiply(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 · x2."""
        ...

    def divide(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 / x2 of floats."""
        ...

    def floor_divide(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 / x2, rounded down."""
        ...

    def mod(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes the remainder of `floor_divide`, with the sign of x2."""
        ...

    def fmod(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes the remainder of a division rounded to 0, with the sign of x1."""
        ...

    def power(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes x1 to the power x2."""
        ...

    def maximum(self, x1: Any, x2: Any, /) -> Tensor:
        """Takes the larger; NaN where there is one."""
        ...

    def minimum(self, x1: Any, x2: Any, /) -> Tensor:
        """Takes the smaller; NaN where there is one."""
        ...

    def arctan2(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes the angle of the point (x2, x1), in radians."""
        ...

    def hypot(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes sqrt(x1² + x2²) without overflow in between."""
        ...

    def logaddexp(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes log(exp(x1) + exp(x2))."""
        ...

    def logaddexp2(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes log2(2^x1 + 2^x2)."""
        ...

    def nextafter(self, x1: Any, x2: Any, /) -> Tensor:
        """Gives the next float after x1 in the direction of x2."""
        ...

    def gcd(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes the greatest common divisor of integers."""
        ...

    def lcm(self, x1: Any, x2: Any, /) -> Tensor:
        """Computes the least common multiple of integers."""
        ...

    def complex(self, real: Tensor, imag: Tensor, /) -> Tensor:
        """Joins a real and an imaginary part."""
        ...

    def round(self, x: Tensor, decimals: int = 0, /) -> Tensor:
        """Rounds to so many decimals, halves to even."""
        ...

    def celu(self, x: Tensor, alpha: float, /) -> Tensor:
        """Computes max(x, 0) + min(alpha · (e^(x / alpha) - 1), 0)."""
        ...

    def soft_shrink(self, x: Tensor, threshold: float, /) -> Tensor:
        """Moves x by `threshold` towards 0, and to 0 from within it."""
        ...

    def hard_shrink(self, x: Tensor, threshold: float, /) -> Tensor:
        """Gives x where |x| > threshold, else 0."""
        ...

    def threshold(self, x: Tensor, threshold: float, default_value: float, /) -> Tensor:
        """Gives x where x > threshold, else `default_value`."""
        ...
