"""ActivityRegularization: a loss for what passes."""

from typing import Any

from ... import regularizers
from ...typing import Tensor
from ..described import Described


class ActivityRegularization(Described):
    """Hands its inputs on, and adds l1 * sum |x| + l2 * sum x^2 to the losses.

    Args:
        l1: the factor of the absolute values, not negative.
        l2: the factor of the squares, not negative.
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs, of any shape."""
        return inputs
