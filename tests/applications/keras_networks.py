"""Small forms of every network of keras.applications: Keras's own, and ours of the same sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src.applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    nasnet,
    resnet,
)

import isozoo

EVERYWHERE = ("numpy", "torch", "jax", "tensorflow")
COMMON: dict[str, Any] = {"classes": 7, "classifier_activation": None}


class Case(NamedTuple):
    """One network.

    Attributes:
        title: of our constructor.
        original: shape and other arguments -> Keras's network.
        settings: what the row has in the place of its own settings.
        arguments: of the constructor.
        size: height and width of the images.
        backends: where it is run. JAX compiles each operation by itself, which costs most of a
            test, so some families do without; the layers have tests of their own on each backend.
        returns: whether weights are given back to Keras, too.
    """

    title: str
    original: Callable[..., Any]
    settings: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    size: int = 64
    backends: tuple[str, ...] = ("numpy", "torch", "tensorflow")
    returns: bool = True


def _resnet(stack: Any, preact: bool, steps: tuple[int, ...]) -> Callable[..., Any]:
    def stages(x: Any) -> Any:
        for i, (filters, step) in enumerate(zip((64, 128, 256, 512), steps, strict=True), 2):
            x = stack(x, filters, 2, stride1=step, name=f"conv{i}")
        return x

    return lambda **arguments: resnet.ResNet(stages, preact, True, **arguments)


def _nasnet(**arguments: Any) -> Any:
    return nasnet.NASNet(
        penultimate_filters=192, num_blocks=1, stem_block_filters=8, name="nasnet", **arguments
    )


_NASNET = {"penultimate": 192, "blocks": 1, "stem": 8, "skip_reduction": True}
CASES = [
    Case(
        "VGG16",
        keras.applications.VGG16,
        arguments={"include_top": False},
        size=32,
        backends=EVERYWHERE,
    ),
    Case("MobileNet", keras.applications.MobileNet, arguments={"alpha": 0.25}),
    Case("MobileNetV2", keras.applications.MobileNetV2, arguments={"alpha": 0.35}),
    Case("MobileNetV3Small", keras.applications.MobileNetV3Small, arguments={"alpha": 0.25}),
    Case(
        "DenseNet121",
        lambda **arguments: densenet.DenseNet([2, 1, 1, 1], **arguments),
        {"blocks": (2, 1, 1, 1)},
        backends=EVERYWHERE,
    ),
    Case(
        "ResNet50",
        _resnet(resnet.stack_residual_blocks_v1, False, (1, 2, 2, 2)),
        {"blocks": (2, 2, 2, 2)},
    ),
    Case(
        "ResNet50V2",
        _resnet(resnet.stack_residual_blocks_v2, True, (2, 2, 2, 1)),
        {"blocks": (2, 2, 2, 2)},
    ),
    Case(
        "EfficientNetB0",
        lambda **arguments: efficientnet.EfficientNet(0.25, 0.5, 64, **arguments),
        {"width": 0.25, "depth": 0.5},
    ),
    Case(
        "EfficientNetV2B0",
        lambda **arguments: efficientnet_v2.EfficientNetV2(
            0.25, 0.5, 64, name="efficientnetv2-b0", **arguments
        ),
        {"width": 0.25, "depth": 0.5},
        backends=EVERYWHERE,
    ),
    Case(
        "ConvNeXtTiny",
        lambda **arguments: convnext.ConvNeXt(
            [1, 1, 2, 1], [8, 16, 24, 32], name="convnext_tiny", **arguments
        ),
        {"depths": (1, 1, 2, 1), "filters": (8, 16, 24, 32)},
        backends=EVERYWHERE,
    ),
    Case("NASNetMobile", _nasnet, _NASNET, backends=("numpy", "torch")),
    Case("Xception", keras.applications.Xception, size=71, backends=("torch",)),
    Case("InceptionV3", keras.applications.InceptionV3, size=75, backends=("torch",)),
    Case(
        "InceptionResNetV2",
        keras.applications.InceptionResNetV2,
        size=75,
        backends=("torch",),
        returns=False,
    ),
]


def original(case: Case) -> Any:
    """Keras's network, with weights for which the scores tell every layer from another."""
    shape = (case.size, case.size, 3)
    made = case.original(weights=None, input_shape=shape, **COMMON, **case.arguments)
    rng = np.random.default_rng(7)
    for weight in made.weights:
        if "int" in weight.dtype:
            continue
        value = np.float32(0.1) * rng.standard_normal(weight.shape, np.float32)
        if weight.name.endswith("variance"):
            value = 1 + np.abs(value)
        elif weight.name == "gamma":
            value += 1
        elif "kernel" in weight.name:
            inputs = weight.shape[:2] if "depthwise" in weight.name else weight.shape[:-1]
            value *= np.float32(12 / np.sqrt(np.prod(inputs)))
        weight.assign(value)
    return made


def ours(case: Case, weights: Any = None, **arguments: Any) -> Any:
    """Our network of the same sizes."""
    network = getattr(isozoo.applications, case.title).network
    network = replace(network, settings={**network.settings, **case.settings})
    given = {"input_shape": (case.size, case.size, 3), "weights": weights}
    return network.build({**network.defaults(), **COMMON, **case.arguments, **given, **arguments})


def write_h5(model: Any, path: Path) -> Path:
    """Keras's network as a file of weights in the form that Keras publishes."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def images(case: Case, count: int = 2) -> np.ndarray:
    """Images with pixels in the range that the network takes."""
    rng = np.random.default_rng(3)
    scaled = case.title.startswith(("Efficient", "ConvNeXt", "MobileNetV3"))
    pixels = rng.uniform(0, 255, (count, case.size, case.size, 3)).astype(np.float32)
    return pixels if scaled else pixels / 127.5 - 1
