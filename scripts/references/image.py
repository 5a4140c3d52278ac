"""Ops of images in float64: definitions written out, or SciPy's and colorsys's functions."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.signal

SCIPY_MODES = {"constant": "grid-constant", "wrap": "grid-wrap"}


# Layout -----------------------------------------------------------------------------------------


def per_image(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A reference of one image (height, width, channels), for batches and both layouts."""

    def reference(images, *args, data_format="channels_last", **kwargs):
        first = data_format == "channels_first"
        axes = (-3, -1)
        moved = np.moveaxis(images, *axes) if first else images
        batch = moved if moved.ndim == 4 else moved[None]
        out = np.stack([function(image, *args, **kwargs) for image in batch])
        out = np.moveaxis(out, *reversed(axes)) if first else out
        return out if moved.ndim == 4 else out[0]

    return reference


# Resizing ---------------------------------------------------------------------------------------


def kernel(method: str, x: float) -> float:
    """Returns the weight that the kernel `method` gives a sample at the distance `x`."""
    x = abs(x)
    if method == "bilinear":
        return max(0.0, 1 - x)
    if method == "bicubic":
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0
    radius = int(method[-1])
    return float(np.sinc(x) * np.sinc(x / radius)) if x < radius else 0.0


def weights(
    size: int, out: int, scale: float, shift: float, method: str, antialias: bool
) -> np.ndarray:
    """(out, size): the method of Keys, of Duchon, and of jax.image.scale_and_translate."""
    table = np.zeros((out, size))
    width = max(1 / scale, 1.0) if antialias else 1.0
    for i in range(out):
        centre = (i + 0.5 - shift) / scale - 0.5
        if -0.5 <= centre <= size - 0.5:
            row = np.array([kernel(method, (centre - j) / width) for j in range(size)])
            table[i] = row / row.sum()
    return table


def area_weights(size: int, out: int) -> np.ndarray:
    """Returns (out, size): the share of each input cell in each output cell."""
    table = np.zeros((out, size))
    for i in range(out):
        low, high = i * size / out, (i + 1) * size / out
        for j in range(size):
            table[i, j] = max(0.0, min(high, j + 1) - max(low, j)) / (high - low)
    return table


def _rows(size, out, method, antialias):
    if method == "nearest":
        return np.eye(size)[[(2 * i + 1) * size // (2 * out) for i in range(out)]]
    if method == "area":
        return area_weights(size, out)
    return weights(size, out, out / size, 0.0, method, antialias)


@per_image
def resize(
    image: np.ndarray,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_value: float = 0.0,
) -> np.ndarray:
    """Resizes an image to (height, width) `size` by a table of weights for each axis."""
    height, width = image.shape[:2]
    if crop_to_aspect_ratio:
        tall = max(min(height, width * size[0] // size[1]), 1)
        broad = max(min(width, height * size[1] // size[0]), 1)
        top, left = (height - tall) // 2, (width - broad) // 2
        image = image[top : top + tall, left : left + broad]
    if pad_to_aspect_ratio:
        top = (max(height, width * size[0] // size[1]) - height) // 2
        left = (max(width, height * size[1] // size[0]) - width) // 2
        pads = ((top, top), (left, left), (0, 0))
        image = np.pad(image, pads, constant_values=fill_value)
    down = _rows(image.shape[0], size[0], interpolation, antialias)
    across = _rows(image.shape[1], size[1], interpolation, antialias)
    return np.einsum("yh,xw,hwc->yxc", down, across, image)


def scale_and_translate(
    images: np.ndarray,
    output_shape: Sequence[int],
    scale: np.ndarray,
    translation: np.ndarray,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> np.ndarray:
    """Resamples each of `spatial_dims` by its own table of weights."""
    name = {"linear": "bilinear", "triangle": "bilinear", "cubic": "bicubic"}.get(method, method)
    for i, axis in enumerate(spatial_dims):
        table = weights(
            images.shape[axis], output_shape[axis], scale[i], translation[i], name, antialias
        )
        images = np.moveaxis(np.tensordot(table, images, (1, axis)), 0, axis)
    return images


# Sampling ---------------------------------------------------------------------------------------


def map_coordinates(
    inputs: np.ndarray,
    coordinates: np.ndarray,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> np.ndarray:
    """Samples `inputs` at `coordinates` by SciPy, in the names of JAX's modes."""
    mode = SCIPY_MODES.get(fill_mode, fill_mode)
    return scipy.ndimage.map_coordinates(
        inputs, np.asarray(coordinates), order=order, mode=mode, cval=fill_value
    )


def _seen(image, row, column, interpolation, fill_mode, fill_value):
    order = {"nearest": 0, "bilinear": 1}[interpolation]
    planes = [
        map_coordinates(image[..., c], np.stack([row, column]), order, fill_mode, fill_value)
        for c in range(image.shape[-1])
    ]
    return np.stack(planes, -1)


def affine_transform(
    images: np.ndarray,
    transform: np.ndarray,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str = "channels_last",
) -> np.ndarray:
    """Samples images at the places that eight numbers of a projective map give."""
    count = len(images) if images.ndim == 4 else 1
    numbers = iter(np.broadcast_to(np.atleast_2d(transform), (count, 8)))

    def one(image):
        a0, a1, a2, b0, b1, b2, c0, c1 = next(numbers)
        y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
        k = c0 * x + c1 * y + 1
        column, row = (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k
        return _seen(image, row, column, interpolation, fill_mode, fill_value)

    return per_image(one)(images, data_format=data_format)


def homography(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The eight numbers that take the points of `end` to those of `start`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(start, end, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        values += [x, y]
    return np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64))


def perspective_transform(
    images: np.ndarray, start: np.ndarray, end: np.ndarray, **kwargs: Any
) -> np.ndarray:
    """Samples images by the homographies that take points `end` to points `start`."""
    if start.ndim == 2:
        return affine_transform(images, homography(start, end), **kwargs)
    numbers = np.stack([homography(*both) for both in zip(start, end, strict=True)])
    return affine_transform(images, numbers, **kwargs)


def elastic_transform(
    images: np.ndarray,
    draws: np.ndarray,
    alpha: float,
    sigma: float,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> np.ndarray:
    """`draws` are (2, batch, height, width) normal numbers: for columns, then for rows."""
    taps = int(6 * sigma) | 1
    fields = [
        [
            alpha * sigma * gaussian_blur(z[..., None], (taps, taps), (sigma, sigma))[..., 0]
            for z in d
        ]
        for d in draws
    ]
    out = []
    for image, dx, dy in zip(images, *fields, strict=True):
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        out.append(_seen(image, y + dy, x + dx, interpolation, fill_mode, fill_value))
    return np.stack(out)


# Filters ----------------------------------------------------------------------------------------


def bell(taps: int, sigma: float) -> np.ndarray:
    """Returns a Gaussian of `taps` samples that sum to 1."""
    row = np.array([math.exp(-0.5 * ((i - (taps - 1) / 2) / sigma) ** 2) for i in range(taps)])
    return row / row.sum()


@per_image
def gaussian_blur(
    image: np.ndarray, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[float] = (1.0, 1.0)
) -> np.ndarray:
    """Correlates each channel with a Gaussian window, zeros around it, by SciPy."""
    across, down = bell(kernel_size[0], sigma[0]), bell(kernel_size[1], sigma[1])
    low = [(len(down) - 1) // 2, (len(across) - 1) // 2]
    high = [len(down) - 1 - low[0], len(across) - 1 - low[1]]
    image = np.pad(image, ((low[0], high[0]), (low[1], high[1]), (0, 0)))
    window = np.outer(down, across)
    planes = [scipy.signal.correlate2d(p, window, "valid") for p in np.moveaxis(image, -1, 0)]
    return np.stack(planes, -1)


def sobel_edges(images: np.ndarray, data_format: str = "channels_last") -> np.ndarray:
    """Correlates images with Sobel's kernels, mirrored at the border: (..., 2)."""
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])

    def edges(window):
        axes = (1, 2) if data_format == "channels_last" else (2, 3)
        shape = [3 if a in axes else 1 for a in range(4)]
        return scipy.ndimage.correlate(images, window.reshape(shape), mode="mirror")

    return np.stack([edges(down), edges(down.T)], -1)


def ssim(
    first: np.ndarray,
    second: np.ndarray,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str = "channels_last",
) -> np.ndarray:
    """By the paper: means, variances and covariance in each window, about their own means."""
    if first.ndim == 3:
        settings = (max_val, filter_size, filter_sigma, k1, k2, data_format)
        return ssim(first[None], second[None], *settings)[0]
    if data_format == "channels_first":
        first, second = np.moveaxis(first, 1, -1), np.moveaxis(second, 1, -1)
    window = np.outer(bell(filter_size, filter_sigma), bell(filter_size, filter_sigma))
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    view = np.lib.stride_tricks.sliding_window_view
    x = view(first, (filter_size, filter_size), (1, 2))
    y = view(second, (filter_size, filter_size), (1, 2))
    mean = lambda z: (z * window).sum((-1, -2), keepdims=True)  # noqa: E731
    mx, my = mean(x), mean(y)
    shared = mean((x - mx) * (y - my))
    power = mean((x - mx) ** 2) + mean((y - my) ** 2)
    alike = (2 * mx * my + c1) * (2 * shared + c2) / ((mx**2 + my**2 + c1) * (power + c2))
    return alike.mean((1, 2, 3, 4, 5))


# Colours and frames -----------------------------------------------------------------------------


@per_image
def rgb_to_grayscale(image: np.ndarray) -> np.ndarray:
    """Weighs the three channels to one."""
    return image @ np.array([[0.2989], [0.5870], [0.1140]])


@per_image
def rgb_to_hsv(image: np.ndarray) -> np.ndarray:
    """Converts pixel by pixel by Python's `colorsys`."""
    return np.apply_along_axis(lambda p: colorsys.rgb_to_hsv(*p), -1, image)


@per_image
def hsv_to_rgb(image: np.ndarray) -> np.ndarray:
    """Converts pixel by pixel by Python's `colorsys`."""
    return np.apply_along_axis(lambda p: colorsys.hsv_to_rgb(*p), -1, image)


@per_image
def crop_images(image: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """Cuts numbers of pixels off each side."""
    return image[top : image.shape[0] - bottom, left : image.shape[1] - right]


@per_image
def pad_images(image: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """Puts numbers of zeros on each side."""
    return np.pad(image, ((top, bottom), (left, right), (0, 0)))


def extract_patches(
    images: np.ndarray,
    size: Sequence[int],
    strides: Sequence[int] | None = None,
    dilation_rate: int = 1,
    padding: str = "valid",
) -> np.ndarray:
    """Channels last, with a batch."""
    strides = size if strides is None else strides
    rank = len(size)
    reach = [(k - 1) * dilation_rate + 1 for k in size]
    if padding == "same":
        pads = [(0, 0)]
        for n, r, s in zip(images.shape[1:-1], reach, strides, strict=True):
            total = max((math.ceil(n / s) - 1) * s + r - n, 0)
            pads.append((total // 2, total - total // 2))
        images = np.pad(images, (*pads, (0, 0)))
    counts = [(n - r) // s + 1 for n, r, s in zip(images.shape[1:-1], reach, strides, strict=True)]
    out = np.zeros((len(images), *counts, math.prod(size) * images.shape[-1]), images.dtype)
    for place in np.ndindex(*counts):
        key = [
            slice(p * s, p * s + r, dilation_rate)
            for p, s, r in zip(place, strides, reach, strict=True)
        ]
        out[(slice(None), *place)] = images[(slice(None), *key)].reshape(len(images), -1)
    assert len(counts) == rank
    return out
