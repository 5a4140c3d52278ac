"""Where ViT's weights lie in published files: the two-way tables of their names."""

from __future__ import annotations

from typing import Any

from ...hub.transforms import concat, conv2d, transpose
from ...hub.weight_map import Join, Row, WeightMap


def timm() -> WeightMap:
    """Builds the table for the names of timm, which are those of the authors' port."""
    block = "blocks.{i}"
    dense = {
        f"{block}.attn.qkv": f"{block}.attention.qkv",
        f"{block}.attn.proj": f"{block}.attention.output_dense",
        f"{block}.mlp.fc1": f"{block}.inner",
        f"{block}.mlp.fc2": f"{block}.outer",
    }
    return WeightMap(
        Row("cls_token", "embeddings.class_token"),
        Row("pos_embed", "embeddings.position"),
        *_patches("patch_embed.proj"),
        *(row for old, new in dense.items() for row in _dense(old, new)),
        *_norm(f"{block}.norm1", f"{block}.attention_norm"),
        *_norm(f"{block}.norm2", f"{block}.norm"),
        *_norm("norm", "norm"),
        *_head("head"),
    )


def huggingface() -> WeightMap:
    """Builds the table for the names of transformers' ViT, with any head."""
    layer, ours = "encoder.layer.{i}", "blocks.{i}"
    dense = {
        f"{layer}.attention.output.dense": f"{ours}.attention.output_dense",
        f"{layer}.intermediate.dense": f"{ours}.inner",
        f"{layer}.output.dense": f"{ours}.outer",
    }
    names = [f"{layer}.attention.attention.{part}" for part in ("query", "key", "value")]
    return WeightMap(
        Row("embeddings.cls_token", "embeddings.class_token"),
        Row("embeddings.position_embeddings", "embeddings.position"),
        *_patches("embeddings.patch_embeddings.projection"),
        Row(
            Join(*(f"{name}.weight" for name in names)),
            f"{ours}.attention.qkv.kernel",
            (concat(0), transpose),
        ),
        Row(Join(*(f"{name}.bias" for name in names)), f"{ours}.attention.qkv.bias", concat(0)),
        *(row for old, new in dense.items() for row in _dense(old, new)),
        *_norm(f"{layer}.layernorm_before", f"{ours}.attention_norm"),
        *_norm(f"{layer}.layernorm_after", f"{ours}.norm"),
        *_norm("layernorm", "norm"),
        Row("pooler.dense.weight", "pooler.kernel", transpose, optional=True),
        Row("pooler.dense.bias", "pooler.bias", optional=True),
        *_head("classifier"),
        prefixes=("vit.", ""),
    )


def _patches(theirs: str) -> list[Row]:
    return [
        Row(f"{theirs}.weight", "embeddings.patches.kernel", conv2d),
        Row(f"{theirs}.bias", "embeddings.patches.bias"),
    ]


def _dense(theirs: str, ours: str) -> list[Row]:
    return [
        Row(f"{theirs}.weight", f"{ours}.kernel", transpose),
        Row(f"{theirs}.bias", f"{ours}.bias"),
    ]


def _norm(theirs: str, ours: str) -> list[Row]:
    return [Row(f"{theirs}.weight", f"{ours}.gamma"), Row(f"{theirs}.bias", f"{ours}.beta")]


def _head(theirs: str) -> list[Row]:
    kept: dict[str, Any] = {"optional": True, "prefixed": False, "head": True}
    return [
        Row(f"{theirs}.weight", "classifier.kernel", transpose, **kept),
        Row(f"{theirs}.bias", "classifier.bias", **kept),
    ]
