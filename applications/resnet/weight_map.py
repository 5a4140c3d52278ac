"""Where ResNet's weights lie in published files: the two-way tables of their names."""

from __future__ import annotations

from ...hub.transforms import conv2d, transpose
from ...hub.weight_map import Row, WeightMap
from ..weight_map import torch_norm

BLOCK = "stages.{s}.blocks.{b}"


def torchvision() -> WeightMap:
    """Builds the table for the names of torchvision, which are timm's too."""
    block = "layer{s+1}.{b}"
    return WeightMap(
        Row("conv1.weight", "stem.conv.kernel", conv2d),
        *torch_norm("bn1", "stem.norm"),
        Row(f"{block}.conv{{k+1}}.weight", f"{BLOCK}.units.{{k}}.conv.kernel", conv2d),
        *torch_norm(f"{block}.bn{{k+1}}", f"{BLOCK}.units.{{k}}.norm"),
        Row(f"{block}.downsample.0.weight", f"{BLOCK}.shortcut.conv.kernel", conv2d),
        *torch_norm(f"{block}.downsample.1", f"{BLOCK}.shortcut.norm"),
        *_head("fc.weight", "fc.bias", transpose),
    )


def huggingface() -> WeightMap:
    """Builds the table for the names of transformers' ResNet."""
    block = "encoder.stages.{s}.layers.{b}"
    return WeightMap(
        Row("embedder.embedder.convolution.weight", "stem.conv.kernel", conv2d),
        *torch_norm("embedder.embedder.normalization", "stem.norm"),
        Row(f"{block}.layer.{{k}}.convolution.weight", f"{BLOCK}.units.{{k}}.conv.kernel", conv2d),
        *torch_norm(f"{block}.layer.{{k}}.normalization", f"{BLOCK}.units.{{k}}.norm"),
        Row(f"{block}.shortcut.convolution.weight", f"{BLOCK}.shortcut.conv.kernel", conv2d),
        *torch_norm(f"{block}.shortcut.normalization", f"{BLOCK}.shortcut.norm"),
        *_head("classifier.1.weight", "classifier.1.bias", transpose, prefixed=False),
        prefixes=("resnet.", ""),
    )


def keras() -> WeightMap:
    """Builds the table for the paths in keras.applications.ResNet50, 101 and 152."""
    block = "conv{s+2}_block{b+1}"
    return WeightMap(
        *_keras_unit("conv1", "stem"),
        # Its shortcut is number 0, so this stands before the general row.
        *_keras_unit(f"{block}_0", f"{BLOCK}.shortcut"),
        *_keras_unit(f"{block}_{{k+1}}", f"{BLOCK}.units.{{k}}"),
        *_head("predictions/kernel", "predictions/bias"),
    )


def _keras_unit(theirs: str, ours: str) -> list[Row]:
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    return [
        Row(f"{theirs}_conv/kernel", f"{ours}.conv.kernel"),
        Row(f"{theirs}_conv/bias", f"{ours}.conv.bias"),
        *(Row(f"{theirs}_bn/{name}", f"{ours}.norm.{name}") for name in norm),
    ]


def _head(kernel: str, bias: str, *steps, prefixed: bool = True) -> list[Row]:
    return [
        Row(kernel, "classifier.kernel", steps, optional=True, prefixed=prefixed, head=True),
        Row(bias, "classifier.bias", optional=True, prefixed=prefixed, head=True),
    ]
