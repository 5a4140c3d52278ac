"""NASNet-A: two kinds of cells that a search found, each of five pairs of operations.

Definition: keras/src/applications/nasnet.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import STANDARD, Arguments, Network, Top, constructor
from ..forms import form
from ..functional import (
    activate,
    channels,
    concatenate,
    conv,
    largest,
    norm,
    pad,
    ready_to_step,
    separable,
)
from ..imagenet_utils import correct_pad

NORM = {"momentum": 0.9997, "epsilon": 1e-3}


def nasnet(x: Any, top: Top, penultimate: int, blocks: int, stem: int, skip_reduction: bool) -> Any:
    """Returns features (batch, height / 32, width / 32, penultimate), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        penultimate: channels of the last features.
        blocks: normal cells in each of the three parts.
        stem: channels of the first convolution.
        skip_reduction: whether the cell behind a reduction takes what came before it.
    """
    filters = penultimate // 24
    x = conv(x, stem, 3, "stem_conv1", strides=2, kernel_initializer="he_normal")
    x = norm(x, "stem_bn1", **NORM)
    x, before = _reduction(x, None, filters // 4, "stem_1")
    x, before = _reduction(x, before, filters // 2, "stem_2", halved=True)
    for part in range(3):
        if part:
            x, passed = _reduction(x, before, filters * 2**part, f"reduce_{part * blocks}")
            before = before if skip_reduction else passed
        first = part * blocks + (part > 0)
        for cell in range(first, first + blocks):
            x, before = _normal(x, before, filters * 2**part, f"{cell}", cell == first)
    return top(activate(x), pool=None)


def _separated(x: Any, filters: int, kernel: int, name: str, step: int = 1) -> Any:
    """relu, separable convolution and normalization, twice; the first steps."""
    x, settings = activate(x), {}
    if step == 2:
        x, padding = ready_to_step(x, kernel, f"separable_conv_1_pad_{name}")
        settings = {"strides": 2, "padding": padding}
    x = separable(x, filters, kernel, f"separable_conv_1_{name}", **settings)
    x = activate(norm(x, f"separable_conv_1_bn_{name}", **NORM))
    x = separable(x, filters, kernel, f"separable_conv_2_{name}")
    return norm(x, f"separable_conv_2_bn_{name}", **NORM)


def _projected(x: Any, filters: int, name: str) -> Any:
    return conv(x, filters, 1, name, padding="same", kernel_initializer="he_normal")


def _adjusted(before: Any, x: Any, filters: int, name: str, halved: bool) -> Any:
    """What came before x, in the shape of x's features; `halved` if x has half its size."""
    if before is None:
        return x
    if halved:
        before = activate(before, f"adjust_relu_1_{name}")
        left = _sampled(before, filters // 2, 1, name)
        shifted = layers.Cropping2D(((1, 0), (1, 0)))(pad(before, ((0, 1), (0, 1))))
        right = _sampled(shifted, filters // 2, 2, name)
        return norm(concatenate([left, right]), f"adjust_bn_{name}", **NORM)
    if channels(before) != filters:
        before = _projected(activate(before), filters, f"adjust_conv_projection_{name}")
        return norm(before, f"adjust_bn_{name}", **NORM)
    return before


def _sampled(x: Any, filters: int, i: int, name: str) -> Any:
    x = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")(x)
    return _projected(x, filters, f"adjust_conv_{i}_{name}")


def _mean(x: Any, name: str, **settings: Any) -> Any:
    settings = {"strides": 1, "padding": "same", **settings}
    return layers.AveragePooling2D(3, name=name, **settings)(x)


def _sum(pair: list[Any], name: str | None = None) -> Any:
    return layers.Add(name=name)(pair)


def _opened(x: Any, filters: int, kind: str, name: str) -> Any:
    x = _projected(activate(x), filters, f"{kind}_conv_1_{name}")
    return norm(x, f"{kind}_bn_1_{name}", **NORM)


def _normal(x: Any, before: Any, filters: int, name: str, halved: bool) -> tuple[Any, Any]:
    """A cell that keeps the size; returns its result, and what came in."""
    p = _adjusted(before, x, filters, name, halved)
    h = _opened(x, filters, "normal", name)
    x1 = [
        _separated(h, filters, 5, f"normal_left1_{name}"),
        _separated(p, filters, 3, f"normal_right1_{name}"),
    ]
    x1 = _sum(x1, f"normal_add_1_{name}")
    x2 = [
        _separated(p, filters, 5, f"normal_left2_{name}"),
        _separated(p, filters, 3, f"normal_right2_{name}"),
    ]
    x2 = _sum(x2, f"normal_add_2_{name}")
    x3 = _sum([_mean(h, f"normal_left3_{name}"), p], f"normal_add_3_{name}")
    x4 = [_mean(p, f"normal_left4_{name}"), _mean(p, f"normal_right4_{name}")]
    x4 = _sum(x4, f"normal_add_4_{name}")
    x5 = _sum([_separated(h, filters, 3, f"normal_left5_{name}"), h], f"normal_add_5_{name}")
    return concatenate([p, x1, x2, x3, x4, x5], f"normal_concat_{name}"), x


def _reduction(
    x: Any, before: Any, filters: int, name: str, halved: bool = False
) -> tuple[Any, Any]:
    """A cell that halves the size; returns its result, and what came in."""
    p = _adjusted(before, x, filters, name, halved)
    h = _opened(x, filters, "reduction", name)
    # Zeros at the border count: for the mean, and in Keras's form for the largest value, too.
    padded = pad(h, correct_pad(h, 3), f"reduction_pad_1_{name}")
    whole, padding = (padded, "valid") if form().of_keras else (h, "same")
    x1 = [
        _separated(h, filters, 5, f"reduction_left1_{name}", 2),
        _separated(p, filters, 7, f"reduction_right1_{name}", 2),
    ]
    x1 = _sum(x1, f"reduction_add_1_{name}")
    x2 = [
        largest(whole, 3, f"reduction_left2_{name}", strides=2, padding=padding),
        _separated(p, filters, 7, f"reduction_right2_{name}", 2),
    ]
    x2 = _sum(x2, f"reduction_add_2_{name}")
    x3 = [
        _mean(padded, f"reduction_left3_{name}", strides=2, padding="valid"),
        _separated(p, filters, 5, f"reduction_right3_{name}", 2),
    ]
    x3 = _sum(x3, f"reduction_add3_{name}")
    x4 = _sum([x2, _mean(x1, f"reduction_left4_{name}")])
    x5 = [
        _separated(x1, filters, 3, f"reduction_left4_{name}"),
        largest(whole, 3, f"reduction_right5_{name}", strides=2, padding=padding),
    ]
    x5 = _sum(x5, f"reduction_add4_{name}")
    return concatenate([x2, x3, x4, x5], f"reduction_concat_{name}"), x


def _mobile(arguments: Arguments) -> None:
    if not arguments["include_top"] and arguments["input_shape"] is None:
        arguments["input_shape"] = (224, 224, 3)


def _check(arguments: Arguments) -> None:
    shape = arguments["input_shape"]
    if arguments["weights"] == "imagenet" and shape is not None and None in shape:
        raise ValueError(
            "When specifying the input shape of a NASNet and loading `ImageNet` weights, the "
            "input_shape argument must be static (no None entries). Got: "
            f"`input_shape={shape}`."
        )


def _row(title: str, name: str, size: int, settings: dict[str, Any], check: Any) -> Any:
    return constructor(
        Network(
            title,
            nasnet,
            name,
            size=size,
            parameters=_PARAMETERS,
            settings=settings,
            check=check,
            channels_last_only=True,
            sized=True,
            reference="Zoph et al., https://arxiv.org/abs/1707.07012",
        )
    )


def _check_mobile(arguments: Arguments) -> None:
    _check(arguments)
    _mobile(arguments)


_PARAMETERS: Arguments = {
    "input_shape": None,
    **{name: value for name, value in STANDARD.items() if name != "input_shape"},
}
_LARGE = {"penultimate": 4032, "blocks": 6, "stem": 96, "skip_reduction": True}
_MOBILE = {"penultimate": 1056, "blocks": 4, "stem": 32, "skip_reduction": False}
NASNetLarge = _row("NASNetLarge", "nasnet_large", 331, _LARGE, _check)
NASNetMobile = _row("NASNetMobile", "nasnet_mobile", 224, _MOBILE, _check_mobile)
