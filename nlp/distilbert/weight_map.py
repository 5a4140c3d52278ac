"""Where DistilBERT's weights lie in published files: the two-way table of their names."""

from __future__ import annotations

from typing import Any

from ...hub.weight_map import Row, WeightMap
from ..bert.weight_map import dense_rows

_DENSE = {
    "attention.q_lin": "attention.query",
    "attention.k_lin": "attention.key",
    "attention.v_lin": "attention.value",
    "attention.out_lin": "attention.output_dense",
    "ffn.lin1": "inner",
    "ffn.lin2": "outer",
}
_NORMS = {"sa_layer_norm": "attention_norm", "output_layer_norm": "outer_norm"}


def huggingface() -> WeightMap:
    """Builds the table for files of Hugging Face, with any head."""
    head: dict[str, Any] = {"optional": True, "prefixed": False, "head": True}
    layer, ours = "transformer.layer.{i}", "encoder.layers.{i}"
    return WeightMap(
        Row("embeddings.word_embeddings.weight", "embeddings.word.embeddings"),
        Row("embeddings.position_embeddings.weight", "embeddings.position.embeddings"),
        Row("embeddings.position_ids", None),  # 0, 1, 2, …: a buffer of older versions
        *_norm("embeddings.LayerNorm", "embeddings.norm"),
        *(
            row
            for old, new in _DENSE.items()
            for row in dense_rows(f"{layer}.{old}", f"{ours}.{new}")
        ),
        *(row for old, new in _NORMS.items() for row in _norm(f"{layer}.{old}", f"{ours}.{new}")),
        *dense_rows("vocab_transform", "transform", **head),
        *_norm("vocab_layer_norm", "transform_norm", **head),
        Row("vocab_projector.bias", "output_bias", **head),
        Row("vocab_projector.weight", "embeddings.word.embeddings", tied=True, prefixed=False),
        *dense_rows("pre_classifier", "pre_classifier", **head),
        *dense_rows("classifier", "classifier", **head),
        *dense_rows("qa_outputs", "span", **head),
        prefixes=("distilbert.", ""),
    )


def _norm(old: str, new: str, **options: Any) -> list[Row]:
    return [
        Row(f"{old}.weight", f"{new}.gamma", **options),
        Row(f"{old}.bias", f"{new}.beta", **options),
    ]
