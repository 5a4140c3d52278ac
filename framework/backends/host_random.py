"""The seed that all else is made from, and draws on the host for initial weights."""

import secrets
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from . import host_draws, philox
from .derived.random import LOW, STEP

_lock = threading.Lock()
_global = {"seed": secrets.randbits(32), "draws": 0}

# The generators of draws without a seed, one for each backend in use.
generators: dict[str, Any] = {}

# Draws on the host count from here on; the generators, whose seed is the same, count from 0.
FIRST = 1 << 31


def set_random_seed(seed: int) -> None:
    """Make all draws without a seed of their own follow from `seed`, on every backend."""
    with _lock:
        _global.update(seed=int(seed), draws=0)
        generators.clear()


def global_seed() -> int:
    """The seed that was set, or that this process began with."""
    return _global["seed"]


def next_key() -> tuple[int, int]:
    """A key that was not used since the seed was set."""
    with _lock:
        _global["draws"] += 1
        return _global["seed"] & philox.MASK, FIRST + _global["draws"] - 1


def uniform(
    key: tuple[int, int],
    shape: tuple[int, ...],
    scale: float = 1.0,
    shift: float = 0.0,
    dtype: str = "float64",
) -> np.ndarray:
    """shift + scale * uniform draws in [0, 1) with 23 bits, computed in float64."""

    def convert(words: np.ndarray, place: np.ndarray) -> None:
        np.bitwise_and(words, np.uint32(LOW), out=words)
        room = np.empty(min(len(words), _PIECE))
        for part, to in _pieces(words, place):
            wide = room[: len(part)]
            np.multiply(part, STEP, out=wide)
            np.multiply(wide, scale, out=wide)
            np.add(wide, shift, out=to, casting="same_kind")

    return host_draws.filled(key, shape, _kept(dtype), convert)


_PIECE = 1 << 14  # draws at a time, in float64: what they need stays in the cache


def _pieces(words: np.ndarray, place: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(words), _PIECE):
        yield words[start : start + _PIECE], place[start : start + _PIECE]


def normal(
    key: tuple[int, int],
    shape: tuple[int, ...],
    scale: float = 1.0,
    shift: float = 0.0,
    dtype: str = "float64",
) -> np.ndarray:
    """shift + scale * standard normal draws by Box and Muller, computed in float64."""
    drawn = host_draws.random_normal(key, shape, "float64")
    np.multiply(drawn, scale, out=drawn)
    return np.add(drawn, shift, out=drawn).astype(_kept(dtype), copy=False)


def truncated_normal(
    key: tuple[int, int],
    shape: tuple[int, ...],
    scale: float = 1.0,
    shift: float = 0.0,
    dtype: str = "float64",
) -> np.ndarray:
    """shift + scale * standard normal draws between -2 and 2.

    By the inverse of the distribution function at the centre of one of 2^23 cells, so that neither
    end of the range can be hit. In float32 it is interpolated in a table of 2^16 cells, which is
    within 2e-8 and three times as quick: of a network's initial weights, this is most of the work.
    """
    if dtype != "float32":
        from scipy.special import ndtr, ndtri

        low, high = ndtr(-2.0), ndtr(2.0)
        drawn = ndtri(uniform(key, shape, high - low, low + (high - low) * 2.0**-24))
        return shift + scale * drawn
    table, cell = _quantiles(), np.uint32(23 - _CELLS)
    within = np.uint32((1 << (23 - _CELLS)) - 1)

    def convert(words: np.ndarray, place: np.ndarray) -> None:
        np.bitwise_and(words, np.uint32(LOW), out=words)
        size = min(len(words), _PIECE)
        room, places = np.empty(size), np.empty(size, np.intp)
        looked_up = np.empty(size, np.complex128)
        for part, to in _pieces(words, place):
            count = len(part)
            wide, index, found = room[:count], places[:count], looked_up[:count]
            np.right_shift(part, cell, out=index)
            table.take(index, out=found, mode="clip")
            np.bitwise_and(part, within, out=part)
            np.add(part, 0.5, out=wide)
            np.multiply(wide, found.imag, out=wide)
            np.add(wide, found.real, out=wide)
            np.multiply(wide, scale, out=wide)
            np.add(wide, shift, out=to, casting="same_kind")

    return host_draws.filled(key, shape, np.float32, convert)


_CELLS = 16  # as a power of two


@lru_cache(maxsize=1)
def _quantiles() -> np.ndarray:
    """The truncated normal's quantile at the beginning of each cell, and its growth for each of the
    draws in the cell, as real and imaginary part: so that one look gives both."""
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-2.0), ndtr(2.0)
    edges = ndtri(low + (high - low) * np.arange(2**_CELLS + 1) / 2.0**_CELLS)
    return edges[:-1] + 1j * np.diff(edges) / 2.0 ** (23 - _CELLS)


def _kept(dtype: str) -> type[np.floating]:
    """The NumPy dtype of draws that become `dtype`: float64 but for float32."""
    return np.float32 if dtype == "float32" else np.float64
