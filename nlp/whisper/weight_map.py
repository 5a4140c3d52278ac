"""Where Whisper's weights lie in published files: the two-way tables of their names."""

from __future__ import annotations

from ...hub.transforms import conv1d, split, transpose
from ...hub.weight_map import ZERO, Row, WeightMap


def huggingface() -> WeightMap:
    """Builds the table for Hugging Face's safetensors and .bin files."""
    rows = [Row("proj_out.weight", "decoder.tokens.embeddings", tied=True, prefixed=False)]
    layer = "{side}.layers.{i}"
    attentions = {"self_attn": "attention", "encoder_attn": "cross_attention"}
    parts = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output_dense"}
    for theirs, ours in attentions.items():
        rows += _norm_rows(f"{layer}.{theirs}_layer_norm", f"{layer}.{ours}_norm")
        for part, name in parts.items():
            pair = _dense_rows(f"{layer}.{theirs}.{part}", f"{layer}.{ours}.{name}")
            rows += pair[:1] if part == "k_proj" else pair
    for theirs, ours in {"fc1": "inner", "fc2": "outer"}.items():
        rows += _dense_rows(f"{layer}.{theirs}", f"{layer}.feedforward.{ours}")
    return WeightMap(
        *rows,
        *_norm_rows(f"{layer}.final_layer_norm", f"{layer}.feedforward_norm"),
        *_norm_rows("{side}.layer_norm", "{side}.norm"),
        Row("encoder.conv{i}.weight", "encoder.conv{i}.kernel", conv1d),
        Row("encoder.conv{i}.bias", "encoder.conv{i}.bias"),
        Row("{side}.embed_positions.weight", "{side}.positions.embeddings"),
        Row("decoder.embed_tokens.weight", "decoder.tokens.embeddings"),
        prefixes=("model.", ""),
    )


def ctranslate2() -> WeightMap:
    """Builds the table for CTranslate2's `model.bin` (WhisperSpec 3): fused projections."""
    rows = [Row("decoder/projection/weight", "decoder.tokens.embeddings", tied=True)]
    # Beside the weights: the settings of its own runtime.
    runtime = ("activation", "alibi", "alignment_heads", "alignment_layer", "num_heads", "pre_norm")
    runtime += ("scale_embeddings", "start_from_zero_embedding")
    rows += [Row(f"{{side}}/{name}", None) for name in runtime]
    layer, ours = "{side}/layer_{i}", "{side}.layers.{i}"
    for theirs, name, fused in (
        ("self_attention", "attention", {"linear_0": ("query", "key", "value")}),
        ("attention", "cross_attention", {"linear_0": ("query",), "linear_1": ("key", "value")}),
    ):
        old, new = f"{layer}/{theirs}", f"{ours}.{name}"
        rows += _norm_rows(f"{old}/layer_norm", f"{new}_norm", "/gamma", "/beta")
        output = f"linear_{len(fused)}"
        for linear, parts in {**fused, output: ("output_dense",)}.items():
            steps = (split(0),) if len(parts) > 1 else ()
            kernels = tuple(f"{new}.{part}.kernel" for part in parts)
            # The fused bias of keys, which have none, is zeros.
            biases = tuple(ZERO if part == "key" else f"{new}.{part}.bias" for part in parts)
            rows.append(Row(f"{old}/{linear}/weight", kernels, (*steps, transpose)))
            rows.append(Row(f"{old}/{linear}/bias", biases, steps))
    for linear, name in {"linear_0": "inner", "linear_1": "outer"}.items():
        rows += _dense_rows(f"{layer}/ffn/{linear}", f"{ours}.feedforward.{name}", "/")
    return WeightMap(
        *rows,
        *_norm_rows(f"{layer}/ffn/layer_norm", f"{ours}.feedforward_norm", "/gamma", "/beta"),
        *_norm_rows("{side}/layer_norm", "{side}.norm", "/gamma", "/beta"),
        Row("encoder/conv{i}/weight", "encoder.conv{i}.kernel", conv1d),
        Row("encoder/conv{i}/bias", "encoder.conv{i}.bias"),
        Row("{side}/position_encodings/encodings", "{side}.positions.embeddings"),
        Row("decoder/embeddings/weight", "decoder.tokens.embeddings"),
    )


def _norm_rows(theirs: str, ours: str, gamma: str = ".weight", beta: str = ".bias") -> list[Row]:
    return [Row(theirs + gamma, f"{ours}.gamma"), Row(theirs + beta, f"{ours}.beta")]


def _dense_rows(theirs: str, ours: str, dot: str = ".") -> list[Row]:
    return [
        Row(f"{theirs}{dot}weight", f"{ours}.kernel", transpose),
        Row(f"{theirs}{dot}bias", f"{ours}.bias"),
    ]
