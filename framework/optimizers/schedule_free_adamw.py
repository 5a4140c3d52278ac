"""ScheduleFreeAdamW: Adam's steps, with an average of the iterates in the place of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .moments import MomentOptimizer


class ScheduleFreeAdamW(MomentOptimizer):
    """Steps like Adam, at a point between the iterate and its average. From Defazio et al. 2024.

    The model's variables are y = (1 - beta_1) z + beta_1 x; the slots "momentum" hold the
    iterates z, and their averages x follow from both.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the average in the variables.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
        warmup_steps: over how many steps the rate rises from 0.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.warmup_steps = warmup_steps

    def _make_slots(self, variables: Sequence[Any]) -> None:
        super()._make_slots(variables)
        for iterate, variable in zip(self._momentums, variables, strict=True):
            if iterate is not None:
                iterate.assign(variable)

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves the iterate z by Adam's step without momentum, and the variable y between z and x.

        The average x = (y - (1 - beta_1) z) / beta_1 moves towards z by the share 1 / t in step t;
        z moves by -rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon).

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        number = self.local_step(variable.dtype)
        dtype = variable.dtype
        rate = ops.cast(learning_rate, dtype)
        if self.warmup_steps > 0:
            risen = ops.minimum(ops.divide(number, self.warmup_steps), 1.0)
            rate = ops.multiply(rate, ops.cast(risen, dtype))
        z, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        # The average, from the variables and the iterate that they were made of.
        average = ops.subtract(variable, ops.multiply(z, 1 - self.beta_1))
        average = ops.divide(average, self.beta_1)
        self.blend(v, ops.square(gradient), self.beta_2)
        left = ops.cast(self.correction(self.beta_2, number), dtype)
        root = ops.sqrt(ops.divide(v, left))
        step = ops.divide(ops.multiply(gradient, rate), ops.add(root, self.epsilon))
        self.assign_sub(z, step)
        weight = ops.cast(ops.divide(1.0, number), dtype)
        average = ops.multiply(average, ops.subtract(1.0, weight))
        average = ops.add(average, ops.multiply(z, weight))
        between = ops.add(ops.multiply(z, 1 - self.beta_1), ops.multiply(average, self.beta_1))
        self.assign(variable, between)
