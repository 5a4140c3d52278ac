"""Multi-head attention whose projections are Dense layers, as checkpoints store them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..framework import ops
from ..framework.core.layer import Layer
from ..framework.layers import Dense, Dropout
from ..framework.typing import Tensor

KeyValue = tuple[Tensor, Tensor]


def swapped(x: Tensor) -> Tensor:
    """(batch, length, heads, dim) <-> (batch, heads, length, dim)."""
    return ops.transpose(x, (0, 2, 1, 3))


def empty_cache(layers: int, shape: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns keys and values for each layer as NumPy zeros.

    Each has memory of its own, which steps may write to; what is not written takes none.

    Args:
        layers: how many.
        shape: (batch, heads, capacity, head_dim).
    """
    return [(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) for _ in range(layers)]


def lowest(dtype: str) -> float:
    """Returns what stands for -infinity in scores: a row with nothing to attend to gives a mean."""
    return -6e4 if dtype == "float16" else -1e30


def added(mask: Tensor, dtype: str) -> Tensor:
    """Returns what a mask of booleans adds to scores: 0 where it is true, else `lowest`."""
    return ops.cast(ops.where(mask, 0.0, lowest(dtype)), dtype)


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
        dropout: share of the attention weights that is dropped in training.
        kernel_initializer: what the kernels of the projections begin with.
        scale: what products of queries and keys are multiplied by; 1 / sqrt(key_dim) if None.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        use_bias: bool = True,
        key_bias: bool | None = None,
        output_dim: int | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        scale: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.num_heads, self.key_dim = num_heads, key_dim
        inner = num_heads * key_dim
        options: dict[str, Any] = {
            "kernel_initializer": kernel_initializer,
            "dtype": self.dtype_policy,
        }
        self.query = Dense(inner, use_bias=use_bias, **options)
        self.key = Dense(inner, use_bias=use_bias if key_bias is None else key_bias, **options)
        self.value = Dense(inner, use_bias=use_bias, **options)
        self.output_dense = Dense(output_dim or inner, use_bias=use_bias, **options)
        self.dropout = Dropout(dropout) if dropout else None

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Sequence[int | None], value_shape: Sequence[int | None] | None = None
    ) -> None:
        """Makes the weights of the projections, of which the last sizes alone matter.

        Args:
            query_shape: (batch, target, in).
            value_shape: (batch, source, in); that of the query unless given.
        """
        value_shape = value_shape or query_shape
        self.query.build(query_shape)
        self.key.build(value_shape)
        self.value.build(value_shape)
        self.output_dense.build((*query_shape[:-1], self.num_heads * self.key_dim))

    def project(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Returns keys and values of `value`, (batch, source, in), fit for a cache.

        Both are (batch, source, heads, dim).
        """
        return self._heads(self.key(value)), self._heads(self.value(value))

    def _heads(self, x: Tensor) -> Tensor:
        batch, length = ops.shape(x)[:2]
        return ops.reshape(x, (batch, length, self.num_heads, self.key_dim))

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        is_causal: bool = False,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Computes the attention to keys and values that are projected already.

        Args:
            query: (batch, target, in).
            key: (batch, source, heads, dim), as `project` gives it.
            value: (batch, source, heads, dim), as `project` gives it.
            mask: booleans, true where a query may attend, that broadcast to (batch, heads, target,
                source); everywhere if None.
            is_causal: whether a query attends only to keys that do not come after it.
            bias: added to the scaled products; it broadcasts to (batch, heads, target, source).

        Returns:
            (batch, target, output_dim).
        """
        query = self._heads(self.query(query))
        if self.dropout is not None and self.resolve_training(None):
            y = self._dropping(self.dropout, query, key, value, mask, is_causal, bias)
        else:
            y = ops.dot_product_attention(
                query, key, value, bias, mask, scale=self.scale, is_causal=is_causal
            )
        return self._out(y)

    def _out(self, y: Tensor) -> Tensor:
        batch, length = ops.shape(y)[:2]
        return self.output_dense(ops.reshape(y, (batch, length, self.num_heads * self.key_dim)))

    def extend(
        self,
        query: Tensor,
        cache: KeyValue,
        position: Tensor,
        mask: Tensor,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """Returns the attention of tokens that follow a cache, and the cache with them.

        Args:
            query: (batch, length, in).
            cache: keys and values, each (batch, heads, capacity, dim).
            position: int32 scalar, the place of the first token of `query`.
            mask: booleans that broadcast to (batch, heads, length, capacity), true where a token
                may attend.
            bias: added to the scaled products; it broadcasts as `mask` does.
        """
        key, value = self.project(query)
        query = self._heads(self.query(query))
        y, keys, values = ops.cached_attention(
            query, key, value, *cache, position, bias, mask, self.scale
        )
        return self._out(y), (keys, values)

    def _dropping(
        self,
        dropout: Dropout,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        is_causal: bool,
        bias: Tensor | None,
    ) -> Tensor:
        """Attention with some of its weights dropped, which no fused kernel draws as we do."""
        scores = ops.einsum("bthd,bshd->bhts", query, key)
        scores = ops.multiply(scores, self.key_dim**-0.5 if self.scale is None else self.scale)
        if bias is not None:
            scores = ops.add(scores, bias)
        if is_causal:
            rows, columns = (ops.arange(n, dtype="int32") for n in ops.shape(scores)[2:])
            causal = ops.greater_equal(ops.expand_dims(rows, 1), columns)
            mask = causal if mask is None else ops.logical_and(mask, causal)
        if mask is not None:
            scores = ops.where(mask, scores, lowest(self.compute_dtype))
        weights = dropout(ops.softmax(scores))
        return ops.einsum("bhts,bshd->bthd", weights, value)

    def call(
        self,
        query: Tensor,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        is_causal: bool = False,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Computes the attention of `query` to `value`.

        Args:
            query: (batch, target, in).
            value: (batch, source, in); `query` itself if None.
            mask: booleans, true where a query may attend, that broadcast to (batch, heads, target,
                source); everywhere if None.
            is_causal: whether a query attends only to places that do not come after it.
            bias: added to the scaled products; it broadcasts to (batch, heads, target, source).

        Returns:
            (batch, target, output_dim).
        """
        key, value = self.project(query if value is None else value)
        return self.attend(query, key, value, mask, is_causal, bias)
