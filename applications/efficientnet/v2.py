"""EfficientNetV2: whole convolutions in the early stages, depthwise ones in the late.

Definition: keras/src/applications/efficientnet_v2.py.
"""

from __future__ import annotations

import math
from typing import Any

from ...framework import layers
from ..constructor import STANDARD, Network, Top, constructor
from ..functional import channel_axis, channels, depthwise, norm
from ..preprocessing import IMAGENET_MEAN, IMAGENET_STD
from .blocks import depthwise_kernels, finished, mixed, shortcut, squeezed, swished

# (blocks, channels, expansion, step, whether depthwise) of each stage
Stage = tuple[int, int, int, int, bool]
BASE: tuple[Stage, ...] = (
    (1, 16, 1, 1, False),
    (2, 32, 4, 2, False),
    (2, 48, 4, 2, False),
    (3, 96, 4, 2, True),
    (5, 112, 6, 1, True),
    (8, 192, 6, 2, True),
)
SMALL: tuple[Stage, ...] = (
    (2, 24, 1, 1, False),
    (4, 48, 4, 2, False),
    (4, 64, 4, 2, False),
    (6, 128, 4, 2, True),
    (9, 160, 6, 1, True),
    (15, 256, 6, 2, True),
)
MEDIUM: tuple[Stage, ...] = (
    (3, 24, 1, 1, False),
    (5, 48, 4, 2, False),
    (5, 80, 4, 2, False),
    (7, 160, 4, 2, True),
    (14, 176, 6, 1, True),
    (18, 304, 6, 2, True),
    (5, 512, 6, 1, True),
)
LARGE: tuple[Stage, ...] = (
    (4, 32, 1, 1, False),
    (7, 64, 4, 2, False),
    (7, 96, 4, 2, False),
    (10, 192, 4, 2, True),
    (19, 224, 6, 1, True),
    (25, 384, 6, 2, True),
    (7, 640, 6, 1, True),
)
NORM = {"momentum": 0.9}
DROP = 0.2


def efficientnet_v2(
    x: Any,
    top: Top,
    stages: tuple[Stage, ...],
    stem: int,
    width: float,
    depth: float,
    include_preprocessing: bool,
) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        stages: the table of stages.
        stem: channels of the first convolution.
        width: by which numbers of channels are multiplied.
        depth: by which numbers of blocks are multiplied.
        include_preprocessing: whether pixels from 0 to 255 come in.
    """
    if include_preprocessing:
        x = _scaled(x, standardized=stages is BASE)
    x = mixed(x, _rounded(stem * width), 3, "stem_conv", strides=2)
    x = swished(x, "stem_bn", "stem_activation", **NORM)
    count = sum(repeats for repeats, *_ in stages)
    index = 0
    for stage, (repeats, filters, expansion, step, deep) in enumerate(stages, 1):
        for i in range(math.ceil(depth * repeats)):
            form = _block if deep else _fused
            # As in Keras: by the number of blocks before depth multiplies it.
            drop = DROP * index / count
            name = f"block{stage}{chr(97 + i)}_"
            x = form(x, _rounded(filters * width), step if i == 0 else 1, expansion, drop, name)
            index += 1
    x = mixed(x, _rounded(1280 * width), 1, "top_conv")
    x = swished(x, "top_bn", "top_activation", **NORM)
    return finished(x, top, 0.2)


def _scaled(x: Any, standardized: bool) -> Any:
    if not standardized or channels(x) != 3:
        return layers.Rescaling(1 / 128, -1)(x)
    x = layers.Rescaling(1 / 255)(x)
    variance = [s**2 for s in IMAGENET_STD]
    return layers.Normalization(channel_axis(), list(IMAGENET_MEAN), variance)(x)


def _rounded(filters: float) -> int:
    """The multiple of 8 next to the number: other than in EfficientNet, perhaps far below it."""
    return max(8, int(filters + 4) // 8 * 8)


def _block(inputs: Any, filters: int, step: int, expansion: int, drop: float, name: str) -> Any:
    before = channels(inputs)
    x = mixed(inputs, before * expansion, 1, f"{name}expand_conv")
    x = swished(x, f"{name}expand_bn", f"{name}expand_activation", **NORM)
    settings = {"strides": step, "padding": "same", **depthwise_kernels()}
    x = depthwise(x, 3, f"{name}dwconv2", **settings)
    x = swished(x, f"{name}bn", f"{name}activation", **NORM)
    x = squeezed(x, max(1, before // 4), name)
    x = norm(mixed(x, filters, 1, f"{name}project_conv"), f"{name}project_bn", **NORM)
    return shortcut(x, inputs, drop, name) if step == 1 and before == filters else x


def _fused(inputs: Any, filters: int, step: int, expansion: int, drop: float, name: str) -> Any:
    before = channels(inputs)
    if expansion == 1:
        x = mixed(inputs, filters, 3, f"{name}project_conv", strides=step)
        x = swished(x, f"{name}project_bn", f"{name}project_activation", **NORM)
    else:
        x = mixed(inputs, before * expansion, 3, f"{name}expand_conv", strides=step)
        x = swished(x, f"{name}expand_bn", f"{name}expand_activation", **NORM)
        x = norm(mixed(x, filters, 1, f"{name}project_conv"), f"{name}project_bn", **NORM)
    return shortcut(x, inputs, drop, name) if step == 1 and before == filters else x


def _row(
    kind: str,
    size: int,
    stages: tuple[Stage, ...],
    stem: int = 32,
    width: float = 1.0,
    depth: float = 1.0,
) -> Any:
    return constructor(
        Network(
            f"EfficientNetV2{kind}",
            efficientnet_v2,
            f"efficientnetv2-{kind.lower()}",
            size=size,
            parameters={**STANDARD, "include_preprocessing": True},
            settings={"stages": stages, "stem": stem, "width": width, "depth": depth},
            forwarded=("include_preprocessing",),
            preset=lambda arguments, shape: f"efficientnetv2_{kind.lower()}",
            reference="Tan, Le, https://arxiv.org/abs/2104.00298",
        )
    )


EfficientNetV2B0 = _row("B0", 224, BASE)
EfficientNetV2B1 = _row("B1", 240, BASE, depth=1.1)
EfficientNetV2B2 = _row("B2", 260, BASE, width=1.1, depth=1.2)
EfficientNetV2B3 = _row("B3", 300, BASE, width=1.2, depth=1.4)
EfficientNetV2S = _row("S", 384, SMALL, stem=24)
EfficientNetV2M = _row("M", 480, MEDIUM, stem=24)
EfficientNetV2L = _row("L", 480, LARGE)
