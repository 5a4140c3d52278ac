"""Xception: depthwise separable convolutions with residuals.

Definition: keras/src/applications/xception.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..functional import activate, conv, largest, norm, separable


def xception(x: Any, top: Top) -> Any:
    """Returns features (batch, height / 32, width / 32, 2048), or scores."""
    x = norm(conv(x, 32, 3, "block1_conv1", strides=2), "block1_conv1_bn")
    x = activate(x, "block1_conv1_act")
    x = activate(norm(conv(x, 64, 3, "block1_conv2"), "block1_conv2_bn"), "block1_conv2_act")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _halving(x, block, filters, filters)
    for block in range(5, 13):
        y = x
        for i in (1, 2, 3):
            y = activate(y, f"block{block}_sepconv{i}_act")
            y = _separable(y, block, i, 728)
        x = layers.Add()([y, x])
    x = _halving(x, 13, 728, 1024)
    for i, filters in ((1, 1536), (2, 2048)):
        x = activate(_separable(x, 14, i, filters), f"block14_sepconv{i}_act")
    return top(x)


def _halving(x: Any, block: int, first: int, second: int) -> Any:
    shortcut = norm(conv(x, second, 1, strides=2, padding="same"))
    if block > 2:
        x = activate(x, f"block{block}_sepconv1_act")
    x = _separable(x, block, 1, first)
    x = _separable(activate(x, f"block{block}_sepconv2_act"), block, 2, second)
    x = largest(x, 3, f"block{block}_pool", strides=2, padding="same")
    return layers.Add()([x, shortcut])


def _separable(x: Any, block: int, i: int, filters: int) -> Any:
    name = f"block{block}_sepconv{i}"
    return norm(separable(x, filters, 3, name), f"{name}_bn")


Xception = constructor(
    Network(
        "Xception",
        xception,
        "xception",
        size=299,
        least=71,
        reference="Chollet, https://arxiv.org/abs/1610.02357",
    )
)
