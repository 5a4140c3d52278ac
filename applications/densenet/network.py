"""DenseNet: each layer sees the features of all layers of its block.

Definition: keras/src/applications/densenet.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..functional import activate, channels, concatenate, conv, norm, pad

GROWTH = 32
EPSILON = 1.001e-5


def densenet(x: Any, top: Top, blocks: tuple[int, ...]) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        blocks: layers of each dense block.
    """
    x = conv(pad(x, ((3, 3), (3, 3))), 64, 7, "conv1_conv", strides=2)
    x = activate(norm(x, "conv1_bn", epsilon=EPSILON), "conv1_relu")
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(pad(x, ((1, 1), (1, 1))))
    for stage, count in enumerate(blocks, 2):
        if stage > 2:
            x = _halved(x, f"pool{stage - 1}")
        for i in range(1, count + 1):
            x = concatenate([x, _grown(x, f"conv{stage}_block{i}")], f"conv{stage}_block{i}_concat")
    x = activate(norm(x, "bn", epsilon=EPSILON), "relu")
    return top(x, named=True)


def _grown(x: Any, name: str) -> Any:
    x = activate(norm(x, f"{name}_0_bn", epsilon=EPSILON), f"{name}_0_relu")
    x = conv(x, 4 * GROWTH, 1, f"{name}_1_conv")
    x = activate(norm(x, f"{name}_1_bn", epsilon=EPSILON), f"{name}_1_relu")
    return conv(x, GROWTH, 3, f"{name}_2_conv", padding="same")


def _halved(x: Any, name: str) -> Any:
    x = activate(norm(x, f"{name}_bn", epsilon=EPSILON), f"{name}_relu")
    x = conv(x, channels(x) // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _row(title: str, *blocks: int) -> Any:
    return constructor(
        Network(
            title,
            densenet,
            title.lower(),
            settings={"blocks": blocks},
            channels_last_only=True,
            reference="Huang et al., https://arxiv.org/abs/1608.06993",
        )
    )


DenseNet121 = _row("DenseNet121", 6, 12, 24, 16)
DenseNet169 = _row("DenseNet169", 6, 12, 32, 32)
DenseNet201 = _row("DenseNet201", 6, 12, 48, 32)
