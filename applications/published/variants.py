"""Which of our networks a name of torchvision's or timm's stands for, as tables."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...hub.weight_map import WeightMap
from ..keras_modules import NETWORKS

Arguments = dict[str, Any]

DEFAULTS: Arguments = {
    "alpha": 1.0,
    "minimalistic": False,
    "rescaled": False,
    "form": "keras",
    "epsilon": None,
    "batch_norm": False,
}
"""Arguments of `KerasNetwork` that rows leave out, with their defaults."""


def _row(network: str, form: str, epsilon: float | None = None, **others: Any) -> Arguments:
    return {"network": network, **DEFAULTS, "form": form, "epsilon": epsilon, **others}


_SIZES = ("Tiny", "Small", "Base", "Large")
# Both libraries have these by the same names, and build them alike.
_SHARED = {
    **{f"vgg{n}": _row(f"VGG{n}", "torch") for n in (16, 19)},
    **{f"vgg{n}_bn": _row(f"VGG{n}", "torch", 1e-5, batch_norm=True) for n in (16, 19)},
    **{f"densenet{n}": _row(f"DenseNet{n}", "torch", 1e-5) for n in (121, 169, 201)},
    "inception_v3": _row("InceptionV3", "torch", 1e-3),
    **{f"convnext_{size.lower()}": _row(f"ConvNeXt{size}", "torch") for size in _SIZES},
}
TORCHVISION: dict[str, Arguments] = {
    **_SHARED,
    "mobilenet_v2": _row("MobileNetV2", "torch", 1e-5),
    **{
        f"mobilenet_v3_{size.lower()}": _row(f"MobileNetV3{size}", "torch", 1e-3)
        for size in ("Large", "Small")
    },
    **{
        f"efficientnet_b{n}": _row(f"EfficientNetB{n}", "torch", 1e-5 if n < 5 else 1e-3)
        for n in range(8)
    },
    **{
        f"efficientnet_v2_{size.lower()}": _row(f"EfficientNetV2{size}", "torch", 1e-3)
        for size in "SML"
    },
}
"""Name of torchvision's function -> arguments of `KerasNetwork` (torchvision/models)."""

TIMM: dict[str, Arguments] = {
    **_SHARED,
    "convnext_xlarge": _row("ConvNeXtXLarge", "torch"),
    "inception_resnet_v2": _row("InceptionResNetV2", "torch", 1e-3),
    "legacy_xception": _row("Xception", "torch", 1e-5),
    "nasnetalarge": _row("NASNetLarge", "tensorflow", 1e-3),
    "mobilenetv1_100": _row("MobileNet", "torch", 1e-5),
    **{
        f"mobilenetv2_{round(100 * alpha):03}": _row("MobileNetV2", "torch", 1e-5, alpha=alpha)
        for alpha in (0.35, 0.5, 0.75, 1.0, 1.4)
    },
    **{
        f"{prefix}mobilenetv3_{size.lower()}_{round(100 * alpha):03}": _row(
            f"MobileNetV3{size}", form, epsilon, alpha=alpha
        )
        for size in ("Large", "Small")
        for prefix, form, epsilon, alphas in (
            ("", "torch", 1e-5, (0.5, 0.75, 1.0) if size == "Small" else (0.75, 1.0)),
            ("tf_", "tensorflow", 1e-3, (0.75, 1.0)),
        )
        for alpha in alphas
    },
    **{
        f"tf_mobilenetv3_{size.lower()}_minimal_100": _row(
            f"MobileNetV3{size}", "tensorflow", 1e-3, minimalistic=True
        )
        for size in ("Large", "Small")
    },
    **{f"efficientnet_b{n}": _row(f"EfficientNetB{n}", "torch", 1e-5) for n in range(6)},
    **{f"tf_efficientnet_b{n}": _row(f"EfficientNetB{n}", "tensorflow", 1e-3) for n in range(8)},
    **{
        f"tf_efficientnetv2_{size.lower()}": _row(f"EfficientNetV2{size}", "tensorflow", 1e-3)
        for size in ("B0", "B1", "B2", "B3", "S", "M", "L")
    },
}
"""Name of an architecture of timm -> arguments of `KerasNetwork` (timm/models)."""


def name_in(table: dict[str, Arguments], arguments: Arguments) -> Arguments:
    """Returns `name`, of the row with these arguments, and what the row does not say.

    Without such a row the arguments themselves; their size of images is the preprocessor's.
    """
    given = {key: value for key, value in arguments.items() if key not in ("classes", "image_size")}
    for name, row in table.items():
        if all(given.get(key, DEFAULTS.get(key)) == value for key, value in row.items()):
            return {"name": name, **{k: v for k, v in given.items() if k not in row}}
    return given


def weight_map(library: str, arguments: Arguments) -> WeightMap:
    """Builds the table for one library's names of a network's weights.

    Args:
        library: "torchvision" or "timm".
        arguments: of `KerasNetwork`.
    """
    from .table import network_of

    network = arguments["network"]
    package = (__package__ or "").rpartition(".")[0]
    # Each family's folder has a table beside its network.
    module = NETWORKS[network].rpartition(".")[0]
    rows = getattr(import_module(f"{module}.weight_map", package), library)
    return WeightMap(*rows(network_of(network), arguments))
