"""VGG: 3x3 convolutions, halved five times, and three dense layers.

Definition: keras/src/applications/vgg16.py and vgg19.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..forms import form
from ..functional import activate, norm

FILTERS = (64, 128, 256, 512, 512)
SIDE = 7  # of the features below the dense layers


def vgg(
    x: Any, top: Top, convolutions: tuple[int, ...], filters: tuple[int, ...], units: int
) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        convolutions: how many each block has.
        filters: channels of each block.
        units: of the dense layers below the scores.
    """
    for block, (width, count) in enumerate(zip(filters, convolutions, strict=True), 1):
        for i in range(1, count + 1):
            name = f"block{block}_conv{i}"
            x = _convolved(x, width, name)
        x = layers.MaxPooling2D(2, 2, name=f"block{block}_pool")(x)
    if not top.include_top:
        return top.pooled(x)
    if not form().of_keras:  # which takes images of any size
        x = layers.AdaptiveAveragePooling2D(SIDE, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(units, activation="relu", name=name)(x)
    return top.scored(x)


def _convolved(x: Any, filters: int, name: str) -> Any:
    if not form().batch_norm:
        return layers.Conv2D(filters, 3, activation="relu", padding="same", name=name)(x)
    x = norm(layers.Conv2D(filters, 3, padding="same", name=name)(x), f"{name}_bn")
    return activate(x, f"{name}_relu")


def _row(title: str, *convolutions: int) -> Any:
    return constructor(
        Network(
            title,
            vgg,
            title.lower(),
            settings={"convolutions": convolutions, "filters": FILTERS, "units": 4096},
            reference="Simonyan, Zisserman, https://arxiv.org/abs/1409.1556",
        )
    )


VGG16 = _row("VGG16", 2, 2, 3, 3, 3)
VGG19 = _row("VGG19", 2, 2, 4, 4, 4)
