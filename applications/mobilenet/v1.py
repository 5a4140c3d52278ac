"""MobileNet: depthwise convolutions, each followed by a 1x1 convolution.

Definition: keras/src/applications/mobilenet.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import STANDARD, Arguments, Network, Top, constructor, resized
from ..functional import conv, depthwise, norm, ready_to_step
from .rows import preset_name, square

# (channels, step) of each block
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)
SIZES = (128, 160, 192, 224)
ALPHAS = (0.25, 0.5, 0.75, 1.0)


def mobilenet(x: Any, top: Top, alpha: float, depth_multiplier: int, dropout: float) -> Any:
    """Returns features (batch, height / 32, width / 32, 1024 * alpha), or scores."""
    x = conv(x, int(32 * alpha), 3, "conv1", strides=2, padding="same")
    x = _finished(x, "conv1")
    for i, (filters, step) in enumerate(BLOCKS, 1):
        padding = "same"
        if step == 2:
            x, padding = ready_to_step(x, 3, f"conv_pad_{i}", ((0, 1), (0, 1)))
        settings = {"depth_multiplier": depth_multiplier, "strides": step, "padding": padding}
        x = _finished(depthwise(x, 3, f"conv_dw_{i}", **settings), f"conv_dw_{i}")
        x = conv(x, int(filters * alpha), 1, f"conv_pw_{i}", padding="same")
        x = _finished(x, f"conv_pw_{i}")
    if not top.include_top:
        return top.pooled(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = conv(x, top.classes, 1, "conv_preds", padding="same", use_bias=True)
    x = layers.Reshape((top.classes,), name="reshape_2")(x)
    return layers.Activation(top.checked_activation(), name="predictions")(x)


def _finished(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(norm(x, f"{name}_bn"))


def _preset(arguments: Arguments, shape: Any) -> str:
    if arguments["depth_multiplier"] != 1:
        raise ValueError(
            "If imagenet weights are being loaded, depth multiplier must be 1.  Received "
            f"depth_multiplier={arguments['depth_multiplier']}"
        )
    if arguments["alpha"] not in ALPHAS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha can be one of `0.25`, `0.50`, `0.75` or "
            f"`1.0` only.  Received alpha={arguments['alpha']}"
        )
    return preset_name("mobilenet", arguments["alpha"], square(shape, SIZES))


_PARAMETERS: Arguments = {
    "input_shape": None,
    "alpha": 1.0,
    "depth_multiplier": 1,
    "dropout": 0.001,
    **{name: value for name, value in STANDARD.items() if name != "input_shape"},
}
MobileNet = constructor(
    Network(
        "MobileNet",
        mobilenet,
        lambda arguments, shape: f"mobilenet_{arguments['alpha']:0.2f}_{square(shape)}",
        size=lambda arguments: resized({**arguments, "input_tensor": None}, SIZES),
        parameters=_PARAMETERS,
        forwarded=("alpha", "depth_multiplier", "dropout"),
        preset=_preset,
        reference="Howard et al., https://arxiv.org/abs/1704.04861",
    )
)
