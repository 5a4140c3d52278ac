"""Other sizes of images."""

from collections.abc import Sequence

from ..typing import Ints, TensorLike
from .checks import one_of
from .dispatch import Tensor, together
from .errors import wrong
from .image_common import (
    as_pixels,
    channels_last,
    filling,
    pair,
    pictures,
    spatial_axes,
    wide,
)
from .op import op

_METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")

# Names of jax.image, and the kernels that they mean.
_KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "bilinear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "bicubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@op
def resize(
    images: TensorLike,
    size: Ints,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Returns images in another size, (height, width).

    Shapes: (batch, height, width, channels) or (height, width, channels); with data_format
    "channels_first" the channels stand in front of the height. The dtype stays: what is computed is
    rounded (halves to the even neighbour) and saturated for integers, halves are computed in
    float32.

    Pixel i is centred at i + 0.5, with every `interpolation`:
    "nearest" is input pixel floor((i + 0.5) * input / output), exactly;
    "bilinear", "bicubic" (Keys's kernel, a = -0.5), "lanczos3" and "lanczos5" weigh pixels by a
    kernel; at borders the weights of the pixels that exist are made to sum to one. With `antialias`
    the kernel widens where the image shrinks. That is `jax.image.resize` and `tf.image.resize`;
    "area" is the mean over what an output pixel covers, as in TensorFlow.

    `crop_to_aspect_ratio` first cuts the largest window with the new aspect ratio from the middle,
    `pad_to_aspect_ratio` adds `fill_value` on two sides until the images have it.

    InvalidArgumentError for other ranks, sizes and settings.
    """
    backend, x = pictures(images)
    size = pair("size", size)
    one_of(interpolation, "interpolation", *_METHODS)
    one_of(fill_mode, "fill_mode", "constant")
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise wrong(
            "pad_to_aspect_ratio", True, "False beside crop_to_aspect_ratio (Only one can be True)"
        )
    axes = spatial_axes(channels_last(data_format))
    dtype = backend.dtype(x)
    if crop_to_aspect_ratio:
        x = _cropped(backend, x, axes, size)
    elif pad_to_aspect_ratio:
        x = _padded(backend, x, axes, size, fill_value)
    if interpolation == "nearest":
        return backend.resize_nearest(x, axes, size)
    if all(backend.static_shape(x)[a] == n for a, n in zip(axes, size, strict=True)):
        return x
    if 0 in [backend.static_shape(x)[a] for a in axes]:
        raise wrong("images", x, "images with pixels")
    x = backend.cast(x, wide(dtype))
    return as_pixels(backend, backend.resize(x, axes, size, interpolation, bool(antialias)), dtype)


def _smaller(backend, a, b):
    """The smaller of two sizes, which may be known to the graph only."""
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else backend.minimum(a, b)


def _larger(backend, a, b):
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else backend.maximum(a, b)


def _cropped(backend, x, axes, size):
    height, width = (backend.shape(x)[a] for a in axes)
    inner = (
        _larger(backend, _smaller(backend, height, width * size[0] // size[1]), 1),
        _larger(backend, _smaller(backend, width, height * size[1] // size[0]), 1),
    )
    key = [slice(None)] * len(backend.static_shape(x))
    for axis, whole, part in zip(axes, (height, width), inner, strict=True):
        first = (whole - part) // 2
        key[axis] = slice(first, first + part)
    return x[tuple(key)]


def _padded(backend, x, axes, size, value):
    height, width = (backend.shape(x)[a] for a in axes)
    outer = (
        _larger(backend, height, width * size[0] // size[1]),
        _larger(backend, width, height * size[1] // size[0]),
    )
    pads = [(0, 0)] * len(backend.static_shape(x))
    for axis, whole, part in zip(axes, outer, (height, width), strict=True):
        pads[axis] = ((whole - part) // 2,) * 2
    return backend.pad(x, tuple(pads), "constant", filling(value, backend.dtype(x)))


@op
def scale_and_translate(
    images: TensorLike,
    output_shape: Sequence[int],
    scale: TensorLike,
    translation: TensorLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Returns images whose pixel at (y, x) goes to scale * (y, x) + translation, in `output_shape`.

    Args:
        images: a tensor of any rank, float or integer (rounded and saturated at the end).
        output_shape: of all axes; those not in `spatial_dims` keep their size.
        scale, translation: (len(spatial_dims),), one number for each of these axes.
        spatial_dims: the axes to resample.
        method: "linear", "bilinear", "trilinear" or "triangle"; "cubic", "bicubic" or "tricubic"
            (Keys's kernel, a = -0.5); "lanczos3" or "lanczos5".
        antialias: whether the kernel widens where the images shrink.

    Pixel i is centred at i + 0.5; what comes from outside the images is 0. The definition is that
    of `jax.image.scale_and_translate`. InvalidArgumentError for shapes and settings that do not
    fit.
    """
    backend, (x, scale, translation) = together(images, scale, translation)
    one_of(method, "method", *_KERNELS)
    known = backend.static_shape(x)
    axes = _axes(spatial_dims, len(known))
    if len(output_shape) != len(known):
        raise wrong("output_shape", output_shape, f"{len(known)} sizes, as the images have")
    for name, value in (("scale", scale), ("translation", translation)):
        if tuple(backend.static_shape(value)) not in ((len(axes),), (None,)):
            raise wrong(name, value, f"a vector of {len(axes)}: one for each of `spatial_dims`")
    for i, (have, want) in enumerate(zip(known, output_shape, strict=True)):
        if i not in axes and have is not None and want != have:
            raise wrong("output_shape", output_shape, f"{have} for axis {i}: not in spatial_dims")
    dtype = backend.dtype(x)
    computed = wide(dtype)
    y = backend.cast(x, computed)
    scale, translation = backend.cast(scale, computed), backend.cast(translation, computed)
    for i, axis in enumerate(axes):
        weights = backend.resample_matrix(
            backend.shape(x)[axis],
            int(output_shape[axis]),
            backend.take(scale, i, 0),
            backend.take(translation, i, 0),
            _KERNELS[method],
            antialias,
            computed,
        )
        y = backend.resample(y, axis, weights)
    return as_pixels(backend, y, dtype)


def _axes(spatial_dims, rank: int) -> tuple[int, ...]:
    dims = tuple(spatial_dims)
    if any(not -rank <= d < rank for d in dims) or len({d % rank for d in dims}) != len(dims):
        raise wrong("spatial_dims", spatial_dims, f"different axes of {rank}")
    return tuple(d % rank for d in dims)
