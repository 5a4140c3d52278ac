"""Where Stable Diffusion's weights lie in published files: two-way tables of their names.

`diffusers` is for a folder with a file for each network, whose names begin with the folder's;
`single` is for one file with all of them, in the names of the original code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...hub.transforms import Transform, conv2d, split, squeeze, transpose
from ...hub.weight_map import Row, WeightMap
from ..clip.weight_map import affine, text_rows

# A dense layer that files hold as a convolution of one pixel.
_POINT = (squeeze(-1), squeeze(-1), transpose)
_FORMS: dict[str, Transform | tuple[Transform, ...]] = {
    "conv": conv2d,
    "dense": transpose,
    "point": _POINT,
}
_RESNET = {
    "norm1": "norm",
    "conv1": "conv",
    "time_emb_proj": "dense",
    "norm2": "norm",
    "conv2": "conv",
    "conv_shortcut": "point",
}
# Our names of a resnet block's parts -> those of the original networks.
_LDM_UNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_LDM_AUTOENCODER = {"conv_shortcut": "nin_shortcut"}
_ATTENTION = {
    "attn1.to_q": "attn1.to_q",
    "attn1.to_k": "attn1.to_k",
    "attn1.to_v": "attn1.to_v",
    "attn1.to_out.0": "attn1.to_out",
    "attn2.to_q": "attn2.to_q",
    "attn2.to_k": "attn2.to_k",
    "attn2.to_v": "attn2.to_v",
    "attn2.to_out.0": "attn2.to_out",
    "ff.net.0.proj": "inner",
    "ff.net.2": "outer",
}
# What the original training kept beside the networks.
_BUFFERS = (
    *("betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod"),
    *("sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod"),
    *("sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance"),
    *("posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"),
    *("logvar", "lvlb_weights", "scale_factor"),
)
_UNET, _AUTOENCODER = "model.diffusion_model", "first_stage_model"
_TEXT, _OPEN_TEXT = "cond_stage_model.transformer.text_model", "cond_stage_model.model"


def _part(form: str, ours: str, *theirs: str) -> list[Row]:
    """Returns the rows of a layer: "norm", "conv", "dense", or "point"."""
    if form == "norm":
        return affine(theirs[0], ours, *theirs[1:])
    weights, biases = (tuple(f"{name}.{part}" for name in theirs) for part in ("weight", "bias"))
    return [Row(weights, f"{ours}.kernel", _FORMS[form]), Row(biases, f"{ours}.bias")]


def _resnet(ours: str, theirs: str, names: Mapping[str, str]) -> list[Row]:
    """Returns the rows of a resnet block; `names` are those of its parts, where they differ."""
    return [
        row
        for part, form in _RESNET.items()
        for row in _part(form, f"{ours}.{part}", f"{theirs}.{names.get(part, part)}")
    ]


def _transformer(ours: str, theirs: str, linear: bool) -> list[Row]:
    """Returns the rows of attention to itself and to a text, with what stands around it."""
    form, block = ("dense" if linear else "point"), "transformer_blocks.{k}"
    rows = _part("norm", f"{ours}.norm", f"{theirs}.norm")
    for name in ("proj_in", "proj_out"):
        rows += _part(form, f"{ours}.{name}", f"{theirs}.{name}")
    for name in ("norm1", "norm2", "norm3"):
        rows += affine(f"{theirs}.{block}.{name}", f"{ours}.{block}.{name}")
    for their, our in _ATTENTION.items():
        rows += _part("dense", f"{ours}.{block}.{our}", f"{theirs}.{block}.{their}")
    return rows


def _ends(ours: str, theirs: str, *more: str) -> list[Row]:
    """Returns the rows of the first and the last convolution of a network, and of its last norm."""
    names = more or ("conv_in", "conv_norm_out", "conv_out")
    return [
        *_part("conv", f"{ours}.conv_in", f"{theirs}.{names[0]}"),
        *_part("norm", f"{ours}.conv_norm_out", f"{theirs}.{names[1]}"),
        *_part("conv", f"{ours}.conv_out", f"{theirs}.{names[2]}"),
    ]


def diffusers(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for a folder of diffusers.

    Args:
        config: the arguments of `StableDiffusionBackbone`.
    """
    linear = config.get("unet", {}).get("linear_projection", False)
    rows = text_rows("text.", "text_encoder.text_model.", "text_encoder.")
    rows += _ends("unet", "unet")
    for name in ("linear_1", "linear_2"):
        rows += _part("dense", f"unet.{name}", f"unet.time_embedding.{name}")
    rows += _resnet("unet.mid_resnets.{j}", "unet.mid_block.resnets.{j}", {})
    rows += _transformer("unet.mid_attention", "unet.mid_block.attentions.0", linear)
    for way, sampler in (("down", "downsamplers"), ("up", "upsamplers")):
        block = f"unet.{way}_blocks.{{i}}"
        rows += _resnet(f"{block}.resnets.{{j}}", f"{block}.resnets.{{j}}", {})
        attention = f"{block}.attentions.{{j}}"
        rows += _transformer(attention, attention, linear)
        rows += _part("conv", f"{block}.resampler.conv", f"{block}.{sampler}.0.conv")
    for side, way, sampler in (
        ("encoder", "down", "downsamplers"),
        ("decoder", "up", "upsamplers"),
    ):
        ours, theirs = f"autoencoder.{side}", f"vae.{side}"
        rows += _ends(ours, theirs)
        rows += _resnet(f"{ours}.middle.resnets.{{j}}", f"{theirs}.mid_block.resnets.{{j}}", {})
        block = f"{way}_blocks.{{i}}"
        resnet = f"{block}.resnets.{{j}}"
        rows += _resnet(f"{ours}.{resnet}", f"{theirs}.{resnet}", {})
        rows += _part(
            "conv", f"{ours}.{block}.resampler.conv", f"{theirs}.{block}.{sampler}.0.conv"
        )
        ours, theirs = f"{ours}.middle.attention", f"{theirs}.mid_block.attentions.0"
        rows += _part("norm", f"{ours}.group_norm", f"{theirs}.group_norm")
        # The second names are those of files from before diffusers 0.13.
        for our, new, old in (
            ("to_q", "to_q", "query"),
            ("to_k", "to_k", "key"),
            ("to_v", "to_v", "value"),
            ("to_out", "to_out.0", "proj_attn"),
        ):
            rows += _part("dense", f"{ours}.attention.{our}", f"{theirs}.{new}", f"{theirs}.{old}")
    for name in ("quant_conv", "post_quant_conv"):
        rows += _part("point", f"autoencoder.{name}", f"vae.{name}")
    return WeightMap(*rows)


def single(config: Mapping[str, Any]) -> WeightMap:
    """Builds the table for one file with all networks.

    Args:
        config: the arguments of `StableDiffusionBackbone`.
    """
    text = config.get("text", {})
    open_clip = text.get("activation", "quick_gelu") == "gelu"
    rows = _open_text(text.get("num_layers", 12)) if open_clip else text_rows("text.", f"{_TEXT}.")
    rows += _single_unet(config.get("unet", {}))
    rows += _single_autoencoder(config.get("autoencoder", {}))
    dropped = ("model_ema.{rest*}", f"{_AUTOENCODER}.loss.{{rest*}}", *_BUFFERS)
    return WeightMap(*rows, *(Row(name, None) for name in dropped))


def _single_unet(config: Mapping[str, Any]) -> list[Row]:
    channels: Sequence[int] = config.get("block_channels", (320, 640, 1280, 1280))
    attends = config.get("attention") or [True] * (len(channels) - 1) + [False]
    layers, linear = config.get("layers_per_block", 2), config.get("linear_projection", False)
    rows = _ends("unet", _UNET, "input_blocks.0.0", "out.0", "out.2")
    for name, place in (("linear_1", 0), ("linear_2", 2)):
        rows += _part("dense", f"unet.{name}", f"{_UNET}.time_embed.{place}")
    for index, place in ((0, 0), (1, 2)):
        rows += _resnet(f"unet.mid_resnets.{index}", f"{_UNET}.middle_block.{place}", _LDM_UNET)
    rows += _transformer("unet.mid_attention", f"{_UNET}.middle_block.1", linear)
    for level, attending in enumerate(attends):
        for index in range(layers):
            number = 1 + (layers + 1) * level + index
            theirs, ours = f"{_UNET}.input_blocks.{number}", f"unet.down_blocks.{level}"
            rows += _resnet(f"{ours}.resnets.{index}", f"{theirs}.0", _LDM_UNET)
            if attending:
                rows += _transformer(f"{ours}.attentions.{index}", f"{theirs}.1", linear)
        number = (layers + 1) * (level + 1)
        sampler = f"unet.down_blocks.{level}.resampler.conv"
        rows += _part("conv", sampler, f"{_UNET}.input_blocks.{number}.0.op")
    for level, attending in enumerate(reversed(attends)):
        for index in range(layers + 1):
            number = (layers + 1) * level + index
            theirs, ours = f"{_UNET}.output_blocks.{number}", f"unet.up_blocks.{level}"
            rows += _resnet(f"{ours}.resnets.{index}", f"{theirs}.0", _LDM_UNET)
            if attending:
                rows += _transformer(f"{ours}.attentions.{index}", f"{theirs}.1", linear)
        theirs = f"{_UNET}.output_blocks.{(layers + 1) * level + layers}.{1 + attending}"
        rows += _part("conv", f"unet.up_blocks.{level}.resampler.conv", f"{theirs}.conv")
    return rows


def _single_autoencoder(config: Mapping[str, Any]) -> list[Row]:
    levels = len(config.get("block_channels", (128, 256, 512, 512)))
    rows: list[Row] = []
    for side, way, sampler in (("encoder", "down", "downsample"), ("decoder", "up", "upsample")):
        ours, theirs = f"autoencoder.{side}", f"{_AUTOENCODER}.{side}"
        rows += _ends(ours, theirs, "conv_in", "norm_out", "conv_out")
        for index in range(2):
            middle = f"{theirs}.mid.block_{index + 1}"
            rows += _resnet(f"{ours}.middle.resnets.{index}", middle, _LDM_AUTOENCODER)
        attention = f"{ours}.middle.attention"
        rows += _part("norm", f"{attention}.group_norm", f"{theirs}.mid.attn_1.norm")
        for our, their in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out", "proj_out")):
            rows += _part("point", f"{attention}.attention.{our}", f"{theirs}.mid.attn_1.{their}")
        for level in range(levels):
            # The original counts the decoder's levels by the size of its maps, the largest first.
            number = level if way == "down" else levels - 1 - level
            block, original = f"{ours}.{way}_blocks.{level}", f"{theirs}.{way}.{number}"
            rows += _resnet(f"{block}.resnets.{{j}}", f"{original}.block.{{j}}", _LDM_AUTOENCODER)
            rows += _part("conv", f"{block}.resampler.conv", f"{original}.{sampler}.conv")
    for name in ("quant_conv", "post_quant_conv"):
        rows += _part("point", f"autoencoder.{name}", f"{_AUTOENCODER}.{name}")
    return rows


def _open_text(layers: int) -> list[Row]:
    """Returns the rows of OpenCLIP's tower of texts, but for what comes behind `layers` blocks."""
    block, ours = f"{_OPEN_TEXT}.transformer.resblocks.{{i}}", "text.blocks.{i}"
    parts = tuple(f"{ours}.attention.{name}" for name in ("query", "key", "value"))
    dropped = ("text_projection", "logit_scale", "attn_mask")
    return [
        # Stable Diffusion 2 takes what the last block but one gives.
        Row(f"{_OPEN_TEXT}.transformer.resblocks.{layers}.{{rest*}}", None),
        *(Row(f"{_OPEN_TEXT}.{name}", None) for name in dropped),
        Row(f"{_OPEN_TEXT}.token_embedding.weight", "text.embeddings.embeddings"),
        Row(f"{_OPEN_TEXT}.positional_embedding", "text.position"),
        *affine(f"{_OPEN_TEXT}.ln_final", "text.norm"),
        Row(
            f"{block}.attn.in_proj_weight",
            tuple(f"{part}.kernel" for part in parts),
            (split(0), transpose),
        ),
        Row(f"{block}.attn.in_proj_bias", tuple(f"{part}.bias" for part in parts), split(0)),
        *_part("dense", f"{ours}.attention.output_dense", f"{block}.attn.out_proj"),
        *_part("dense", f"{ours}.inner", f"{block}.mlp.c_fc"),
        *_part("dense", f"{ours}.outer", f"{block}.mlp.c_proj"),
        *affine(f"{block}.ln_1", f"{ours}.attention_norm"),
        *affine(f"{block}.ln_2", f"{ours}.norm"),
    ]
