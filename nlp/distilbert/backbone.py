"""DistilBERT's encoder (Sanh et al. 2019, arXiv:1910.01108)."""

from __future__ import annotations

from typing import Any

from ..bert.backbone import BertBackbone


class DistilBertBackbone(BertBackbone):
    """DistilBERT without a head: BERT without segments and pooler.

    Inputs are a dict of `token_ids` and, optionally, `padding_mask`, or `token_ids` alone, integers
    (batch, length). Outputs are a dict of `sequence_output`, (batch, length, hidden_dim).
    Definition: transformers' `DistilBertModel`.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector, a multiple of `num_heads`.
        intermediate_dim: inner size of a block's feed-forward layers.
        dropout: share of elements dropped in training, after each half of a block.
        attention_dropout: the same for attention weights; `dropout` unless given.
        max_sequence_length: most tokens of a text.
        activation: name of the feed-forward layers' activation.
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
        activation: str = "gelu",
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
            num_segments=0,
            activation=activation,
            pooler=False,
            **kwargs,
        )
