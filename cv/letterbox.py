"""Pictures in a frame of a detector's size, with grey around them, and the way back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..applications.images import MAX_PIXELS, ImageError, load_image
from ..applications.preprocessing import as_list
from ..hub.bases import Preprocessor

GREY = 114
_ONE = 2048  # the unit of OpenCV's weights


class Frame(NamedTuple):
    """Where a picture lies in its frame.

    Attributes:
        height, width: of the frame, in pixels.
        top, left: the picture's corner in it.
        scale: by which the picture was resized.
        picture_height, picture_width: of the picture, before it was resized.
    """

    height: int
    width: int
    top: int
    left: int
    scale: float
    picture_height: int
    picture_width: int

    def to_picture(self, boxes: np.ndarray) -> np.ndarray:
        """Returns boxes (..., 4) in pixels of the picture, cut at its borders.

        Args:
            boxes: left, top, right, bottom in pixels of the frame.
        """
        corner = np.array([self.left, self.top, self.left, self.top], boxes.dtype)
        size = np.array([self.picture_width, self.picture_height] * 2, boxes.dtype)
        return np.clip((boxes - corner) / np.asarray(self.scale, boxes.dtype), 0, size)

    def to_frame(self, boxes: np.ndarray) -> np.ndarray:
        """Returns boxes (..., 4) of the picture in pixels of the frame.

        Args:
            boxes: left, top, right, bottom in pixels of the picture.
        """
        corner = np.array([self.left, self.top, self.left, self.top], boxes.dtype)
        return boxes * np.asarray(self.scale, boxes.dtype) + corner


class ObjectDetectorPreprocessor(Preprocessor):
    """Pictures to float32 arrays (batch, height, width, 3) from 0 to 1, and where they lie in them.

    A picture is resized, its proportions kept, so that its longer side is `image_size`, and stands
    in the middle of a grey frame: a square of `image_size`, or the least frame whose sides are
    multiples of `stride`. Pixels are interpolated linearly between the nearest four, without
    antialiasing, in OpenCV's fixed-point arithmetic, as detectors of ultralytics are trained.

    Args:
        image_size: the longer side of the frame, in pixels; a multiple of `stride`.
        stride: of which the sides of the frame are multiples.
        square: whether all frames are squares.
        labels: names of the classes, by number.

    Raises:
        ValueError: an image size that is not a multiple of the stride.
    """

    task = "object_detector"

    def __init__(
        self,
        image_size: int = 640,
        stride: int = 32,
        square: bool = False,
        labels: Sequence[str] | None = None,
    ) -> None:
        if stride < 1 or image_size < stride or image_size % stride:
            raise ValueError(
                f"`image_size` must be a positive multiple of `stride`; got {image_size} and "
                f"{stride}."
            )
        self.image_size, self.stride, self.square = image_size, stride, square
        self.labels = None if labels is None else tuple(labels)

    def __call__(self, inputs: Any) -> np.ndarray:
        """Returns pictures in square frames, (batch, image_size, image_size, 3).

        Args:
            inputs: a picture or several; see `applications.images.load_image`.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: there is no picture.
        """
        pictures = as_list(inputs)
        if not pictures:
            raise ValueError("No pictures were given: one is expected at least.")
        return np.stack([self.frame(picture, square=True)[0] for picture in pictures])

    def examples(
        self,
        pictures: Sequence[Any],
        objects: Sequence[Sequence[tuple[int | str, Any]]],
        most: int | None = None,
        names: Sequence[str] | None = None,
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns pictures and their objects as `fit` takes them: (x, y).

        Args:
            pictures: see `applications.images.load_image`.
            objects: for each picture its objects: the number or the name of the class, and the box
                (left, top, right, bottom) in pixels of the picture, at whose borders it is cut.
            most: rows for the objects of a picture; as many as the one with the most needs if None.
            names: what errors call the pictures; their places in the list if None.

        Returns:
            x, (batch, image_size, image_size, 3); and a dict of "boxes", (batch, objects, 4), in
            pixels of the frame, and "classes", int32 (batch, objects), -1 behind the last object.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: lists of two lengths, an unknown class, a box without an area, or one that
                lies outside of its picture.
        """
        if len(pictures) != len(objects) or not pictures:
            raise ValueError(
                f"There are {len(pictures)} pictures and objects of {len(objects)}: one list of "
                "objects for each picture is expected, and one picture at least."
            )
        needed = max(1, *map(len, objects))
        most = needed if most is None else most
        if most < needed:
            raise ValueError(f"A picture has {needed} objects, and `most` is {most}.")
        boxes = np.zeros((len(pictures), most, 4), np.float32)
        classes = np.full((len(pictures), most), -1, np.int32)
        images = []
        for row, (picture, found) in enumerate(zip(pictures, objects, strict=True)):
            called = f"Picture {row if names is None else names[row]}"
            image, frame = self.frame(picture, square=True)
            size = frame.picture_width, frame.picture_height
            images.append(image)
            for place, (name, box) in enumerate(found):
                classes[row, place] = self._number(name)
                left, top, right, bottom = map(float, box)
                if not (left < right and top < bottom):
                    raise ValueError(
                        f"{called} has the box {tuple(box)}: left < right and top < bottom are "
                        "expected."
                    )
                cut = np.clip((left, top, right, bottom), 0, size * 2)
                if cut[0] == cut[2] or cut[1] == cut[3]:
                    raise ValueError(
                        f"{called} has {size[0]} x {size[1]} pixels (width x height), and its box "
                        f"{tuple(box)} lies outside of it: left, top, right and bottom in pixels "
                        "of the picture are expected."
                    )
                boxes[row, place] = frame.to_frame(cut)
        return np.stack(images), {"boxes": boxes, "classes": classes}

    def _number(self, name: int | str) -> int:
        """The number of a class that is given by its number or its name."""
        labels = self.labels or ()
        if isinstance(name, str) and name in labels:
            return labels.index(name)
        if isinstance(name, int) and name >= 0 and (not labels or name < len(labels)):
            return name
        raise ValueError(f"There is no class {name!r}; the classes are: {', '.join(labels)}.")

    def frame(self, picture: Any, square: bool | None = None) -> tuple[np.ndarray, Frame]:
        """Returns one picture in its frame, float32 (height, width, 3), and where it lies.

        Args:
            picture: see `applications.images.load_image`.
            square: whether the frame is a square; the preprocessor's own choice if None.

        Raises:
            ImageError: the picture cannot be read, or is so thin that nothing of it is left.
        """
        pixels = np.asarray(load_image(picture))
        where = self.frame_of(pixels.shape[0], pixels.shape[1], square, picture)
        rows = max(1, round(where.picture_height * where.scale))
        columns = max(1, round(where.picture_width * where.scale))
        out = np.full((where.height, where.width, 3), GREY, np.uint8)
        inside = out[where.top : where.top + rows, where.left : where.left + columns]
        inside[...] = resize(pixels, rows, columns)
        return out.astype(np.float32) / np.float32(255), where

    def frame_of(
        self, height: int, width: int, square: bool | None = None, picture: Any = None
    ) -> Frame:
        """Returns where a picture of a size would lie.

        Args:
            height: of the picture, in pixels.
            width: of the picture, in pixels.
            square: see `frame`.
            picture: what errors call it.
        """
        size = self.image_size
        scale = min(size / height, size / width)
        rows, columns = round(height * scale), round(width * scale)
        if not rows or not columns:
            name = os.fspath(picture) if isinstance(picture, str | os.PathLike) else "A picture"
            raise ImageError(
                f"{name}: {width}x{height} pixels are too long and thin for a frame of {size}x"
                f"{size}: less than one pixel would be left. Cut the picture into parts."
            )
        whole = self.square if square is None else square
        around = [size - n if whole else (size - n) % self.stride for n in (rows, columns)]
        # The half pixel of an odd number goes to the lower and to the right side.
        return Frame(
            rows + around[0],
            columns + around[1],
            around[0] // 2,
            around[1] // 2,
            scale,
            height,
            width,
        )


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns a uint8 picture (rows, columns, channels) in another size.

    Each pixel is the weighted mean of the nearest four, whose weights are rounded to 1 / 2048 and
    whose sums are cut as in OpenCV's `resize` with INTER_LINEAR.

    Args:
        pixels: uint8 (rows, columns, channels).
        height: rows of the result.
        width: columns of the result.

    Raises:
        ImageError: the result would be over 100 million pixels.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    if height * width > MAX_PIXELS:
        raise ImageError(f"A picture of {height}x{width} pixels is too large.")
    upper, lower, (top, bottom) = _neighbours(pixels.shape[0], height)
    left, right, (west, east) = _neighbours(pixels.shape[1], width)
    wide = pixels[:, left] * west[:, None] + pixels[:, right] * east[:, None]
    wide >>= 4
    above = (wide[upper] * top[:, None, None]) >> 16
    below = (wide[lower] * bottom[:, None, None]) >> 16
    return ((above + below + 2) >> 2).astype(np.uint8)


def _neighbours(old: int, new: int) -> tuple[np.ndarray, np.ndarray, tuple[Any, Any]]:
    """Returns for each new place the two old ones beside it, and their weights in 1 / 2048."""
    middle = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    first = np.floor(middle)
    share, first = middle - first, first.astype(np.int32)
    weights = (
        np.rint((1 - share) * _ONE).astype(np.int32),
        np.rint(share * _ONE).astype(np.int32),
    )
    return np.clip(first, 0, old - 1), np.clip(first + 1, 0, old - 1), weights
