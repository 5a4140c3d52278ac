"""The seed that all else is made from, and draws on the host for initial weights."""

import secrets
import threading
from typing import Any

import numpy as np

from . import host_draws, philox

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


def uniform(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Uniform draws in [0, 1) with 23 bits, as float64."""
    return host_draws.random_uniform(key, shape).astype(np.float64)


def normal(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal draws by Box and Muller, as float64."""
    return host_draws.random_normal(key, shape, "float64")


def truncated_normal(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal draws between -2 and 2, by the inverse of the distribution function."""
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-2.0), ndtr(2.0)
    # Centres of the 2^23 cells: neither end of the range can be hit.
    share = uniform(key, shape) + 2.0**-24
    return ndtri(low + (high - low) * share)
