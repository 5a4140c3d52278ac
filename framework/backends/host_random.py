"""The seed that all else is made from, and draws on the host for initial weights."""

import secrets
import threading
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
        wide = np.multiply(words, STEP)
        np.multiply(wide, scale, out=wide)
        np.add(wide, shift, out=place, casting="same_kind")

    return host_draws.filled(key, shape, _kept(dtype), convert)


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
    end of the range can be hit. In float32 a ratio of polynomials is the inverse, within nine
    roundings: of a network's initial weights, this is most of the work.
    """
    if dtype != "float32":
        from scipy.special import ndtr, ndtri

        low, high = ndtr(-2.0), ndtr(2.0)
        drawn = ndtri(uniform(key, shape, high - low, low + (high - low) * 2.0**-24))
        return shift + scale * drawn

    def convert(words: np.ndarray, place: np.ndarray) -> None:
        _quantiles(words, place)
        np.multiply(place, np.float32(scale), out=place)
        if shift:
            np.add(place, np.float32(shift), out=place)

    return host_draws.filled(key, shape, np.float32, convert)


# The quantile at a share 1/2 + y is y p(t) / q(t) with t = 1/4 - y^2, from the constant term on:
# within 7e-8 of it, relatively, found by least squares with Lawson's weights. No coefficient is
# negative, and so nothing cancels. Sums and products of float32 are the same on every processor.
_ABOVE = tuple(
    np.float32(x) for x in (1.459475e-3, 7.08030878e-2, 0.869738713, 2.53326443, 0.819073809)
)
_BELOW = tuple(np.float32(x) for x in (3.64868776e-4, 2.01962098e-2, 0.306056332, 1.29025822, 1))
_ONE = np.uint32(0x3F800000)  # the bits of 1.0


def _quantiles(words: np.ndarray, place: np.ndarray) -> None:
    """The truncated normal's quantiles of the low 23 bits of words, which are overwritten."""
    np.bitwise_and(words, np.uint32(LOW), out=words)
    np.bitwise_or(words, _ONE, out=words)
    y = words.view(np.float32)  # 1 ... 2 in steps of 2^-23; what follows is exact
    np.subtract(y, np.float32(1.5), out=y)
    np.add(y, np.float32(STEP / 2), out=y)
    t = np.multiply(y, y)
    np.subtract(np.float32(0.25), t, out=t)
    np.multiply(t, _ABOVE[-1], out=place)
    for coefficient in _ABOVE[-2:0:-1]:
        np.add(place, coefficient, out=place)
        np.multiply(place, t, out=place)
    np.add(place, _ABOVE[0], out=place)
    np.multiply(place, y, out=place)
    below = np.add(t, _BELOW[-2])
    for coefficient in _BELOW[-3::-1]:
        np.multiply(below, t, out=below)
        np.add(below, coefficient, out=below)
    np.divide(place, below, out=place)


def _kept(dtype: str) -> type[np.floating]:
    """The NumPy dtype of draws that become `dtype`: float64 but for float32."""
    return np.float32 if dtype == "float32" else np.float64
