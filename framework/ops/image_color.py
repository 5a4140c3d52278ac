"""Colours of images."""

from .. import dtypes
from ..typing import TensorLike
from .dispatch import Tensor
from .errors import wrong
from .image_common import channels_last, pictures, wide
from .op import op

# Luma of ITU-R BT.601 in ten-thousandths, as in TensorFlow.
_LUMA = (2989, 5870, 1140)
_NARROW = ("uint8", "int8", "uint16", "int16")


@op
def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Returns the luma 0.2989 R + 0.587 G + 0.114 B of RGB images, in one channel.

    Shapes: (batch, height, width, 3) or (height, width, 3) gives 1 channel in the place of 3; gray
    images, of 1 channel, stay as they are. With data_format "channels_first" the channels stand in
    front of the height. The dtype stays; integers lose the fraction (as in Keras), halves are
    computed in float32. InvalidArgumentError for other ranks and numbers of channels.
    """
    backend, x = pictures(images)
    axis = -1 if channels_last(data_format) else -3
    channels = _channels(backend, x, axis, (1, 3))
    if channels == 1:
        return x
    dtype = backend.dtype(x)
    # Sums of whole numbers are the same everywhere, those of floats may end below a whole number.
    whole = dtype in _NARROW
    planes = _planes(backend.cast(x, "int32" if whole else wide(dtype)), axis)
    scale = 1 if whole else 1e-4
    luma = sum(backend.multiply(p, w * scale) for p, w in zip(planes, _LUMA, strict=True))
    if whole:  # towards zero
        luma = backend.where(luma < 0, -(-luma // 10000), luma // 10000)
    return backend.expand_dims(backend.cast(luma, dtype), axis)


@op
def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Returns hue, saturation and value of RGB images, as `colorsys` defines them.

    Shapes: (batch, height, width, 3) or (height, width, 3), or with data_format "channels_first"
    (batch, 3, height, width) or (3, height, width); the shape and the float dtype stay. All results
    are in [0, 1] if the images are; gray has hue 0. InvalidArgumentError for other shapes and for
    dtypes that are no floats.
    """
    backend, x, planes, axis = _colours(images, data_format)
    return _image(backend, backend.rgb_to_hsv(planes), axis, backend.dtype(x))


@op
def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Returns RGB of images of hue, saturation and value: the inverse of `rgb_to_hsv`.

    Shapes and dtypes are those of `rgb_to_hsv`; a hue counts by its fraction.
    """
    backend, x, planes, axis = _colours(images, data_format)
    return _image(backend, backend.hsv_to_rgb(planes), axis, backend.dtype(x))


def _colours(images, data_format):
    """Backend, images, the three planes of colour in the dtype of computation, and their axis."""
    backend, x = pictures(images)
    axis = -1 if channels_last(data_format) else -3
    if backend.dtype(x) not in dtypes.FLOATS:
        raise wrong("images", x, "floats (Invalid images dtype)")
    _channels(backend, x, axis, (3,))
    return backend, x, _planes(backend.cast(x, wide(backend.dtype(x))), axis), axis


def _channels(backend, x, axis: int, counts: tuple[int, ...]) -> int:
    channels = backend.static_shape(x)[axis]
    if channels is None and len(counts) == 1:  # which only the graph will know
        return counts[0]
    if channels not in counts:
        text = " or ".join(map(str, counts))
        raise wrong("images", x, f"{text} channels in axis {axis} (Invalid channel size)")
    return channels


def _planes(x, axis: int) -> list[Tensor]:
    return [x[..., i] if axis == -1 else x[..., i, :, :] for i in range(3)]


def _image(backend, planes, axis: int, dtype: str) -> Tensor:
    return backend.cast(backend.stack(list(planes), axis), dtype)
