"""ResNet's published weights, and how their files are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.errors import HubError
from ...hub.preset import FileEntry, HuggingFace, Preset
from ...hub.registry import Family, Layout, register_family, register_preset

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


def architecture(depth: int) -> dict[str, Any]:
    """Arguments of the backbone for ResNet-18, 34, 50, 101 or 152."""
    block_type, blocks = DEPTHS[depth]
    return {"block_type": block_type, "stackwise_num_blocks": blocks}


def _timm_config(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    if "depth" in settings:
        return architecture(settings["depth"])
    return architecture(int(files["config.json"]["architecture"].removeprefix("resnet")))


def _huggingface_config(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    config = files["config.json"]
    for key, only in {"hidden_act": "relu", "num_channels": 3}.items():
        if config.get(key, only) != only:
            raise HubError(
                f"config.json: {key} is {config[key]!r}; ResNet here knows only {only!r}"
            )
    bottleneck = config.get("layer_type", "bottleneck") == "bottleneck"
    sizes = config.get("hidden_sizes", [256, 512, 1024, 2048])
    first = 2 if config.get("downsample_in_first_stage", False) else 1
    return {
        "block_type": "bottleneck_block" if bottleneck else "basic_block",
        "stackwise_num_filters": tuple(size // 4 if bottleneck else size for size in sizes),
        "stackwise_num_blocks": tuple(config.get("depths", [3, 4, 6, 3])),
        "stackwise_num_strides": (first, *(2 for _ in sizes[1:])),
        "input_conv_filters": config.get("embedding_size", 64),
        "stride_on_first_conv": bool(config.get("downsample_in_bottleneck", False)),
    }


def _weight_map(layout: str) -> Any:
    def table(config: Mapping[str, Any]) -> Any:
        from . import weights

        return getattr(weights, layout)()

    return table


def _backbone() -> type:
    from .backbone import ResNetBackbone

    return ResNetBackbone


def _classifier() -> type:
    from .tasks import ResNetImageClassifier

    return ResNetImageClassifier


register_family(
    Family(
        name="resnet",
        tasks={"image_classifier": _classifier, "backbone": _backbone},
        layouts={
            "timm": Layout(config=_timm_config, weight_map=_weight_map("torchvision")),
            "huggingface": Layout(
                config=_huggingface_config,
                weight_map=_weight_map("huggingface"),
                optional_files=("preprocessor_config.json",),
            ),
        },
        model_types={"resnet": "huggingface"},
        architectures={
            "ResNetForImageClassification": ("huggingface", "image_classifier"),
            "ResNetModel": ("huggingface", "backbone"),
            **{f"resnet{depth}": ("timm", "image_classifier") for depth in DEPTHS},
        },
    )
)


def _timm(name: str, repo: str, commit: str, sha256: str, image: dict, **about: Any) -> Preset:
    return Preset(
        name=name,
        family="resnet",
        task="image_classifier",
        layout="timm",
        files=(FileEntry("model.safetensors", sha256=sha256, size=102469840),),
        sources=(HuggingFace(repo, commit),),
        # What its config.json would say stands here, so that one pinned file is all.
        settings={"depth": 50, "image": image},
        num_parameters=25557032,
        **about,
    )


register_preset(
    _timm(
        "resnet50",
        "timm/resnet50.a1_in1k",
        "767268603ca0cb0bfe326fa87277f19c419566ef",
        "773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb",
        {"crop_ratio": 0.95, "interpolation": "bicubic"},
        license="Apache-2.0",
        description="ResNet-50 v1.5 by timm (recipe A1), ImageNet-1k",
        evidence="commit and hash: three public lists of files that agree",
    )
)
register_preset(
    _timm(
        "resnet50_tv",
        "timm/resnet50.tv_in1k",
        "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa",
        "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
        {"crop_ratio": 0.875, "interpolation": "bilinear"},
        license="BSD-3-Clause",
        description="ResNet-50 v1.5 by torchvision, ImageNet-1k",
        evidence="commit and hash: three public lists of files that agree",
    )
)
register_preset(
    Preset(
        name="resnet50_hf",
        family="resnet",
        task="image_classifier",
        layout="huggingface",
        files=(
            FileEntry("config.json"),
            FileEntry("model.safetensors", alternatives=("pytorch_model.bin",)),
            FileEntry("preprocessor_config.json", optional=True),
        ),
        sources=(HuggingFace("microsoft/resnet-50", "34c2154c194f829b11125337b98c8f5f9965ff19"),),
        license="Apache-2.0",
        description="ResNet-50 v1.5 by Microsoft, ImageNet-1k",
        num_parameters=25557032,
        evidence="commit: four public references; no hash was seen, so files are locked at first "
        "use",
    )
)
