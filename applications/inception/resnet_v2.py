"""Inception-ResNet v2: Inception's branches around residuals that are scaled down.

Definition: keras/src/applications/inception_resnet_v2.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers, ops
from ...framework.typing import Tensor
from ..constructor import Network, Top, constructor
from ..functional import activate, channels, concatenate, conv
from .units import chain, stem, unit

# branches of each kind of block, as chains of (channels, kernel)
BLOCKS = {
    "block35": (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    "block17": (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    "block8": (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}


class CustomScaleLayer(layers.Layer):
    """Computes x + scale * y of a pair (x, y). The name is Keras's, which its files have.

    Args:
        scale: the factor.
        **kwargs: those of `Layer`.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Tensor:
        """Returns inputs[0] + scale * inputs[1], two tensors of one shape."""
        return ops.add(inputs[0], ops.multiply(inputs[1], self.scale))


def inception_resnet_v2(x: Any, top: Top) -> Any:
    """Returns features (batch, height / 32, width / 32, 1536), or scores."""
    x = stem(x, _halved)
    branches = [
        chain(x, (96, 1)),
        chain(x, (48, 1), (64, 5)),
        chain(x, (64, 1), (96, 3), (96, 3)),
        unit(layers.AveragePooling2D(3, strides=1, padding="same")(x), 64, 1),
    ]
    x = concatenate(branches, "mixed_5b")
    for i in range(1, 11):
        x = _residual(x, "block35", i, 0.17)
    branches = [
        chain(x, (384, 3, "half")),
        chain(x, (256, 1), (256, 3), (384, 3, "half")),
        _halved(x),
    ]
    x = concatenate(branches, "mixed_6a")
    for i in range(1, 21):
        x = _residual(x, "block17", i, 0.1)
    branches = [
        chain(x, (256, 1), (384, 3, "half")),
        chain(x, (256, 1), (288, 3, "half")),
        chain(x, (256, 1), (288, 3), (320, 3, "half")),
        _halved(x),
    ]
    x = concatenate(branches, "mixed_7a")
    for i in range(1, 10):
        x = _residual(x, "block8", i, 0.2)
    x = _residual(x, "block8", 10, 1.0, activation=None)
    x = unit(x, 1536, 1, ("conv_7b", "conv_7b_bn", "conv_7b_ac"))
    return top(x)


def _residual(x: Any, kind: str, i: int, scale: float, activation: str | None = "relu") -> Any:
    name = f"{kind}_{i}"
    mixed = concatenate([chain(x, *units) for units in BLOCKS[kind]], f"{name}_mixed")
    up = conv(mixed, channels(x), 1, f"{name}_conv", padding="same", use_bias=True)
    x = CustomScaleLayer(scale)([x, up])
    return x if activation is None else activate(x, f"{name}_ac", activation)


def _halved(x: Any) -> Any:
    return layers.MaxPooling2D(3, strides=2)(x)


InceptionResNetV2 = constructor(
    Network(
        "InceptionResNetV2",
        inception_resnet_v2,
        "inception_resnet_v2",
        size=299,
        least=75,
        reference="Szegedy et al., https://arxiv.org/abs/1602.07261",
    )
)
