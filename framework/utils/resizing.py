"""smart_resize: images of another size, without distortion."""

from typing import Any

import numpy as np

from .. import ops
from ..ops.image_resize import resize


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    backend_module: Any = None,
) -> Any:
    """Returns images of another size: the greatest part in the middle that has its ratio, resized.

    Args:
        x: (height, width, channels) or (batch, height, width, channels); with "channels_first" the
            channels stand before the height.
        size: (height, width).
        interpolation: see `ops.image.resize`.
        data_format: "channels_last" or "channels_first".
        backend_module: ignored.

    Returns:
        A NumPy array for one, else a tensor.

    Raises:
        ValueError: another number of axes, or a size that is not two numbers.
    """
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, "
            f"height, width, channels)`, but got input with incorrect rank, of shape {x.shape}."
        )
    found = resize(
        x,
        tuple(size),
        interpolation=interpolation,
        crop_to_aspect_ratio=True,
        data_format=data_format,
    )
    return ops.convert_to_numpy(found) if isinstance(x, np.ndarray) else found
