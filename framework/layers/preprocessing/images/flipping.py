"""RandomFlip: images mirrored at random."""

from typing import Any

from .... import bounding_boxes as boxes_of
from .... import ops, random
from ....ops import joining
from .base import BaseImagePreprocessingLayer, per_image

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(BaseImagePreprocessingLayer):
    """Mirrors randomly chosen images, half of them, while training.

    Args:
        mode: "horizontal" (left and right change places), "vertical" or "horizontal_and_vertical"
            (both, in the same images).
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for another mode.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"`mode` should be one of {_MODES}. Received: mode={mode}")
        self.mode = mode
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "flips" (batch, 1, 1, 1), booleans, and "input_shape"; None in inference."""
        if not training:
            return None
        drawn = random.uniform((self._count(data), 1, 1, 1), seed=self._source(seed))
        return {"flips": ops.less_equal(drawn, 0.5), "input_shape": self._shape(data)}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the images, those mirrored for which "flips" is true."""
        images = ops.cast(images, self.compute_dtype)
        return self._flipped(images, transformation) if training else images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the masks, likewise."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def _flipped(self, images: Any, transformation: Any) -> Any:
        if transformation is None:
            return images
        mirrored = images
        if "horizontal" in self.mode:
            mirrored = ops.flip(mirrored, axis=self.width_axis)
        if "vertical" in self.mode:
            mirrored = ops.flip(mirrored, axis=self.height_axis)
        flips = transformation["flips"]
        single = len(images.shape) == 3
        return ops.where(ops.reshape(flips, ()) if single else per_image(flips), mirrored, images)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes of mirrored images mirrored."""
        if not training or transformation is None:
            return bounding_boxes
        source = self.bounding_box_format or "xyxy"
        size = self._size(transformation["input_shape"])
        found = boxes_of.convert_format(bounding_boxes, source, "rel_xyxy", *size)
        boxes = found["boxes"]
        x1, y1, x2, y2 = joining.split(boxes, 4, -1)
        if "horizontal" in self.mode:
            x1, x2 = 1.0 - x2, 1.0 - x1
        if "vertical" in self.mode:
            y1, y2 = 1.0 - y2, 1.0 - y1
        mirrored = ops.concatenate([x1, y1, x2, y2], axis=-1)
        flips = ops.reshape(transformation["flips"], (-1, *(1,) * (len(boxes.shape) - 1)))
        found["boxes"] = ops.where(flips, mirrored, boxes)
        found = boxes_of.clip_to_image_size(found, bounding_box_format="rel_xyxy")
        return boxes_of.convert_format(found, "rel_xyxy", source, *size)
