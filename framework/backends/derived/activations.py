"""Activation functions from primitives."""

import math

from .primitives import Primitives

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


class Activations(Primitives):
    """Activation functions that follow from other kernels. NaN goes through all of them."""

    def relu(self, x):
        return self.maximum(x, 0)

    def relu6(self, x):
        return self.clip(x, 0, 6)

    def leaky_relu(self, x, negative_slope):
        return self.where(self.greater(x, 0), x, self.multiply(x, negative_slope))

    def elu(self, x, alpha):
        low = self.expm1(self._at_most_zero(x))
        return self.where(self.greater(x, 0), x, self.multiply(low, alpha))

    def _at_most_zero(self, x):
        """min(x, 0), whose gradient at 0 is 1: the curve that it is part of has no kink there."""
        return self.where(self.greater(x, 0), 0.0, x)

    def selu(self, x):
        return self.multiply(self.elu(x, SELU_ALPHA), SELU_SCALE)

    def celu(self, x, alpha):
        low = self.expm1(self.divide(self._at_most_zero(x), alpha))
        return self.where(self.greater(x, 0), x, self.multiply(low, alpha))

    def silu(self, x):
        return self.multiply(x, self.sigmoid(x))

    def gelu(self, x, approximate):
        if approximate:
            cubic = self.add(x, self.multiply(self.multiply(self.square(x), x), 0.044715))
            inner = self.tanh(self.multiply(cubic, math.sqrt(2 / math.pi)))
        else:
            inner = self.erf(self.multiply(x, math.sqrt(0.5)))
        return self.multiply(self.multiply(x, 0.5), self.add(inner, 1.0))

    def glu(self, x, axis):
        value, gate = self.split(x, 2, axis)
        return self.multiply(value, self.sigmoid(gate))

    def log_sigmoid(self, x):
        return self.negative(self.softplus(self.negative(x)))

    def hard_sigmoid(self, x):
        return self.multiply(self.relu6(self.add(x, 3.0)), 1 / 6)

    def hard_silu(self, x):
        return self.multiply(x, self.hard_sigmoid(x))

    def softplus(self, x):
        tail = self.log1p(self.exp(self.negative(self.absolute(x))))
        return self.add(self.maximum(x, 0), tail)

    def sparse_plus(self, x):
        bend = self.multiply(self.square(self.add(self.minimum(x, 1.0), 1.0)), 0.25)
        return self.where(self.less_equal(x, -1.0), 0.0, self.where(self.less(x, 1.0), bend, x))

    def squareplus(self, x, b):
        wide, back = self.in_single(x)
        # The root added to |x|, never taken from it: nothing cancels.
        root = self.hypot(wide, self.full_like(wide, math.sqrt(b), self.dtype(wide)))
        below = self.less(wide, 0.0)
        low = self.divide(b / 2, self.subtract(root, self.where(below, wide, 0.0)))
        # Halves first: the sum of two large numbers would be infinite.
        high = self.add(self.multiply(root, 0.5), self.multiply(self.where(below, 0.0, wide), 0.5))
        return back(self.where(below, low, high))

    def softsign(self, x):
        return self.divide(x, self.add(self.absolute(x), 1.0))

    def soft_shrink(self, x, threshold):
        return self.subtract(x, self.clip(x, -threshold, threshold))

    def hard_shrink(self, x, threshold):
        return self.where(self.less_equal(self.absolute(x), threshold), 0.0, x)

    def threshold(self, x, threshold, default_value):
        return self.where(self.less_equal(x, threshold), default_value, x)

    def softmax(self, x, axis):
        top = self.max(x, axis, True)
        power = self.exp(self.subtract(x, self.stop_gradient(top)))
        return self.divide(power, self.sum(power, axis, True))

    def log_softmax(self, x, axis):
        if 0 in self.static_shape(x):  # there is no largest element
            return x
        return self.subtract(x, self.logsumexp(x, axis, True))

    def sparsemax(self, x, axis):
        wide, back = self.in_single(x)
        ordered = self.flip(self.sort(self.stop_gradient(wide), axis), axis)
        sizes = [1] * len(self.static_shape(x))
        sizes[axis] = -1
        ranks = self.arange(1, self.shape(x)[axis] + 1, 1, self.dtype(wide))
        ranks = self.reshape(ranks, tuple(sizes))
        # The largest elements that stay above zero; with equal ones, all or none.
        sums = self.subtract(self.cumsum(ordered, axis), 1.0)
        inside = self.greater(self.multiply(ordered, ranks), sums)
        count = self.sum(self.cast(inside, self.dtype(wide)), axis, True)
        last = self.sum(self.where(inside, ordered, 0.0), axis, True)
        support = self.greater(wide, self.divide(self.subtract(last, 1.0), count))
        total = self.sum(self.where(support, wide, 0.0), axis, True)
        return back(self.relu(self.subtract(wide, self.divide(self.subtract(total, 1.0), count))))
