"""Gaussian noise, added or multiplied while training."""

import math
from typing import Any

from ... import ops
from ...typing import Tensor
from .base import Drawing, share


class GaussianNoise(Drawing):
    """While training, normal draws are added to the inputs.

    Args:
        stddev: their standard deviation, from 0 to 1.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError for another standard deviation.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = share(stddev, "stddev")
        self._draw_from(seed, stddev > 0)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Returns inputs of any shape, with noise while training."""
        if not self.stddev or not training:
            return inputs
        return ops.add(inputs, self._noise(inputs, 0.0, self.stddev))


class GaussianDropout(Drawing):
    """While training, inputs are multiplied by normal draws around one (Srivastava et al. 2014).

    Their standard deviation is sqrt(rate / (1 - rate)), as of the factors of `Dropout`.

    Args:
        rate: the rate of the Dropout that it is like, from 0 to below 1.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError for another rate.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate", below_one=True)
        self._draw_from(seed, rate > 0)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Returns inputs of any shape, with noise while training."""
        if not self.rate or not training:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, self._noise(inputs, 1.0, stddev))
