"""Elementwise functions that not every framework has, and what guards division, from primitives."""

import math

from ... import dtypes
from .primitives import Primitives

_HALVES = ("float16", "bfloat16")


class Arithmetic(Primitives):
    """Elementwise kernels that follow from others. Operands are tensors unless said otherwise."""

    def in_single(self, *xs):
        """`xs`, float32 in the place of half precision, and what takes a result back."""
        name = self.dtype(xs[0])
        if name not in _HALVES:
            return *xs, lambda y: y
        return *(self.cast(x, "float32") for x in xs), lambda y: self.cast(y, name)

    def divided(self, kernel, x1, x2):
        """`kernel`, a division with integers, where a zero divisor gives 0, as NumPy has it.

        One of the operands may be a Python number.
        """
        dtype = self.dtype(x1 if isinstance(x2, int | float) else x2)
        if not dtype.startswith(("int", "uint")):
            return kernel(x1, x2)
        if isinstance(x2, int):
            return kernel(x1, x2) if x2 else self.full_like(x1, 0, dtype)
        none = self.equal(x2, self.asarray(0, dtype))
        y = kernel(x1, self.where(none, self.asarray(1, dtype), x2))
        return self.where(none, self.asarray(0, dtype), y)

    def integer_power(self, x1, x2):
        """Integers to the power of integers; a negative power gives 1 / x truncated, 0 for 0."""
        dtype = self.dtype(x1 if isinstance(x2, int) else x2)
        if dtype.startswith("uint") or (isinstance(x2, int) and x2 >= 0):
            return self.power(x1, x2)
        x1, x2 = self.asarray(x1, dtype), self.asarray(x2, dtype)
        zero, one = self.asarray(0, dtype), self.asarray(1, dtype)
        below = self.less(x2, zero)
        unit = self.equal(self.absolute(x1), one)
        y = self.power(x1, self.where(below, self.bitwise_and(x2, one), x2))
        return self.where(self.logical_and(below, self.logical_not(unit)), zero, y)

    def cbrt(self, x):
        x, back = self.in_single(x)
        return back(self.multiply(self.sign(x), self.power(self.absolute(x), 1 / 3)))

    def exp2(self, x):
        return self.power(self.asarray(2.0, self.dtype(x)), x)

    def trunc(self, x):
        return self.where(self.less(x, 0), self.ceil(x), self.floor(x))

    def sinc(self, x):
        x, back = self.in_single(x)
        zero = self.equal(x, 0.0)
        angle = self.multiply(self.where(zero, self.asarray(1.0, self.dtype(x)), x), math.pi)
        y = self.divide(self.sin(angle), angle)
        return back(self.where(zero, self.asarray(1.0, self.dtype(x)), y))

    def hypot(self, x1, x2):
        # Scaled by the larger one, so that no square overflows; NaN of inf / inf is not looked at.
        x1, x2, back = self.in_single(x1, x2)
        one = self.asarray(1.0, self.dtype(x1))
        x1, x2 = self.absolute(x1), self.absolute(x2)
        top, low = self.maximum(x1, x2), self.minimum(x1, x2)
        zero = self.equal(top, 0.0)
        ratio = self.divide(low, self.where(zero, one, top))
        y = self.multiply(top, self.sqrt(self.add(self.square(ratio), one)))
        infinite = self.logical_or(self.isinf(x1), self.isinf(x2))
        return back(self.where(infinite, self.asarray(math.inf, self.dtype(x1)), y))

    def logaddexp(self, x1, x2):
        x1, x2, back = self.in_single(x1, x2)
        return back(self._log_sum(x1, x2, self.exp, self.log1p))

    def logaddexp2(self, x1, x2):
        x1, x2, back = self.in_single(x1, x2)
        scale = 1 / math.log(2)
        return back(self._log_sum(x1, x2, self.exp2, lambda t: self.multiply(self.log1p(t), scale)))

    def _log_sum(self, x1, x2, power, log1p):
        # Equal operands differ by 0 even where they are infinite and the difference would be NaN.
        same = self.equal(x1, x2)
        zero = self.asarray(0.0, self.dtype(x1))
        apart = self.where(same, zero, self.subtract(x1, self.where(same, zero, x2)))
        return self.add(self.maximum(x1, x2), log1p(power(self.negative(self.absolute(apart)))))

    def ldexp(self, x1, x2):
        # In three steps, since 2**x2 alone overflows where the product does not.
        x1, back = self.in_single(x1)
        dtype = self.dtype(x1)
        reach = 1022 if dtype == "float64" else 126
        for _ in range(3):
            step = self.clip(x2, -reach, reach)
            x1 = self.multiply(x1, self.exp2(self.cast(step, dtype)))
            x2 = self.subtract(x2, step)
        return back(x1)

    def ordered_bits(self, x, nan_is_most):
        """Integers in the order of floats, also of those that processors take for 0; 0 is -0."""
        whole = f"int{8 * dtypes.ITEMSIZES[self.dtype(x)]}"
        low, high = dtypes.LIMITS[whole]
        bits = self.bitcast(x, whole)
        turned = self.subtract(self.asarray(low, whole), bits)
        bits = self.where(self.less(bits, self.asarray(0, whole)), turned, bits)
        return self.where(self.isnan(x), self.asarray(high if nan_is_most else low, whole), bits)
