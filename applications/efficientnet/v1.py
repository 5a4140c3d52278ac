"""EfficientNet B0 to B7: depth, width and size of the images grow together.

Definition: keras/src/applications/efficientnet.py.
"""

from __future__ import annotations

import math
from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..efficientnet_lite.backbone import STAGES
from ..forms import form
from ..functional import channel_axis, channels, depthwise, norm, ready_to_step, rounded
from ..preprocessing import IMAGENET_STD
from .blocks import depthwise_kernels, finished, mixed, shortcut, squeezed, swished

DROP = 0.2


def efficientnet(x: Any, top: Top, width: float, depth: float, dropout: float) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels); in Keras's form pixels from 0 to 255.
        top: what stands behind the features.
        width: by which numbers of channels are multiplied.
        depth: by which numbers of blocks are multiplied.
        dropout: below the scores.
    """
    if form().of_keras:
        x = layers.Rescaling(1 / 255)(x)
        x = layers.Normalization(axis=channel_axis())(x)
        if top.weights == "imagenet":
            # The published weights keep deviations where variances belong; Keras divides once more.
            x = layers.Rescaling([1 / math.sqrt(s) for s in IMAGENET_STD])(x)
    x, padding = ready_to_step(x, 3, "stem_conv_pad")
    x = mixed(x, rounded(32 * width), 3, "stem_conv", strides=2, padding=padding)
    x = swished(x, "stem_bn", "stem_activation")
    counts = [math.ceil(depth * repeats) for _, repeats, *_ in STAGES]
    index = 0
    for stage, (kernel, _, filters, expansion, step) in enumerate(STAGES):
        for i in range(counts[stage]):
            name = f"block{stage + 1}{chr(97 + i)}_"
            drop = DROP * index / sum(counts)
            outputs = rounded(filters * width)
            x = _block(x, outputs, kernel, step if i == 0 else 1, expansion, drop, name)
            index += 1
    x = swished(mixed(x, rounded(1280 * width), 1, "top_conv"), "top_bn", "top_activation")
    return finished(x, top, dropout)


def _block(
    inputs: Any, filters: int, kernel: int, step: int, expansion: int, drop: float, name: str
) -> Any:
    x, before = inputs, channels(inputs)
    if expansion != 1:
        x = mixed(x, before * expansion, 1, f"{name}expand_conv")
        x = swished(x, f"{name}expand_bn", f"{name}expand_activation")
    padding = "same"
    if step == 2:
        x, padding = ready_to_step(x, kernel, f"{name}dwconv_pad")
    settings = {"strides": step, "padding": padding, **depthwise_kernels()}
    x = swished(depthwise(x, kernel, f"{name}dwconv", **settings), f"{name}bn", f"{name}activation")
    x = squeezed(x, max(1, before // 4), name)
    x = norm(mixed(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return shortcut(x, inputs, drop, name) if step == 1 and before == filters else x


def _row(title: str, width: float, depth: float, size: int, dropout: float) -> Any:
    return constructor(
        Network(
            title,
            efficientnet,
            title.lower(),
            size=size,
            settings={"width": width, "depth": depth, "dropout": dropout},
            reference="Tan, Le, https://arxiv.org/abs/1905.11946",
        )
    )


EfficientNetB0 = _row("EfficientNetB0", 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _row("EfficientNetB1", 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _row("EfficientNetB2", 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _row("EfficientNetB3", 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _row("EfficientNetB4", 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _row("EfficientNetB5", 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _row("EfficientNetB6", 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _row("EfficientNetB7", 2.0, 3.1, 600, 0.5)
