"""Draws on the backends."""

import numpy as np

from .. import dtypes
from ..backends import host_random as host
from ..backends import registry
from ..core.variable import SeedState
from ..ops.dispatch import Tensor, tensor


class SeedGenerator:
    """A stream of keys. Its state, (seed, number of the draw), is a variable.

    Args:
        seed: an int; drawn from the global seed if None.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        first = host.next_key() if seed is None else (int(seed), 0)
        state = np.array([k & 0xFFFFFFFF for k in first], np.uint32).view(np.int32)
        self.state = SeedState(state, dtype="int32", trainable=False, name="seed_state")
        self.state.initialize()  # also where weights wait for a file

    def next(self) -> Tensor:
        """The key of the next draw."""
        key = self.state.backend.copy(self.state.backend.read(self.state.value))
        self.state.assign(self.state.backend.add(key, self.state.backend.asarray([0, 1], "int32")))
        return key


def _key(seed) -> tuple:
    if isinstance(seed, SeedGenerator):
        return seed.state.backend, seed.next()
    backend = registry.current()
    pair = host.next_key() if seed is None else (int(seed), 0)
    words = np.array([k & 0xFFFFFFFF for k in pair], np.uint32).view(np.int32)
    return backend, backend.asarray(words, "int32")


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None) -> Tensor:
    """Uniform draws from [minval, maxval): 24 bits of each Philox word."""
    backend, key = _key(seed)
    drawn = backend.random_uniform(key, tuple(shape), "float32")
    scaled = backend.add(backend.multiply(drawn, float(maxval - minval)), float(minval))
    return backend.cast(scaled, dtypes.standardize(dtype))


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None) -> Tensor:
    """Normal draws by Box and Muller."""
    backend, key = _key(seed)
    drawn = backend.random_normal(key, tuple(shape), "float32")
    scaled = backend.add(backend.multiply(drawn, float(stddev)), float(mean))
    return backend.cast(scaled, dtypes.standardize(dtype))


def dropout(inputs, rate: float, noise_shape=None, seed=None) -> Tensor:
    """`inputs` with a share `rate` of elements set to 0 and the rest divided by 1 - rate."""
    backend, x = tensor(inputs)
    key = _key(seed)[1]
    shape = backend.shape(x) if noise_shape is None else noise_shape
    shape = tuple(backend.shape(x)[i] if n is None else n for i, n in enumerate(shape))
    keep = backend.greater_equal(backend.random_uniform(key, shape, "float32"), float(rate))
    scaled = backend.multiply(x, 1.0 / (1.0 - rate))
    return backend.where(keep, scaled, backend.multiply(x, 0.0))
