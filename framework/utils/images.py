"""Images of Pillow as arrays, in files, and back."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..ops.image_common import channels_last

_RESAMPLINGS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
# Modes of grey images that `load_img` leaves as they are.
_GREY = ("L", "I;16", "I")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """Returns an image of Pillow with the values of an array.

    Args:
        x: shape (height, width, channels), or (channels, height, width) with "channels_first";
            1 channel for grey, 3 for RGB, 4 for RGBA.
        data_format: "channels_last" or "channels_first"; None for the default.
        scale: whether the least value becomes 0 and the greatest 255; else the values are cut to
            integers as they are.
        dtype: in which the scale is computed; None for the default float.

    Raises:
        ValueError: another shape.
        ImportError: Pillow is not installed.
    """
    last = channels_last(data_format)
    image = pillow("array_to_img")
    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim != 3:
        raise ValueError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}"
        )
    if not last:
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        top = np.max(x)
        x = (x / top if top != 0 else x) * 255
    channels = x.shape[2]
    if channels in (3, 4):
        return image.fromarray(x.astype("uint8"))
    if channels != 1:
        raise ValueError(f"Unsupported channel number: {channels}. Expected 1, 3 or 4.")
    x = x[:, :, 0]
    return image.fromarray(x.astype("int32" if np.max(x) > 255 else "uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Returns the values of an image of Pillow.

    Args:
        img: the image.
        data_format: "channels_last" or "channels_first"; None for the default.
        dtype: of the result; None for the default float.

    Returns:
        Shape (height, width, channels), or (channels, height, width) with "channels_first".

    Raises:
        ValueError: something else than an image of 2 or 3 axes.
    """
    last = channels_last(data_format)
    x = np.asarray(img, dtype=dtype or config.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    x = x[:, :, None] if x.ndim == 2 else x
    return x if last else x.transpose(2, 0, 1)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file.

    Args:
        path: a path, or a binary file.
        x: see `array_to_img`.
        data_format: see `array_to_img`.
        file_format: a format of Pillow; that of the path's ending if None.
        scale: see `array_to_img`.
        **kwargs: handed to Pillow's `Image.save`.

    Raises:
        ValueError: another shape, or an ending or format that Pillow does not know.
        ImportError: Pillow is not installed.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = Path(path).suffix[1:].lower() or None
    if file_format is not None and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format is not None and file_format.lower() == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2
        )
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Returns the image in a file, as Pillow has it.

    Args:
        path: a path, or the file's bytes in an `io.BytesIO`.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) to which it is resized; None for its own.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether a margin is cut off, so that the rest has the proportions of
            `target_size`.

    Raises:
        TypeError: something else than a path or `io.BytesIO`.
        ValueError: an unknown mode or interpolation.
        OSError: the file cannot be read, or is no image.
        ImportError: Pillow is not installed.
    """
    images = pillow("load_img")
    if isinstance(path, io.BytesIO):
        image = images.open(path)
    elif isinstance(path, str | bytes | os.PathLike):
        with open(path, "rb") as file:
            image = images.open(io.BytesIO(file.read()))
    else:
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in _MODES:
        raise ValueError(
            f'color_mode must be "grayscale", "rgb", or "rgba". Received: {color_mode!r}'
        )
    if image.mode != _MODES[color_mode] and not (color_mode == "grayscale" and image.mode in _GREY):
        image = image.convert(_MODES[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _RESAMPLINGS:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are "
            f"{', '.join(_RESAMPLINGS)}"
        )
    height, width = target_size
    box = _middle(image.size, (width, height)) if keep_aspect_ratio else None
    return image.resize((width, height), images.Resampling[interpolation.upper()], box=box)


def _middle(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest part of an image about its middle that has the proportions of `wanted`.

    Sizes are (width, height), the result (left, top, right, bottom), all in pixels.
    """
    width = min(size[0], size[1] * wanted[0] // wanted[1])
    height = min(size[1], size[0] * wanted[1] // wanted[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def pillow(what: str) -> Any:
    """Returns the module `PIL.Image`. ImportError, which names the extra, if it is missing."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"Could not import PIL.Image. The use of `{what}` requires PIL: "
            "pip install 'isozoo[images]'"
        ) from error
    return Image
