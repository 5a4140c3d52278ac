"""ResNet v1 and v2 as functional models with Keras's names of layers.

Definition: keras/src/applications/resnet.py and resnet_v2.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..functional import activate, conv, norm, pad
from .family import DEPTHS

FILTERS = (64, 128, 256, 512)
EPSILON = 1.001e-5


def resnet(x: Any, top: Top, blocks: tuple[int, ...]) -> Any:
    """Returns features (batch, height / 32, width / 32, 2048), or scores, of ResNet v1."""
    x = conv(pad(x, ((3, 3), (3, 3)), "conv1_pad"), 64, 7, "conv1_conv", strides=2, use_bias=True)
    x = _pooled(activate(norm(x, "conv1_bn", epsilon=EPSILON), "conv1_relu"))
    for stage, (filters, count) in enumerate(zip(FILTERS, blocks, strict=True), 2):
        for i in range(1, count + 1):
            x = _block(
                x, filters, 2 if i == 1 and stage > 2 else 1, i == 1, f"conv{stage}_block{i}"
            )
    return top(x, named=True)


def _pooled(x: Any) -> Any:
    x = pad(x, ((1, 1), (1, 1)), "pool1_pad")
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _block(x: Any, filters: int, step: int, widens: bool, name: str) -> Any:
    shortcut = x
    if widens:
        shortcut = _normalized(x, 4 * filters, 1, f"{name}_0", strides=step)
    x = activate(_normalized(x, filters, 1, f"{name}_1", strides=step), f"{name}_1_relu")
    x = activate(_normalized(x, filters, 3, f"{name}_2", padding="same"), f"{name}_2_relu")
    x = _normalized(x, 4 * filters, 1, f"{name}_3")
    return activate(layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def _normalized(x: Any, filters: int, kernel: int, name: str, **settings: Any) -> Any:
    x = conv(x, filters, kernel, f"{name}_conv", **{"use_bias": True, **settings})
    return norm(x, f"{name}_bn", epsilon=EPSILON)


def resnet_v2(x: Any, top: Top, blocks: tuple[int, ...]) -> Any:
    """Returns features (batch, height / 32, width / 32, 2048), or scores, of ResNet v2."""
    x = conv(pad(x, ((3, 3), (3, 3)), "conv1_pad"), 64, 7, "conv1_conv", strides=2, use_bias=True)
    x = _pooled(x)
    for stage, (filters, count) in enumerate(zip(FILTERS, blocks, strict=True), 2):
        for i in range(1, count + 1):
            step = 2 if i == count and stage < 5 else 1
            x = _preactivated(x, filters, step, i == 1, f"conv{stage}_block{i}")
    x = activate(norm(x, "post_bn", epsilon=EPSILON), "post_relu")
    return top(x, named=True)


def _preactivated(x: Any, filters: int, step: int, widens: bool, name: str) -> Any:
    ready = activate(norm(x, f"{name}_preact_bn", epsilon=EPSILON), f"{name}_preact_relu")
    if widens:
        shortcut = conv(ready, 4 * filters, 1, f"{name}_0_conv", strides=step, use_bias=True)
    else:
        shortcut = layers.MaxPooling2D(1, strides=step)(x) if step > 1 else x
    x = _normalized(ready, filters, 1, f"{name}_1", use_bias=False)
    x = pad(activate(x, f"{name}_1_relu"), ((1, 1), (1, 1)), f"{name}_2_pad")
    x = _normalized(x, filters, 3, f"{name}_2", strides=step, use_bias=False)
    x = activate(x, f"{name}_2_relu")
    x = conv(x, 4 * filters, 1, f"{name}_3_conv", use_bias=True)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _row(title: str, body: Any, depth: int, reference: str) -> Any:
    settings = {"blocks": DEPTHS[depth][1]}
    # timm's weights for another form of ResNet-50 have had the plain name from the beginning.
    return constructor(
        Network(
            title,
            body,
            title.lower(),
            settings=settings,
            preset=lambda arguments, shape: f"{title.lower()}_keras",
            reference=reference,
        )
    )


_V1 = "He et al., https://arxiv.org/abs/1512.03385"
_V2 = "He et al., https://arxiv.org/abs/1603.05027"
ResNet50 = _row("ResNet50", resnet, 50, _V1)
ResNet101 = _row("ResNet101", resnet, 101, _V1)
ResNet152 = _row("ResNet152", resnet, 152, _V1)
ResNet50V2 = _row("ResNet50V2", resnet_v2, 50, _V2)
ResNet101V2 = _row("ResNet101V2", resnet_v2, 101, _V2)
ResNet152V2 = _row("ResNet152V2", resnet_v2, 152, _V2)
