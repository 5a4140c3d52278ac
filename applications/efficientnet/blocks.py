"""The blocks that EfficientNet and EfficientNetV2 share."""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Top
from ..functional import activate, channel_axis, channels, conv, norm

SWISH = "swish"


def kernels() -> dict[str, Any]:
    """Returns the setting of a convolution's initial values: a fresh one for each layer."""
    return {"kernel_initializer": _scaled(2.0, "truncated_normal")}


def _scaled(scale: float, distribution: str) -> dict[str, Any]:
    config = {"scale": scale, "mode": "fan_out", "distribution": distribution}
    return {"class_name": "VarianceScaling", "config": config}


def depthwise_kernels() -> dict[str, Any]:
    """Returns the setting of a depthwise convolution's initial values."""
    return {"depthwise_initializer": _scaled(2.0, "truncated_normal")}


def mixed(x: Any, filters: int, kernel: int, name: str, **settings: Any) -> Any:
    """Convolves without a bias, borders "same" unless the settings say so."""
    return conv(x, filters, kernel, name, **{"padding": "same", **kernels(), **settings})


def swished(x: Any, norm_name: str, name: str, **settings: Any) -> Any:
    """Normalizes and applies swish."""
    return activate(norm(x, norm_name, **settings), name, SWISH)


def squeezed(x: Any, units: int, name: str) -> Any:
    """Weights channels by what the mean over the image says of them."""
    filters = channels(x)
    shape = (filters, 1, 1) if channel_axis() == 1 else (1, 1, filters)
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape(shape, name=f"{name}se_reshape")(y)
    settings = {"use_bias": True}
    y = mixed(y, units, 1, f"{name}se_reduce", activation=SWISH, **settings)
    y = mixed(y, filters, 1, f"{name}se_expand", activation="sigmoid", **settings)
    return layers.Multiply(name=f"{name}se_excite")([x, y])


def shortcut(x: Any, inputs: Any, drop: float, name: str) -> Any:
    """Adds the block's inputs; in training whole samples of x are dropped."""
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, inputs])


def finished(x: Any, top: Top, dropout: float) -> Any:
    """Returns pooled features, or scores."""
    if not top.include_top:
        return top.pooled(x, named=True)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return top.scored(x, dropout, kernel_initializer=_scaled(1 / 3, "uniform"))
