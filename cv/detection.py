"""What every object detector does: pictures in, boxes with classes and scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..applications.preprocessing import as_list, is_one
from ..framework import config, ops
from ..framework.models import Input, Model
from ..framework.typing import Tensor
from ..hub.bases import Task
from ..hub.labels import NamesClasses
from .adapters import (
    ObjectDetectorCommandLineAdapter,
    ObjectDetectorFinetuningAdapter,
    ObjectDetectorParityAdapter,
    ObjectDetectorPresetAdapter,
)
from .letterbox import Frame, ObjectDetectorPreprocessor
from .pixel_detector import PixelDetector
from .suppression import non_max_suppression


class Detected(NamedTuple):
    """One object that a detector found.

    Attributes:
        index: the number of its class.
        label: the name of its class.
        score: 0 to 1.
        box: left, top, right and bottom in pixels of the picture.
    """

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    label: str
    score: float
    box: tuple[float, float, float, float]


class ObjectDetector(NamesClasses, Task):
    """Base of networks that find objects; a subclass gives `propose`.

    Attributes:
        num_classes: number of classes.
        max_boxes: the most boxes that are found in one picture.
    """

    task = "object_detector"
    num_classes: int
    max_boxes = 300
    preprocessor: ObjectDetectorPreprocessor | None = None
    preset_adapter = ObjectDetectorPresetAdapter
    command_line_adapter = ObjectDetectorCommandLineAdapter
    parity_adapter = ObjectDetectorParityAdapter
    finetuning_adapter = ObjectDetectorFinetuningAdapter

    def propose(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a box, its score and its class for each place that may have an object.

        Args:
            images: (batch, height, width, 3), as the preprocessor frames them.

        Returns:
            boxes (batch, places, 4), left, top, right and bottom in pixels of the frame; scores
            (batch, places), 0 to 1; and classes, int32 (batch, places).
        """
        raise TypeError(f"{type(self).__name__} proposes no boxes.")

    def decode(self, logits: Any, height: int, width: int) -> Tensor:
        """Returns the boxes of all places, (batch, places, 4), in pixels of the frame.

        Args:
            logits: what the call gives: a dict with "scores", (batch, places, num_classes).
            height: rows of the images.
            width: columns of the images.
        """
        raise TypeError(f"{type(self).__name__} decodes no boxes.")

    def choose(
        self, boxes: Tensor, scores: Tensor, classes: Tensor, limits: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns which boxes stay, and how many; see `non_max_suppression`.

        Args:
            boxes: of `propose`.
            scores: of `propose`.
            classes: of `propose`.
            limits: (2,), the thresholds of the score and of the overlap.
        """
        return non_max_suppression(
            boxes,
            scores,
            classes,
            score_threshold=limits[0],
            iou_threshold=limits[1],
            max_boxes=self.max_boxes,
        )

    def with_preprocessing(self, score: float = 0.25, iou: float = 0.7) -> Any:
        """Returns a model from pictures, as pixels, to objects, with this one's weights.

        It takes `images`, uint8 (batch, height, width, 3) of any size, puts them in square frames,
        and gives `boxes`, `scores`, `classes` and `counts`; see `PixelDetector`.

        Args:
            score: see `detect`.
            iou: see `detect`.

        Raises:
            ValueError: there is no preprocessor.
        """
        size = self.checked_preprocessor().image_size
        with config.use_backend(self.backend):
            images = Input((None, None, 3), dtype="uint8", name="images")
            found = PixelDetector(self, size, score, iou, dtype="float32")(images)
            return Model(images, found, name=f"{self.name}_of_pixels")

    def detect(
        self, images: Any, score: float = 0.25, iou: float = 0.7, batch_size: int = 16
    ) -> list[Any]:
        """Returns the objects in one picture or in each of several, by falling scores.

        Pictures whose frames have the same size are computed together; each has a frame of its own,
        so that no picture changes what is found in another.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or a list of
                these, or an array (batch, height, width, 3).
            score: objects below it are left out.
            iou: of two boxes of one class whose intersection over union is above it, the one with
                the lower score is left out.
            batch_size: how many pictures are computed at a time.

        Returns:
            For one picture a list of `Detected`; for several, a list of such lists.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: a threshold out of its range, no picture, or no preprocessor.
        """
        preprocess = self.checked_preprocessor()
        if not (0 <= score <= 1 and 0 <= iou <= 1 and batch_size >= 1):
            raise ValueError(
                "`score` and `iou` must lie between 0 and 1, `batch_size` be positive; got "
                f"{score}, {iou} and {batch_size}."
            )
        pictures = as_list(images)
        if not pictures:
            raise ValueError("No pictures were given: one is expected at least.")
        framed = [preprocess.frame(picture) for picture in pictures]
        found = self.detect_framed(framed, score, iou, batch_size)
        return found[0] if is_one(images) else found

    def detect_framed(
        self,
        framed: Sequence[tuple[np.ndarray, Frame]],
        score: float,
        iou: float,
        batch_size: int,
    ) -> list[list[Detected]]:
        """Returns the objects in pictures that are in their frames; see `detect`.

        Args:
            framed: what the preprocessor's `frame` gives.
            score: see `detect`.
            iou: see `detect`.
            batch_size: see `detect`.
        """
        by_size: dict[tuple[int, int], list[int]] = {}
        for number, (_, frame) in enumerate(framed):
            by_size.setdefault((frame.height, frame.width), []).append(number)
        found: list[list[Detected]] = [[] for _ in framed]
        limits = np.array([score, iou], "float32")
        for numbers in by_size.values():
            for start in range(0, len(numbers), batch_size):
                chosen = numbers[start : start + batch_size]
                batch = np.stack([framed[number][0] for number in chosen])
                proposed = self.compiled_method("propose")(batch)
                for number, rows in zip(chosen, self.chosen(proposed, limits), strict=True):
                    found[number] = self._named(rows, framed[number][1])
        return found

    def chosen(self, proposed: Sequence[Tensor], limits: np.ndarray) -> list[np.ndarray]:
        """Returns for each image rows (objects, 6): a box in the frame, its score, its class.

        Args:
            proposed: what `propose` gives.
            limits: float32 (2,), the thresholds of the score and of the overlap.
        """
        indices, counts = self.compiled_method("choose")(*proposed, limits)
        boxes, scores, classes, indices, counts = map(
            ops.convert_to_numpy, (*proposed, indices, counts)
        )
        found = []
        for image, count in enumerate(counts):
            rows = indices[image, :count]
            parts = (boxes[image, rows], scores[image, rows, None], classes[image, rows, None])
            found.append(np.concatenate(parts, axis=-1, dtype=np.float32, casting="unsafe"))
        return found

    def _named(self, rows: np.ndarray, frame: Frame) -> list[Detected]:
        labels = self.labels or [f"class {number}" for number in range(self.num_classes)]
        boxes = frame.to_picture(rows[:, :4]).tolist()
        return [
            Detected(int(index), labels[int(index)], float(score), (*box,))
            for box, score, index in zip(boxes, rows[:, 4], rows[:, 5], strict=True)
        ]

    def checked_preprocessor(self) -> ObjectDetectorPreprocessor:
        """Returns the preprocessor. ValueError where there is none."""
        if self.preprocessor is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = ObjectDetectorPreprocessor(...)` first."
            )
        return self.preprocessor
