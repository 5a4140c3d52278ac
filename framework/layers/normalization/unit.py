"""Normalization to unit length."""

from typing import Any

from ... import ops
from .base import Normalization


class UnitNormalization(Normalization):
    """x / |x| along axes of each example, with Keras's arguments; zeros stay zeros.

    Args:
        axis: the axis, or axes, along which vectors lie.
        **kwargs: the arguments of `Layer`.

    Raises:
        TypeError: an `axis` that is neither a number nor numbers.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_axes(axis)

    def call(self, inputs: Any) -> Any:
        """Computes vectors of length 1 in the directions of the inputs'."""
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)
