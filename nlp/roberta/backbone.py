"""RoBERTa's encoder (Liu et al. 2019, arXiv:1907.11692)."""

from __future__ import annotations

from typing import Any

from ..bert.backbone import BertBackbone


class RobertaBackbone(BertBackbone):
    """RoBERTa without a head: BERT whose places are counted over tokens that are no padding.

    Inputs and outputs are those of BertBackbone. Definition: transformers' `RobertaModel`.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector, a multiple of `num_heads`.
        intermediate_dim: inner size of a block's feed-forward layers.
        dropout: share of elements dropped in training, after each half of a block.
        attention_dropout: the same for attention weights; `dropout` unless given.
        max_sequence_length: most tokens of a text.
        num_segments: number of segments.
        activation: name of the feed-forward layers' activation.
        layer_norm_epsilon: added to variances.
        pooler: False leaves out the pooler and `pooled_output`.
        padding_id: the token of padding; the table of places has `padding_id` + 1 rows more.
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
        num_segments: int = 1,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-5,
        pooler: bool = True,
        padding_id: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout,
            attention_dropout,
            max_sequence_length,
            num_segments,
            activation,
            layer_norm_epsilon,
            pooler,
            padding_id,
            **kwargs,
        )
