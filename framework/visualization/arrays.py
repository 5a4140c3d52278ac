"""Images as arrays, channels last."""

from typing import Any

import numpy as np

from ..ops.conversion import convert_to_numpy
from ..ops.image_common import channels_last


def batch_of(images: Any, data_format: str | None) -> np.ndarray:
    """Returns a batch of images as (images, height, width, channels).

    Raises:
        ValueError: something else than four axes.
    """
    found = np.asarray(convert_to_numpy(images))
    if found.ndim != 4:
        raise ValueError(
            f"`images` must be batched 4D tensor. Received: images.shape={found.shape}. Put a "
            "single image in a batch of one: images[None]."
        )
    return found if channels_last(data_format) else found.transpose(0, 2, 3, 1)


def as_bytes(images: np.ndarray, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Returns images as uint8.

    Args:
        images: of any dtype.
        value_range: the values of black and white; if None, 0 and 255, or of floats none of which
            exceeds 1, 0 and 1.
    """
    if value_range is None:
        small = images.dtype.kind == "f" and images.size > 0 and images.max() <= 1
        value_range = (0, 1) if small else (0, 255)
    low, high = value_range
    if (low, high) != (0, 255):
        images = (images.astype("float64") - low) * (255 / (high - low))
    return np.clip(images, 0, 255).astype("uint8")
