"""Pictures in any form that users have them, as RGB images of Pillow.

Reading needs Pillow: `pip install "isozoo[images]"`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

# Beyond this a file is an attack or a mistake; 16 bits of RGB of it are 0.6 GB.
MAX_PIXELS = 100_000_000


class ImageError(ValueError):
    """A picture that cannot be used: missing, no image, cut short, or an array of another kind."""


def pillow() -> Any:
    """Returns Pillow's module `Image`. ImportError with the install command when it is missing."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('Pictures need Pillow: pip install "isozoo[images]"') from error
    return Image


def load_image(source: Any) -> Image.Image:
    """Reads a picture as an upright RGB image.

    Args:
        source: a path; an image of Pillow; or a uint8 array of shape (height, width),
            (height, width, 1), (height, width, 3) or (height, width, 4). EXIF orientation is
            followed, 16 bits are brought to 8, and of a transparent picture the colours are taken
            and the transparency is left out.

    Raises:
        ImageError: the file is missing, not an image, cut short or over 100 million pixels; the
            array has another shape or dtype.
        ImportError: Pillow is not installed.
    """
    image_module = pillow()
    if isinstance(source, str | os.PathLike):
        return _read(os.fspath(source), image_module)
    if isinstance(source, image_module.Image):
        return _upright_rgb(source)
    if hasattr(source, "__array__"):
        return _from_array(np.asarray(source), image_module)
    raise ImageError(
        f"A {type(source).__name__} is not a picture: give a path, an image of Pillow, or a uint8 "
        "array of shape (height, width, 3)."
    )


def _read(path: str, image_module: Any) -> Image.Image:
    try:
        with image_module.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(
                    f"{path}: {image.width}x{image.height} pixels are more than {MAX_PIXELS}; "
                    "make the picture smaller."
                )
            image.load()
            return _upright_rgb(image)
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path}: there is no such file.") from error
    # Pillow's decoders raise all of these on damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, image_module.DecompressionBombError) as e:
        raise ImageError(
            f"{path}: it cannot be read as an image ({e}). It may be cut short, damaged or of "
            "another kind; PNG, JPEG, WebP, GIF, BMP and TIFF are read."
        ) from e


def _upright_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255.
        return _from_array((np.asarray(image) >> 8).astype(np.uint8), pillow())
    if image.mode in ("I", "F"):
        raise ImageError(
            f"Pixels of mode {image.mode!r} (32 bits) have no known range: scale them to 0…255 and "
            "pass a uint8 array."
        )
    # By way of RGBA, for Pillow warns of a palette with transparency otherwise.
    return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")


def _from_array(array: np.ndarray, image_module: Any) -> Image.Image:
    if array.dtype != np.uint8:
        raise ImageError(
            f"An array of dtype {array.dtype} is not a picture: uint8 is expected, 0 to 255."
        )
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (3, 4))) or 0 in array.shape:
        raise ImageError(
            f"An array of shape {array.shape} is not a picture: (height, width, 3) is expected."
        )
    return image_module.fromarray(np.ascontiguousarray(array)).convert("RGB")
