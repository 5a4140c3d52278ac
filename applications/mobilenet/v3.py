"""MobileNetV3: inverted residuals with squeeze-and-excitation and hard swish.

Definition: keras/src/applications/mobilenet_v3.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import config, layers
from ..constructor import Arguments, Network, Top, constructor
from ..functional import channels, conv, depthwise, norm, ready_to_step, rounded
from ..imagenet_utils import obtain_input_shape
from .rows import check_tensor, square

# (expansion, channels, large kernel, step, squeeze, hard swish) of each block
Block = tuple[float, int, bool, int, bool, bool]
SMALL: tuple[Block, ...] = (
    (1, 16, False, 2, True, False),
    (72 / 16, 24, False, 2, False, False),
    (88 / 24, 24, False, 1, False, False),
    (4, 40, True, 2, True, True),
    (6, 40, True, 1, True, True),
    (6, 40, True, 1, True, True),
    (3, 48, True, 1, True, True),
    (3, 48, True, 1, True, True),
    (6, 96, True, 2, True, True),
    (6, 96, True, 1, True, True),
    (6, 96, True, 1, True, True),
)
LARGE: tuple[Block, ...] = (
    (1, 16, False, 1, False, False),
    (4, 24, False, 2, False, False),
    (3, 24, False, 1, False, False),
    (3, 40, True, 2, True, False),
    (3, 40, True, 1, True, False),
    (3, 40, True, 1, True, False),
    (6, 80, False, 2, False, True),
    (2.5, 80, False, 1, False, True),
    (2.3, 80, False, 1, False, True),
    (2.3, 80, False, 1, False, True),
    (6, 112, False, 1, True, True),
    (6, 112, False, 1, True, True),
    (6, 160, True, 2, True, True),
    (6, 160, True, 1, True, True),
    (6, 160, True, 1, True, True),
)
NORM = {"epsilon": 1e-3, "momentum": 0.999}


def mobilenet_v3(
    x: Any,
    top: Top,
    blocks: tuple[Block, ...],
    last: int,
    alpha: float,
    minimalistic: bool,
    dropout_rate: float,
    include_preprocessing: bool,
) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        blocks: the table of blocks.
        last: channels below the scores.
        alpha: by which channels are multiplied.
        minimalistic: whether squeeze-and-excitation, hard swish and 5x5 kernels are left out.
        dropout_rate: below the scores.
        include_preprocessing: whether pixels from 0 to 255 come in, not -1 to 1.
    """
    if include_preprocessing:
        x = layers.Rescaling(1 / 127.5, -1.0)(x)
    swish = _relu if minimalistic else _hard_swish
    x = swish(norm(conv(x, 16, 3, "conv", strides=2, padding="same"), "conv_bn", **NORM))
    for index, (expansion, filters, large, step, squeeze, curved) in enumerate(blocks):
        kernel = 5 if large and not minimalistic else 3
        activation = swish if curved else _relu
        squeeze = squeeze and not minimalistic
        outputs = rounded(filters * alpha)
        x = _block(x, expansion, outputs, kernel, step, squeeze, activation, index)
    x = conv(x, rounded(channels(x) * 6), 1, "conv_1", padding="same")
    x = swish(norm(x, "conv_1_bn", **NORM))
    if not top.include_top:
        return top.pooled(x, named=True)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    units = rounded(last * alpha) if alpha > 1.0 else last
    x = swish(conv(x, units, 1, "conv_2", padding="same", use_bias=True))
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate)(x)
    x = conv(x, top.classes, 1, "logits", padding="same", use_bias=True)
    x = layers.Flatten()(x)
    return layers.Activation(top.checked_activation(), name="predictions")(x)


def _block(
    inputs: Any,
    expansion: float,
    filters: int,
    kernel: int,
    step: int,
    squeeze: bool,
    activation: Any,
    index: int,
) -> Any:
    x, name = inputs, f"expanded_conv_{index}_" if index else "expanded_conv_"
    inner = rounded(channels(inputs) * expansion)
    if index:
        x = conv(x, inner, 1, f"{name}expand", padding="same")
        x = activation(norm(x, f"{name}expand_bn", **NORM))
    padding = "same"
    if step == 2:
        x, padding = ready_to_step(x, kernel, f"{name}depthwise_pad")
    x = depthwise(x, kernel, f"{name}depthwise", strides=step, padding=padding)
    x = activation(norm(x, f"{name}depthwise_bn", **NORM))
    if squeeze:
        x = _squeezed(x, inner, f"{name}squeeze_excite_")
    x = norm(conv(x, filters, 1, f"{name}project", padding="same"), f"{name}project_bn", **NORM)
    if step == 1 and channels(inputs) == filters:
        return layers.Add(name=f"{name}add")([inputs, x])
    return x


def _squeezed(inputs: Any, filters: int, name: str) -> Any:
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}avg_pool")(inputs)
    x = conv(x, rounded(filters * 0.25), 1, f"{name}conv", padding="same", use_bias=True)
    x = layers.ReLU(name=f"{name}relu")(x)
    x = conv(x, filters, 1, f"{name}conv_1", padding="same", use_bias=True)
    x = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}mul")([inputs, x])


def _relu(x: Any) -> Any:
    return layers.ReLU()(x)


def _hard_swish(x: Any) -> Any:
    return layers.Activation("hard_swish")(x)


class MobileNetV3Row(Network):
    """A row whose images have no default size, for the top takes any."""

    def input_shape(self, arguments: Arguments) -> Any:
        """Returns the shape of the images: asked for, the tensor's, or with unknown sizes."""
        shape, given = arguments["input_shape"], arguments["input_tensor"]
        if shape is None and given is not None:
            shape = given.shape[1:]
        form = config.image_data_format()
        return obtain_input_shape(shape, None, self.least, form, require_flatten=False)


def _row(title: str, kind: str, blocks: tuple[Block, ...], last: int) -> Any:
    def preset(arguments: Arguments, shape: Any) -> str:
        alpha, minimalistic = arguments["alpha"], arguments["minimalistic"]
        if alpha not in ((1.0,) if minimalistic else (0.75, 1.0)):
            raise ValueError(
                "If imagenet weights are being loaded, alpha can be one of `0.75`, `1.0` for non "
                f"minimalistic or `1.0` for minimalistic only. Received alpha={alpha}"
            )
        square(shape, (224,))
        form = "_minimalistic" if minimalistic else "" if alpha == 1.0 else f"_{float(alpha)}"
        return f"mobilenet_v3_{kind}{form}"

    parameters: Arguments = {
        "input_shape": None,
        "alpha": 1.0,
        "minimalistic": False,
        "include_top": True,
        "weights": "imagenet",
        "input_tensor": None,
        "classes": 1000,
        "pooling": None,
        "dropout_rate": 0.2,
        "classifier_activation": "softmax",
        "include_preprocessing": True,
    }
    return constructor(
        MobileNetV3Row(
            title,
            mobilenet_v3,
            title,
            parameters=parameters,
            settings={"blocks": blocks, "last": last},
            forwarded=("alpha", "minimalistic", "dropout_rate", "include_preprocessing"),
            preset=preset,
            check=check_tensor,
            reference="Howard et al., https://arxiv.org/abs/1905.02244",
        )
    )


MobileNetV3Small = _row("MobileNetV3Small", "small", SMALL, 1024)
MobileNetV3Large = _row("MobileNetV3Large", "large", LARGE, 1280)
