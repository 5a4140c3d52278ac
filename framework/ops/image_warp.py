"""Images seen through a map of coordinates."""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends import host_random, philox
from ..backends.registry import state
from ..typing import Seed, TensorLike
from .checks import one_of, same_shape
from .dispatch import Tensor, tensor, together
from .errors import wrong
from .image_common import (
    along,
    as_pixels,
    blurred,
    channels_last,
    filling,
    in_rows,
    pictures,
    wide,
)
from .op import op

_ORDERS = {"nearest": 0, "bilinear": 1}
_OUTSIDE = ("constant", "nearest", "wrap", "mirror", "reflect")


@op
def map_coordinates(
    inputs: TensorLike,
    coordinates: TensorLike,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Tensor:
    """Returns `inputs` at places between its elements.

    Args:
        inputs: (*sizes), a tensor of any rank n > 0.
        coordinates: (n, *places), floats or integers: an index into each axis.
        order: 0, the nearest element (the upper one of two), or 1, linear between elements.
        fill_mode: what lies outside, for a row a b c d:
            "constant" k k k | a b c d | k k k, with k the `fill_value`;
            "nearest" a a a | a b c d | d d d; "wrap" b c d | a b c d | a b c;
            "mirror" d c b | a b c d | c b a; "reflect" c b a | a b c d | d c b.
        fill_value: a number.

    Returns (*places) in the dtype of `inputs`: integers are rounded, halves away from zero, and
    saturated; halves are computed in float32. These are SciPy's modes "grid-constant", "nearest",
    "grid-wrap", "mirror" and "reflect", and `jax.scipy.ndimage.map_coordinates`. A coordinate that
    is NaN gives NaN with order 1. InvalidArgumentError for shapes and settings that do not fit.
    """
    backend, (x, places) = together(inputs, coordinates)
    one_of(order, "order", 0, 1)
    one_of(fill_mode, "fill_mode", *_OUTSIDE)
    rank = len(backend.static_shape(x))
    shape = backend.static_shape(places)
    if len(shape) < 2:
        raise wrong("coordinates", places, "at least 2 axes (Invalid coordinates rank)")
    if shape[0] not in (rank, None) or not rank:
        raise wrong(
            "coordinates", places, f"{rank} rows: First dim of `coordinates` is the rank of inputs"
        )
    dtype = backend.dtype(x)
    places = _floats(backend, places)
    rows = [backend.expand_dims(backend.take(places, i, 0), 0) for i in range(rank)]
    x = backend.expand_dims(backend.expand_dims(x, 0), -1)
    y = _sampled(backend, x, rows, order, fill_mode, fill_value, dtype)
    return backend.squeeze(y, (0, len(shape)))


def _floats(backend, x) -> Tensor:
    dtype = backend.dtype(x)
    return x if dtype in ("float32", "float64") else backend.cast(x, "float32")


def _sampled(backend, x, rows, order, mode, value, dtype) -> Tensor:
    """`x` (batch, *sizes, depth) at coordinates, in `dtype`."""
    if order == 0:
        return backend.sample(x, rows, 0, mode, filling(value, dtype))
    computed = dtypes.result_type(wide(dtype), backend.dtype(rows[0]))
    rows = [backend.cast(row, computed) for row in rows]
    y = backend.sample(backend.cast(x, computed), rows, 1, mode, value)
    return as_pixels(backend, y, dtype, halves_up=True)


@op
def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Returns images seen through a projective map of the output's pixels to the input's.

    Args:
        images: (batch, height, width, channels) or (height, width, channels); with data_format
            "channels_first" the channels stand in front of the height.
        transform: (8,) or (batch, 8) numbers a0 a1 a2 b0 b1 b2 c0 c1: output pixel (x, y) is input
            pixel ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1, and
            `fill_value` where k is 0.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what lies outside, as `map_coordinates` has it.

    Returns images of the same shape and dtype. All backends take c0 and c1 into account (under
    Keras only TensorFlow does), and gradients flow to `transform`, too. InvalidArgumentError for
    shapes and settings that do not fit.
    """
    backend, _ = pictures(images)
    backend, (x, transform) = together(images, transform)
    last = channels_last(data_format)
    one_of(interpolation, "interpolation", *_ORDERS)
    one_of(fill_mode, "fill_mode", *_OUTSIDE)
    shape = backend.static_shape(transform)
    if len(shape) not in (1, 2) or shape[-1] not in (8, None):
        raise wrong("transform", transform, "shape (8,) or (batch, 8) (Invalid transform rank)")
    transform = _floats(backend, transform)
    if len(shape) == 1:
        transform = backend.expand_dims(transform, 0)
    numbers = [backend.reshape(backend.take(transform, i, 1), (-1, 1, 1)) for i in range(8)]
    x, back = in_rows(backend, x, last)
    y, across = _grid(backend, x, backend.dtype(transform))
    return back(
        _projected(backend, x, across, y, numbers, 1.0, interpolation, fill_mode, fill_value)
    )


def _grid(backend, x, dtype):
    """Row and column of each pixel: (1, height, 1) and (1, 1, width)."""
    height, width = backend.shape(x)[1:3]
    rows = backend.reshape(backend.arange(0, height, 1, dtype), (1, -1, 1))
    return rows, backend.reshape(backend.arange(0, width, 1, dtype), (1, 1, -1))


def _projected(backend, x, across, down, numbers, last, interpolation, mode, value, origin=None):
    """`x` at the places to which a projective map takes the grid."""
    a0, a1, a2, b0, b1, b2, c0, c1 = numbers
    k = c0 * across + c1 * down + last
    real = backend.not_equal(k, 0)
    k = backend.where(real, k, 1.0)
    column = (a0 * across + a1 * down + a2) / k
    row = (b0 * across + b1 * down + b2) / k
    if origin is not None:
        column, row = column + origin[0], row + origin[1]
    dtype = backend.dtype(x)
    y = _sampled(backend, x, [row, column], _ORDERS[interpolation], mode, value, dtype)
    blank = backend.asarray(filling(value, dtype), dtype)
    return backend.where(backend.expand_dims(real, -1), y, blank)


@op
def perspective_transform(
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Returns images moved so that four points of each come to lie at four others.

    Args:
        images: (batch, height, width, channels) or (height, width, channels); with data_format
            "channels_first" the channels stand in front of the height.
        start_points, end_points: (batch, 4, 2) or (4, 2), points (x, y) of the input and where
            they are in the output. No three of four lie on a line.
        interpolation: "nearest" or "bilinear".
        fill_value: what lies outside of the images.

    Returns images of the same shape and dtype. InvalidArgumentError for shapes and settings that
    do not fit. The map between the points is composed of two from the unit square, in the closed
    form of Heckbert (Fundamentals of texture mapping and image warping, 1989).
    """
    backend, _ = pictures(images)
    backend, (x, start, end) = together(images, start_points, end_points)
    last = channels_last(data_format)
    one_of(interpolation, "interpolation", *_ORDERS)
    for name, points in (("start_points", start), ("end_points", end)):
        shape = tuple(backend.static_shape(points))
        fits = len(shape) in (2, 3) and shape[-2] in (4, None) and shape[-1] in (2, None)
        if not fits:
            raise wrong(name, points, f"shape (4, 2) or (batch, 4, 2) (Invalid {name} shape)")
    same_shape(backend, "end_points", end, "start_points", start)
    start, end = _floats(backend, start), _floats(backend, end)
    dtype = dtypes.result_type(backend.dtype(start), backend.dtype(end))
    sides = [_from_square(backend, backend.cast(points, dtype)) for points in (start, end)]
    (there, origin), (here, away) = sides
    numbers = _product(there, _adjugate(here))
    x, back = in_rows(backend, x, last)
    rows, columns = _grid(backend, x, dtype)
    moved = (columns - away[0], rows - away[1])
    *numbers, one = numbers
    return back(
        _projected(backend, x, *moved, numbers, one, interpolation, "constant", fill_value, origin)
    )


def _from_square(backend, points):
    """The matrix, row by row, that maps the corners of the unit square to points less the first.

    Also the first point. Points stand as Keras's examples have them, row by row, so that the
    corners in a circle are 0, 1, 3, 2.
    """
    plane = [backend.reshape(backend.take(points, i, -1), (-1, 4)) for i in (0, 1)]
    corners = [
        [backend.reshape(backend.take(p, i, 1), (-1, 1, 1)) for i in range(4)] for p in plane
    ]
    (x0, x1, x3, x2), (y0, y1, y3, y2) = corners
    x1, x2, x3, y1, y2, y3 = x1 - x0, x2 - x0, x3 - x0, y1 - y0, y2 - y0, y3 - y0
    ax, bx, cx = x1 - x2, x3 - x2, x2 - x1 - x3
    ay, by, cy = y1 - y2, y3 - y2, y2 - y1 - y3
    # Maps are the same when all nine numbers are multiplied: no division is needed.
    g, h, i = cx * by - cy * bx, ax * cy - ay * cx, ax * by - bx * ay
    first, second, none = i + g, i + h, x0 * 0.0
    rows = first * x1, second * x3, none, first * y1, second * y3, none, g, h, i
    return rows, (x0, y0)


def _adjugate(matrix):
    """The inverse of a matrix (nine numbers, row by row), times its determinant."""
    a, b, c, d, e, f, g, h, i = matrix
    return (
        e * i - f * h, c * h - b * i, b * f - c * e,
        f * g - d * i, a * i - c * g, c * d - a * f,
        d * h - e * g, b * g - a * h, a * e - b * d,
    )  # fmt: skip


def _product(first, second):
    """The product of two matrices of nine numbers."""
    rows, columns = [first[i : i + 3] for i in (0, 3, 6)], [second[i::3] for i in range(3)]
    return tuple(p * u + q * v + r * w for p, q, r in rows for u, v, w in columns)


@op
def elastic_transform(
    images: TensorLike,
    alpha: TensorLike = 20.0,
    sigma: TensorLike = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
    max_sigma: float | None = None,
) -> Tensor:
    """Returns images, each pixel of which comes from a random place near by.

    Args:
        images: (batch, height, width, channels) or (height, width, channels); with data_format
            "channels_first" the channels stand in front of the height.
        alpha: the factor of the displacements.
        sigma: the standard deviation, in pixels, of the Gaussian (of int(6 sigma) | 1 taps) that
            smoothes them.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what lies outside, as `map_coordinates` has it.
        seed: an int, the same draws at each call; a SeedGenerator; a key (two integers); or None,
            other draws at each call that is not compiled.
        max_sigma: what `sigma` cannot exceed; needed where it is a tensor.

    Returns images of the same shape and dtype. Displacements are alpha * blur(sigma * z), where z
    is (2, batch, height, width) standard normal draws, for columns first, then for rows. (Keras
    draws the same numbers for both on JAX and TensorFlow.) After Simard, Steinkraus and Platt
    (2003). InvalidArgumentError for other ranks and settings.
    """
    backend, x = pictures(images)
    last = channels_last(data_format)
    one_of(interpolation, "interpolation", *_ORDERS)
    one_of(fill_mode, "fill_mode", *_OUTSIDE)
    dtype = backend.dtype(x)
    x, back = in_rows(backend, x, last)
    batch, height, width = backend.shape(x)[:3]
    computed = wide(dtype)
    drawn = backend.random_normal(_key(backend, seed), (2, batch, height, width), computed)
    alpha, sigma = (_number(backend, n, computed) for n in (alpha, sigma))
    field = backend.reshape(drawn * sigma, (2 * batch, height, width, 1))
    if isinstance(sigma, float):
        taps = int(6 * sigma) | 1
        field = blurred(backend, field, (taps, taps), (sigma, sigma), computed)
    elif max_sigma is None:
        raise wrong("max_sigma", max_sigma, "a number, since `sigma` is a tensor")
    else:
        weights = _bell_within(backend, sigma, int(6 * max_sigma) | 1, computed)
        for axis in (2, 1):
            field = along(backend, field, weights, weights.shape[0], axis, "same")
    field = backend.reshape(field, (2, batch, height, width)) * alpha
    rows, columns = _grid(backend, x, computed)
    places = [rows + backend.take(field, 1, 0), columns + backend.take(field, 0, 0)]
    y = _sampled(backend, x, places, _ORDERS[interpolation], fill_mode, fill_value, dtype)
    return back(y)


def _number(backend, x, dtype: str) -> Any:
    """A number as a float, a tensor in a dtype."""
    return float(x) if isinstance(x, int | float) else backend.cast(tensor(x)[1], dtype)


def _bell_within(backend, sigma, taps: int, dtype: str) -> Tensor:
    """The weights of a Gaussian of int(6 sigma) | 1 taps, with zeros at both ends up to `taps`."""
    places = backend.arange(0, taps, 1, dtype) - (taps - 1) / 2
    reach = backend.floor(backend.floor(sigma * 6) / 2)
    weights = backend.exp(-0.5 * backend.square(places / sigma))
    weights = backend.where(
        backend.less_equal(backend.absolute(places), reach), weights, backend.zeros_like(weights)
    )
    return weights / backend.sum(weights)


def _key(backend, seed) -> Any:
    """The key of draws: two integers, or a tensor of two."""
    if seed is None:
        return (0, 0) if state.inferring else host_random.next_key()
    if hasattr(seed, "next"):
        return seed.next()
    if isinstance(seed, int | np.integer):
        return int(seed) & philox.MASK, 0
    owner, key = tensor(seed)
    if owner.static_shape(key) != (2,) or not dtypes.is_integer(owner.dtype(key)):
        raise wrong("seed", seed, "an int, a SeedGenerator, a key of two integers or None")
    return owner.cast(key, "int32")
