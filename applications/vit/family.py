"""ViT's family: how its files are read and written."""

from __future__ import annotations

import re
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, FLAG, LAYER_COUNT, NUMBER, Argument, ConfigTable, Fixed
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..image_configs import timm_table
from .weight_map import huggingface, timm

# Size -> arguments (Dosovitskiy et al., table 1; tiny and small: Steiner et al. 2021, table 2).
SIZES = {
    "tiny": {"num_layers": 12, "num_heads": 3, "hidden_dim": 192, "intermediate_dim": 768},
    "small": {"num_layers": 12, "num_heads": 6, "hidden_dim": 384, "intermediate_dim": 1536},
    "base": {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072},
    "large": {"num_layers": 24, "num_heads": 16, "hidden_dim": 1024, "intermediate_dim": 4096},
}
_PATCHES = {"tiny": (16,), "small": (16, 32), "base": (16, 32), "large": (16, 32)}
NAMES = tuple(
    f"vit_{size}_patch{patch}_{image}"
    for size, patches in _PATCHES.items()
    for patch in patches
    for image in (224, 384)
)
"""The names that timm has for these forms."""

_COMMON = {"use_qkv_bias": True, "dropout": 0.0, "layer_norm_epsilon": 1e-6, "pooler": False}


def architecture(name: str) -> dict[str, Any]:
    """Returns the arguments of the backbone for one of `NAMES`."""
    size, patch, image = re.fullmatch(r"vit_([a-z]+)_patch(\d+)_(\d+)", name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return {**SIZES[size], "patch_size": int(patch), "image_size": int(image)}


def _name(arguments: dict[str, Any]) -> dict[str, Any]:
    rest = {k: v for k, v in arguments.items() if k not in _COMMON or v != _COMMON[k]}
    for name in NAMES:
        known = architecture(name)
        if all(arguments.get(key) == value for key, value in known.items()):
            return {"name": name, **{k: v for k, v in rest.items() if k not in known}}
    return rest


TIMM = timm_table("ViT", NAMES, architecture, _name, pool="token")

TRANSFORMERS = ConfigTable(
    "ViT",
    Argument("image_size", "image_size", COUNT, 224),
    Argument("patch_size", "patch_size", COUNT, 16),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT, 12),
    Argument("num_attention_heads", "num_heads", COUNT, 12),
    Argument("hidden_size", "hidden_dim", COUNT, 768),
    Argument("intermediate_size", "intermediate_dim", COUNT, 3072),
    Argument("qkv_bias", "use_qkv_bias", FLAG, True),
    Argument("hidden_dropout_prob", "dropout", NUMBER, 0.0),
    Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-12),
    Fixed("attention_probs_dropout_prob", 0.0),
    Fixed("hidden_act", "gelu"),
    Fixed("num_channels", 3),
    Fixed("pooler_act", "tanh"),
    *FIXED,
    # The pooler has the size of a token, else its weights do not fit; the stride is a decoder's.
    irrelevant=(*IRRELEVANT, "encoder_stride", "pooler_output_size"),
    constants={"model_type": "vit"},
    finish=lambda found: {**found, "pooler": True},
    undo=lambda arguments: {k: v for k, v in arguments.items() if k != "pooler"},
)

register_family(
    Family(
        name="vit",
        tasks={
            "image_classifier": Reference(__package__, ".tasks", "ViTImageClassifier"),
            "backbone": Reference(__package__, ".backbone", "ViTBackbone"),
        },
        layouts={
            "huggingface": Layout(
                config=TRANSFORMERS,
                weight_map=lambda config: huggingface(),
                optional_files=("preprocessor_config.json",),
                parts={"pooler": "pooler.kernel"},
            ),
            "timm": Layout(config=TIMM, weight_map=lambda config: timm()),
        },
        model_types={"vit": "huggingface"},
        architectures={
            "ViTForImageClassification": Architecture("huggingface", "image_classifier"),
            "ViTModel": Architecture("huggingface", "backbone"),
            **{name: Architecture("timm", "image_classifier") for name in NAMES},
        },
    )
)
