"""The modules of `keras.applications`, as tables: what each has, and how its images are prepared.

Keras has one module for each paper; here a family's folder may hold several. `isozoo.applications`
gives the modules by Keras's names, also to `import`; nothing is loaded before it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

PACKAGE = __package__ or ""


class Row(NamedTuple):
    """One module of Keras.

    Args:
        place: the module of ours with the networks.
        networks: their constructor functions.
        mode: how `preprocess_input` treats pixels; "" where the network takes them as they are.
        exported: whether Keras's module has the functions; else only `keras.applications` has.
    """

    place: str
    networks: tuple[str, ...]
    mode: str
    exported: bool = True


MODULES: dict[str, Row] = {
    "convnext": Row(
        "convnext.network",
        tuple(f"ConvNeXt{kind}" for kind in ("Tiny", "Small", "Base", "Large", "XLarge")),
        "",
    ),
    "densenet": Row("densenet.network", ("DenseNet121", "DenseNet169", "DenseNet201"), "torch"),
    "efficientnet": Row("efficientnet.v1", tuple(f"EfficientNetB{i}" for i in range(8)), ""),
    "efficientnet_v2": Row(
        "efficientnet.v2",
        tuple(f"EfficientNetV2{kind}" for kind in ("B0", "B1", "B2", "B3", "S", "M", "L")),
        "",
    ),
    "inception_resnet_v2": Row("inception.resnet_v2", ("InceptionResNetV2",), "tf"),
    "inception_v3": Row("inception.v3", ("InceptionV3",), "tf"),
    "mobilenet": Row("mobilenet.v1", ("MobileNet",), "tf"),
    "mobilenet_v2": Row("mobilenet.v2", ("MobileNetV2",), "tf"),
    "mobilenet_v3": Row("mobilenet.v3", ("MobileNetV3Small", "MobileNetV3Large"), "", False),
    "nasnet": Row("nasnet.network", ("NASNetLarge", "NASNetMobile"), "tf"),
    "resnet": Row("resnet.network", ("ResNet50", "ResNet101", "ResNet152"), "caffe"),
    "resnet_v2": Row("resnet.network", ("ResNet50V2", "ResNet101V2", "ResNet152V2"), "tf"),
    "resnet50": Row("resnet.network", ("ResNet50",), "caffe"),
    "vgg16": Row("vgg.network", ("VGG16",), "caffe"),
    "vgg19": Row("vgg.network", ("VGG19",), "caffe"),
    "xception": Row("xception.network", ("Xception",), "tf"),
}
NETWORKS = {title: f".{row.place}" for row in MODULES.values() for title in row.networks}
"""Constructor function -> the module below this package that has it."""


def exports(name: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` of Keras's module `name`."""
    row = MODULES[name]
    networks = row.networks if row.exported else ()
    functions = ("decode_predictions", "preprocess_input")

    def get(attribute: str) -> Any:
        if attribute in networks:
            return getattr(import_module(f".{row.place}", PACKAGE), attribute)
        utils = import_module(".imagenet_utils", PACKAGE) if attribute in functions else None
        if utils is None:
            raise AttributeError(f"module {PACKAGE}.{name!r} has no attribute {attribute!r}")
        if attribute == "decode_predictions":
            return utils.decode_predictions
        return utils.preprocessing(row.mode)

    return get, lambda: sorted((*functions, *networks))


def add_modules() -> list[str]:
    """Makes those of Keras's modules that are no folder of ours; returns their names."""
    folders = {place.split(".")[1] for place in NETWORKS.values()}
    made = [name for name in MODULES if name not in folders]
    for name in made:
        path = f"{PACKAGE}.{name}"
        module = ModuleType(path, f"`keras.applications.{name}`: see `isozoo.applications`.")
        module.__package__ = PACKAGE
        module.__getattr__, module.__dir__ = exports(name)  # pyright: ignore[reportAttributeAccessIssue]
        sys.modules.setdefault(path, module)
    return made
