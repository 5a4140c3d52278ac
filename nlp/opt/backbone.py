"""OPT's decoder (Zhang et al. 2022, arXiv:2205.01068). Definition: transformers' `OPTModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...framework import ops
from ...framework.core.layer import Layer
from ...framework.initializers import RandomNormal
from ...framework.layers import Dense, Dropout, Embedding, LayerNormalization
from ...framework.typing import Tensor
from .. import activations
from ..attention import DenseAttention, KeyValue
from ..causal_masks import of_cache, of_texts
from ..decoder import DecoderBackbone
from ..text import token_inputs

# Rows of the table of places that no token takes.
OFFSET = 2


def _initializer() -> RandomNormal:
    return RandomNormal(stddev=0.02)


def _dense(units: int, inputs: int, activation: Any = None, use_bias: bool = True) -> Dense:
    return Dense(
        units,
        activation,
        use_bias=use_bias,
        kernel_initializer=_initializer(),
        input_dim=inputs,
    )


class Block(Layer):
    """A block of the decoder: attention and a feed-forward layer, each with a norm.

    Args:
        num_heads: number of heads.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layer.
        activation: its activation's name.
        norm_first: whether the norms stand before the halves, else behind them (350m).
        use_bias: whether dense layers have biases.
        dropout: share of elements dropped in training, after each half.
        attention_dropout: the same for attention weights.
    """

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str,
        norm_first: bool,
        use_bias: bool,
        dropout: float,
        attention_dropout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.norm_first = norm_first
        self.attention = DenseAttention(
            num_heads,
            hidden_dim // num_heads,
            use_bias=use_bias,
            dropout=attention_dropout,
            kernel_initializer=_initializer(),
        )
        self.attention.build((None, None, hidden_dim))
        self.attention_norm = LayerNormalization(epsilon=1e-5, input_dim=hidden_dim)
        self.inner = _dense(intermediate_dim, hidden_dim, activations.get(activation), use_bias)
        self.outer = _dense(hidden_dim, intermediate_dim, None, use_bias)
        self.outer_norm = LayerNormalization(epsilon=1e-5, input_dim=hidden_dim)
        self.attention_dropout, self.outer_dropout = Dropout(dropout), Dropout(dropout)
        self.built = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns (batch, length, hidden).

        Args:
            x: (batch, length, hidden).
            mask: booleans (batch, 1, length, length), true where a token may attend; all that do
                not come after it if None.
        """
        normed = self.attention_norm(x) if self.norm_first else x
        return self._finish(x, self.attention(normed, None, mask, is_causal=mask is None))

    def extend(
        self, x: Tensor, cache: KeyValue, position: Tensor, mask: Tensor
    ) -> tuple[Tensor, KeyValue]:
        """Returns the output for tokens that follow a cache, and the cache; see DenseAttention."""
        normed = self.attention_norm(x) if self.norm_first else x
        y, cache = self.attention.extend(normed, cache, position, mask)
        return self._finish(x, y), cache

    def _finish(self, x: Tensor, y: Tensor) -> Tensor:
        x = ops.add(x, self.attention_dropout(y))
        if not self.norm_first:
            x = self.attention_norm(x)
        y = self.outer_norm(x) if self.norm_first else x
        x = ops.add(x, self.outer_dropout(self.outer(self.inner(y))))
        return x if self.norm_first else self.outer_norm(x)


class OPTBackbone(DecoderBackbone):
    """OPT without a head.

    Inputs are integers (batch, length), or a dict of such: `token_ids` and optionally
    `padding_mask`, 0 for padding before or behind a text. Outputs are a dict of `sequence_output`,
    (batch, length, embedding_dim). ValueError for ids that are not in the vocabulary, and for more
    tokens than there are places.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector in the blocks, a multiple of `num_heads`.
        intermediate_dim: inner size of the feed-forward layers.
        embedding_dim: size of a token's vector outside of the blocks; `hidden_dim` if None. Where
            it is another, dense layers stand before the first block and behind the last.
        max_sequence_length: most tokens of a text.
        activation: name of the feed-forward layers' activation.
        dropout: share of elements dropped in training, after each half of a block.
        attention_dropout: the same for attention weights.
        norm_first: whether norms stand before the halves of a block, else behind them (350m).
        last_norm: whether there is a norm behind the last block, where `norm_first`.
        use_bias: whether the blocks' dense layers have biases.
        tie_embeddings: whether a head, which is not part of this, is the token embedding.

    Raises:
        ValueError: sizes that do not fit each other.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        embedding_dim: int | None = None,
        max_sequence_length: int = 2048,
        activation: str = "relu",
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        norm_first: bool = True,
        last_norm: bool = True,
        use_bias: bool = True,
        tie_embeddings: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError(f"hidden_dim {hidden_dim} is not a multiple of num_heads {num_heads}.")
        size = embedding_dim or hidden_dim
        self.embeddings = Embedding(vocabulary_size, size, _initializer())
        self.positions = Embedding(max_sequence_length + OFFSET, hidden_dim, _initializer())
        self.project_in = self.project_out = None
        if size != hidden_dim:
            self.project_in = _dense(hidden_dim, size, use_bias=False)
            self.project_out = _dense(size, hidden_dim, use_bias=False)
        self.blocks = [
            Block(
                num_heads,
                hidden_dim,
                intermediate_dim,
                activation,
                norm_first,
                use_bias,
                dropout,
                attention_dropout,
            )
            for _ in range(num_layers)
        ]
        self.norm = None
        if norm_first and last_norm:
            self.norm = LayerNormalization(epsilon=1e-5, input_dim=hidden_dim)
        self.vocabulary_size, self.embedding_dim = vocabulary_size, size
        self.hidden_dim, self.num_heads = hidden_dim, num_heads
        self.shared_heads, self.head_dim = num_heads, hidden_dim // num_heads
        self.max_sequence_length = max_sequence_length
        self.built = True

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `sequence_output`, (batch, length, embedding_dim).

        Args:
            inputs: integers (batch, length), or a dict with `token_ids` and `padding_mask`.
        """
        inputs = token_inputs(inputs)
        self.check_inputs(inputs)
        ids = inputs["token_ids"]
        length = ids.shape[1] if hasattr(ids, "shape") else len(ids[0])
        if isinstance(length, int) and length > self.max_sequence_length:
            raise ValueError(
                f"The model got {length} tokens a text, and takes at most "
                f"{self.max_sequence_length}: cut the texts."
            )
        places, mask = of_texts(ids, inputs.get("padding_mask"))
        x = self._embedded(ids, places)
        for block in self.blocks:
            x = block(x, mask)
        return {"sequence_output": self._out(x)}

    def extend(
        self, tokens: Tensor, cache: Sequence[KeyValue], position: Tensor, starts: Tensor
    ) -> tuple[Tensor, list[KeyValue]]:
        """Returns states of tokens that follow those in a cache, and the cache with them.

        Args:
            tokens: int32 (batch, length).
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            position: int32 scalar, the place of the first of `tokens`.
            starts: int32 (batch,), where each row's text begins: before it there is padding.
        """
        capacity = cache[0][0].shape[2]
        places, mask = of_cache(ops.shape(tokens)[1], capacity, position, starts)
        # What fills up a last block has no place of its own, and does not count.
        x = self._embedded(tokens, ops.minimum(places, self.max_sequence_length - 1))
        x, caches = self.through_blocks(x, cache, behind=(position, mask))
        return self._out(x), caches

    def _embedded(self, ids: Tensor, places: Tensor) -> Tensor:
        x = self.embeddings(ids)
        if self.project_in is not None:
            x = self.project_in(x)
        return ops.add(x, self.positions(ops.add(places, OFFSET)))

    def _out(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        return x if self.project_out is None else self.project_out(x)
