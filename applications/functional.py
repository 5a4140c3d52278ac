"""The calls that image classifiers are made of, symbolic, in either data format.

Libraries build the same network in slightly other ways; the form in use says which.
"""

from __future__ import annotations

from typing import Any

from ..framework import config, layers
from ..framework.core.keras_tensor import KerasTensor
from .forms import form
from .imagenet_utils import correct_pad


def channel_axis() -> int:
    """Returns the axis of an image batch that has the channels, by the setting: 3 or 1."""
    return 1 if config.image_data_format() == "channels_first" else 3


def channels(x: KerasTensor) -> int:
    """Returns the number of channels of an image batch."""
    return x.shape[channel_axis()]  # pyright: ignore[reportReturnType]


def conv(x: Any, filters: int, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves; without a bias unless `use_bias` says so. `settings` are those of `Conv2D`."""
    settings = {"use_bias": False, **_bordered(kernel, settings)}
    return layers.Conv2D(filters, kernel, name=name, **settings)(x)


def depthwise(x: Any, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves each channel by itself, without a bias. `settings` are `DepthwiseConv2D`'s."""
    settings = {"use_bias": False, **_bordered(kernel, settings)}
    return layers.DepthwiseConv2D(kernel, name=name, **settings)(x)


def separable(x: Any, filters: int, kernel: Any, name: str | None = None, **settings: Any) -> Any:
    """Convolves each channel, then mixes channels; "same" borders unless `settings` say so."""
    settings = _bordered(kernel, {"padding": "same", **settings})
    return layers.SeparableConv2D(filters, kernel, use_bias=False, name=name, **settings)(x)


def norm(x: Any, name: str | None = None, **settings: Any) -> Any:
    """Normalizes each channel over the batch. `settings` are those of `BatchNormalization`."""
    if not form().of_keras:
        settings.pop("scale", None)
    if form().epsilon is not None:
        settings["epsilon"] = form().epsilon
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


def _bordered(kernel: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a window, whose "same" borders are torch's where that form is in use."""
    if form().library == "torch" and settings.get("padding") == "same":
        if settings.get("strides", 1) != 1:
            return {**settings, "padding": ((kernel // 2, kernel // 2),) * 2}
    return settings


def largest(x: Any, kernel: int, name: str | None = None, **settings: Any) -> Any:
    """Takes the largest value of each window. `settings` are those of `MaxPooling2D`."""
    return layers.MaxPooling2D(kernel, name=name, **_bordered(kernel, settings))(x)


def ready_to_step(x: Any, kernel: int, name: str, margins: Any = None) -> tuple[Any, str]:
    """Returns what a convolution with a step of 2 takes: images, and the word for its borders.

    Keras's networks have a layer in front that surrounds images by zeros; the convolutions of
    others do it themselves.

    Args:
        x: images.
        kernel: side of the convolution's kernel.
        name: of Keras's layer.
        margins: of Keras's layer; those of `correct_pad` when None.
    """
    if not form().of_keras:
        return x, "same"
    return pad(x, correct_pad(x, kernel) if margins is None else margins, name), "valid"


def rounded(value: float, divisor: int = 8) -> int:
    """Returns the multiple of `divisor` next to `value`: at least `divisor`, at most 10 % below."""
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * value else found
