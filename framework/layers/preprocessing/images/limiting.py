"""MaxNumBoundingBoxes: one number of boxes for every image."""

from typing import Any

from .... import ops
from .base import BaseImagePreprocessingLayer


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """Cuts, or fills up, the boxes of each image to one number. Images pass through.

    Args:
        max_number: how many boxes each image gets.
        fill_value: what stands in boxes and labels that fill up.
        **kwargs: see BaseImagePreprocessingLayer.
    """

    _USE_BASE_FACTOR = False

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images."""
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the masks."""
        return segmentation_masks

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns boxes (batch, max_number, 4) and labels (batch, max_number)."""
        found = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            x = found[key]
            # As many in front as there may be, and then cut: the number itself may be unknown.
            margins = [(0, 0), (0, self.max_number), *[(0, 0)] * (len(x.shape) - 2)]
            padded = ops.pad(x, margins, constant_values=self.fill_value)
            found[key] = padded[:, : self.max_number]
        return found

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes, with `max_number` boxes. KeyError for keys of boxes that are not
        known."""
        if not (isinstance(input_shape, dict) and "bounding_boxes" in input_shape):
            return input_shape
        boxes = input_shape["bounding_boxes"]
        extra = sorted(set(boxes) - {"boxes", "labels"})
        if extra:
            raise KeyError(
                f"There are unsupported keys in `bounding_boxes`: {extra}. Only `boxes` and "
                "`labels` are supported."
            )
        cut = {key: (shape[0], self.max_number, *shape[2:]) for key, shape in boxes.items()}
        return {**input_shape, "bounding_boxes": cut}
