"""Initializers. Draws are Philox words (see `framework.backends.philox`), computed on the host."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..backends import host_random as host
from ..backends import registry
from ..configs import Configurable, deserialize

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]


class Initializer(Configurable):
    """Base of initializers: `initializer(shape, dtype)` gives a tensor of the current backend."""

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The values as a NumPy array."""
        raise NotImplementedError

    def __call__(self, shape, dtype=None):
        dtype = dtypes.standardize(dtype)
        return registry.current().asarray(self.array(tuple(shape), dtype), dtype)


class Constant(Initializer):
    """One value everywhere."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def array(self, shape, dtype):
        return np.full(shape, self.value, np.float64)


class Zeros(Constant):
    """Zero everywhere."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """One everywhere."""

    def __init__(self) -> None:
        super().__init__(1.0)


class _Random(Initializer):
    """An initializer that draws: anew at each call without a seed, the same with one."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def _key(self) -> tuple[int, int]:
        return host.next_key() if self.seed is None else (self.seed, 0)


class RandomUniform(_Random):
    """Uniform between `minval` and `maxval`."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def array(self, shape, dtype):
        return self.minval + (self.maxval - self.minval) * host.uniform(self._key(), shape)


class RandomNormal(_Random):
    """Normal with a mean and a standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def array(self, shape, dtype):
        return self.mean + self.stddev * host.normal(self._key(), shape)


class TruncatedNormal(RandomNormal):
    """Normal, with what lies beyond two standard deviations cut off."""

    def array(self, shape, dtype):
        return self.mean + self.stddev * host.truncated_normal(self._key(), shape)


class VarianceScaling(_Random):
    """Draws whose variance is `scale` over the number of inputs, outputs, or their mean.

    `mode` is "fan_in", "fan_out" or "fan_avg"; `distribution` "truncated_normal",
    "untruncated_normal" or "uniform".
    """

    def __init__(
        self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed: int | None = None
    ) -> None:
        super().__init__(seed)
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"`mode` must be fan_in, fan_out or fan_avg; got {mode!r}.")
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                "`distribution` must be truncated_normal, untruncated_normal or uniform; got "
                f"{distribution!r}."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def array(self, shape, dtype):
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return limit * (2 * host.uniform(self._key(), shape) - 1)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * host.normal(self._key(), shape)
        # What is cut off narrows the distribution to this share of its standard deviation.
        return math.sqrt(variance) / 0.87962566103423978 * host.truncated_normal(self._key(), shape)


class GlorotUniform(VarianceScaling):
    """Glorot & Bengio 2010, uniform: variance 2 / (inputs + outputs)."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Glorot & Bengio 2010, truncated normal."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeNormal(VarianceScaling):
    """He et al. 2015, truncated normal: variance 2 / inputs."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """He et al. 2015, uniform."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """How many inputs and outputs each unit of a kernel of this shape has."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


_NAMES: dict[str, Callable[[], Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "random_uniform": RandomUniform,
    "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "variance_scaling": VarianceScaling,
}


def get(identifier: Any) -> Any:
    """The initializer of a name; an initializer or a callable as it is.

    ValueError, with the names there are, for an unknown name.
    """
    if isinstance(identifier, Initializer):
        return _on_host(identifier)
    if isinstance(identifier, dict):
        return get(deserialize(identifier))
    if isinstance(identifier, str):
        if identifier not in _NAMES:
            raise ValueError(
                f"Unknown initializer {identifier!r}; the names are: {', '.join(_NAMES)}."
            )
        return _on_host(_NAMES[identifier]())
    return identifier


def _on_host(initializer: Initializer):
    return initializer.array
