"""Multi-head attention whose projections are Dense layers, as checkpoints store them."""

from .. import ops
from ..core.layer import Layer
from .core import Dense


class DenseAttention(Layer):
    """Attention of `query` to `value` in `num_heads` heads (Vaswani et al. 2017).

    Shapes: query (batch, target, in), value (batch, source, in); the result is
    (batch, target, output_dim). Kernels are (in, num_heads * key_dim): published checkpoints hold
    them so, where Keras's MultiHeadAttention has an axis for the heads.

    Args:
        num_heads: number of heads.
        key_dim: size of each head.
        use_bias: whether the projections have biases.
        key_bias: the same for keys alone (Whisper has none there).
        output_dim: size of the result; num_heads * key_dim unless given.
    """

    def __init__(
        self, num_heads: int, key_dim: int, use_bias=True, key_bias=None, output_dim=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim = num_heads, key_dim
        inner = num_heads * key_dim
        dtype = self.dtype
        self.query = Dense(inner, use_bias=use_bias, dtype=dtype)
        self.key = Dense(inner, use_bias=use_bias if key_bias is None else key_bias, dtype=dtype)
        self.value = Dense(inner, use_bias=use_bias, dtype=dtype)
        self.output_dense = Dense(output_dim or inner, use_bias=use_bias, dtype=dtype)

    def build(self, query_shape, value_shape=None):
        value_shape = value_shape or query_shape
        self.query.build(query_shape)
        self.key.build(value_shape)
        self.value.build(value_shape)
        self.output_dense.build((*query_shape[:-1], self.num_heads * self.key_dim))

    def project(self, value):
        """Keys and values of `value`: two tensors (batch, source, heads, dim), fit for a cache."""
        return self._heads(self.key(value)), self._heads(self.value(value))

    def _heads(self, x):
        batch, length = ops.shape(x)[:2]
        return ops.reshape(x, (batch, length, self.num_heads, self.key_dim))

    def attend(self, query, key, value, mask=None, is_causal=False):
        """Attention of `query` (batch, target, in) to projected keys and values."""
        query = self._heads(self.query(query))
        y = ops.dot_product_attention(query, key, value, mask=mask, is_causal=is_causal)
        batch, length = ops.shape(y)[:2]
        return self.output_dense(ops.reshape(y, (batch, length, self.num_heads * self.key_dim)))

    def call(self, query, value=None, mask=None, is_causal=False):
        key, value = self.project(query if value is None else value)
        return self.attend(query, key, value, mask, is_causal)
