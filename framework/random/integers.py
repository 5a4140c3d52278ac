"""Integers: uniform draws, draws from a list of probabilities, and permutations."""

from typing import Any

import numpy as np

from ..backends import philox
from ..ops.dispatch import Tensor, tensor
from ..ops.errors import InvalidArgumentError
from ..ops.op import op
from ..typing import DType, Seed, Shape, TensorLike
from .arguments import int_dtype, standard_shape
from .seeds import key_of


@op
def randint(
    shape: Shape, minval: TensorLike, maxval: TensorLike, dtype: DType = "int32", seed: Seed = None
) -> Tensor:
    """Draws integers from [minval, maxval), each as likely as the others but for one part in 2^64 /
    n.

    minval + floor(w n / 2^64) for n = maxval - minval, where w is the 64-bit number made of words
    2e (the upper half) and 2e + 1 of the key. A tensor of `shape` in an integer `dtype`, the same
    bits on every backend. `minval` and `maxval` are integers or tensors of them, which broadcast
    to `shape`; there must be a number between them.
    """
    name = int_dtype("randint", dtype)
    backend, key = key_of(seed)
    words = backend.random_words(key, (*standard_shape(backend, shape), 2))
    high, low = backend.take(words, 0, -1), backend.take(words, 1, -1)
    if _is_integer(minval) and _is_integer(maxval):
        first, count = int(minval), int(maxval) - int(minval)
        if not 0 < count <= 2**64:
            raise InvalidArgumentError(
                f"argument `maxval`: got {maxval}; expected more than minval, which is {minval}."
            )
        parts = [_constant(backend, count >> 32), _constant(backend, count & philox.MASK)]
        short = count <= philox.MASK
    else:
        first, last = (backend.cast(tensor(x)[1], "int64") for x in (minval, maxval))
        parts = _halves(backend, last - first)
        short = False
    above = _upper_product(backend, high, low, parts, short)
    return backend.cast(_constant(backend, first) + above, name)


def _is_integer(x: Any) -> bool:
    """Whether `x` is a number on the host, with nothing behind the point."""
    return isinstance(x, int | np.integer) or (isinstance(x, float) and x.is_integer())


def _constant(backend: Any, value: Any) -> Tensor:
    """An int64 tensor of a Python integer, modulo 2^64."""
    if not isinstance(value, int):
        return value
    return backend.asarray((value + 2**63) % 2**64 - 2**63, "int64")


def _halves(backend: Any, x: Tensor) -> list[Tensor]:
    """The upper and lower 32 bits of int64 numbers."""
    mask, half = _constant(backend, philox.MASK), _constant(backend, 32)
    return [backend.bitwise_and(part, mask) for part in (backend.right_shift(x, half), x)]


def _upper_product(backend: Any, a1: Tensor, a0: Tensor, parts: list, short: bool) -> Tensor:
    """The upper 64 bits of (a1, a0) * (b1, b0), pairs of 32-bit halves; `short` says b1 is 0."""
    b1, b0 = parts
    carry, _ = _halves(backend, a0 * b0)
    upper, middle = _halves(backend, a1 * b0)
    if short:
        return upper + _halves(backend, middle + carry)[0]
    other, lower = _halves(backend, a0 * b1)
    return a1 * b1 + upper + other + _halves(backend, middle + lower + carry)[0]


@op
def categorical(
    logits: TensorLike, num_samples: int, dtype: DType = "int32", seed: Seed = None
) -> Tensor:
    """Draws of class numbers, by the inverse of the distribution function.

    Sample e of the row is the number of classes whose cumulated probability is at most u, the
    centre of the cell of [0, 1) that word e of the key names; the sums are taken in float64.

    Shapes: logits (batch, classes), logarithms of probabilities up to a constant of each row;
    the result is (batch, num_samples), in an integer `dtype`.
    """
    name = int_dtype("categorical", dtype)
    backend, x = tensor(logits)
    sizes = backend.shape(x)
    if len(sizes) != 2:
        raise InvalidArgumentError(
            "`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received: "
            f"logits of shape {backend.static_shape(x)}"
        )
    x = backend.cast(x, "float64")
    sums = backend.cumsum(backend.exp(x - backend.max(x, -1, True)), -1)
    words = backend.random_words(key_of(seed)[1], (sizes[0], num_samples))
    centres = backend.cast(words, "float64") + 0.5
    level = centres * backend.asarray(2.0**-32, "float64") * sums[:, -1:]
    passed = backend.less_equal(sums[:, None, :], level[:, :, None])
    drawn = backend.sum(backend.cast(passed, "int32"), -1)
    # Rounding of the sums may leave the last one behind the others.
    return backend.cast(backend.minimum(drawn, sizes[1] - 1), name)


@op
def shuffle(x: TensorLike, axis: int = 0, seed: Seed = None) -> Tensor:
    """Returns `x` with its slices along `axis` in a random order, all orders being as likely.

    Slices stay whole, as in `numpy.random.Generator.shuffle`: each is moved with all its elements.
    Slice i goes where the number made of words 2i and 2i + 1 of the key comes among the others.
    """
    backend, x = tensor(x)
    count = backend.shape(x)[axis]
    words = backend.random_words(key_of(seed)[1], (count, 2))
    high, low = backend.take(words, 0, -1), backend.take(words, 1, -1)
    # 63 bits, which int64 sorts as they are.
    high = backend.left_shift(high, _constant(backend, 31))
    order = backend.bitwise_or(high, backend.right_shift(low, _constant(backend, 1)))
    return backend.take(x, backend.argsort(order, 0), axis)
