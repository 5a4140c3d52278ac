"""T5's encoder and decoder (Raffel et al. 2019, arXiv:1910.10683).

Definition: transformers' `T5Model`. Products of queries and keys are not scaled; where a token
stands is told by a number that is added to them for each distance and head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.core.layer import Layer
from ...framework.initializers import RandomNormal
from ...framework.layers import Dense, Dropout, Embedding, RMSNormalization
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from .. import activations
from ..attention import DenseAttention, KeyValue, empty_cache, swapped
from ..text import check_ids

# Half-precision floats end at 65504; sums of blocks are kept within, as transformers does.
_LARGEST_HALF = 64504.0


def buckets(num_buckets: int, max_distance: int) -> np.ndarray:
    """Returns the bucket of each distance 0 … `max_distance`, int32 (max_distance + 1,).

    Half of the buckets are for one distance each, the others for ranges that grow by a factor, up
    to `max_distance`; what is farther away is in the last.
    """
    exact = num_buckets // 2
    distance = np.arange(max_distance + 1)
    near = np.maximum(distance, 1).astype(np.float32)
    share = np.log(near / np.float32(exact)) / np.float32(math.log(max_distance / exact))
    far = exact + (share * np.float32(num_buckets - exact)).astype(np.int64)
    return np.where(distance < exact, distance, np.minimum(far, num_buckets - 1)).astype(np.int32)


class RelativeBias(Layer):
    """A number for each head and each bucket of distances, added to products of attention.

    Args:
        num_heads: number of heads.
        num_buckets: number of buckets.
        max_distance: from which on all distances share a bucket.
        both_ways: whether tokens that come after have buckets of their own; else they have that of
            distance 0.
    """

    def __init__(
        self, num_heads: int, num_buckets: int, max_distance: int, both_ways: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.table = Embedding(num_buckets, num_heads, RandomNormal(stddev=0.5))
        self.both_ways, self.max_distance = both_ways, max_distance
        self._side = num_buckets // 2 if both_ways else 0
        self._buckets = buckets(num_buckets - self._side, max_distance)
        self.built = True

    def call(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Returns (1, heads, target, source) for places int32 (target,) and (source,)."""
        ahead = ops.subtract(columns, ops.expand_dims(rows, 1))
        distance = ops.abs(ahead) if self.both_ways else ops.maximum(ops.negative(ahead), 0)
        found = ops.take(
            ops.convert_to_tensor(self._buckets), ops.minimum(distance, self.max_distance), axis=0
        )
        if self.both_ways:
            after = ops.cast(ops.greater(ahead, 0), "int32")
            found = ops.add(found, ops.multiply(after, self._side))
        return ops.expand_dims(ops.transpose(self.table(found), (2, 0, 1)), 0)


class FeedForward(Layer):
    """outer(activation(inner(x))), or outer(activation(inner(x)) * gate(x)).

    Args:
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size.
        activation: the activation's name.
        gated: whether there is a gate (Shazeer 2020, arXiv:2002.05202).
        dropout: share of the inner features dropped in training.
    """

    def __init__(
        self,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str,
        gated: bool,
        dropout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        found = activations.get(activation)
        self.inner = _dense(intermediate_dim, hidden_dim, found)
        self.gate = _dense(intermediate_dim, hidden_dim) if gated else None
        self.outer = _dense(hidden_dim, intermediate_dim)
        self.dropout = Dropout(dropout)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns a tensor of the shape of `x`, (batch, length, hidden)."""
        y = self.inner(x)
        if self.gate is not None:
            y = ops.multiply(y, self.gate(x))
        return self.outer(self.dropout(y))


class Block(Layer):
    """A block: attention, with `cross` attention to the encoder's output, and feed-forward."""

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str,
        gated: bool,
        dropout: float,
        epsilon: float,
        cross: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)

        def attention() -> DenseAttention:
            made = DenseAttention(
                num_heads,
                head_dim,
                use_bias=False,
                output_dim=hidden_dim,
                dropout=dropout,
                kernel_initializer=RandomNormal(stddev=0.05),
                scale=1.0,
            )
            made.build((None, None, hidden_dim))
            return made

        self.attention_norm, self.attention = _norm(hidden_dim, epsilon), attention()
        if cross:
            self.cross_attention_norm = _norm(hidden_dim, epsilon)
            self.cross_attention = attention()
        self.feedforward_norm = _norm(hidden_dim, epsilon)
        self.feedforward = FeedForward(hidden_dim, intermediate_dim, activation, gated, dropout)
        self.dropout = Dropout(dropout)
        self.cross = cross
        self.built = True

    def call(
        self,
        x: Tensor,
        bias: Tensor,
        mask: Tensor | None = None,
        heard: KeyValue | None = None,
        heard_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Returns the block's output, of the shape of `x`.

        Args:
            x: (batch, length, hidden).
            bias: (1, heads, length, length), added to the products of the attention.
            mask: booleans that broadcast to (batch, heads, length, length).
            heard: keys and values of the cross-attention, each (batch, source, heads, dim); None
                in a block without one.
            heard_mask: booleans (batch, 1, 1, source), false where the source is padding.
            is_causal: whether a token attends only to itself and to those before it.
        """
        y = self.attention(self.attention_norm(x), None, mask, is_causal, bias)
        return self._finish(self._added(x, y), heard, heard_mask)

    def extend(
        self,
        x: Tensor,
        bias: Tensor,
        cache: KeyValue,
        heard: KeyValue,
        heard_mask: Tensor,
        position: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, KeyValue]:
        """Returns the output for tokens that follow a cache, and the cache; see DenseAttention."""
        y, cache = self.attention.extend(self.attention_norm(x), cache, position, mask, bias)
        found = swapped(heard[0]), swapped(heard[1])
        return self._finish(self._added(x, y), found, heard_mask), cache

    def _finish(self, x: Tensor, heard: Any, heard_mask: Tensor | None) -> Tensor:
        if self.cross:
            (key, value), normed = heard, self.cross_attention_norm(x)
            x = self._added(x, self.cross_attention.attend(normed, key, value, heard_mask))
        return self._added(x, self.feedforward(self.feedforward_norm(x)))

    def _added(self, x: Tensor, y: Tensor) -> Tensor:
        x = ops.add(x, self.dropout(y))
        if self.compute_dtype == "float16":
            x = ops.clip(x, -_LARGEST_HALF, _LARGEST_HALF)
        return x


class Stack(Layer):
    """The blocks of the encoder or of the decoder, with their bias and the last norm."""

    def __init__(
        self, blocks: Sequence[Block], bias: RelativeBias, hidden_dim: int, epsilon: float
    ) -> None:
        super().__init__()
        self.layers, self.bias = list(blocks), bias
        self.norm = _norm(hidden_dim, epsilon)
        self.built = True

    def call(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        encoded: Tensor | None = None,
        encoded_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Returns the output of the last block, normalized: of the shape of `x`.

        Args:
            x: (batch, length, hidden).
            mask: see `Block.call`.
            encoded: what the encoder gives, (batch, source, hidden); None in the encoder.
            encoded_mask: see `Block.call`.
            is_causal: whether a token attends only to itself and to those before it.
        """
        places = ops.arange(ops.shape(x)[1], dtype="int32")
        bias = self.bias(places, places)
        for layer in self.layers:
            heard = None if encoded is None else layer.cross_attention.project(encoded)
            x = layer(x, bias, mask, heard, encoded_mask, is_causal)
        return self.norm(x)


class T5Backbone(Backbone):
    """T5 without a head: an encoder and a decoder of text.

    Inputs are a dict of integers: `encoder_token_ids`, (batch, source), `decoder_token_ids`,
    (batch, length), and optionally `encoder_padding_mask`, (batch, source), 0 for padding. Outputs
    are a dict of `encoder_sequence_output`, (batch, source, hidden_dim), and
    `decoder_sequence_output`, (batch, length, hidden_dim). ValueError for ids that are not in the
    vocabulary.

    Args:
        vocabulary_size: number of tokens.
        num_layers: blocks of the encoder.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layers.
        head_dim: size of a head; heads need not make `hidden_dim` together.
        num_decoder_layers: blocks of the decoder; `num_layers` if None.
        num_buckets: buckets of distances.
        max_distance: from which on all distances share a bucket.
        activation: name of the feed-forward layers' activation.
        gated: whether the feed-forward layers have a gate (v1.1).
        dropout: share of elements dropped in training.
        epsilon: added to mean squares.
        tie_embeddings: whether a head, which is not part of this, is the token embedding.
        scale_outputs: whether what goes into the head is divided by sqrt(hidden_dim).

    Raises:
        ValueError: numbers of buckets that do not fit each other.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        head_dim: int = 64,
        num_decoder_layers: int | None = None,
        num_buckets: int = 32,
        max_distance: int = 128,
        activation: str = "relu",
        gated: bool = False,
        dropout: float = 0.1,
        epsilon: float = 1e-6,
        tie_embeddings: bool = True,
        scale_outputs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_buckets < 4 or num_buckets % 2 or max_distance <= num_buckets // 2:
            raise ValueError(
                f"num_buckets {num_buckets} must be even, at least 4, and less than twice "
                f"max_distance, which is {max_distance}."
            )
        sizes = (num_heads, head_dim, hidden_dim, intermediate_dim, activation, gated)

        def stack(count: int, cross: bool) -> Stack:
            blocks = [Block(*sizes, dropout, epsilon, cross) for _ in range(count)]
            bias = RelativeBias(num_heads, num_buckets, max_distance, both_ways=not cross)
            return Stack(blocks, bias, hidden_dim, epsilon)

        self.embeddings = Embedding(vocabulary_size, hidden_dim, RandomNormal(stddev=1.0))
        self.encoder = stack(num_layers, cross=False)
        self.decoder = stack(num_decoder_layers or num_layers, cross=True)
        self.first_dropout, self.last_dropout = Dropout(dropout), Dropout(dropout)
        self.vocabulary_size, self.hidden_dim = vocabulary_size, hidden_dim
        self.num_heads, self.head_dim = num_heads, head_dim
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns the inputs of the call, int32, all their sizes open."""
        texts = InputSpec("int32", (None, None))
        names = ("encoder_token_ids", "encoder_padding_mask", "decoder_token_ids")
        return [{name: texts for name in names}]

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary."""
        for name in ("encoder_token_ids", "decoder_token_ids"):
            check_ids(inputs[name], self.vocabulary_size, name)

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `encoder_sequence_output` and `decoder_sequence_output`; the class tells shapes.

        Args:
            inputs: dict of `encoder_token_ids`, `decoder_token_ids`, `encoder_padding_mask`.
        """
        self.check_inputs(inputs)
        mask = inputs.get("encoder_padding_mask")
        encoded, mask = self._encoded(inputs["encoder_token_ids"], mask)
        x = self.first_dropout(self.embeddings(inputs["decoder_token_ids"]))
        decoded = self.last_dropout(self.decoder(x, None, encoded, mask, True))
        return {"encoder_sequence_output": encoded, "decoder_sequence_output": decoded}

    def _encoded(self, ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if mask is not None:
            mask = ops.expand_dims(ops.cast(mask, "bool"), (1, 2))
        x = self.first_dropout(self.embeddings(ids))
        return self.last_dropout(self.encoder(x, mask)), mask

    def read(self, token_ids: Tensor, padding_mask: Tensor) -> list[KeyValue]:
        """Encodes texts: gives keys and values of each decoder block's cross-attention.

        Args:
            token_ids: int (batch, source).
            padding_mask: booleans (batch, source).

        Returns:
            For each block two tensors (batch, heads, source, head_dim).
        """
        encoded, _ = self._encoded(token_ids, padding_mask)
        found = []
        for layer in self.decoder.layers:
            key, value = layer.cross_attention.project(encoded)
            found.append((swapped(key), swapped(value)))
        return found

    def extend(
        self,
        tokens: Tensor,
        cache: Sequence[KeyValue],
        heard: Sequence[KeyValue],
        padding_mask: Tensor,
        position: Tensor,
    ) -> tuple[Tensor, list[KeyValue]]:
        """Returns states of tokens that follow those in a cache, and the cache with them.

        Args:
            tokens: int32 (batch, length).
            cache: for each block keys and values (batch, heads, capacity, head_dim).
            heard: what `read` gives.
            padding_mask: booleans (batch, source), false where the source is padding.
            position: int32 scalar, the place of the first of `tokens`.
        """
        rows = ops.add(ops.arange(ops.shape(tokens)[1], dtype="int32"), position)
        columns = ops.arange(cache[0][0].shape[2], dtype="int32")
        mask = ops.less_equal(columns, ops.expand_dims(rows, 1))
        bias = self.decoder.bias(rows, columns)
        heard_mask = ops.expand_dims(ops.cast(padding_mask, "bool"), (1, 2))
        x, caches = self.embeddings(tokens), []
        for layer, old, told in zip(self.decoder.layers, cache, heard, strict=True):
            x, new = layer.extend(x, bias, old, told, heard_mask, position, mask)
            caches.append(new)
        return self.decoder.norm(x), caches

    def empty_cache(self, batch: int, capacity: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns a cache for `batch` texts of up to `capacity` tokens, as NumPy zeros."""
        shape = (batch, self.num_heads, capacity, self.head_dim)
        return empty_cache(len(self.decoder.layers), shape)


def _dense(units: int, inputs: int, activation: Any = None) -> Dense:
    return Dense(
        units,
        activation,
        use_bias=False,
        kernel_initializer=RandomNormal(stddev=inputs**-0.5),
        input_dim=inputs,
    )


def _norm(size: int, epsilon: float) -> RMSNormalization:
    norm = RMSNormalization(epsilon=epsilon)
    norm.build((None, None, size))
    return norm
