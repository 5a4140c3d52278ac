"""Where T5's weights lie in published files: the two-way table of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.transforms import transpose
from ...hub.weight_map import Row, WeightMap

_PARTS = {"q": "query", "k": "key", "v": "value", "o": "output_dense"}


def huggingface(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for files of Hugging Face, with or without the head."""
    gated = config.get("gated", False)
    inner = {"wi_0": "inner", "wi_1": "gate"} if gated else {"wi": "inner"}
    rows = []
    for stack, last in (("encoder", 1), ("decoder", 2)):
        layer, ours = f"{stack}.block.{{i}}.layer", f"{stack}.layers.{{i}}"
        # Which of a block's layers attends to what: its name there and here.
        halves = {"0.SelfAttention": "attention"}
        if stack == "decoder":
            halves["1.EncDecAttention"] = "cross_attention"
        rows += [
            Row(f"{layer}.{old}.{part}.weight", f"{ours}.{new}.{name}.kernel", transpose)
            for old, new in halves.items()
            for part, name in _PARTS.items()
        ]
        rows += [
            Row(f"{layer}.{old[0]}.layer_norm.weight", f"{ours}.{new}_norm.scale")
            for old, new in halves.items()
        ]
        feed = f"{layer}.{last}.DenseReluDense"
        rows += [
            Row(f"{feed}.{old}.weight", f"{ours}.feedforward.{new}.kernel", transpose)
            for old, new in (*inner.items(), ("wo", "outer"))
        ]
        rows += [
            Row(f"{layer}.{last}.layer_norm.weight", f"{ours}.feedforward_norm.scale"),
            Row(
                f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                f"{stack}.bias.table.embeddings",
            ),
            Row(f"{stack}.final_layer_norm.weight", f"{stack}.norm.scale"),
            Row(f"{stack}.embed_tokens.weight", "embeddings.embeddings", tied=True),
        ]
    # A table that files of the first version hold, and that no computation reads.
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    head = (
        Row("lm_head.weight", "embeddings.embeddings", tied=True)
        if config.get("tie_embeddings", True)
        else Row("lm_head.weight", "head_dense.kernel", transpose, True, head=True)
    )
    return WeightMap(
        Row("shared.weight", "embeddings.embeddings"),
        Row(unused, None),
        *rows,
        head,
    )
