"""Normalization by the root of the mean square."""

from typing import Any

from ... import ops
from .base import Normalization


class RMSNormalization(Normalization):
    """x / sqrt(mean(x^2) + epsilon) * scale along axes of each example.

    Zhang & Sennrich 2019, with Keras's arguments. Inputs and outputs have the same shape; `scale`
    has the sizes of the axes.

    Args:
        axis: the axis, or axes, along which the mean is taken.
        epsilon: added to the mean.
        **kwargs: the arguments of `Layer`.

    Raises:
        TypeError: an `axis` that is neither a number nor numbers.
        ValueError: later, an axis that the inputs do not have, or of unknown size.
    """

    scale: Any

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_axes(axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Makes `scale`, of the sizes of the axes."""
        self.scale = self.add_weight(self._sizes_along(input_shape), "ones")

    def call(self, inputs: Any) -> Any:
        """Computes the normalized inputs; half precision in float32."""
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)
