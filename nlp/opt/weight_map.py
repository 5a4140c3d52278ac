"""Where OPT's weights lie in published files: the two-way table of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.transforms import transpose
from ...hub.weight_map import Row, WeightMap

_DENSE = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.out_proj": "attention.output_dense",
    "fc1": "inner",
    "fc2": "outer",
}
_NORMS = {"self_attn_layer_norm": "attention_norm", "final_layer_norm": "outer_norm"}


def huggingface(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for files of Hugging Face, with or without the head."""
    layer, ours = "layers.{i}", "blocks.{i}"
    dense = [(f"{layer}.{old}", f"{ours}.{new}") for old, new in _DENSE.items()]
    norms = [(f"{layer}.{old}", f"{ours}.{new}") for old, new in _NORMS.items()]
    head = (
        Row("lm_head.weight", "embeddings.embeddings", tied=True, prefixed=False)
        if config.get("tie_embeddings", True)
        else Row("lm_head.weight", "head_dense.kernel", transpose, True, prefixed=False, head=True)
    )
    return WeightMap(
        Row("embed_tokens.weight", "embeddings.embeddings"),
        Row("embed_positions.weight", "positions.embeddings"),
        *(Row(f"{old}.weight", f"{new}.kernel", transpose) for old, new in dense),
        *(Row(f"{old}.bias", f"{new}.bias", None, True) for old, new in dense),
        *(
            Row(f"{old}.{theirs}", f"{new}.{part}")
            for old, new in (*norms, ("final_layer_norm", "norm"))
            for theirs, part in (("weight", "gamma"), ("bias", "beta"))
        ),
        Row("project_in.weight", "project_in.kernel", transpose),
        Row("project_out.weight", "project_out.kernel", transpose),
        head,
        prefixes=("model.decoder.", "decoder.", ""),
    )
