"""Neural-network kernels from primitives."""

import math
from typing import TYPE_CHECKING, Any


class Neural:
    """Neural-network kernels that follow from others."""

    if TYPE_CHECKING:
        # The primitives: every backend has them, this class has not.
        def __getattr__(self, name: str) -> Any: ...

    # Activations

    def relu(self, x):
        return self.maximum(x, 0)

    def relu6(self, x):
        return self.clip(x, 0, 6)

    def leaky_relu(self, x, negative_slope):
        return self.where(self.greater(x, 0), x, self.multiply(x, negative_slope))

    def elu(self, x, alpha):
        low = self.expm1(self.minimum(x, 0))
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

    def softplus(self, x):
        tail = self.log1p(self.exp(self.negative(self.absolute(x))))
        return self.add(self.maximum(x, 0), tail)

    def softmax(self, x, axis):
        top = self.max(x, axis, True)
        power = self.exp(self.subtract(x, self.stop_gradient(top)))
        return self.divide(power, self.sum(power, axis, True))

    def log_softmax(self, x, axis):
        return self.subtract(x, self.logsumexp(x, axis, True))

    # Layers

    def dense(self, x, kernel, bias):
        y = self.matmul(x, kernel)
        return y if bias is None else self.add(y, bias)

    def layer_normalization(self, x, gamma, beta, axis, epsilon):
        x, gamma, beta, back = self._widened(x, gamma, beta)
        centred = self.subtract(x, self.mean(x, axis, True))
        scale = self.rsqrt(self.add(self.mean(self.square(centred), axis, True), epsilon))
        return back(self._affine(self.multiply(centred, scale), gamma, beta, axis))

    def rms_normalization(self, x, gamma, axis, epsilon):
        x, gamma, _, back = self._widened(x, gamma, None)
        scale = self.rsqrt(self.add(self.mean(self.square(x), axis, True), epsilon))
        return back(self._affine(self.multiply(x, scale), gamma, None, axis))

    def batch_normalization(self, x, mean, variance, axis, beta, gamma, epsilon):
        mean, variance, gamma, beta = self._along((mean, variance, gamma, beta), x, axis)
        scale = self.rsqrt(self.add(variance, epsilon))
        scale = scale if gamma is None else self.multiply(scale, gamma)
        shift = self.negative(self.multiply(mean, scale))
        shift = shift if beta is None else self.add(shift, beta)
        return self.add(self.multiply(x, scale), shift)

    def conv_batch_norm(
        self,
        x,
        kernel,
        bias,
        mean,
        variance,
        gamma,
        beta,
        epsilon,
        conv,
        depth,
        activation,
        shortcut,
    ):
        """activation(normalized(convolution(x)) + shortcut), at inference.

        `conv` holds the keyword arguments of the convolution, `depth` says that it is depthwise,
        `activation` is a kernel's name or None.
        """
        y = (self.depthwise_conv if depth else self.conv)(x, kernel, **conv)
        y = y if bias is None else self.add(y, bias)
        y = self.batch_normalization(y, mean, variance, -1, beta, gamma, epsilon)
        return self.finished(y, activation, shortcut)

    def finished(self, y, activation, shortcut):
        """activation(y + shortcut), either of which may be None."""
        y = y if shortcut is None else self.add(y, shortcut)
        return y if activation is None else getattr(self, activation)(y)

    def _widened(self, x, gamma, beta):
        """Statistics of half-precision inputs are taken in float32."""
        name = self.dtype(x)
        if name not in ("float16", "bfloat16"):
            return x, gamma, beta, lambda y: y
        wide = [None if t is None else self.cast(t, "float32") for t in (x, gamma, beta)]
        return *wide, lambda y: self.cast(y, name)

    def _along(self, vectors, x, axis):
        """Vectors (or None) in a shape that broadcasts along `axis` of `x`."""
        rank = len(self.static_shape(x))
        if axis % rank == rank - 1:
            return vectors
        sizes = tuple(-1 if i == axis % rank else 1 for i in range(rank))
        return tuple(None if v is None else self.reshape(v, sizes) for v in vectors)

    def _affine(self, x, gamma, beta, axis):
        gamma, beta = self._along((gamma, beta), x, axis)
        x = x if gamma is None else self.multiply(x, gamma)
        return x if beta is None else self.add(x, beta)

    def attention(self, query, key, value, mask, bias, scale, is_causal):
        """softmax(q k^T * scale + bias) v over (batch, length, heads, dim) tensors."""
        q, k, v = (self.transpose(t, (0, 2, 1, 3)) for t in (query, key, value))
        scores = self.multiply(self.matmul(q, self.transpose(k, (0, 1, 3, 2))), scale)
        if bias is not None:
            scores = self.add(scores, bias)
        mask = self.attention_mask(query, key, mask, is_causal)
        if mask is not None:
            # Finite, so that a row with nothing to attend to gives numbers and not NaN.
            low = {"float16": -6e4}.get(self.dtype(scores), -1e30)
            scores = self.where(mask, scores, low)
        weights = self.softmax(scores, -1)
        return self.transpose(self.matmul(weights, v), (0, 2, 1, 3))

    def attention_mask(self, query, key, mask, is_causal):
        """The boolean mask, joined with the causal one (aligned to the top left)."""
        if not is_causal:
            return mask
        rows = self.arange(0, self.shape(query)[1], 1, "int32")
        columns = self.arange(0, self.shape(key)[1], 1, "int32")
        causal = self.greater_equal(self.expand_dims(rows, 1), columns)
        return causal if mask is None else self.logical_and(mask, causal)
