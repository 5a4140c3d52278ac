"""From pictures to the tensors that classifiers take: resize, crop, normalise, all as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..hub.bases import Preprocessor
from .images import MAX_PIXELS, ImageError, load_image, pillow

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CROPS = ("resize_first", "crop_first", "squash", "none")
INTERPOLATIONS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")


class ImageClassifierPreprocessor(Preprocessor):
    """Pictures to float32 arrays of shape (batch, height, width, 3).

    Args:
        image_size: height and width of the result, in pixels.
        crop: how the middle of the picture is taken. "resize_first" (torchvision, timm,
            transformers) resizes it to just cover image_size / crop_ratio and cuts out the
            centre; "crop_first" (TensorFlow's EfficientNet) cuts out a centred square of
            crop_ratio times the shorter side and resizes it; "squash" (timm) resizes the whole
            picture to image_size / crop_ratio, whatever its proportions, and cuts out the centre;
            "none" resizes the whole picture to image_size.
        crop_ratio: share of the shorter side that is kept.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming": Pillow's,
            which are antialiased.
        scale: what pixels, 0 to 255, are multiplied by first.
        mean: subtracted then, one for each channel.
        std: divided by then, one for each channel.
        channel_order: "rgb" or "bgr"; mean and std are in this order.
        labels: names of the classes, by number.
        margin: which pixel the centre begins at where the margins differ by one: "floor"
            (transformers) makes the first the smaller, "round" (torchvision, timm) rounds half of
            both to an even number.

    Raises:
        ValueError: an argument is out of its range.
    """

    task = "image_classifier"

    def __init__(
        self,
        image_size: tuple[int, int] = (224, 224),
        crop: str = "resize_first",
        crop_ratio: float = 0.875,
        interpolation: str = "bilinear",
        scale: float = 1 / 255,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channel_order: str = "rgb",
        labels: Sequence[str] | None = None,
        margin: str = "floor",
    ) -> None:
        if crop not in CROPS:
            raise ValueError(f"`crop` must be one of {CROPS}; got {crop!r}.")
        if interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise ValueError(f"`interpolation` must be one of {known}; got {interpolation!r}.")
        if channel_order not in ("rgb", "bgr"):
            raise ValueError(f"`channel_order` must be 'rgb' or 'bgr'; got {channel_order!r}.")
        if margin not in ("floor", "round"):
            raise ValueError(f"`margin` must be 'floor' or 'round'; got {margin!r}.")
        if not 0 < crop_ratio <= 1 or len(mean) != 3 or len(std) != 3 or 0 in std:
            raise ValueError(
                f"`crop_ratio` must lie in (0, 1], `mean` and `std` have three numbers and no "
                f"`std` be 0; got {crop_ratio}, {tuple(mean)} and {tuple(std)}."
            )
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.crop, self.crop_ratio, self.interpolation = crop, crop_ratio, interpolation
        self.scale, self.mean, self.std = scale, tuple(mean), tuple(std)
        self.channel_order, self.margin = channel_order, margin
        self.labels = None if labels is None else tuple(labels)

    def __call__(self, images: Any) -> np.ndarray:
        """One picture or several (see `load_image`), as float32 (batch, height, width, 3).

        Raises ImageError for what is not a picture, and ValueError for none at all.
        """
        pictures = as_list(images)
        if not pictures:
            raise ValueError("No pictures were given: one is expected at least.")
        out = np.empty((len(pictures), *self.image_size, 3), np.float32)
        for row, picture in zip(out, pictures, strict=True):
            pixels = np.asarray(self._framed(load_image(picture)), np.float32)
            row[...] = pixels if self.channel_order == "rgb" else pixels[..., ::-1]
        factor = np.float32(self.scale) / np.asarray(self.std, np.float32)
        shift = np.asarray(self.mean, np.float64) / np.asarray(self.std, np.float64)
        out *= factor
        out -= shift.astype(np.float32)
        return out

    def _framed(self, image: Any) -> Any:
        """Returns the part of the picture that the model sees, in its size."""
        resample = getattr(pillow().Resampling, self.interpolation.upper())
        height, width = self.image_size
        if self.crop == "none":
            return image.resize((width, height), resample)
        if self.crop == "crop_first":
            side = min(image.width * height / width, image.height) * self.crop_ratio
            box = _centred(image.width, image.height, round(side * width / height), round(side))
            return image.resize((width, height), resample, box=box)
        size = int(width / self.crop_ratio), int(height / self.crop_ratio)
        size = size if self.crop == "squash" else _covering(image.size, *size)
        image = image if image.size == size else image.resize(size, resample)
        return image.crop(_centred(image.width, image.height, width, height, self.margin))


def _covering(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Returns the smallest size of the same proportions that covers width x height."""
    if size[0] * height <= size[1] * width:
        size = width, size[1] * width // size[0]
    else:
        size = size[0] * height // size[1], height
    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError(f"The picture is too long and thin: it would be resized to {size}.")
    return size


def _centred(
    width: int, height: int, inner_width: int, inner_height: int, margin: str = "floor"
) -> tuple[int, ...]:
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    if margin == "round":
        left, top = round((width - inner_width) / 2), round((height - inner_height) / 2)
    return left, top, left + inner_width, top + inner_height


def is_one(images: Any) -> bool:
    """Returns whether this is one picture and not several."""
    if isinstance(images, list | tuple):
        return False
    return not (hasattr(images, "__array__") and getattr(images, "ndim", 0) == 4)


def as_list(images: Any) -> list[Any]:
    """Returns the pictures as a list: one, a list, or an array (batch, height, width, channels)."""
    return [images] if is_one(images) else list(images)
