"""Pictures as the autoencoder takes and gives them, and their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...applications.images import ImageError, load_image, pillow

if TYPE_CHECKING:
    from PIL import Image


def to_unit(picture: Image.Image) -> np.ndarray:
    """Returns a picture as float32 (height, width, 3), from -1 to 1."""
    return np.asarray(picture, np.float32) / 127.5 - 1.0


def from_unit(pixels: np.ndarray) -> Image.Image:
    """Returns the picture of numbers (height, width, 3); what lies outside of -1 to 1 is cut.

    ValueError where a number is not finite.
    """
    if not np.isfinite(pixels).all():
        raise ValueError(
            "The decoder's picture is not finite: float16 may be too small for its weights; load "
            "the model with dtype='float32' or 'bfloat16'."
        )
    scaled = np.clip(pixels.astype(np.float64) / 2 + 0.5, 0.0, 1.0) * 255
    return pillow().fromarray(np.round(scaled).astype(np.uint8))


def picture_size(
    width: int | None, height: int | None, side: int, factor: int
) -> tuple[int | None, int | None, int, int]:
    """Returns width and height as they were given, the usual side, and what sizes are multiples of.

    Raises:
        ValueError: a size that is no positive multiple of `factor`.
    """
    for name, size in (("width", width), ("height", height)):
        if size is not None and (not isinstance(size, int) or size < factor or size % factor):
            lower = max(size // factor, 1) * factor if isinstance(size, int) else side
            raise ValueError(
                f"`{name}` must be a positive multiple of {factor}, for latents have one number "
                f"for {factor} pixels; got {size}. {lower} would do."
            )
    return width, height, side, factor


def known_parts(
    image: Any, mask: Any, sizes: tuple[int | None, int | None, int, int]
) -> tuple[int, int, Image.Image | None, Image.Image | None]:
    """Returns width, height, the picture to go on from in this size, and its mask.

    Args:
        image: a picture, or None.
        mask: white where it is painted anew, or None; of the picture's size.
        sizes: what `picture_size` returns.

    Raises:
        ImageError: a picture that cannot be read or is smaller than one latent, or a mask of
            another size than the picture, or without white.
    """
    width, height, side, factor = sizes
    if image is None:
        return width or side, height or side, None, None
    found = load_image(image)
    stencil = None if mask is None else load_image(mask).convert("L")
    if stencil is not None and stencil.size != found.size:
        raise ImageError(
            f"The mask has {stencil.width}x{stencil.height} pixels and the picture "
            f"{found.width}x{found.height}: they must be alike."
        )
    width = width or found.width // factor * factor
    height = height or found.height // factor * factor
    if not width or not height:
        raise ImageError(
            f"The picture has {found.width}x{found.height} pixels; {factor} of each are needed."
        )
    filters = pillow().Resampling
    found = found.resize((width, height), filters.LANCZOS)
    if stencil is not None:
        stencil = stencil.resize((width, height), filters.BILINEAR)
        if np.asarray(stencil).max() < 128:
            raise ImageError("The mask is black everywhere: nothing is to be painted.")
    return width, height, found, stencil
