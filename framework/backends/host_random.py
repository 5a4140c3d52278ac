"""Draws on the host, for initial weights, and the seed that all else is made from."""

import math
import secrets
import threading

import numpy as np

from . import philox

_lock = threading.Lock()
_global = {"seed": secrets.randbits(32), "draws": 0}


def set_random_seed(seed: int) -> None:
    """Make all draws without a seed of their own follow from `seed`, on every backend."""
    with _lock:
        _global.update(seed=int(seed), draws=0)


def next_key() -> tuple[int, int]:
    """A key that was not used since the seed was set."""
    with _lock:
        _global["draws"] += 1
        return _global["seed"], _global["draws"]


def uniform(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Uniform draws in [0, 1) with 24 bits, as float64."""
    words = philox.words(key, math.prod(shape))
    return ((words >> np.uint32(8)) * 2.0**-24).reshape(shape)


def normal(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal draws by Box and Muller, as float64."""
    first, second = philox.words(key, 2 * math.prod(shape)).reshape(2, -1) >> np.uint32(8)
    radius = np.sqrt(-2.0 * np.log((first + 1.0) * 2.0**-24))
    return (radius * np.cos(2 * math.pi * 2.0**-24 * second)).reshape(shape)


def truncated_normal(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal draws between -2 and 2, by the inverse of the distribution function."""
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-2.0), ndtr(2.0)
    # Centres of the 2^24 cells: neither end of the range can be hit.
    share = uniform(key, shape) + 2.0**-25
    return ndtri(low + (high - low) * share)
