"""Llama's decoder (Touvron et al. 2023, arXiv:2302.13971): norms first, rotary positions, SwiGLU.

Definition: transformers' `LlamaModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.layer import Layer
from ...framework.initializers import RandomNormal
from ...framework.layers import Dense, Embedding, RMSNormalization
from ...framework.layers.core.dense import dense_side_by_side
from ...framework.typing import Tensor
from .. import activations
from ..attention import KeyValue, added
from ..causal_masks import of_cache, of_texts
from ..decoder import DecoderBackbone
from ..rotary import rotary_of, turned
from ..text import token_inputs

Angles = tuple[Tensor, Tensor]


def _dense(units: int, inputs: int, use_bias: bool = False) -> Dense:
    return Dense(
        units, use_bias=use_bias, kernel_initializer=RandomNormal(stddev=0.02), input_dim=inputs
    )


def _norm(size: int, epsilon: float) -> RMSNormalization:
    norm = RMSNormalization(epsilon=epsilon)
    norm.build((None, None, size))
    return norm


class Attention(Layer):
    """Attention of tokens to those before them, with heads that share keys and values in groups.

    Args:
        hidden_dim: size of a token's vector.
        num_heads: heads of the queries, a multiple of `num_key_value_heads`.
        num_key_value_heads: heads of keys and values.
        head_dim: size of each head.
        use_bias: whether the projections of queries, keys and values have biases.
        output_bias: whether that of the output has one; as the others if None.
        norm_epsilon: added to the mean squares of heads of queries and keys, which are normed
            before they are turned; they are not if None.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        num_key_value_heads: int,
        head_dim: int,
        use_bias: bool,
        output_bias: bool | None = None,
        norm_epsilon: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads, self.shared_heads, self.head_dim = num_heads, num_key_value_heads, head_dim
        self.query = _dense(num_heads * head_dim, hidden_dim, use_bias)
        self.key = _dense(num_key_value_heads * head_dim, hidden_dim, use_bias)
        self.value = _dense(num_key_value_heads * head_dim, hidden_dim, use_bias)
        bias = use_bias if output_bias is None else output_bias
        self.output_dense = _dense(hidden_dim, num_heads * head_dim, bias)
        self.query_norm = self.key_norm = None
        if norm_epsilon is not None:
            self.query_norm = _norm(head_dim, norm_epsilon)
            self.key_norm = _norm(head_dim, norm_epsilon)
        self.built = True

    def _heads(self, x: Tensor, count: int) -> Tensor:
        batch, length = ops.shape(x)[:2]
        return ops.reshape(x, (batch, length, count, self.head_dim))

    def _projected(self, x: Tensor, angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (batch, length, heads, head_dim)."""
        query, key, value = dense_side_by_side(x, self.query, self.key, self.value)
        query, key = self._heads(query, self.num_heads), self._heads(key, self.shared_heads)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        return turned(query, angles), turned(key, angles), self._heads(value, self.shared_heads)

    def call(self, x: Tensor, angles: Angles, mask: Tensor | None = None) -> Tensor:
        """Returns (batch, length, hidden).

        Args:
            x: (batch, length, hidden).
            angles: of the positions.
            mask: booleans (batch, 1, length, length), true where a token may attend; all that do
                not come after it if None.
        """
        query, key, value = self._projected(x, angles)
        group = self.num_heads // self.shared_heads
        if group > 1:
            key, value = (ops.repeat(part, group, axis=2) for part in (key, value))
        y = ops.dot_product_attention(query, key, value, mask=mask, is_causal=mask is None)
        batch, length = ops.shape(y)[:2]
        return self.output_dense(ops.reshape(y, (batch, length, self.num_heads * self.head_dim)))

    def extend(
        self, x: Tensor, angles: Angles, cache: KeyValue, position: Tensor, bias: Tensor
    ) -> tuple[Tensor, KeyValue]:
        """Returns the attention of tokens that follow a cache, and the cache with them.

        Args:
            x: (batch, length, hidden).
            angles: of the positions.
            cache: keys and values, each (batch, key-value heads, capacity, head_dim).
            position: int32 scalar, the place of the first token of `x`.
            bias: added to scores, (batch, 1, length, capacity).
        """
        query, key, value = self._projected(x, angles)
        y, keys, values = ops.cached_attention(query, key, value, *cache, position, bias)
        batch, length = ops.shape(y)[:2]
        y = ops.reshape(y, (batch, length, self.num_heads * self.head_dim))
        return self.output_dense(y), (keys, values)


class FeedForward(Layer):
    """down(activation(gate(x)) * up(x)) (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(
        self, hidden_dim: int, intermediate_dim: int, activation: str, use_bias: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.gate = _dense(intermediate_dim, hidden_dim, use_bias)
        self.up = _dense(intermediate_dim, hidden_dim, use_bias)
        self.down = _dense(hidden_dim, intermediate_dim, use_bias)
        found = activations.get(activation)
        self.activation = getattr(ops, found) if isinstance(found, str) else found
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns a tensor of the shape of `x`, (batch, length, hidden)."""
        gate, up = dense_side_by_side(x, self.gate, self.up)
        return self.down(ops.multiply(self.activation(gate), up))


class Block(Layer):
    """A block of the decoder: attention, then a gated feed-forward layer, a norm before each."""

    def __init__(
        self, attention: Attention, feedforward: FeedForward, hidden_dim: int, epsilon: float
    ) -> None:
        super().__init__()
        self.attention, self.feedforward = attention, feedforward
        self.attention_norm = _norm(hidden_dim, epsilon)
        self.feedforward_norm = _norm(hidden_dim, epsilon)
        self.built = True

    def call(self, x: Tensor, angles: Angles, mask: Tensor | None = None) -> Tensor:
        """Returns (batch, length, hidden); see `Attention.call`."""
        x = ops.add(x, self.attention(self.attention_norm(x), angles, mask))
        return ops.add(x, self.feedforward(self.feedforward_norm(x)))

    def extend(
        self, x: Tensor, angles: Angles, cache: KeyValue, position: Tensor, bias: Tensor
    ) -> tuple[Tensor, KeyValue]:
        """Returns the output for tokens that follow a cache, and the cache; see Attention."""
        y, cache = self.attention.extend(self.attention_norm(x), angles, cache, position, bias)
        x = ops.add(x, y)
        return ops.add(x, self.feedforward(self.feedforward_norm(x))), cache


class LlamaBackbone(DecoderBackbone):
    """Llama without a head.

    Inputs are integers (batch, length), or a dict of such: `token_ids` and optionally
    `padding_mask`, 0 for padding before or behind a text. Outputs are a dict of `sequence_output`,
    (batch, length, hidden_dim). ValueError for ids that are not in the vocabulary.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of the queries.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layers.
        num_key_value_heads: heads of keys and values, which divide `num_heads`; as many if None.
        head_dim: size of a head; hidden_dim / num_heads if None.
        max_sequence_length: most tokens of a text.
        activation: name of the feed-forward layers' activation.
        rms_norm_epsilon: added to mean squares.
        rope_theta: base of the rotary frequencies.
        rope_scaling: None, or how they are scaled; see `rotary.rotary_of`.
        attention_bias: whether the projections of the attention have biases.
        feedforward_bias: whether the feed-forward layers have biases.
        tie_embeddings: whether a head, which is not part of this, is the token embedding.
        sliding_window: how many tokens each attends to, itself among them (Mistral); all before it
            if None.

    Raises:
        ValueError: sizes that do not fit each other, or a scaling that is not known.
    """

    # What relatives have otherwise: whether the attention's last projection has a bias (as its
    # others if None), and whether heads of queries and keys are normed.
    attention_output_bias: bool | None = None
    normed_heads = False

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        num_key_value_heads: int | None = None,
        head_dim: int | None = None,
        max_sequence_length: int = 2048,
        activation: str = "silu",
        rms_norm_epsilon: float = 1e-6,
        rope_theta: float = 10000.0,
        rope_scaling: Mapping[str, Any] | None = None,
        attention_bias: bool = False,
        feedforward_bias: bool = False,
        tie_embeddings: bool = False,
        sliding_window: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sliding_window is not None and sliding_window < 1:
            raise ValueError(f"sliding_window must be positive or None; got {sliding_window!r}.")
        self.sliding_window = sliding_window
        shared = num_heads if num_key_value_heads is None else num_key_value_heads
        if head_dim is None and hidden_dim % num_heads:
            raise ValueError(f"hidden_dim {hidden_dim} is not a multiple of num_heads {num_heads}.")
        if shared < 1 or num_heads % shared:
            raise ValueError(
                f"num_heads {num_heads} is not a multiple of num_key_value_heads {shared}."
            )
        size = head_dim or hidden_dim // num_heads
        theta = (rope_scaling or {}).get("rope_theta", rope_theta)
        self._rotary = rotary_of(size, theta, rope_scaling, max_sequence_length)
        self.embeddings = Embedding(vocabulary_size, hidden_dim, RandomNormal(stddev=0.02))
        normed = rms_norm_epsilon if self.normed_heads else None
        biases = attention_bias, self.attention_output_bias
        self.blocks = [
            Block(
                Attention(hidden_dim, num_heads, shared, size, *biases, normed),
                FeedForward(hidden_dim, intermediate_dim, activation, feedforward_bias),
                hidden_dim,
                rms_norm_epsilon,
            )
            for _ in range(num_layers)
        ]
        self.norm = _norm(hidden_dim, rms_norm_epsilon)
        self.vocabulary_size, self.hidden_dim = vocabulary_size, hidden_dim
        self.embedding_dim = hidden_dim
        self.shared_heads, self.head_dim = shared, size
        self.max_sequence_length = max_sequence_length
        self.built = True

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `sequence_output`, (batch, length, hidden_dim).

        Args:
            inputs: integers (batch, length), or a dict with `token_ids` and `padding_mask`.
        """
        inputs = token_inputs(inputs)
        self.check_inputs(inputs)
        ids, mask = inputs["token_ids"], inputs.get("padding_mask")
        places, mask = of_texts(ids, mask, self.sliding_window)
        length: Any = np.shape(ids)[1:2] if isinstance(ids, list) else ids.shape[1:2]
        self._rotary.check_length(length[0])
        x = self.embeddings(ids)
        angles = self._rotary.angles(places)
        for layer in self.blocks:
            x = layer(x, angles, mask)
        return {"sequence_output": self.norm(x)}

    def extend(
        self, tokens: Tensor, cache: Sequence[KeyValue], position: Tensor, starts: Tensor
    ) -> tuple[Tensor, list[KeyValue]]:
        """Returns hidden states of tokens that follow those in a cache, and the cache with them.

        Args:
            tokens: int32 (batch, length).
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            position: int32 scalar, the place of the first of `tokens`.
            starts: int32 (batch,), where each row's text begins: before it there is padding.
        """
        places, mask = of_cache(
            ops.shape(tokens)[1], cache[0][0].shape[2], position, starts, self.sliding_window
        )
        angles = self._rotary.angles(places)
        x = self.embeddings(tokens)
        # What the mask adds is computed once, not in each block.
        bias = added(mask, self.compute_dtype)
        x, caches = self.through_blocks(x, cache, angles, behind=(position, bias))
        return self.norm(x), caches
