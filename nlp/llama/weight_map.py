"""Where Llama's weights lie in published files: the two-way table of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.transforms import Transform, chain, permute, reshape, transpose
from ...hub.weight_map import Row, WeightMap

_PARTS = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output_dense",
    "mlp.gate_proj": "feedforward.gate",
    "mlp.up_proj": "feedforward.up",
    "mlp.down_proj": "feedforward.down",
}
_NORMS = {"input_layernorm": "attention_norm", "post_attention_layernorm": "feedforward_norm"}


def huggingface(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for files of Hugging Face, with or without the head."""
    layer, ours = "layers.{i}", "blocks.{i}"
    dense = [(f"{layer}.{old}", f"{ours}.{new}") for old, new in _PARTS.items()]
    tied = config.get("tie_embeddings", False)
    head = (
        Row("lm_head.weight", "embeddings.embeddings", tied=True, prefixed=False)
        if tied
        else Row("lm_head.weight", "head_dense.kernel", transpose, True, prefixed=False, head=True)
    )
    return WeightMap(
        Row("embed_tokens.weight", "embeddings.embeddings"),
        *(Row(f"{old}.weight", f"{new}.kernel", transpose) for old, new in dense),
        *(Row(f"{old}.bias", f"{new}.bias", None, True) for old, new in dense),
        *(Row(f"{layer}.{old}.weight", f"{ours}.{new}.scale") for old, new in _NORMS.items()),
        *(
            Row(
                f"{layer}.self_attn.{q}_norm.weight",
                f"{ours}.attention.{name}_norm.scale",
                None,
                True,
            )
            for q, name in (("q", "query"), ("k", "key"))
        ),
        Row(f"{layer}.self_attn.rotary_emb.inv_freq", None),  # a buffer of older versions
        Row("norm.weight", "norm.scale"),
        head,
        prefixes=("model.", ""),
    )


def gguf(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for GGUF files, in which the halves of queries and keys are interleaved."""
    hidden, heads = config["hidden_dim"], config["num_heads"]
    shared = config.get("num_key_value_heads") or heads
    size = config.get("head_dim") or hidden // heads
    layer, ours = "blk.{i}", "blocks.{i}"
    plain = {
        "attn_v": "attention.value",
        "attn_output": "attention.output_dense",
        "ffn_gate": "feedforward.gate",
        "ffn_up": "feedforward.up",
        "ffn_down": "feedforward.down",
    }
    turned = {"attn_q": ("attention.query", heads), "attn_k": ("attention.key", shared)}
    head = (
        Row("output.weight", "embeddings.embeddings", tied=True)
        if config.get("tie_embeddings", False)
        else Row("output.weight", "head_dense.kernel", transpose, True, head=True)
    )
    return WeightMap(
        Row("token_embd.weight", "embeddings.embeddings"),
        *(
            Row(f"{layer}.{old}.weight", f"{ours}.{new}.kernel", transpose)
            for old, new in plain.items()
        ),
        *(
            Row(f"{layer}.{old}.weight", f"{ours}.{new}.kernel", _apart(count, size, hidden))
            for old, (new, count) in turned.items()
        ),
        Row(f"{layer}.attn_norm.weight", f"{ours}.attention_norm.scale"),
        Row(f"{layer}.ffn_norm.weight", f"{ours}.feedforward_norm.scale"),
        Row("rope_freqs.weight", None),  # follows from the settings
        Row("output_norm.weight", "norm.scale"),
        head,
    )


def _apart(heads: int, size: int, inputs: int) -> Transform:
    """(heads · size, in) with a plane's coordinates side by side -> in two halves, (in, …)."""
    rows = heads * size
    return chain(
        reshape((rows, inputs), (heads, size // 2, 2, inputs)),
        permute(0, 2, 1, 3),
        reshape((heads, 2, size // 2, inputs), (rows, inputs)),
        transpose,
    )
