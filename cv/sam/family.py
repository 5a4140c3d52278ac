"""SAM's family: how its files are read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import (
    ANY,
    COUNT,
    FLAG,
    LAYER_COUNT,
    NUMBER,
    Argument,
    ConfigTable,
    Fixed,
    Kind,
)
from ...hub.errors import HubError
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from .weight_map import huggingface, meta

_PLACES = Kind(
    lambda value: (
        isinstance(value, list | tuple)
        and all(isinstance(place, int) and 0 <= place < 10_000 for place in value)
    ),
    "a list of numbers of layers",
)
_NO_DROPOUT = (Fixed("attention_dropout", 0.0), Fixed("dropout", 0.0))

VISION = ConfigTable(
    "SAM's image encoder",
    Argument("image_size", "image_size", COUNT, 1024),
    Argument("patch_size", "patch_size", COUNT, 16),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT, 12),
    Argument("num_attention_heads", "num_heads", COUNT, 12),
    Argument("hidden_size", "hidden_dim", COUNT, 768),
    Argument("mlp_dim", "intermediate_dim", COUNT, None),
    Argument("mlp_ratio", "mlp_ratio", NUMBER, 4.0),
    Argument("window_size", "window_size", COUNT, 14),
    Argument("global_attn_indexes", "global_layers", _PLACES, [2, 5, 8, 11]),
    Argument("qkv_bias", "use_qkv_bias", FLAG, True),
    Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-6),
    Argument("output_channels", "output_dim", COUNT, 256),
    Argument("num_pos_feats", "num_frequencies", COUNT, 128),
    Fixed("hidden_act", "gelu"),
    Fixed("num_channels", 3),
    Fixed("use_abs_pos", True),
    Fixed("use_rel_pos", True),
    *_NO_DROPOUT,
    *FIXED,
    # Of the first values of the frequencies, and of a network that this one is not.
    irrelevant=(*IRRELEVANT, "scale", "projection_dim", "intermediate_size"),
    constants={"model_type": "sam_vision_model"},
)
PROMPTS = ConfigTable(
    "SAM's prompt encoder",
    Argument("image_size", "image_size", COUNT, 1024),
    Argument("patch_size", "patch_size", COUNT, 16),
    Argument("image_embedding_size", "grid", COUNT, None),
    Argument("hidden_size", "output_dim", COUNT, 256),
    Argument("mask_input_channels", "mask_channels", COUNT, 16),
    Fixed("hidden_act", "gelu"),
    Fixed("layer_norm_eps", 1e-6),
    Fixed("num_point_embeddings", 4),
    *FIXED,
    irrelevant=IRRELEVANT,
    constants={"model_type": "sam_prompt_encoder"},
)
DECODER = ConfigTable(
    "SAM's mask decoder",
    Argument("hidden_size", "output_dim", COUNT, 256),
    Argument("mlp_dim", "decoder_intermediate_dim", COUNT, 2048),
    Argument("num_hidden_layers", "decoder_layers", LAYER_COUNT, 2),
    Argument("num_attention_heads", "decoder_heads", COUNT, 8),
    Argument("attention_downsample_rate", "decoder_downsample", COUNT, 2),
    Argument("layer_norm_eps", "decoder_layer_norm_epsilon", NUMBER, 1e-6),
    Argument("num_multimask_outputs", "num_masks", COUNT, 3),
    Argument("iou_head_depth", "iou_layers", LAYER_COUNT, 3),
    Argument("iou_head_hidden_dim", "iou_dim", COUNT, 256),
    Fixed("hidden_act", "relu"),
    *FIXED,
    irrelevant=IRRELEVANT,
    constants={"model_type": "sam_mask_decoder"},
)
_PARTS = {"vision": VISION, "prompts": PROMPTS, "decoder": DECODER}


def _finish(found: dict[str, Any]) -> dict[str, Any]:
    read = {}
    for name, table in _PARTS.items():
        if not isinstance(found[name], dict):
            raise HubError(f"config.json: {name} is {found[name]!r}; an object is expected")
        read[name] = table.read(found[name])
    vision, prompts, decoder = read.values()
    ratio, frequencies = vision.pop("mlp_ratio"), vision.pop("num_frequencies")
    if vision["intermediate_dim"] is None:
        vision["intermediate_dim"] = int(vision["hidden_dim"] * ratio)
    grid = vision["image_size"] // vision["patch_size"]
    for what, one, other in (
        ("image_size", prompts.pop("image_size"), vision["image_size"]),
        ("patch_size", prompts.pop("patch_size"), vision["patch_size"]),
        ("image_embedding_size", prompts.pop("grid") or grid, grid),
        ("hidden_size of prompts", prompts["output_dim"], vision["output_dim"]),
        ("hidden_size of masks", decoder["output_dim"], vision["output_dim"]),
        ("num_pos_feats, twice,", 2 * frequencies, vision["output_dim"]),
    ):
        if one != other:
            raise HubError(
                f"config.json: {what} is {one} where {other} is expected: the parts of SAM must "
                "fit each other"
            )
    return {**vision, **prompts, **decoder}


def _undo(arguments: dict[str, Any]) -> dict[str, Any]:
    size, patch = arguments.get("image_size", 1024), arguments.get("patch_size", 16)
    more = {
        "vision": {"num_frequencies": arguments.get("output_dim", 256) // 2},
        "prompts": {"grid": size // patch},
        "decoder": {},
    }
    found, used = {}, set()
    for part, table in _PARTS.items():
        names = {row.name for row in table.rows if isinstance(row, Argument)} & arguments.keys()
        used |= names
        kept = {name: arguments[name] for name in names}
        if "global_layers" in kept:
            kept["global_layers"] = list(kept["global_layers"])
        found[part] = table.write({**kept, **more[part]})
    return {**found, **{name: value for name, value in arguments.items() if name not in used}}


CONFIG = ConfigTable(
    "SAM",
    Argument("vision_config", "vision", ANY, {}),
    Argument("prompt_encoder_config", "prompts", ANY, {}),
    Argument("mask_decoder_config", "decoder", ANY, {}),
    *FIXED,
    irrelevant=(*IRRELEVANT, "tie_word_embeddings"),
    constants={"model_type": "sam"},
    finish=_finish,
    undo=_undo,
)
META = ConfigTable(
    "SAM",
    Argument("encoder_embed_dim", "hidden_dim", COUNT),
    Argument("encoder_depth", "num_layers", LAYER_COUNT),
    Argument("encoder_num_heads", "num_heads", COUNT),
    Argument("encoder_global_attn_indexes", "global_layers", _PLACES),
    Argument("image_size", "image_size", COUNT, 1024),
    Argument("vit_patch_size", "patch_size", COUNT, 16),
    Argument("window_size", "window_size", COUNT, 14),
    Argument("qkv_bias", "use_qkv_bias", FLAG, True),
    Argument("prompt_embed_dim", "output_dim", COUNT, 256),
    Argument("mask_in_chans", "mask_channels", COUNT, 16),
    Argument("num_multimask_outputs", "num_masks", COUNT, 3),
    Argument("transformer_depth", "decoder_layers", LAYER_COUNT, 2),
    Argument("transformer_num_heads", "decoder_heads", COUNT, 8),
    Argument("transformer_mlp_dim", "decoder_intermediate_dim", COUNT, 2048),
    Argument("attention_downsample_rate", "decoder_downsample", COUNT, 2),
    Argument("iou_head_depth", "iou_layers", LAYER_COUNT, 3),
    Argument("iou_head_hidden_dim", "iou_dim", COUNT, 256),
    Argument("mlp_ratio", "mlp_ratio", NUMBER, 4.0),
    constants={"model_type": "segment_anything"},
    finish=lambda found: _of_meta(found),
    undo=lambda arguments: _named_by_meta(arguments),
)
"""The arguments of Meta's constructors, by their names: its own files hold the weights alone."""
# torch's own default, where transformers says 1e-6.
_META_EPSILON = 1e-5


def _of_meta(found: dict[str, Any]) -> dict[str, Any]:
    inner = int(found["hidden_dim"] * found.pop("mlp_ratio"))
    return {**found, "intermediate_dim": inner, "decoder_layer_norm_epsilon": _META_EPSILON}


def _named_by_meta(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what Meta's code fixes.

    The normalizations of the mask decoder are among this: what transformers' files say differs by
    9e-6 of a variance, and is not kept.
    """
    found = {**arguments, "global_layers": list(arguments["global_layers"])}
    found["mlp_ratio"] = found.pop("intermediate_dim") / found["hidden_dim"]
    del found["decoder_layer_norm_epsilon"]
    if found.pop("layer_norm_epsilon") != 1e-6:
        raise HubError("Meta's SAM has layer_norm_epsilon=1e-6 alone")
    return found


def _write_meta(*arguments: Any) -> list[Path]:
    from .meta_files import write

    return write(META, meta(), *arguments)


register_family(
    Family(
        name="sam",
        tasks={
            "image_segmenter": Reference(__package__, ".tasks", "SAMImageSegmenter"),
            "backbone": Reference(__package__, ".backbone", "SAMBackbone"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(config.get("iou_layers", 3)),
                optional_files=("preprocessor_config.json", "processor_config.json"),
            ),
            "meta": Layout(
                config=META,
                weight_map=lambda config: meta(),
                weights=(
                    "sam.pth",
                    "sam_vit_b_01ec64.pth",
                    "sam_vit_l_0b3195.pth",
                    "sam_vit_h_4b8939.pth",
                ),
                optional_files=("preprocessor_config.json",),
                write=_write_meta,
            ),
        },
        model_types={"sam": "huggingface", "segment_anything": "meta"},
        architectures={"SamModel": Architecture("huggingface", "image_segmenter")},
    )
)
