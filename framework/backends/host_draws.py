"""Random draws in NumPy: each chunk of words becomes draws while it is in the cache.

The NumPy backend's kernels; also for initial weights, and for small draws in PyTorch.
"""

import math

import numpy as np

from . import philox
from .derived.random import LOW, STEP, TINY, on_host, threshold


def random_words(key, shape, stream=0):
    """Words of a stream of `key`, as int64."""
    words = philox.words(on_host(key), math.prod(shape), stream)
    return words.astype(np.int64).reshape(shape)


def filled(key, shape, dtype, convert, first=0):
    """An array that `convert(words, place)` fills, chunk by chunk; `place` takes as many draws.

    Its draws are those from number `first` on.
    """
    ahead = first % 4  # draws of the first block that belong to others
    count = math.prod(shape)
    total = -(-(ahead + count) // 4)
    out = _aligned(4 * total, np.dtype(dtype))

    def use(words, start):
        convert(words, out[start : start + len(words)])

    philox.each(on_host(key), total, use, first=first // 4)
    return out[ahead : ahead + count].reshape(shape)


_ALIGNMENT = 64  # bytes; JAX takes over such memory, and copies other


def _aligned(count, dtype):
    room = np.empty(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    first = -room.ctypes.data % _ALIGNMENT
    return room[first : first + count * dtype.itemsize].view(dtype)


def _shares(words, place):
    """The low 23 bits of the words, which are overwritten, times 2^-23."""
    np.bitwise_and(words, np.uint32(LOW), out=words)
    place[:] = words.view(np.int32)
    np.multiply(place, place.dtype.type(STEP), out=place)


def random_uniform(key, shape):
    """Uniform float32 in [0, 1), see `derived.random`."""
    return filled(key, shape, np.float32, _shares)


def random_normal(key, shape, dtype):
    """Standard normal draws, see `derived.random`."""
    number = np.dtype(dtype).type

    def convert(words, place):
        _shares(words, place)
        radius, angle = place[0::2].copy(), place[1::2].copy()
        np.maximum(radius, number(TINY), out=radius)
        np.log(radius, out=radius)
        np.multiply(radius, number(-2.0), out=radius)
        np.sqrt(radius, out=radius)
        np.multiply(angle, number(2 * math.pi), out=angle)
        np.multiply(radius, np.sin(angle), out=place[0::2])
        np.multiply(radius, np.cos(angle), out=place[1::2])

    return filled(key, shape, number, convert)


def random_kept(key, shape, rate, first=0):
    """Whether each element, from number `first` on, stays when a share `rate` is dropped."""
    least = np.uint32(threshold(rate))

    def convert(words, place):
        np.greater_equal(words, least, place)

    return filled(key, shape, np.bool_, convert, first)


def random_dropout(x, key, shape, rate):
    """x / (1 - rate) or 0, see `derived.random`."""
    scale = x.dtype.type(1.0 / (1.0 - rate))
    if tuple(shape) != x.shape or x.dtype != np.float32:
        return np.where(random_kept(key, shape, rate), x * scale, x.dtype.type(0))
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(x.size, x.dtype)
    least = np.uint32(threshold(rate))

    def use(words, start):
        stop = min(start + len(words), len(flat))
        place = out[start:stop]
        kept = np.greater_equal(words[: stop - start], least)
        np.multiply(flat[start:stop], scale, out=place)
        place[~kept] = 0

    philox.each(on_host(key), -(-x.size // 4), use)
    return out.reshape(x.shape)
