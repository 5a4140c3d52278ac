"""The unit of the Inception networks, and chains of it."""

from __future__ import annotations

from typing import Any

from ..functional import activate, conv, norm

Unit = tuple[int, Any]
"""Channels, and the size of the kernel; perhaps then the settings of the convolution."""


def unit(x: Any, filters: int, kernel: Any, name: Any = None, **settings: Any) -> Any:
    """Convolves without a bias, normalizes without a scale, and applies relu.

    Args:
        x: (batch, height, width, channels).
        filters: channels of the result.
        kernel: of the convolution.
        name: names of convolution, normalization and activation; None for names by number.
        **settings: of the convolution; borders are "same" unless they say so.
    """
    names = name or (None, None, None)
    x = conv(x, filters, kernel, names[0], **{"padding": "same", **settings})
    return activate(norm(x, names[1], scale=False), names[2])


def chain(x: Any, *units: tuple[Any, ...]) -> Any:
    """Applies units one after the other: (channels, kernel), and "half" for a step of 2."""
    for filters, kernel, *rest in units:
        settings = {"strides": 2, "padding": "valid"} if "half" in rest else {}
        x = unit(x, filters, kernel, **settings)
    return x


def stem(x: Any, pool: Any) -> Any:
    """Returns the first features, (batch, height / 8, width / 8, 192), of images."""
    x = unit(x, 32, 3, strides=2, padding="valid")
    x = unit(x, 32, 3, padding="valid")
    x = pool(unit(x, 64, 3))
    x = unit(x, 80, 1, padding="valid")
    return pool(unit(x, 192, 3, padding="valid"))
