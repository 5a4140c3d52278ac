"""Where SAM's weights lie in published files: the two-way tables of their names."""

from __future__ import annotations

from ...hub.transforms import concat, conv2d, conv2d_transpose, transpose
from ...hub.weight_map import Join, Row, WeightMap


def huggingface(iou_layers: int = 3) -> WeightMap:
    """Builds the table for the names of transformers' SamModel."""
    layer, ours = "vision_encoder.layers.{i}", "image_encoder.blocks.{i}"
    block = "mask_decoder.transformer.layers.{i}"
    frequencies = "positional_embedding"
    return WeightMap(
        Row(
            f"prompt_encoder.shared_embedding.{frequencies}",
            "prompt_encoder.frequencies",
            tied=True,
        ),
        Row(f"shared_image_embedding.{frequencies}", "prompt_encoder.frequencies"),
        *_encoder("vision_encoder", "patch_embed.projection", layer),
        *_norm(f"{layer}.layer_norm1", f"{ours}.attention_norm"),
        *_norm(f"{layer}.layer_norm2", f"{ours}.norm"),
        Row("vision_encoder.neck.conv{j}.weight", "image_encoder.neck.conv{j}.kernel", conv2d),
        *_norm("vision_encoder.neck.layer_norm{j}", "image_encoder.neck.norm{j}"),
        *_prompts("prompt_encoder.point_embed"),
        *_conv("prompt_encoder.mask_embed.conv{j}", "prompt_encoder.conv{j}"),
        *_norm("prompt_encoder.mask_embed.layer_norm{j}", "prompt_encoder.norm{j}"),
        *_blocks("final_attn_token_to_image", "layer_norm_final_attn", f"{block}.layer_norm{{j}}"),
        *_conv("mask_decoder.upscale_conv{j}", "mask_decoder.enlarge{j}", conv2d_transpose),
        *_norm("mask_decoder.upscale_layer_norm", "mask_decoder.enlarge_norm"),
        *_head("mask_decoder.output_hypernetworks_mlps.{i}", "mask_decoder.mask_heads.{i}", 3),
        *_head("mask_decoder.iou_prediction_head", "mask_decoder.iou_head", iou_layers),
    )


def meta() -> WeightMap:
    """Builds the table for the names of Meta's `segment_anything`."""
    layer, ours = "image_encoder.blocks.{i}", "image_encoder.blocks.{i}"
    block = "mask_decoder.transformer.layers.{i}"
    neck, masks, upscaling = "image_encoder.neck", "mask_downscaling", "output_upscaling"
    return WeightMap(
        Row(
            "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
            "prompt_encoder.frequencies",
        ),
        # Of the colours, where a file of the whole model has them: the preprocessor's.
        Row("pixel_mean", None),
        Row("pixel_std", None),
        *_encoder("image_encoder", "patch_embed.proj", layer),
        *_norm(f"{layer}.norm1", f"{ours}.attention_norm"),
        *_norm(f"{layer}.norm2", f"{ours}.norm"),
        Row(f"{neck}.0.weight", f"{neck}.conv1.kernel", conv2d),
        *_norm(f"{neck}.1", f"{neck}.norm1"),
        Row(f"{neck}.2.weight", f"{neck}.conv2.kernel", conv2d),
        *_norm(f"{neck}.3", f"{neck}.norm2"),
        *_prompts("prompt_encoder.point_embeddings"),
        *_conv(f"prompt_encoder.{masks}.0", "prompt_encoder.conv1"),
        *_norm(f"prompt_encoder.{masks}.1", "prompt_encoder.norm1"),
        *_conv(f"prompt_encoder.{masks}.3", "prompt_encoder.conv2"),
        *_norm(f"prompt_encoder.{masks}.4", "prompt_encoder.norm2"),
        *_conv(f"prompt_encoder.{masks}.6", "prompt_encoder.conv3"),
        *_blocks("final_attn_token_to_image", "norm_final_attn", f"{block}.norm{{j}}"),
        *_conv(f"mask_decoder.{upscaling}.0", "mask_decoder.enlarge1", conv2d_transpose),
        *_norm(f"mask_decoder.{upscaling}.1", "mask_decoder.enlarge_norm"),
        *_conv(f"mask_decoder.{upscaling}.3", "mask_decoder.enlarge2", conv2d_transpose),
        *_dense(
            "mask_decoder.output_hypernetworks_mlps.{i}.layers.{j}",
            "mask_decoder.mask_heads.{i}.layers.{j}",
        ),
        *_dense("mask_decoder.iou_prediction_head.layers.{j}", "mask_decoder.iou_head.layers.{j}"),
    )


def _encoder(theirs: str, patches: str, layer: str) -> list[Row]:
    """Rows of the image encoder that both have but for their beginnings."""
    ours = "image_encoder.blocks.{i}"
    return [
        Row(f"{theirs}.pos_embed", "image_encoder.position"),
        *_conv(f"{theirs}.{patches}", "image_encoder.patches"),
        Row(f"{layer}.attn.rel_pos_h", f"{ours}.attention.down"),
        Row(f"{layer}.attn.rel_pos_w", f"{ours}.attention.across"),
        *_dense(f"{layer}.attn.qkv", f"{ours}.attention.qkv"),
        *_dense(f"{layer}.attn.proj", f"{ours}.attention.output_dense"),
        *_dense(f"{layer}.mlp.lin1", f"{ours}.inner"),
        *_dense(f"{layer}.mlp.lin2", f"{ours}.outer"),
    ]


def _prompts(kinds: str) -> list[Row]:
    """Rows of what prompts are, and of the tokens that stand for results."""
    names = [f"{kinds}.{place}.weight" for place in range(4)]
    return [
        Row(Join(*names), "prompt_encoder.kinds", concat(0)),
        Row("prompt_encoder.not_a_point_embed.weight", "prompt_encoder.not_a_point"),
        Row("prompt_encoder.no_mask_embed.weight", "prompt_encoder.no_mask"),
        Row("mask_decoder.iou_token.weight", "mask_decoder.iou_token"),
        Row("mask_decoder.mask_tokens.weight", "mask_decoder.mask_tokens"),
    ]


def _blocks(last: str, last_norm: str, norms: str) -> list[Row]:
    """Rows of the mask decoder's blocks."""
    theirs, ours = "mask_decoder.transformer", "mask_decoder"
    attentions = {
        f"{theirs}.{last}": f"{ours}.last_attention",
        f"{theirs}.layers.{{i}}.self_attn": f"{ours}.blocks.{{i}}.self_attention",
        f"{theirs}.layers.{{i}}.cross_attn_token_to_image": (
            f"{ours}.blocks.{{i}}.token_attention"
        ),
        f"{theirs}.layers.{{i}}.cross_attn_image_to_token": (
            f"{ours}.blocks.{{i}}.image_attention"
        ),
    }
    parts = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output_dense"}
    rows = [
        row
        for old, new in attentions.items()
        for part, name in parts.items()
        for row in _dense(f"{old}.{part}", f"{new}.{name}")
    ]
    return [
        *rows,
        *_dense(f"{theirs}.layers.{{i}}.mlp.lin1", f"{ours}.blocks.{{i}}.inner"),
        *_dense(f"{theirs}.layers.{{i}}.mlp.lin2", f"{ours}.blocks.{{i}}.outer"),
        *_norm(norms, f"{ours}.blocks.{{i}}.norm{{j}}"),
        *_norm(f"{theirs}.{last_norm}", f"{ours}.last_norm"),
    ]


def _head(theirs: str, ours: str, depth: int) -> list[Row]:
    """Rows of dense layers of which transformers names the first and the last apart."""
    return [
        *_dense(f"{theirs}.proj_in", f"{ours}.layers.0"),
        *_dense(f"{theirs}.proj_out", f"{ours}.layers.{depth - 1}"),
        *_dense(f"{theirs}.layers.{{j}}", f"{ours}.layers.{{j+1}}"),
    ]


def _dense(theirs: str, ours: str) -> list[Row]:
    return [
        Row(f"{theirs}.weight", f"{ours}.kernel", transpose),
        Row(f"{theirs}.bias", f"{ours}.bias"),
    ]


def _conv(theirs: str, ours: str, kernel: object = conv2d) -> list[Row]:
    return [
        Row(f"{theirs}.weight", f"{ours}.kernel", kernel),  # pyright: ignore[reportArgumentType]
        Row(f"{theirs}.bias", f"{ours}.bias"),
    ]


def _norm(theirs: str, ours: str) -> list[Row]:
    return [Row(f"{theirs}.weight", f"{ours}.gamma"), Row(f"{theirs}.bias", f"{ours}.beta")]
