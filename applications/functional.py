"""The calls that Keras's image classifiers are made of, symbolic, in either data format."""

from __future__ import annotations

from typing import Any

from ..framework import config, layers
from ..framework.core.keras_tensor import KerasTensor


def channel_axis() -> int:
    """Returns the axis of an image batch that has the channels, by the setting: 3 or 1."""
    return 1 if config.image_data_format() == "channels_first" else 3


def channels(x: KerasTensor) -> int:
    """Returns the number of channels of an image batch."""
    return x.shape[channel_axis()]  # pyright: ignore[reportReturnType]


def conv(x: Any, filters: int, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves; without a bias unless `use_bias` says so. `settings` are those of `Conv2D`."""
    return layers.Conv2D(filters, kernel, name=name, **{"use_bias": False, **settings})(x)


def depthwise(x: Any, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves each channel by itself, without a bias. `settings` are `DepthwiseConv2D`'s."""
    return layers.DepthwiseConv2D(kernel, use_bias=False, name=name, **settings)(x)


def separable(x: Any, filters: int, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves each channel, then mixes channels; "same" borders unless `settings` say so."""
    settings = {"padding": "same", **settings}
    return layers.SeparableConv2D(filters, kernel, use_bias=False, name=name, **settings)(x)


def norm(x: Any, name: str | None = None, **settings: Any) -> Any:
    """Normalizes each channel over the batch. `settings` are those of `BatchNormalization`."""
    return layers.BatchNormalization(axis=channel_axis(), name=name, **settings)(x)


def activate(x: Any, name: str | None = None, kind: Any = "relu") -> Any:
    """Applies an activation as a layer of its own."""
    return layers.Activation(kind, name=name)(x)


def concatenate(xs: list[Any], name: str | None = None) -> Any:
    """Joins feature maps along the channels."""
    return layers.Concatenate(axis=channel_axis(), name=name)(xs)


def pad(x: Any, margins: Any, name: str | None = None) -> Any:
    """Surrounds images by zeros. `margins` are those of `ZeroPadding2D`."""
    return layers.ZeroPadding2D(margins, name=name)(x)


def rounded(value: float, divisor: int = 8) -> int:
    """Returns the multiple of `divisor` next to `value`: at least `divisor`, at most 10 % below."""
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * value else found
