"""ResNet's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, COUNTS, FLAG, LAYER_COUNTS, Argument, ConfigTable, Fixed
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..image_configs import timm_table
from .weight_map import huggingface, torchvision

# depth -> (type of block, blocks of each stage)
DEPTHS = {
    18: ("basic_block", (2, 2, 2, 2)),
    34: ("basic_block", (3, 4, 6, 3)),
    50: ("bottleneck_block", (3, 4, 6, 3)),
    101: ("bottleneck_block", (3, 4, 23, 3)),
    152: ("bottleneck_block", (3, 8, 36, 3)),
}
KERAS_FORM = {"stride_on_first_conv": True, "use_bias": True, "epsilon": 1.001e-5}
"""Arguments that make the backbone keras.applications' ResNet."""

KERAS_IMAGE = {
    "crop": "none",
    "interpolation": "nearest",
    "scale": 1.0,
    "mean": (103.939, 116.779, 123.68),
    "std": (1.0, 1.0, 1.0),
    "channel_order": "bgr",
}
"""How keras.applications prepares pictures for ResNet ("caffe")."""

# What the files of others leave open: v1.5 (see backbone.py).
_COMMON = {"use_bias": False, "epsilon": 1e-5}
_USUAL = {
    "stackwise_num_filters": (64, 128, 256, 512),
    "stackwise_num_strides": (1, 2, 2, 2),
    "input_conv_filters": 64,
    "stride_on_first_conv": False,
}


def architecture(depth: int) -> dict[str, Any]:
    """Returns the arguments of the backbone for ResNet-18, 34, 50, 101 or 152."""
    block_type, blocks = DEPTHS[depth]
    return {"block_type": block_type, "stackwise_num_blocks": blocks}


def _without(arguments: dict[str, Any], assumed: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments that a config must say: those which are not what it assumes."""

    def plain(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    return {k: v for k, v in arguments.items() if k not in assumed or plain(v) != assumed[k]}


def _depth(arguments: dict[str, Any]) -> dict[str, Any]:
    form = (arguments["block_type"], tuple(arguments["stackwise_num_blocks"]))
    rest = _without(arguments, {**_COMMON, **_USUAL})
    for depth, known in DEPTHS.items():
        if form == known:
            names = ("block_type", "stackwise_num_blocks")
            return {"name": depth, **{k: v for k, v in rest.items() if k not in names}}
    return rest


TIMM = timm_table(
    "ResNet",
    {f"resnet{depth}": depth for depth in DEPTHS},
    architecture,
    _depth,
)


def _filters(found: dict[str, Any]) -> dict[str, Any]:
    sizes = found.pop("hidden_sizes")
    first = 2 if found.pop("first_stage_steps") else 1
    inner = 4 if found["block_type"] == "bottleneck_block" else 1
    return {
        **found,
        "stackwise_num_filters": tuple(size // inner for size in sizes),
        "stackwise_num_blocks": tuple(found["stackwise_num_blocks"]),
        "stackwise_num_strides": (first, *(2 for _ in sizes[1:])),
    }


def _hidden_sizes(arguments: dict[str, Any]) -> dict[str, Any]:
    found = _without(arguments, _COMMON)
    outer = 4 if found["block_type"] == "bottleneck_block" else 1
    strides = tuple(found["stackwise_num_strides"])
    if strides[0] in (1, 2) and set(strides[1:]) <= {2}:
        del found["stackwise_num_strides"]
    sizes = [filters * outer for filters in found.pop("stackwise_num_filters")]
    return {**found, "hidden_sizes": sizes, "first_stage_steps": strides[0] == 2}


TRANSFORMERS = ConfigTable(
    "ResNet",
    Argument(
        "layer_type",
        "block_type",
        default="bottleneck",
        values={"bottleneck": "bottleneck_block", "basic": "basic_block"},
    ),
    Argument("hidden_sizes", "hidden_sizes", COUNTS, [256, 512, 1024, 2048]),
    Argument("depths", "stackwise_num_blocks", LAYER_COUNTS, [3, 4, 6, 3]),
    Argument("embedding_size", "input_conv_filters", COUNT, 64),
    Argument("downsample_in_first_stage", "first_stage_steps", FLAG, False),
    Argument("downsample_in_bottleneck", "stride_on_first_conv", FLAG, False),
    Fixed("hidden_act", "relu"),
    Fixed("num_channels", 3),
    *FIXED,
    # The last three say which feature maps a detector would take.
    irrelevant=(*IRRELEVANT, "out_features", "out_indices", "stage_names"),
    constants={"model_type": "resnet"},
    finish=_filters,
    undo=_hidden_sizes,
)

register_family(
    Family(
        name="resnet",
        tasks={
            "image_classifier": Reference(__package__, ".tasks", "ResNetImageClassifier"),
            "backbone": Reference(__package__, ".backbone", "ResNetBackbone"),
        },
        layouts={
            "huggingface": Layout(
                config=TRANSFORMERS,
                weight_map=lambda config: huggingface(),
                optional_files=("preprocessor_config.json",),
            ),
            "timm": Layout(config=TIMM, weight_map=lambda config: torchvision()),
        },
        model_types={"resnet": "huggingface"},
        architectures={
            "ResNetForImageClassification": Architecture("huggingface", "image_classifier"),
            "ResNetModel": Architecture("huggingface", "backbone"),
            **{f"resnet{depth}": Architecture("timm", "image_classifier") for depth in DEPTHS},
        },
    )
)
