"""Where BERT's weights lie in published files: the two-way table of their names."""

from __future__ import annotations

from typing import Any

from ...hub.transforms import transpose
from ...hub.weight_map import Row, WeightMap


def encoder_rows() -> list[Row]:
    """Returns the rows of the encoder, without any head."""
    layer, ours = "encoder.layer.{i}", "encoder.layers.{i}"
    dense = {  # the first that fits counts, either way
        f"{layer}.attention.output.dense": f"{ours}.attention.output_dense",
        f"{layer}.attention.self.{{part}}": f"{ours}.attention.{{part}}",
        f"{layer}.intermediate.dense": f"{ours}.inner",
        f"{layer}.output.dense": f"{ours}.outer",
        "pooler.dense": "pooler",
    }
    norms = {
        "embeddings": "embeddings.norm",
        f"{layer}.attention.output": f"{ours}.attention_norm",
        f"{layer}.output": f"{ours}.outer_norm",
    }
    return [
        Row("embeddings.word_embeddings.weight", "embeddings.word.embeddings"),
        Row("embeddings.position_embeddings.weight", "embeddings.position.embeddings"),
        Row("embeddings.token_type_embeddings.weight", "embeddings.segment.embeddings"),
        Row("embeddings.position_ids", None),  # 0, 1, 2, …: a buffer of older versions
        *(row for old, new in norms.items() for row in _norm(old, new)),
        *(row for old, new in dense.items() for row in dense_rows(old, new, new == "pooler")),
    ]


def huggingface() -> WeightMap:
    """Builds the table for files of Hugging Face and sentence-transformers, with any head."""
    head: dict[str, Any] = {"optional": True, "prefixed": False, "head": True}
    return WeightMap(
        *encoder_rows(),
        *dense_rows("cls.predictions.transform.dense", "transform", **head),
        *_norm("cls.predictions.transform", "transform_norm", **head),
        Row(("cls.predictions.bias", "cls.predictions.decoder.bias"), "output_bias", **head),
        Row(
            "cls.predictions.decoder.weight",
            "embeddings.word.embeddings",
            tied=True,
            prefixed=False,
        ),
        *dense_rows("classifier", "classifier", **head),
        *dense_rows("qa_outputs", "span", **head),
        # The head of another task.
        Row("cls.seq_relationship.{part}", None, prefixed=False, head=True),
        prefixes=("bert.", ""),
    )


def dense_rows(old: str, new: str, optional: bool = False, **options: Any) -> list[Row]:
    """Returns the rows of a linear layer's kernel and bias."""
    return [
        Row(f"{old}.weight", f"{new}.kernel", transpose, optional, **options),
        Row(f"{old}.bias", f"{new}.bias", None, optional, **options),
    ]


def _norm(old: str, new: str, **options: Any) -> list[Row]:
    # The files converted from TensorFlow call them gamma and beta.
    pairs = {"gamma": ("weight", "gamma"), "beta": ("bias", "beta")}
    return [
        Row(tuple(f"{old}.LayerNorm.{name}" for name in names), f"{new}.{part}", **options)
        for part, names in pairs.items()
    ]
