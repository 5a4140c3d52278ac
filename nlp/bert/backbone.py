"""BERT's encoder (Devlin et al. 2018, arXiv:1810.04805)."""

from __future__ import annotations

from typing import Any

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.core.layer import Layer
from ...framework.initializers import TruncatedNormal
from ...framework.layers import Dense, Dropout, Embedding, LayerNormalization
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from .. import activations
from ..attention import DenseAttention, added
from ..text import check_ids, token_inputs


def initializer() -> TruncatedNormal:
    """Returns what kernels and embeddings begin with."""
    return TruncatedNormal(stddev=0.02)


class Embeddings(Layer):
    """Sum of what a token, its place and its segment are, normalized: (batch, length, hidden)."""

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        max_sequence_length: int,
        num_segments: int,
        dropout: float,
        epsilon: float,
        padding_id: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.padding_id = padding_id
        rows = max_sequence_length + (0 if padding_id is None else padding_id + 1)
        self.word = Embedding(vocabulary_size, hidden_dim, initializer())
        self.position = Embedding(rows, hidden_dim, initializer())
        self.segment = Embedding(num_segments, hidden_dim, initializer()) if num_segments else None
        self.norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.dropout = Dropout(dropout)
        self.hidden_dim, self.max_sequence_length = hidden_dim, max_sequence_length
        self.built = True

    def call(self, token_ids: Tensor, segment_ids: Tensor | None = None) -> Tensor:
        """Returns the sum of the embeddings, normalized, with dropout: (batch, length, hidden).

        Args:
            token_ids: integers (batch, length).
            segment_ids: integers (batch, length); all in the first segment if None.

        Raises:
            ValueError: more tokens than there are positions, where the length is known.
        """
        length = self._checked_length(token_ids)
        if self.padding_id is None:
            places = ops.slice(self.position.embeddings, (0, 0), (length, self.hidden_dim))
        else:
            places = self.position(self._numbered(token_ids, self.padding_id))
        if self.segment is None:
            pass
        elif segment_ids is None:
            # (length, hidden): every token stands in the first segment.
            places = ops.add(
                places, ops.slice(self.segment.embeddings, (0, 0), (1, self.hidden_dim))
            )
        else:
            places = ops.add(self.segment(segment_ids), places)
        x = self.norm(ops.add(self.word(token_ids), places))
        return self.dropout(x)

    def _numbered(self, token_ids: Tensor, padding_id: int) -> Tensor:
        """The row of each token's place: those of no padding count from `padding_id` + 1."""
        real = ops.cast(ops.not_equal(token_ids, padding_id), "int32")
        return ops.add(ops.multiply(ops.cumsum(real, axis=1), real), padding_id)

    def _checked_length(self, token_ids: Tensor) -> Any:
        known = token_ids.shape[1]
        if isinstance(known, int) and known > self.max_sequence_length:
            raise ValueError(
                f"The model got {known} tokens a text, and takes at most "
                f"{self.max_sequence_length}: cut the texts (truncate=True), or split them."
            )
        return ops.shape(token_ids)[1]


class Block(Layer):
    """One Transformer block, with the norm behind each half; (batch, length, hidden) stays."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str,
        dropout: float,
        attention_dropout: float,
        epsilon: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        size = hidden_dim // num_heads
        self.attention = DenseAttention(
            num_heads, size, dropout=attention_dropout, kernel_initializer=initializer()
        )
        self.attention.build((None, None, hidden_dim))
        self.attention_norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.inner = _dense(intermediate_dim, hidden_dim, activations.get(activation))
        self.outer = _dense(hidden_dim, intermediate_dim)
        self.outer_norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.attention_dropout = Dropout(dropout)
        self.outer_dropout = Dropout(dropout)
        self.built = True

    def call(self, x: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Returns the block's output (batch, length, hidden), of the shape of `x`.

        Args:
            x: (batch, length, hidden).
            mask: booleans, true where a token may be attended to, that broadcast to (batch, heads,
                length, length); everywhere if None.
            bias: added to the attention's scores, with axes like those of `mask`.
        """
        y = self.attention_dropout(self.attention(x, None, mask, bias=bias))
        x = self.attention_norm(ops.add(y, x))
        y = self.outer_dropout(self.outer(self.inner(x)))
        return self.outer_norm(ops.add(y, x))


class Encoder(Layer):
    """A stack of blocks."""

    def __init__(self, num_layers: int, *sizes: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layers = [Block(*sizes) for _ in range(num_layers)]
        self.built = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the output of the last block, (batch, length, hidden).

        Args:
            x: (batch, length, hidden).
            mask: booleans, as of `Block.call`.
        """
        # What the mask adds is computed once, not in each block.
        bias = None if mask is None else added(mask, self.compute_dtype)
        for layer in self.layers:
            x = layer(x, bias=bias)
        return x


class BertBackbone(Backbone):
    """BERT without a head.

    Inputs are a dict of integers of shape (batch, length), or `token_ids` alone:

    - `token_ids`: rows of the vocabulary.
    - `segment_ids` (optional): which sentence a token belongs to; 0 where absent.
    - `padding_mask` (optional): 1 for a token, 0 for padding; all are tokens where absent.

    Outputs are a dict of `sequence_output`, (batch, length, hidden_dim), and `pooled_output`,
    (batch, hidden_dim): a dense layer with tanh on the first token. ValueError for more tokens than
    `max_sequence_length`; a program traced for an unknown length raises when it is run, and one of
    JAX, which cannot, gives NaN. ValueError also for ids that are not in the vocabulary; where
    their values are not at hand (in compiled code, on accelerators) they give NaN.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector, a multiple of `num_heads`.
        intermediate_dim: inner size of a block's feed-forward layers.
        dropout: share of elements dropped in training, after each half of a block.
        attention_dropout: the same for attention weights; `dropout` unless given.
        max_sequence_length: most tokens of a text.
        num_segments: number of segments; 0 for a model that tells none apart (DistilBERT).
        activation: name of the feed-forward layers' activation.
        layer_norm_epsilon: added to variances.
        pooler: False leaves out the pooler and `pooled_output`.
        padding_id: None, or the token whose places are not counted (RoBERTa): the others have the
            rows from `padding_id` + 1 on of the table of positions.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-12,
        pooler: bool = True,
        padding_id: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = {
            "vocabulary_size": vocabulary_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
        }
        for name, size in sizes.items():
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a positive integer; got {size!r}.")
        if hidden_dim % num_heads:
            raise ValueError(f"hidden_dim {hidden_dim} is not a multiple of num_heads {num_heads}.")
        inside = dropout if attention_dropout is None else attention_dropout
        norm = layer_norm_epsilon
        self.embeddings = Embeddings(
            vocabulary_size,
            hidden_dim,
            max_sequence_length,
            num_segments,
            dropout,
            norm,
            padding_id,
        )
        self.encoder = Encoder(
            num_layers, num_heads, hidden_dim, intermediate_dim, activation, dropout, inside, norm
        )
        self.pooler = _dense(hidden_dim, hidden_dim, "tanh") if pooler else None
        self.vocabulary_size, self.hidden_dim = vocabulary_size, hidden_dim
        self.max_sequence_length = max_sequence_length
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns `token_ids` and `padding_mask`, int32 (batch, length), both sizes open."""
        texts = InputSpec("int32", (None, None))
        return [{"token_ids": texts, "padding_mask": texts}]

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary, or segments there are not."""
        self._check_ids(token_inputs(inputs))

    def _check_ids(self, inputs: dict[str, Any]) -> None:
        check_ids(inputs["token_ids"], self.vocabulary_size, "token_ids")
        if inputs.get("segment_ids") is None:
            return
        if self.embeddings.segment is None:
            raise ValueError("The model tells no segments apart: leave out 'segment_ids'.")
        check_ids(inputs["segment_ids"], self.embeddings.segment.input_dim, "segment_ids")

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `sequence_output` and, with a pooler, `pooled_output`; the class tells more.

        Args:
            inputs: integers (batch, length), or a dict of such: `token_ids`, and optionally
                `segment_ids` and `padding_mask`.
        """
        inputs = token_inputs(inputs)
        self._check_ids(inputs)
        mask = inputs.get("padding_mask")
        if mask is not None:
            # (batch, 1, 1, length): the same for all heads and all queries.
            mask = ops.expand_dims(ops.cast(mask, "bool"), (1, 2))
        x = self.embeddings(inputs["token_ids"], inputs.get("segment_ids"))
        x = self.encoder(x, mask)
        if self.pooler is None:
            return {"sequence_output": x}
        return {"sequence_output": x, "pooled_output": self.pooler(ops.take(x, 0, axis=1))}


def _dense(units: int, inputs: int, activation: Any = None) -> Dense:
    return Dense(units, activation, kernel_initializer=initializer(), input_dim=inputs)
