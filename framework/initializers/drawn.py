"""Initializers that draw Philox words (see `framework.backends.philox`), computed on the host."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import host_random as host
from ..backends import philox
from .base import Initializer


def _makes_new(array: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Marks a method whose results are nobody else's, so that a variable need not copy them."""
    array.makes_new = True  # pyright: ignore[reportFunctionMemberAccess]
    return array


class _Drawn(Initializer):
    """An initializer that draws: anew at each call without a seed, the same with one.

    `seed` is an int, or a SeedGenerator, which gives another key at each call.
    """

    def __init__(self, seed: Any = None) -> None:
        if not (seed is None or hasattr(seed, "next")) and not isinstance(seed, int | np.integer):
            raise ValueError(
                "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an "
                f"integer. Received: seed={seed}"
            )
        self.seed = seed

    def _key(self) -> tuple[int, int]:
        if self.seed is None:
            return host.next_key()
        if isinstance(self.seed, int | np.integer):
            return int(self.seed), 0
        words = np.asarray(self.seed.state.backend.to_numpy(self.seed.next()))
        return int(words[0]) & philox.MASK, int(words[1]) & philox.MASK


class RandomUniform(_Drawn):
    """Uniform between `minval` and `maxval`."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    @_makes_new
    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the draws."""
        return host.uniform(self._key(), shape, self.maxval - self.minval, self.minval, dtype)


class RandomNormal(_Drawn):
    """Normal with a mean and a standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    @_makes_new
    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the draws."""
        return host.normal(self._key(), shape, self.stddev, self.mean, dtype)


class TruncatedNormal(RandomNormal):
    """Normal, with what lies beyond two standard deviations cut off."""

    @_makes_new
    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the draws."""
        return host.truncated_normal(self._key(), shape, self.stddev, self.mean, dtype)


class VarianceScaling(_Drawn):
    """Draws whose variance is `scale` over the number of inputs, outputs, or their mean.

    Args:
        scale: the variance of a sum of as many terms.
        mode: what it is divided by: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: an int, a SeedGenerator or None.
        input_axes: the axes whose sizes multiply to the number of inputs, given with
            `output_axes`; unless given those of a Dense or convolution kernel.
        output_axes: the axes of the outputs.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(
                f"Invalid `mode` argument: {mode}. Please use one of fan_in, fan_out, fan_avg"
            )
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                f"Invalid `distribution` argument: {distribution}. Please use one of "
                "truncated_normal, untruncated_normal, uniform"
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    @_makes_new
    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the draws."""
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return host.uniform(self._key(), shape, 2 * limit, -limit, dtype)
        if self.distribution == "untruncated_normal":
            return host.normal(self._key(), shape, math.sqrt(variance), dtype=dtype)
        # What is cut off narrows the distribution to this share of its standard deviation.
        stddev = math.sqrt(variance) / 0.87962566103423978
        return host.truncated_normal(self._key(), shape, stddev, dtype=dtype)


class GlorotUniform(VarianceScaling):
    """Glorot & Bengio 2010, uniform: variance 2 / (inputs + outputs)."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Glorot & Bengio 2010, truncated normal."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """LeCun et al. 1998, truncated normal: variance 1 / inputs."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """LeCun et al. 1998, uniform."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """He et al. 2015, truncated normal: variance 2 / inputs."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """He et al. 2015, uniform."""

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class Orthogonal(_Drawn):
    """`gain` times a matrix with orthonormal rows or columns, whichever are fewer.

    All axes but the last are its rows. Q of the QR decomposition of normal draws, with the signs of
    R's diagonal, so that it is uniform among the orthogonal matrices (Saxe et al. 2013, Mezzadri
    2007). ValueError for fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the matrix in the given shape."""
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn = host.normal(self._key(), (max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(drawn)
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


def fans(
    shape: tuple[int, ...], input_axes: Any = None, output_axes: Any = None
) -> tuple[float, float]:
    """Returns how many inputs and outputs each unit of a kernel of this shape has."""
    if input_axes is not None and output_axes is not None:
        return (
            float(math.prod(shape[axis] for axis in input_axes)),
            float(math.prod(shape[axis] for axis in output_axes)),
        )
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])
