"""SAM for users: a picture is encoded once, and prompted many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...applications.images import load_image
from ...framework import ops
from ...hub.bases import Task
from ..masks import encode_rle, mask_box
from .adapters import SAMCommandLineAdapter, SAMParityAdapter, SAMPresetAdapter
from .automatic import Settings, segment_everything
from .backbone import SAMBackbone
from .preprocessing import Frame, SAMPreprocessor


@dataclass(frozen=True)
class Mask:
    """A mask of an object in a picture.

    Attributes:
        pixels: booleans (height, width) of the picture.
        score: its intersection over union with the object, as the model predicts it.
        logits: float32 (rows, rows), what the model gave; fit to be a prompt.
    """

    pixels: np.ndarray
    score: float
    logits: np.ndarray = field(repr=False)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The first and the last column and row: left, top, right, bottom."""
        return mask_box(self.pixels)

    @property
    def area(self) -> int:
        """How many pixels belong to it."""
        return int(self.pixels.sum())

    def rle(self, compressed: bool = True) -> dict[str, Any]:
        """Returns its code in COCO's form; see `isozoo.cv.encode_rle`."""
        return encode_rle(self.pixels, compressed)


class Scene:
    """A picture that is encoded, ready for prompts.

    Args:
        model: the segmenter.
        embeddings: (1, grid, grid, output_dim), a native tensor.
        frame: where the picture lies in the square that the model sees.

    Attributes:
        embeddings: as given.
        size: height and width of the picture.
    """

    def __init__(self, model: SAMImageSegmenter, embeddings: Any, frame: Frame) -> None:
        self.model, self.embeddings, self.frame = model, embeddings, frame
        self.size = frame.size

    def masks(
        self,
        points: Any = None,
        labels: Any = None,
        boxes: Any = None,
        mask: Any = None,
        several: bool = True,
    ) -> Any:
        """Returns masks of the object, or of each of several, that prompts show; the best first.

        Args:
            points: x and y in pixels of the picture: (points, 2) for one object, (objects, points,
                2) for several.
            labels: 1 for points of the object, 0 for those that do not belong to it; of the shape
                of `points` without its last axis. All are 1 if None.
            boxes: left, top, right and bottom: (4,) for one object, (objects, 4) for several.
            mask: logits of an earlier mask, (rows, rows), or (objects, rows, rows).
            several: whether a prompt may mean several things, such as a person or their shirt, and
                gives a mask for each of three; else it gives one, which suits prompts that leave no
                doubt: boxes, and several points.

        Returns:
            A list of `Mask` for one object; for several, a list of such lists.

        Raises:
            ValueError: there is no prompt, one of another shape, a point or a corner that lies
                outside of the picture, other labels than 0 and 1 or of another number than the
                points, or prompts for different numbers of objects.
        """
        prompts, one = self.checked(points, labels, boxes, mask)
        logits, scores = self.predict(**prompts)
        chosen = slice(1, None) if several else slice(0, 1)
        found = [
            self._masks(logits[place, chosen], scores[place, chosen])
            for place in range(len(logits))
        ]
        return found[0] if one else found

    def predict(self, **prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns logits (objects, masks, rows, rows) and scores (objects, masks).

        Args:
            **prompts: arguments of `SAMBackbone.decode` for one picture, without their first axis.
        """
        decode = self.model.backbone.compiled_method("decode")
        found = decode(self.embeddings, **{name: value[None] for name, value in prompts.items()})
        logits, scores = (
            np.asarray(ops.convert_to_numpy(found[name]), np.float32)[0]
            for name in ("logits", "scores")
        )
        return logits, scores

    def _masks(self, logits: np.ndarray, scores: np.ndarray) -> list[Mask]:
        pixels = self.frame.masks(logits) > 0
        order = np.argsort(-scores, kind="stable")
        return [Mask(pixels[place], float(scores[place]), logits[place]) for place in order]

    def checked(
        self, points: Any = None, labels: Any = None, boxes: Any = None, mask: Any = None
    ) -> tuple[dict[str, np.ndarray], bool]:
        """Returns prompts as `predict` takes them, and whether they are for one object.

        Takes what `masks` takes, and raises what it raises.
        """
        if points is None and boxes is None and mask is None:
            raise ValueError("There is no prompt: give points, boxes or a mask.")
        if labels is not None and points is None:
            raise ValueError("There are labels and no points that they belong to.")
        rows = 4 * self.model.backbone.grid
        found: dict[str, tuple[np.ndarray, bool]] = {}
        if points is not None:
            places, one = _array("points", points, (-1, 2), "x and y of each point")
            self._check_inside("points", places)
            found["points"] = places, one
            given = np.ones(places.shape[:2], np.int32) if labels is None else np.asarray(labels)
            shape = places.shape[1:2] if one and labels is not None else places.shape[:2]
            if given.shape != shape:
                raise ValueError(
                    f"`labels` of shape {given.shape} do not fit points of shape "
                    f"{np.shape(points)}: one label is expected for each point."
                )
            if not np.isin(given, (0, 1)).all():
                raise ValueError(
                    "`labels` are 1 for points of the object and 0 for others; got "
                    f"{sorted(set(given.reshape(-1).tolist()) - {0, 1})}."
                )
            found["labels"] = given.astype(np.int32).reshape(places.shape[:2]), one
        if boxes is not None:
            corners, one = _array("boxes", boxes, (4,), "left, top, right and bottom")
            corners = corners.reshape(-1, 2, 2)
            self._check_inside("boxes", corners)
            if (corners[:, 0] > corners[:, 1]).any():
                raise ValueError(
                    "`boxes` are left, top, right and bottom; in one of them the right is left of "
                    "the left, or the bottom above the top."
                )
            found["boxes"] = corners, one
        if mask is not None:
            found["masks"] = _array("mask", mask, (rows, rows), "logits of an earlier mask")
        counts = {name: len(value) for name, (value, _) in found.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"Prompts are for different numbers of objects: {counts}.")
        prompts = {name: value for name, (value, _) in found.items()}
        for name in {"points", "boxes"} & prompts.keys():
            prompts[name] = self.frame.places(prompts[name]).astype(np.float32)
        if "boxes" in prompts:
            prompts["boxes"] = prompts["boxes"].reshape(-1, 4)
        return prompts, all(one for _, one in found.values())

    def _check_inside(self, name: str, places: np.ndarray) -> None:
        height, width = self.size
        outside = ~((places >= 0) & (places <= (width, height))).all(-1)
        if outside.any():
            x, y = places[outside][0]
            raise ValueError(
                f"`{name}` name the place x={x:g}, y={y:g}, which lies outside of the picture of "
                f"{width}x{height} pixels (width, height)."
            )


class SAMImageSegmenter(Task):
    """SAM with its preprocessor: masks of what points, boxes and masks show, or of everything.

    The call itself gives what `SAMBackbone` gives.

    Args:
        dtype: dtype of the weights.
        **backbone: arguments of `SAMBackbone`.
    """

    task = "image_segmenter"
    preprocessor: SAMPreprocessor | None = None
    preset_adapter = SAMPresetAdapter
    command_line_adapter = SAMCommandLineAdapter
    parity_adapter = SAMParityAdapter

    def __init__(
        self, *, dtype: str | None = None, name: str | None = None, **backbone: Any
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.backbone = SAMBackbone(**backbone)
        self.built = True

    def call(self, inputs: Any) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns logits and scores of masks; see `SAMBackbone.call`."""
        return self.backbone(inputs)

    def encode(self, image: Any) -> Scene:
        """Encodes a picture, which takes long; the scene is then prompted quickly.

        Args:
            image: a path, an image of Pillow, or a uint8 array (height, width, 3).

        Raises:
            ImageError: the picture cannot be read.
            ValueError: there is no preprocessor.
        """
        pixels, frame = self.checked_preprocessor().framed(load_image(image))
        embeddings = self.backbone.compiled_method("encode")(pixels[None])
        return Scene(self, embeddings, frame)

    def segment(
        self,
        image: Any,
        *,
        progress: bool | None = None,
        **settings: Any,
    ) -> list[Any]:
        """Returns masks of everything in a picture, found by a grid of points; the best first.

        Args:
            image: what `encode` takes.
            progress: whether a bar is drawn; on a terminal alone if None.
            **settings: those of `isozoo.cv.sam.automatic.Settings`, such as `points_per_side` and
                `score_threshold`.

        Returns:
            A list of `isozoo.cv.sam.automatic.FoundMask`.

        Raises:
            ImageError: the picture cannot be read.
            ValueError: a setting is out of its range, or there is no preprocessor.
        """
        return segment_everything(self, load_image(image), Settings(**settings), progress)

    def checked_preprocessor(self) -> SAMPreprocessor:
        """Returns the preprocessor. ValueError where there is none."""
        if self.preprocessor is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = SAMPreprocessor(...)` first."
            )
        return self.preprocessor


def _array(name: str, value: Any, last: Sequence[int], what: str) -> tuple[np.ndarray, bool]:
    """Returns a prompt as float64 (objects, *last), and whether it was given for one object."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` are numbers, as many for each object: {what}; got {str(value)[:80]}."
        ) from error
    one = array.ndim == len(last)
    array = array[None] if one else array
    fits = array.ndim == len(last) + 1 and all(
        n in (size, -1) for n, size in zip(last, array.shape[1:], strict=True)
    )
    if not fits or not array.size or not np.isfinite(array).all():
        shape = ", ".join("points" if n == -1 else str(n) for n in last)
        raise ValueError(
            f"`{name}` have the shape ({shape}) for one object or (objects, {shape}) for several, "
            f"{what}; got {np.shape(value)}."
        )
    return array, one
