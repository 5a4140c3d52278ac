"""Segmentation masks, laid over images in the colors of their classes."""

from typing import Any

import numpy as np

from ..ops.conversion import convert_to_numpy
from ..ops.image_common import channels_last
from .arrays import batch_of


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Any = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Lays masks over images.

    Args:
        images: shape (images, height, width, 3), or channels first, values from 0 to 255.
        segmentation_masks: the number of the class of each pixel, shape (images, height, width, 1)
            or without the last axis.
        num_classes: classes from this number on are not drawn; the greatest in the masks if None,
            as in Keras, which leaves that one out.
        color_mapping: class -> (red, green, blue), for each class below `num_classes`; colors of
            a fixed list if None.
        alpha: how much of the color is seen, from 0 to 1.
        blend: whether the images shine through.
        ignore_index: pixels of this class stay what they are.
        data_format: "channels_last" or "channels_first"; None for the default.

    Returns:
        Shape (images, height, width, 3): uint8 with `blend`, float32 without.

    Raises:
        ValueError: images without a batch.
        TypeError: masks that are no integers.
    """
    pictures = batch_of(images, data_format).astype("float32")
    masks = np.asarray(convert_to_numpy(segmentation_masks))
    if masks.dtype.kind not in "iu":
        raise TypeError(
            "`segmentation_masks` must be in integer dtype. Received: "
            f"segmentation_masks.dtype={masks.dtype}"
        )
    if masks.ndim == 4:
        masks = masks[..., 0] if channels_last(data_format) else masks[:, 0]
    if num_classes is None:
        num_classes = int(masks.max())
    drawn = pictures.copy()
    for number in range(num_classes):
        color = palette(number) if color_mapping is None else color_mapping[number]
        drawn[masks == number] = np.asarray(color, "float32")
    if not blend:
        return drawn
    mixed = pictures * np.float32(1 - alpha) + drawn * np.float32(alpha)
    return np.where((masks != ignore_index)[..., None], mixed, pictures).astype("uint8")


def palette(number: int) -> list[int]:
    """Returns the color (red, green, blue) of a class; those of Keras."""
    return [number * base % 255 for base in (2**25 - 1, 2**15 - 1, 2**21 - 1)]
