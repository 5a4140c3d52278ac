"""What the three MobileNets' rows share: sizes of images, and what `input_tensor` must be."""

from __future__ import annotations

import warnings
from typing import Any

from ...framework import config
from ...framework.core.keras_tensor import KerasTensor
from ..constructor import Arguments


def square(shape: Any, sizes: tuple[int, ...] = ()) -> Any:
    """Returns the height of images of a shape.

    With `sizes`, those that published weights are for: 224 and a warning where it is not among
    them, or where the images are not square.
    """
    rows, columns = shape[1:] if config.image_data_format() == "channels_first" else shape[:2]
    if not sizes or (rows == columns and rows in sizes):
        return rows
    warnings.warn(
        f"`input_shape` is undefined or non-square, or `rows` is not in {list(sizes)}. Weights for "
        "input shape (224, 224) will be loaded as the default.",
        stacklevel=6,
    )
    return 224


def preset_name(base: str, alpha: float, rows: int) -> str:
    """Returns the name of published weights; that of the usual width and size is the plain one."""
    return base if (alpha, rows) == (1.0, 224) else f"{base}_{float(alpha)}_{rows}"


def check_tensor(arguments: Arguments) -> None:
    """Raises ValueError where `input_tensor` is not symbolic or does not fit `input_shape`."""
    given, shape = arguments["input_tensor"], arguments["input_shape"]
    if given is None:
        return
    if not isinstance(given, KerasTensor):
        raise ValueError(
            "input_tensor is not a Keras tensor: make one by `isozoo.Input(shape)`. Received "
            f"`input_tensor={given}` of type {type(given)}"
        )
    at = 1 if config.image_data_format() == "channels_first" else 2
    if shape is not None and given.shape[at] != shape[1]:
        raise ValueError(
            f"input_tensor.shape[{at}] must equal input_shape[1]; Received `input_tensor.shape="
            f"{given.shape}`, `input_shape={shape}`"
        )
