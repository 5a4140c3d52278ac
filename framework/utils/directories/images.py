"""image_dataset_from_directory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import config
from ...backends import registry
from ...context import entered
from ...ops.image_resize import resize
from .listing import Request

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_INTERPOLATIONS = (
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
    "gaussian",
    "mitchellcubic",
)


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Returns a dataset of the images in a directory, with the classes that they belong to.

    Images are float32 from 0 to 255, (batch, height, width, channels); PNG, JPEG, BMP and the first
    picture of GIF files are read, by TensorFlow for "tf", else by Pillow.

    Args:
        directory: where the files lie; with inferred labels those of each class in a folder of its
            own, or below it.
        labels: "inferred" from the folders, None, or a list of whole numbers for the files in the
            order of their paths.
        label_mode: "int": int32; "binary": float32 (batch, 1), of two classes; "categorical":
            float32 (batch, classes); None for no labels.
        class_names: the folders in the order of their numbers; in alphabetical order if None.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: files of a batch; None for single files.
        image_size: (height, width), or one number for both.
        shuffle: whether the files come in a random order, another one in each epoch.
        seed: where the order is drawn from.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a list of two datasets.
        interpolation: how images are resized; "area", "gaussian" and "mitchellcubic" for "tf" only.
        follow_links: whether links to folders are followed.
        crop_to_aspect_ratio: whether the middle of an image is taken rather than distorting it.
        pad_to_aspect_ratio: whether black margins are added rather than distorting it.
        data_format: "channels_last" or "channels_first"; the setting if None.
        format: "tf" for a `tf.data.Dataset`; "grain" for a `grain.IterDataset`; "py" for a
            PyDataset, which "tf" gives, too, where TensorFlow is not installed.
        verbose: whether the number of files is told.

    Returns:
        A dataset with the attributes `class_names` and `file_paths`.

    Raises:
        ValueError: arguments that do not go together, or no files.
        ImportError: grain, or Pillow, is needed and not installed.
    """
    request = Request(
        "image",
        FORMATS,
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        format,
        verbose,
    )
    if color_mode not in _CHANNELS:
        raise ValueError(
            '`color_mode` must be one of {"rgb", "rgba", "grayscale"}. Received: color_mode='
            f"{color_mode}"
        )
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise ValueError(
            f"Invalid `image_size` value. Expected a tuple of 2 integers. Received: image_size="
            f"{image_size}"
        )
    interpolation = interpolation.lower()
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"Argument `interpolation` should be one of {_INTERPOLATIONS}. Received: interpolation="
            f"{interpolation}"
        )
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`."
        )
    fit = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"
    first = (data_format or config.image_data_format()) == "channels_first"
    how = ((size[0], size[1]), color_mode, interpolation, fit, first)

    def dataset_of(files: Any, shuffled: bool) -> Any:
        if request.format != "tf":
            return request.on_host(files, shuffled, lambda path: _read(path, *how))
        tensorflow = registry.get("tensorflow").datasets
        read = tensorflow.image_reader(how[0], _CHANNELS[color_mode], *how[2:])
        order = (request.batch_size, shuffled, request.seed)
        return tensorflow.of_files(files.paths, request.encoded_labels(files), read, *order)

    return request.datasets(dataset_of)


def _read(
    path: str, size: tuple[int, int], color_mode: str, interpolation: str, fit: str, first: bool
) -> np.ndarray:
    """An image file as float32, resized."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Reading images needs the package Pillow, which is not installed. Install it with: "
            "pip install 'isozoo[images]'."
        ) from error
    modes = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
    with Image.open(path) as image:
        pixels = np.asarray(image.convert(modes[color_mode]), np.float32)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    inner, pads = (size, [(0, 0)] * 3) if fit != "pad" else _padded(pixels.shape, size)
    with entered(backend=registry.get("numpy")):
        pixels = resize(
            pixels,
            inner,
            interpolation=interpolation,
            crop_to_aspect_ratio=fit == "crop",
            data_format="channels_last",
        )
    pixels = np.pad(np.asarray(pixels, np.float32), pads)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if first else pixels


def _padded(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[Any, Any]:
    """The size of an image in the middle of black margins, and these: as TensorFlow has them."""
    shrink = max(n / wanted for n, wanted in zip(shape, size, strict=False))
    whole = [n / shrink for n in shape[:2]]
    inner = tuple(int(n) for n in whole)
    before = [max(0, int((wanted - n) / 2)) for wanted, n in zip(size, whole, strict=True)]
    pads = [(b, w - b - n) for b, w, n in zip(before, size, inner, strict=True)]
    return inner, [*pads, (0, 0)]
