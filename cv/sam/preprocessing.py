"""From pictures and prompts to what SAM takes, and from its masks back to the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...applications.image_configs import FILTERS
from ...applications.images import ImageError, load_image, pillow
from ...applications.preprocessing import IMAGENET_MEAN, IMAGENET_STD, INTERPOLATIONS, as_list
from ...hub.bases import Preprocessor
from ...hub.config_table import ANY, FLAG, NUMBER, Argument, ConfigTable, Fixed
from ...hub.errors import HubError

FILE, PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"


@dataclass(frozen=True)
class Frame:
    """Where a picture lies in the square that SAM sees: at its top left, resized.

    Attributes:
        size: height and width of the picture.
        scaled: height and width that it has in the square.
        side: height and width of the square.
    """

    size: tuple[int, int]
    scaled: tuple[int, int]
    side: int

    def places(self, places: np.ndarray) -> np.ndarray:
        """Returns places (…, 2), x and y in pixels of the picture, in those of the square."""
        height, width = (new / old for new, old in zip(self.scaled, self.size, strict=True))
        return np.asarray(places, np.float64) * (width, height)

    def masks(self, logits: np.ndarray) -> np.ndarray:
        """Returns logits (…, height, width) of the picture, of those of the square (…, rows, rows).

        Bilinear both times, as torch interpolates: to the square, whose margin is cut off, and to
        the picture.
        """
        rows = logits.shape[-1]
        down, across = (
            (bilinear_weights(old, new) @ bilinear_weights(self.side, rows)[:new]).astype("float32")
            for old, new in zip(self.size, self.scaled, strict=True)
        )
        return down @ (logits.astype(np.float32) @ across.T)


def bilinear_weights(new: int, old: int) -> np.ndarray:
    """Returns the matrix (new, old) that stretches `old` samples to `new` by linear interpolation.

    Centres of samples lie half a step from the ends, beyond which the last one is repeated.
    """
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    start = np.floor(centre).astype(int)
    weights = np.zeros((new, old))
    rows = np.arange(new)
    np.add.at(weights, (rows, start), 1 - (centre - start))
    np.add.at(weights, (rows, np.minimum(start + 1, old - 1)), centre - start)
    return weights


class SAMPreprocessor(Preprocessor):
    """Pictures to float32 arrays (batch, image_size, image_size, 3).

    The longer side becomes `image_size`; what is left of the square, at the right or below, is
    zeros.

    Args:
        image_size: height and width of the result, in pixels.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming": Pillow's,
            which are antialiased.
        scale: what pixels, 0 to 255, are multiplied by first.
        mean: subtracted then, one for each channel.
        std: divided by then, one for each channel.

    Raises:
        ValueError: an argument is out of its range.
    """

    task = "image_segmenter"

    def __init__(
        self,
        image_size: int = 1024,
        interpolation: str = "bilinear",
        scale: float = 1 / 255,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        if interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise ValueError(f"`interpolation` must be one of {known}; got {interpolation!r}.")
        if image_size < 1 or len(mean) != 3 or len(std) != 3 or 0 in std:
            raise ValueError(
                "`image_size` must be positive, `mean` and `std` have three numbers and no `std` "
                f"be 0; got {image_size}, {tuple(mean)} and {tuple(std)}."
            )
        self.image_size, self.interpolation, self.scale = image_size, interpolation, scale
        self.mean, self.std = tuple(mean), tuple(std)

    def __call__(self, images: Any) -> np.ndarray:
        """One picture or several, as float32 (batch, image_size, image_size, 3).

        Raises ImageError for what is not a picture, and ValueError for none at all.
        """
        pictures = as_list(images)
        if not pictures:
            raise ValueError("No pictures were given: one is expected at least.")
        return np.stack([self.framed(load_image(picture))[0] for picture in pictures])

    def framed(self, picture: Any) -> tuple[np.ndarray, Frame]:
        """Returns an image of Pillow as float32 (image_size, image_size, 3), and where it lies.

        Raises:
            ImageError: the picture is too long and thin.
        """
        frame = self.frame((picture.height, picture.width))
        height, width = frame.scaled
        resample = getattr(pillow().Resampling, self.interpolation.upper())
        pixels = np.asarray(picture.resize((width, height), resample), np.float32)
        mean, std = np.asarray(self.mean, np.float64), np.asarray(self.std, np.float64)
        out = np.zeros((self.image_size, self.image_size, 3), np.float32)
        out[:height, :width] = pixels * np.float32(self.scale / std) - np.float32(mean / std)
        return out, frame

    def frame(self, size: tuple[int, int]) -> Frame:
        """Returns where a picture of a height and a width lies in the square.

        Raises:
            ImageError: one side would be less than a pixel long.
        """
        scale = self.image_size / max(size)
        height, width = (int(side * scale + 0.5) for side in size)
        if not (height and width):
            raise ImageError(
                f"A picture of {size[0]}x{size[1]} pixels (height, width) is too long and thin: "
                f"nothing is left of one side when the other has {self.image_size}."
            )
        return Frame((int(size[0]), int(size[1])), (height, width), self.image_size)


def _edge(found: dict[str, Any]) -> dict[str, Any]:
    size, pad = found.pop("size"), found.pop("pad")
    edge = size.get("longest_edge") if isinstance(size, Mapping) else None
    if not isinstance(edge, int) or edge < 1 or pad != {"height": edge, "width": edge}:
        raise HubError(
            f"{FILE}: size is {size!r} and pad_size {pad!r}; supported: a longest_edge, and a "
            "height and a width that are equal to it."
        )
    means = found["mean"], found["std"]
    for key, value in zip(("image_mean", "image_std"), means, strict=True):
        numbers = isinstance(value, list | tuple) and all(isinstance(n, int | float) for n in value)
        if not numbers or len(value) != 3:
            raise HubError(f"{FILE}: {key} is {value!r}; three numbers are expected.")
    if not found.pop("rescales"):
        found["scale"] = 1.0
    return {**found, "image_size": edge}


def _square(found: dict[str, Any]) -> dict[str, Any]:
    edge = found.pop("image_size")
    return {
        **found,
        "mean": list(found["mean"]),
        "std": list(found["std"]),
        "size": {"longest_edge": edge},
        "pad": {"height": edge, "width": edge},
        "rescales": True,
    }


_SIDE = 1024
CONFIG = ConfigTable(
    "a picture",
    Argument("size", "size", ANY, {"longest_edge": _SIDE}),
    Argument("pad_size", "pad", ANY, {"height": _SIDE, "width": _SIDE}),
    Argument("resample", "interpolation", default=2, values=FILTERS),
    Argument("do_rescale", "rescales", FLAG, True),
    Argument("rescale_factor", "scale", NUMBER, 1 / 255),
    Argument("image_mean", "mean", ANY, list(IMAGENET_MEAN)),
    Argument("image_std", "std", ANY, list(IMAGENET_STD)),
    Fixed("do_resize", True),
    Fixed("do_pad", True),
    Fixed("do_normalize", True),
    Fixed("do_center_crop", False),
    # Of masks that teach, which are not read here.
    irrelevant=(
        *("mask_size", "mask_pad_size", "data_format", "device", "disable_grouping"),
        *("do_convert_rgb", "input_data_format", "return_tensors", "_valid_processor_keys"),
        *("feature_extractor_type",),
    ),
    constants={"image_processor_type": "SamImageProcessor", "processor_class": "SamProcessor"},
    file=FILE,
    finish=_edge,
    undo=_square,
)


def settings_of(files: Mapping[str, Mapping[str, Any]], image_size: int) -> dict[str, Any]:
    """Returns the arguments of `SAMPreprocessor` that transformers' files give.

    Args:
        files: parsed JSON files; those of SAM's usual preprocessor if there are none.
        image_size: what the network takes.

    Raises:
        HubError: a file asks for what the preprocessor does not do, or for another size.
    """
    if FILE in files:
        found = CONFIG.read(files[FILE])
    elif PROCESSOR_FILE in files and isinstance(
        inner := files[PROCESSOR_FILE].get("image_processor"), Mapping
    ):
        found = CONFIG.read(inner)
    else:
        return {"image_size": image_size}
    if found["image_size"] != image_size:
        raise HubError(
            f"{FILE} makes pictures of {found['image_size']} pixels, and the network takes "
            f"{image_size}."
        )
    return found
