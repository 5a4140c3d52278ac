"""MobileNetV2: inverted residuals with linear bottlenecks.

Definition: keras/src/applications/mobilenet_v2.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import STANDARD, Arguments, Network, Top, constructor, resized
from ..functional import channels, conv, depthwise, norm, ready_to_step, rounded
from .rows import check_tensor, preset_name, square

# (channels, step, expansion, how often) of each stage
STAGES = (
    (16, 1, 1, 1),
    (24, 2, 6, 2),
    (32, 2, 6, 3),
    (64, 2, 6, 4),
    (96, 1, 6, 3),
    (160, 2, 6, 3),
    (320, 1, 6, 1),
)
NORM = {"epsilon": 1e-3, "momentum": 0.999}
SIZES = (96, 128, 160, 192, 224)
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def mobilenet_v2(x: Any, top: Top, alpha: float) -> Any:
    """Returns features (batch, height / 32, width / 32, at least 1280), or scores."""
    x = conv(x, rounded(32 * alpha), 3, "Conv1", strides=2, padding="same")
    x = _relu(norm(x, "bn_Conv1", **NORM), "Conv1_relu")
    index = 0
    for filters, step, expansion, count in STAGES:
        for i in range(count):
            outputs = rounded(int(filters * alpha))
            x = _block(x, outputs, step if i == 0 else 1, expansion, index)
            index += 1
    x = conv(x, rounded(1280 * alpha) if alpha > 1.0 else 1280, 1, "Conv_1")
    x = _relu(norm(x, "Conv_1_bn", **NORM), "out_relu")
    return top(x, pool=None)


def _block(inputs: Any, filters: int, step: int, expansion: int, index: int) -> Any:
    x, name = inputs, f"block_{index}_" if index else "expanded_conv_"
    if index:
        x = conv(x, expansion * channels(x), 1, f"{name}expand", padding="same")
        x = _relu(norm(x, f"{name}expand_BN", **NORM), f"{name}expand_relu")
    padding = "same"
    if step == 2:
        x, padding = ready_to_step(x, 3, f"{name}pad")
    x = depthwise(x, 3, f"{name}depthwise", strides=step, padding=padding)
    x = _relu(norm(x, f"{name}depthwise_BN", **NORM), f"{name}depthwise_relu")
    x = norm(conv(x, filters, 1, f"{name}project", padding="same"), f"{name}project_BN", **NORM)
    if step == 1 and channels(inputs) == filters:
        return layers.Add(name=f"{name}add")([inputs, x])
    return x


def _relu(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=name)(x)


def _preset(arguments: Arguments, shape: Any) -> str:
    alpha = arguments["alpha"]
    if alpha not in ALPHAS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha must be one of `0.35`, `0.50`, `0.75`, "
            f"`1.0`, `1.3` or `1.4` only; Received `alpha={alpha}`"
        )
    return preset_name("mobilenet_v2", alpha, square(shape, SIZES))


_PARAMETERS: Arguments = {
    "input_shape": None,
    "alpha": 1.0,
    **{name: value for name, value in STANDARD.items() if name != "input_shape"},
}
MobileNetV2 = constructor(
    Network(
        "MobileNetV2",
        mobilenet_v2,
        lambda arguments, shape: f"mobilenetv2_{arguments['alpha']:0.2f}_{square(shape)}",
        size=lambda arguments: resized(arguments, SIZES),
        parameters=_PARAMETERS,
        forwarded=("alpha",),
        preset=_preset,
        check=check_tensor,
        reference="Sandler et al., https://arxiv.org/abs/1801.04381",
    )
)
