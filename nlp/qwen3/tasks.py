"""Qwen 3: Llama's decoder whose heads of queries and keys are normed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..llama.backbone import LlamaBackbone
from ..llama.tasks import LlamaCausalLM


class Qwen3Backbone(LlamaBackbone):
    """Qwen 3 without a head: each head of queries and keys is normed before it is turned.

    Definition: transformers' `Qwen3Model`. Inputs, outputs and errors are LlamaBackbone's.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of the queries.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layers.
        num_key_value_heads: heads of keys and values, which divide `num_heads`; as many if None.
        head_dim: size of a head.
        max_sequence_length: most tokens of a text.
        activation: name of the feed-forward layers' activation.
        rms_norm_epsilon: added to mean squares.
        rope_theta: base of the rotary frequencies.
        rope_scaling: None, or how they are scaled; see `rotary.rotary_of`.
        attention_bias: whether the projections of the attention have biases.
        tie_embeddings: whether a head, which is not part of this, is the token embedding.
    """

    normed_heads = True

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        num_key_value_heads: int | None = None,
        head_dim: int = 128,
        max_sequence_length: int = 32768,
        activation: str = "silu",
        rms_norm_epsilon: float = 1e-6,
        rope_theta: float = 10000.0,
        rope_scaling: Mapping[str, Any] | None = None,
        attention_bias: bool = False,
        tie_embeddings: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            num_key_value_heads,
            head_dim,
            max_sequence_length,
            activation,
            rms_norm_epsilon,
            rope_theta,
            rope_scaling,
            attention_bias,
            tie_embeddings=tie_embeddings,
            **kwargs,
        )


class Qwen3CausalLM(LlamaCausalLM):
    """Qwen 3 with the scores of the next token; its arguments are Qwen3Backbone's."""

    backbone_class = Qwen3Backbone
