"""A detector from pixels to objects as one model, for programs that run it without this package."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..framework import layers, ops
from ..framework.typing import Tensor
from .letterbox import GREY
from .suppression import non_max_suppression

_ONE = 2048  # the unit of OpenCV's weights


class LetterboxLayer(layers.Layer):
    """Pictures of any size, as pixels, in square frames; see `ObjectDetectorPreprocessor`.

    Computes on uint8 (batch, height, width, 3) the float32 tensor (batch, size, size, 3) from 0 to
    1, in whole numbers as the preprocessor does; and where the pictures lie in it, float32 (5,):
    left, top, the scale, the picture's width and height. A picture of which less than a pixel would
    be left is one pixel wide.

    Args:
        size: rows and columns of the frame.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.built = True

    def call(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns frames, and where the pictures lie in them.

        Args:
            images: uint8 (batch, height, width, 3).
        """
        x = ops.cast(images, "int32")
        # Counted, so that the sizes are numbers of the graph, whatever it is written by.
        height = ops.sum(ops.ones_like(x[0, :, 0, 0]), keepdims=True)
        width = ops.sum(ops.ones_like(x[0, 0, :, 0]), keepdims=True)
        longer = ops.maximum(height, width)
        (upper, lower, top, bottom, in_rows), above = self._lines(height, longer)
        (left, right, west, east, in_columns), before = self._lines(width, longer)
        # OpenCV's sums, and where it cuts them.
        across = ops.add(
            ops.multiply(ops.take(x, left, axis=2), west[:, None]),
            ops.multiply(ops.take(x, right, axis=2), east[:, None]),
        )
        across = ops.floor_divide(across, 16)
        high = ops.multiply(ops.take(across, upper, axis=1), top[:, None, None])
        low = ops.multiply(ops.take(across, lower, axis=1), bottom[:, None, None])
        y = ops.add(ops.floor_divide(high, 65536), ops.floor_divide(low, 65536))
        y = ops.floor_divide(ops.add(y, 2), 4)
        inside = ops.logical_and(in_rows[:, None, None], in_columns[:, None])
        frames = ops.divide(ops.cast(ops.where(inside, y, GREY), "float32"), np.float32(255))
        whole = [ops.cast(n, "float32") for n in (before, above, longer, width, height)]
        whole[2] = ops.divide(np.float32(self.size), whole[2])
        return frames, ops.concatenate(whole, axis=0)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, Any]:
        """Returns (batch, size, size, 3) and (5,)."""
        return (input_shape[0], self.size, self.size, 3), (5,)

    def _lines(self, count: Tensor, longer: Tensor) -> tuple[tuple[Any, ...], Tensor]:
        """How the lines of a frame are made of `count` lines of a picture, (1,).

        Returns (first, second, share of the first, share of the second, whether it is a line of the
        picture), each (size,); and how many grey lines are before.
        """
        # The nearest whole number of lines, of two the even one.
        twice = ops.multiply(longer, 2)
        sum_ = ops.add(ops.multiply(count, 2 * self.size), longer)
        wanted = ops.floor_divide(sum_, twice)
        tie = ops.equal(ops.subtract(sum_, ops.multiply(wanted, twice)), 0)
        odd = ops.equal(ops.subtract(wanted, ops.multiply(ops.floor_divide(wanted, 2), 2)), 1)
        wanted = ops.where(ops.logical_and(tie, odd), ops.subtract(wanted, 1), wanted)
        wanted = ops.maximum(wanted, 1)
        before = ops.floor_divide(ops.subtract(self.size, wanted), 2)
        places = ops.subtract(np.arange(self.size, dtype="int32"), before)
        inside = ops.logical_and(ops.greater_equal(places, 0), ops.less(places, wanted))
        # Middles of the new lines among the old ones, as fractions of whole numbers.
        middle = ops.subtract(ops.multiply(ops.add(ops.multiply(places, 2), 1), count), wanted)
        parts = ops.multiply(wanted, 2)
        first = ops.floor_divide(middle, parts)
        rest = ops.cast(ops.subtract(middle, ops.multiply(first, parts)), "float32")
        base = ops.cast(first, "float32")
        share = ops.divide(rest, ops.cast(parts, "float32"))
        share = ops.subtract(ops.add(base, share), base)  # the bits that float32 leaves of it
        second = ops.cast(ops.round(ops.multiply(share, float(_ONE))), "int32")
        one = ops.cast(ops.round(ops.multiply(ops.subtract(1.0, share), float(_ONE))), "int32")
        last = ops.subtract(count, 1)
        first, next_ = (ops.clip(n, 0, last) for n in (first, ops.add(first, 1)))
        return (first, next_, one, second, inside), before

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "size": self.size}


class PixelDetector(layers.Layer):
    """A detector with its preparation of pictures before it, and the choice of boxes behind it.

    Computes on uint8 (batch, height, width, 3), pictures of one size, a dict of "boxes", float32
    (batch, max_boxes, 4), left, top, right and bottom in pixels of the picture; "scores", float32
    (batch, max_boxes), falling; "classes", int32 (batch, max_boxes); and "counts", int32 (batch,):
    how many objects there are. Behind the last object boxes and scores are 0 and classes -1.

    Args:
        detector: an `ObjectDetector`.
        size: of the square frames.
        score: see `ObjectDetector.detect`.
        iou: see `ObjectDetector.detect`.
    """

    def __init__(self, detector: Any, size: int, score: float, iou: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frame = LetterboxLayer(size, dtype="float32")
        self.detector = detector
        self.score, self.iou = score, iou
        self.built = True

    def call(self, images: Tensor) -> dict[str, Tensor]:
        """Returns the objects of pictures; see the class.

        Args:
            images: uint8 (batch, height, width, 3).
        """
        frames, where = self.frame(images)
        boxes, scores, classes = self.detector.propose(frames)
        chosen, counts = non_max_suppression(
            boxes,
            scores,
            classes,
            score_threshold=self.score,
            iou_threshold=self.iou,
            max_boxes=self.detector.max_boxes,
        )
        some, rows = ops.greater_equal(chosen, 0), ops.maximum(chosen, 0)
        boxes = ops.take_along_axis(boxes, rows[..., None], axis=1)
        corner, size = where[:2], where[3:]
        boxes = ops.divide(ops.subtract(boxes, ops.concatenate([corner, corner])), where[2])
        boxes = ops.minimum(ops.maximum(boxes, 0.0), ops.concatenate([size, size]))
        return {
            "boxes": ops.where(some[..., None], boxes, 0.0),
            "scores": ops.where(some, ops.take_along_axis(scores, rows, axis=1), 0.0),
            "classes": ops.where(some, ops.take_along_axis(classes, rows, axis=1), -1),
            "counts": counts,
        }
