"""Whisper's encoder and decoder (Radford et al. 2022, arXiv:2212.04356, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.core.layer import Layer
from ...framework.layers import Conv1D, Dense, Embedding, LayerNormalization
from ...framework.typing import DType, Tensor
from ...hub.bases import Backbone
from ..attention import DenseAttention, KeyValue, empty_cache, swapped
from ..text import check_ids
from ..word_head import table_scores


class FeedForward(Layer):
    """Dense, GELU, Dense; the last size stays."""

    def __init__(self, hidden_dim: int, intermediate_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = Dense(intermediate_dim, activation="gelu")
        self.outer = Dense(hidden_dim)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights of both layers for inputs (…, hidden)."""
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.inner.units))

    def call(self, x: Tensor) -> Tensor:
        """Returns outer(gelu(inner(x))), of the shape of `x`, (…, hidden)."""
        return self.outer(self.inner(x))


class Block(Layer):
    """A pre-norm Transformer block; with `cross`, one that also attends to the encoder's output."""

    def __init__(
        self, num_heads: int, hidden_dim: int, intermediate_dim: int, cross: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)

        def attention() -> DenseAttention:
            size = hidden_dim // num_heads
            return DenseAttention(num_heads, size, key_bias=False)

        self.attention_norm = _norm()
        self.attention = attention()
        if cross:
            self.cross_attention_norm = _norm()
            self.cross_attention = attention()
        self.feedforward_norm = _norm()
        self.feedforward = FeedForward(hidden_dim, intermediate_dim)
        self.cross = cross

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights for inputs (batch, length, hidden)."""
        for layer in self.sublayers():
            layer.build(input_shape)

    def call(self, x: Tensor, heard: KeyValue | None = None, is_causal: bool = False) -> Tensor:
        """Returns the block's output, of the shape of `x`.

        Args:
            x: (batch, length, hidden).
            heard: keys and values of the cross-attention, each (batch, frames, heads, dim); None
                in a block without one.
            is_causal: whether a place attends only to itself and to those before it.
        """
        x = ops.add(x, self.attention(self.attention_norm(x), is_causal=is_causal))
        return self._finish(x, heard)

    def extend(
        self, x: Tensor, cache: KeyValue, heard: KeyValue, position: Tensor, mask: Tensor
    ) -> tuple[Tensor, KeyValue]:
        """Returns the block's output for tokens that follow a cache, and the cache with them.

        Args:
            x: (batch, length, hidden).
            cache: keys and values, each (batch, heads, capacity, dim).
            heard: keys and values of the cross-attention, each (batch, heads, frames, dim).
            position: int32 scalar, the place of the first token of `x`.
            mask: booleans (length, capacity), true where a token may attend.
        """
        y, cache = self.attention.extend(self.attention_norm(x), cache, position, mask)
        return self._finish(ops.add(x, y), (swapped(heard[0]), swapped(heard[1]))), cache

    def _finish(self, x: Tensor, heard: Any) -> Tensor:
        if self.cross:
            x = ops.add(x, self.cross_attention.attend(self.cross_attention_norm(x), *heard))
        return ops.add(x, self.feedforward(self.feedforward_norm(x)))


class Encoder(Layer):
    """Log-mel features (batch, frames, mels) to (batch, frames / 2, hidden)."""

    def __init__(
        self,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        num_mels: int,
        max_frames: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        pad = ((1, 1),)
        self.conv1 = Conv1D(hidden_dim, 3, padding=pad, activation="gelu")
        self.conv2 = Conv1D(hidden_dim, 3, strides=2, padding=pad, activation="gelu")
        self.positions = Embedding(
            max_frames // 2,
            hidden_dim,
            embeddings_initializer=_sinusoids,
            trainable=False,
        )
        self.layers = [
            Block(num_heads, hidden_dim, intermediate_dim, cross=False) for _ in range(num_layers)
        ]
        self.norm = _norm()
        self.num_mels, self.hidden_dim = num_mels, hidden_dim

    def build(self, input_shape: Sequence[int | None] | None) -> None:
        """Makes the weights; their sizes are known without `input_shape`."""
        hidden = (None, None, self.hidden_dim)
        self.conv1.build((None, None, self.num_mels))
        self.conv2.build(hidden)
        for layer in (*self.layers, self.norm):
            layer.build(hidden)

    def export_signature(self) -> list[Any]:
        """Returns features of a whole window, (batch, frames, mels), with an open batch."""
        shape = (None, 2 * self.positions.input_dim, self.num_mels)
        return [InputSpec("float32", shape, name="features")]

    def call(self, features: Tensor) -> Tensor:
        """Returns what is heard in a window, (batch, frames / 2, hidden).

        Args:
            features: log-mel features (batch, frames, mels).

        Raises:
            ValueError: more frames than the positions are made for, where their number is known.
        """
        length, rows = features.shape[1], self.positions.input_dim
        if isinstance(length, int) and (length + 1) // 2 > rows:
            raise ValueError(
                f"Whisper hears at most {2 * rows} frames at once, got {length}: cut the features "
                "into windows, or use WhisperAudioToText.transcribe, which does."
            )
        x = self.conv2(self.conv1(features))
        positions = ops.slice(self.positions.embeddings, (0, 0), (ops.shape(x)[1], self.hidden_dim))
        x = ops.add(x, positions)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Decoder(Layer):
    """Tokens (batch, length), and what was heard, to (batch, length, hidden)."""

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        max_tokens: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tokens = Embedding(vocabulary_size, hidden_dim)
        self.positions = Embedding(max_tokens, hidden_dim)
        self.layers = [
            Block(num_heads, hidden_dim, intermediate_dim, cross=True) for _ in range(num_layers)
        ]
        self.norm = _norm()
        self.hidden_dim, self.head_dim, self.num_heads = (
            hidden_dim,
            hidden_dim // num_heads,
            num_heads,
        )

    def build(self, input_shape: Sequence[int | None] | None) -> None:
        """Makes the weights; their sizes are known without `input_shape`."""
        for layer in (*self.layers, self.norm):
            layer.build((None, None, self.hidden_dim))

    def call(self, tokens: Tensor, encoded: Tensor) -> Tensor:
        """Returns the hidden states of tokens, (batch, length, hidden).

        Args:
            tokens: int (batch, length).
            encoded: what the encoder gives, (batch, frames / 2, hidden).
        """
        x = self._embed(tokens, 0)
        for layer in self.layers:
            x = layer(x, layer.cross_attention.project(encoded), is_causal=True)
        return self.norm(x)

    def extend(
        self,
        tokens: Tensor,
        cache: Sequence[KeyValue],
        heard: Sequence[KeyValue],
        position: Tensor,
    ) -> tuple[Tensor, list[KeyValue]]:
        """Returns hidden states of tokens that follow those in a cache, and the cache with them.

        Args:
            tokens: int32 (batch, length).
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            heard: for each layer the cross-attention's keys and values, with the same axes.
            position: int32 scalar, the place of the first of `tokens`.

        Returns:
            The hidden states (batch, length, hidden), and the new cache.
        """
        length = ops.shape(tokens)[1]
        places = ops.add(ops.arange(length, dtype="int32"), position)
        columns = ops.arange(cache[0][0].shape[2], dtype="int32")
        mask = ops.less_equal(columns, ops.expand_dims(places, 1))  # (length, capacity)
        x = self._embed(tokens, position)
        caches = []
        for layer, old, sound in zip(self.layers, cache, heard, strict=True):
            x, new = layer.extend(x, old, sound, position, mask)
            caches.append(new)
        return self.norm(x), caches

    def logits(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary) of states (…, hidden): the head is the token embedding."""
        return table_scores(x, self.tokens)

    def _embed(self, tokens: Tensor, position: Any) -> Tensor:
        length = ops.shape(tokens)[1]
        positions = ops.slice(self.positions.embeddings, (position, 0), (length, self.hidden_dim))
        return ops.add(self.tokens(tokens), positions)


class WhisperBackbone(Backbone):
    """Whisper: an encoder of sound and a decoder of text.

    Inputs are a dict of `encoder_features`, float (batch, frames, num_mels), at most
    `max_encoder_sequence_length` frames, and `decoder_token_ids`, int (batch, length). Outputs are
    a dict of `encoder_sequence_output`, (batch, frames / 2, hidden_dim), and
    `decoder_sequence_output`, (batch, length, hidden_dim).

    Args:
        vocabulary_size: number of tokens, timestamps included.
        num_layers: blocks of the encoder.
        num_heads: heads of each attention.
        hidden_dim: size of a position's vector.
        intermediate_dim: inner size of a feed-forward layer.
        num_mels: mel channels of the features.
        max_encoder_sequence_length: frames of a window; 3000 are 30 s.
        max_decoder_sequence_length: most tokens of a transcript, prompt included.
        num_decoder_layers: blocks of the decoder; `num_layers` unless given (turbo has fewer).
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        num_mels: int = 80,
        max_encoder_sequence_length: int = 3000,
        max_decoder_sequence_length: int = 448,
        num_decoder_layers: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError(f"hidden_dim {hidden_dim} is not a multiple of num_heads {num_heads}.")
        sizes = (num_heads, hidden_dim, intermediate_dim)
        self.encoder = Encoder(num_layers, *sizes, num_mels, max_encoder_sequence_length)
        self.decoder = Decoder(
            vocabulary_size,
            num_decoder_layers or num_layers,
            *sizes,
            max_decoder_sequence_length,
        )
        self.vocabulary_size = vocabulary_size
        self.num_mels = num_mels
        self.max_frames = max_encoder_sequence_length
        self.max_tokens = max_decoder_sequence_length
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights; their sizes are known without `input_shape`."""
        self.encoder.build(None)
        self.decoder.build(None)

    def export_signature(self) -> list[Any]:
        """Returns features of a whole window and int32 tokens; batch and number of tokens open."""
        (features,) = self.encoder.export_signature()
        tokens = InputSpec("int32", (None, None))
        return [{"encoder_features": features, "decoder_token_ids": tokens}]

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        check_ids(inputs["decoder_token_ids"], self.vocabulary_size, "decoder_token_ids")

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `encoder_sequence_output` and `decoder_sequence_output`; the class tells shapes.

        Args:
            inputs: dict of `encoder_features` and `decoder_token_ids`.

        Raises:
            ValueError: token ids that are not in the vocabulary, or too many frames.
        """
        self.check_inputs(inputs)
        encoded = self.encoder(inputs["encoder_features"])
        return {
            "encoder_sequence_output": encoded,
            "decoder_sequence_output": self.decoder(inputs["decoder_token_ids"], encoded),
        }

    def hear(self, features: Tensor) -> list[KeyValue]:
        """Encodes a window: gives keys and values of each decoder layer's cross-attention.

        Args:
            features: log-mel features (batch, frames, num_mels).

        Returns:
            For each layer two tensors (batch, heads, frames / 2, head_dim).
        """
        encoded = self.encoder(features)
        # Each step reads all of them: head by head they must lie in order.
        found: list[KeyValue] = []
        for layer in self.decoder.layers:
            key, value = layer.cross_attention.project(encoded)
            found.append((self._in_order(key), self._in_order(value)))
        return found

    def _in_order(self, x: Tensor) -> Tensor:
        """`x` by heads, written out where `swapped` gave a view."""
        batch, length, heads, size = ops.shape(x)
        blank = ops.zeros((batch, heads, length, size), self.dtype)
        return ops.slice_update(blank, (0, 0, 0, 0), swapped(x))

    def advance(
        self,
        tokens: Tensor,
        cache: Sequence[KeyValue],
        heard: Sequence[KeyValue],
        position: Tensor,
        last: Tensor,
    ) -> tuple[Tensor, list[KeyValue]]:
        """Takes a decoding step: logits (batch, vocabulary) after a token, and the new cache.

        Args:
            tokens: int32 (batch, length); a block may be filled up with tokens that do not count.
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            heard: what `hear` gives.
            position: int32 scalar, the place of the first of `tokens`.
            last: int32 scalar, the index among `tokens` of the last that counts.
        """
        x, extended = self.decoder.extend(tokens, cache, heard, position)
        batch = ops.shape(x)[0]
        x = ops.slice(x, (0, last, 0), (batch, 1, self.decoder.hidden_dim))
        return ops.squeeze(self.decoder.logits(x), 1), extended

    def empty_cache(self, batch: int, capacity: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns a cache for `batch` sequences of up to `capacity` tokens, as NumPy zeros."""
        decoder = self.decoder
        shape = (batch, decoder.num_heads, capacity, decoder.head_dim)
        return empty_cache(len(decoder.layers), shape)


def _norm() -> LayerNormalization:
    return LayerNormalization(epsilon=1e-5)


def _sinusoids(shape: Sequence[int], dtype: DType) -> np.ndarray:
    """Sines, then cosines, of wavelengths from 2 pi to 10000 * 2 pi, as Whisper orders them."""
    length, size = shape
    rates = np.exp(-np.log(10000.0) / (size // 2 - 1) * np.arange(size // 2))
    angles = np.arange(length)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(dtype)
