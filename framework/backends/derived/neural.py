"""Neural-network kernels from primitives."""

import math

from .activations import Activations
from .ctc import Ctc
from .windows import Windows

# Scores of attention that are held at a time: 256 MB of float32.
MAX_SCORES = 1 << 26


class Neural(Activations, Windows, Ctc):
    """Neural-network kernels that follow from others."""

    def dense(self, x, kernel, bias):
        y = self.matmul(x, kernel)
        return y if bias is None else self.add(y, bias)

    def quantized_dense(self, x, parts, epsilon, by_rows=False):
        """x @ levels / scales by one kernel, where x (…, in) is rounded to 8 bits or not.

        None where there is none for `x`; then other kernels serve. `parts` are pairs of levels,
        int8 (in, out), or (out, in) if `by_rows`, and scales (out,); their results stand side by
        side. A row of `x` is rounded by its largest magnitude, to which `epsilon` is added; without
        an `epsilon` it stays as it is.
        """
        return None

    def layer_normalization(self, x, gamma, beta, axis, epsilon):
        x, gamma, beta, back = self._widened(x, gamma, beta)
        centred = self.subtract(x, self.mean(x, axis, True))
        scale = self.rsqrt(self.add(self.mean(self.square(centred), axis, True), epsilon))
        return back(self._affine(self.multiply(centred, scale), gamma, beta, axis))

    def group_normalization(self, x, gamma, beta, groups, epsilon):
        x, gamma, beta, back = self._widened(x, gamma, beta)
        shape, rank = self.shape(x), len(self.static_shape(x))
        y = self.reshape(x, (*shape[:-1], groups, self.static_shape(x)[-1] // groups))
        inside = (*range(1, rank - 1), rank)
        mean = self.mean(y, inside, True)
        scale = self.mean(self.square(self.subtract(y, mean)), inside, True)
        scale = self.rsqrt(self.add(scale, epsilon))
        y = self.reshape(self.multiply(self.subtract(y, mean), scale), shape)
        return back(self._affine(y, gamma, beta, -1))

    def rms_normalization(self, x, gamma, axis, epsilon):
        x, gamma, _, back = self._widened(x, gamma, None)
        scale = self.rsqrt(self.add(self.mean(self.square(x), axis, True), epsilon))
        return back(self._affine(self.multiply(x, scale), gamma, None, axis))

    def variance_normalization(self, x, gamma, axis, epsilon):
        x, gamma, _, back = self._widened(x, gamma, None)
        scale = self.rsqrt(self.add(self.var(x, axis, True), epsilon))
        return back(self._affine(self.multiply(x, scale), gamma, None, axis))

    def across_replicas(self, x):
        """The mean of `x` over the replicas that run this program; one where there are none."""
        return x

    def batch_normalization(self, x, mean, variance, axis, beta, gamma, epsilon):
        x, mean, variance, back = self._widened(x, mean, variance)
        _, beta, gamma, _ = self._widened(x, beta, gamma)
        mean, variance, gamma, beta = self._along((mean, variance, gamma, beta), x, axis)
        scale = self.rsqrt(self.add(variance, epsilon))
        scale = scale if gamma is None else self.multiply(scale, gamma)
        shift = self.negative(self.multiply(mean, scale))
        shift = shift if beta is None else self.add(shift, beta)
        return back(self.add(self.multiply(x, scale), shift))

    def batch_normalized(self, x, axis, beta, gamma, epsilon):
        """(x normalized by the statistics of its channels, mean, variance), by one kernel.

        None where there is none for `x`; then the parts serve. Mean and variance carry no
        gradient.
        """
        return None

    def biased_conv(self, x, kernel, strides, padding, dilation, groups, bias):
        """`conv`, and a bias (out,) added."""
        return self.add(self.conv(x, kernel, strides, padding, dilation, groups), bias)

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
        `activation` is a kernel's name or None. Without a `mean` nothing is normalized.
        """
        y = (self.depthwise_conv if depth else self.conv)(x, kernel, **conv)
        y = y if bias is None else self.add(y, bias)
        if mean is not None:
            y = self.batch_normalization(y, mean, variance, -1, beta, gamma, epsilon)
        return self.finished(y, activation, shortcut)

    def dense_block(self, x, kernel, bias, activation):
        """activation(x @ kernel + bias), at inference; a bias or an activation may be None."""
        y = self.matmul(x, kernel) if bias is None else self.dense(x, kernel, bias)
        return self.finished(y, activation, None)

    def finished(self, y, activation, shortcut):
        """activation(y + shortcut), either of which may be None."""
        y = y if shortcut is None else self.add(y, shortcut)
        if activation == "gelu":
            return self.gelu(y, False)
        return y if activation is None else getattr(self, activation)(y)

    def _widened(self, x, gamma, beta):
        """Half-precision inputs are normalized in float32; vectors get the dtype of x."""
        x, back = self.in_single(x)
        name = self.dtype(x)
        cast = (
            None if t is None else (t if t.dtype == x.dtype else self.cast(t, name))
            for t in (gamma, beta)
        )
        return x, *cast, back

    def _along(self, vectors, x, axis):
        """Vectors (or None) in a shape that broadcasts along one axis of `x`, or several."""
        rank = len(self.static_shape(x))
        axes = axis if isinstance(axis, tuple) else (axis,)
        if tuple(a % rank for a in axes) == tuple(range(rank - len(axes), rank)):
            return vectors
        shape = self.shape(x)
        places = {a % rank for a in axes}
        sizes = tuple(shape[i] if i in places else 1 for i in range(rank))
        return tuple(
            v if v is None or len(v.shape) in (0, rank) else self.reshape(v, sizes) for v in vectors
        )

    def _affine(self, x, gamma, beta, axis):
        gamma, beta = self._along((gamma, beta), x, axis)
        x = x if gamma is None else self.multiply(x, gamma)
        return x if beta is None else self.add(x, beta)

    def lstm(self, x, h, c, kernel, recurrent_kernel, bias):
        """None: no kernel runs all steps at once, and a layer's own loop is as good."""
        return None

    def gru(self, x, h, kernel, recurrent_kernel, bias):
        """None: no kernel runs all steps at once, and a layer's own loop is as good."""
        return None

    has_flash_attention = False
    has_sparse_tensors = False  # with `sparse_one_hot` and `sparsified`

    def attention(self, query, key, value, mask, bias, scale, is_causal):
        """softmax(q k^T * scale + bias) v over (batch, length, heads, dim) tensors.

        Without a mask the queries go in slices, so that no more than `MAX_SCORES` scores are held
        at a time: all of a large picture's places would take gigabytes.
        """
        sizes = (*self.static_shape(query)[:3], self.static_shape(key)[1])
        known = [size for size in sizes if isinstance(size, int)]  # not symbols of a trace
        if mask is None and bias is None and not is_causal and len(known) == 4:
            target = known[1]
            rows = max(1, MAX_SCORES * target // max(1, math.prod(known)))
            if rows < target:
                parts = [query[:, at : at + rows] for at in range(0, target, rows)]
                return self.concatenate(
                    [
                        self.capped_attention(part, key, value, None, None, scale, False, None)
                        for part in parts
                    ],
                    1,
                )
        return self.capped_attention(query, key, value, mask, bias, scale, is_causal, None)

    def capped_attention(self, query, key, value, mask, bias, scale, is_causal, cap):
        """`attention` with scores s bent to cap * tanh(s / cap), if there is a cap."""
        q, k, v = (self.transpose(t, (0, 2, 1, 3)) for t in (query, key, value))
        # Half precision is too coarse for scores and for the sum of their exponentials.
        scores, back = self.in_single(self.matmul(q, self.transpose(k, (0, 1, 3, 2))))
        scores = self.multiply(scores, scale)
        if bias is not None:
            scores = self.add(scores, self.cast(bias, self.dtype(scores)))
        if cap is not None:
            scores = self.multiply(self.tanh(self.divide(scores, cap)), cap)
        mask = self.attention_mask(query, key, mask, is_causal)
        if mask is not None:
            # Finite, so that a row with nothing to attend to gives numbers and not NaN.
            scores = self.where(mask, scores, -1e30)
        weights = back(self.softmax(scores, -1))
        return self.transpose(self.matmul(weights, v), (0, 2, 1, 3))

    def cached_attention(self, query, key, value, keys, values, position, bias, mask, scale):
        """(attention of tokens to a cache and themselves, its keys, its values); see the op."""
        start = (0, 0, position, 0)
        keys = self.overwrite(keys, start, self.transpose(key, (0, 2, 1, 3)))
        values = self.overwrite(values, start, self.transpose(value, (0, 2, 1, 3)))
        batch, length, heads, size = self.shape(query)
        groups = keys.shape[1]
        shared = heads // groups
        if shared > 1:
            # The heads of a group stand one behind the other as if they were tokens, so that no
            # key is written out for each of them.
            query = self.reshape(query, (batch, length, groups, shared, size))
            query = self.transpose(query, (0, 3, 1, 2, 4))
            query = self.reshape(query, (batch, shared * length, groups, size))
            bias, mask = (self._for_groups(x, groups, shared) for x in (bias, mask))
        seen, told = (self.transpose(x, (0, 2, 1, 3)) for x in (keys, values))
        y = self.attention(query, seen, told, mask, bias, scale, False)
        if shared > 1:
            y = self.reshape(y, (batch, shared, length, groups, size))
            y = self.transpose(y, (0, 2, 3, 1, 4))
            y = self.reshape(y, (batch, length, heads, size))
        return y, keys, values

    def _for_groups(self, x, groups, shared):
        """A bias or mask (batch, heads or 1, length, capacity), as the rows of a group want it."""
        if x is None:
            return None
        x = self.reshape(x, (*(1,) * (4 - len(x.shape)), *self.shape(x)))
        if x.shape[1] == 1:
            return x if x.shape[2] == 1 else self.concatenate([x] * shared, 2)
        batch, _, length, capacity = self.shape(x)
        if length == 1:
            return self.reshape(x, (batch, groups, shared, capacity))
        return self.reshape(x, (batch, groups, shared * length, capacity))

    def turn_halves(self, x, cos, sin):
        """x * cos + (x with its halves exchanged) * sin, along the last axis."""
        size = self.static_shape(x)[-1]
        if isinstance(size, int):
            across = self.roll(x, size // 2, x.ndim - 1)
        else:
            half = self.shape(x)[-1] // 2
            across = self.concatenate([x[..., half:], x[..., :half]], -1)
        return self.add(self.multiply(x, cos), self.multiply(across, sin))

    def attention_mask(self, query, key, mask, is_causal):
        """The boolean mask, joined with the causal one (aligned to the top left)."""
        if not is_causal:
            return mask
        rows = self.arange(0, self.shape(query)[1], 1, "int32")
        columns = self.arange(0, self.shape(key)[1], 1, "int32")
        causal = self.greater_equal(self.expand_dims(rows, 1), columns)
        return causal if mask is None else self.logical_and(mask, causal)
