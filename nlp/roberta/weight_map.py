"""Where RoBERTa's weights lie in published files: BERT's names, and heads of its own."""

from __future__ import annotations

from typing import Any

from ...hub.weight_map import Row, WeightMap
from ..bert.weight_map import dense_rows, encoder_rows


def huggingface() -> WeightMap:
    """Builds the table for files of Hugging Face, with any head."""
    head: dict[str, Any] = {"optional": True, "prefixed": False, "head": True}
    return WeightMap(
        *encoder_rows(),
        *dense_rows("lm_head.dense", "transform", **head),
        Row("lm_head.layer_norm.weight", "transform_norm.gamma", **head),
        Row("lm_head.layer_norm.bias", "transform_norm.beta", **head),
        Row(("lm_head.bias", "lm_head.decoder.bias"), "output_bias", **head),
        Row("lm_head.decoder.weight", "embeddings.word.embeddings", tied=True, prefixed=False),
        *dense_rows("classifier.dense", "classifier.dense", **head),
        *dense_rows("classifier.out_proj", "classifier.out_proj", **head),
        *dense_rows("classifier", "classifier", **head),
        *dense_rows("qa_outputs", "span", **head),
        prefixes=("roberta.", ""),
    )
