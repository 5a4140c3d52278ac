"""Uniform, normal and integer draws, and dropout."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.dispatch import Tensor, floating, tensor
from ..ops.errors import InvalidArgumentError
from ..ops.op import op
from ..typing import DType, Seed, Shape, TensorLike
from .arguments import float_dtype, host_number, standard_shape
from .seeds import key_of

# Bits of a uniform draw in a dtype of fewer than 24: all numbers below 1 of so many bits fit.
_BITS = {"bfloat16": 8, "float16": 11}


@op
def uniform(
    shape: Shape,
    minval: TensorLike = 0.0,
    maxval: TensorLike = 1.0,
    dtype: DType = None,
    seed: Seed = None,
) -> Tensor:
    """Makes uniform draws from [minval, maxval), a tensor of `shape` in a float `dtype`.

    A draw u from [0, 1) is the low 23 bits of word e of the key, times 2^-23: the definition of
    TensorFlow's Philox kernel. Of these bits, float16 keeps the upper 11 and bfloat16 the upper 8.
    Otherwise, where minval is not 0, minval + (maxval - minval) u is computed in
    float64 and rounded once, below maxval. The same bits on every backend, eager and compiled;
    in float64 with other limits than 0 and 1, within rounding.
    """
    name = float_dtype("uniform", dtype)
    backend, key = key_of(seed)
    u = backend.random_uniform(key, standard_shape(backend, shape))
    if name in _BITS:
        steps = 2.0 ** _BITS[name]
        u = backend.multiply(backend.floor(backend.multiply(u, steps)), 1 / steps)
    low, high = host_number(minval), host_number(maxval)
    if low is None or high is None:
        return _between(backend, u, minval, maxval, name)
    if (low, high) == (0.0, 1.0):
        return backend.cast(u, name)
    if low == 0.0 and name != "float64":
        y = backend.cast(backend.multiply(u, float(np.float32(high))), name)
    else:
        # A width of 24 bits: the product with u is exact, so that it does not matter whether a
        # compiler rounds it on its own.
        width = high - low if name == "float64" else float(np.float32(high - low))
        wide = backend.cast(u, "float64") * backend.asarray(width, "float64")
        y = backend.cast(wide + backend.asarray(low, "float64"), name)
    return backend.minimum(y, backend.asarray(_below(high, name), name)) if high > low else y


def _between(backend, u, minval, maxval, name: str) -> Tensor:
    """The draws between limits that are tensors, which broadcast."""
    low, high = (backend.cast(tensor(x)[1], "float64") for x in (minval, maxval))
    width = backend.cast(backend.cast(backend.subtract(high, low), "float32"), "float64")
    y = backend.add(backend.multiply(backend.cast(u, "float64"), width), low)
    low, high, y = (backend.cast(x, name) for x in (low, high, y))
    return backend.where(backend.less(y, high), y, low)


def _below(high: float, name: str) -> float:
    """The number of the dtype next below `high`, or `high` rounded where that lies below."""
    if name == "bfloat16":
        import ml_dtypes

        number: Any = ml_dtypes.bfloat16
    else:
        number = np.dtype(name).type
    rounded = number(high)
    below = rounded if float(rounded) < high else np.nextafter(rounded, number(-math.inf))
    return float(below)


@op
def normal(
    shape: Shape,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DType = None,
    seed: Seed = None,
) -> Tensor:
    """Makes normal draws, a tensor of `shape` in a float `dtype`, by Box and Muller (1958).

    Words 2p and 2p + 1 of the key give the elements 2p and 2p + 1: r sin(2 pi v) and
    r cos(2 pi v) with r = sqrt(-2 log u), where u and v are the words' low 23 bits times 2^-23
    (1e-7 for a u of 0): the definition of TensorFlow's Philox kernels. Computed in float32, in
    float64 for that dtype; the same on every backend within the rounding of log, sin and cos.
    """
    name = float_dtype("normal", dtype)
    backend, key = key_of(seed)
    wide = "float64" if name == "float64" else "float32"
    drawn = backend.random_normal(key, standard_shape(backend, shape), wide)
    return _scaled(backend, drawn, mean, stddev, name)


# M. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2010: the central part, by
# falling powers of -log(1 - x^2) - 2.5.
_ERFINV = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)


@op
def truncated_normal(
    shape: Shape,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DType = None,
    seed: Seed = None,
) -> Tensor:
    """Makes normal draws without those beyond two standard deviations from the mean.

    Inverse of the distribution function: sqrt(2) erfinv(erf(sqrt 2) (2u - 1)), where u is the
    centre of the cell of [0, 1) that the low 23 bits of word e name, and erfinv is Giles's
    polynomial (within 4e-7). A tensor of `shape` in a float `dtype`; the same on every backend
    within rounding.
    """
    name = float_dtype("truncated_normal", dtype)
    backend, key = key_of(seed)
    u = backend.random_uniform(key, standard_shape(backend, shape))
    wide = "float64" if name == "float64" else "float32"

    def number(value: Any) -> Any:
        return backend.asarray(value, wide)

    x = (backend.cast(u, wide) - 0.5 + 2.0**-24) * number(2 * math.erf(math.sqrt(2)))
    w = -2.5 - backend.log((1.0 - x) * (1.0 + x))
    y = number(_ERFINV[0])
    for coefficient in _ERFINV[1:]:
        y = y * w + number(coefficient)
    drawn = backend.clip(x * y * number(math.sqrt(2)), number(-2.0), number(2.0))
    return _scaled(backend, drawn, mean, stddev, name)


def _scaled(backend, drawn, mean, stddev, name: str) -> Tensor:
    """mean + stddev * drawn, in the dtype `name`."""
    for apply, given, idle in ((backend.multiply, stddev, 1.0), (backend.add, mean, 0.0)):
        value = host_number(given)
        if value is None:
            drawn = apply(drawn, backend.cast(tensor(given)[1], backend.dtype(drawn)))
        elif value != idle:
            drawn = apply(drawn, backend.asarray(value, backend.dtype(drawn)))
    return backend.cast(drawn, name)


@op
def dropout(
    inputs: TensorLike,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Seed = None,
) -> Tensor:
    """Returns `inputs` with a share `rate` of the elements set to 0 and the rest divided by 1 -
    rate.

    Element e stays where word e of the key is at least rate * 2^32: the same elements on every
    backend, eager and compiled. The derivative is the same mask.

    Args:
        inputs: a tensor of any shape; integers become the default float.
        rate: from 0 to 1.
        noise_shape: the shape of the mask, which broadcasts over `inputs`; None, whole or in a
            place, stands for the size of `inputs`.
        seed: an int, a SeedGenerator or None.
    """
    backend, x = floating(inputs)
    if not 0 <= rate <= 1:
        raise InvalidArgumentError(f"argument `rate`: got {rate}; expected a number from 0 to 1.")
    if rate == 0:
        return x
    if rate == 1:
        return backend.full_like(x, 0, backend.dtype(x))
    shape = backend.shape(x)
    if noise_shape is not None:
        given = tuple(noise_shape)
        if len(given) != len(shape):
            raise InvalidArgumentError(
                f"argument `noise_shape`: got {given}; expected {len(shape)} sizes, for inputs "
                f"of shape {backend.static_shape(x)}."
            )
        shape = tuple(n if m is None else m for m, n in zip(given, shape, strict=True))
    return backend.random_dropout(x, key_of(seed)[1], shape, float(rate))
