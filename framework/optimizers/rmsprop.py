"""RMSprop: gradients divided by the root of their recent mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """Steps along gradient / sqrt(mean of squares + epsilon). From Hinton's lectures of 2012.

    Args:
        learning_rate: float, schedule, or function without arguments.
        rho: share of the old mean that stays at a step.
        momentum: share of the last step that is repeated.
        epsilon: added under the root.
        centered: whether the square of the mean gradient is subtracted from the mean square.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums, self._average_gradients = [], []
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    @together
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        velocity = self.slot(self._velocities, variable)
        self.blend(velocity, ops.square(gradient), self.rho)
        spread = velocity
        if self.centered:
            average = self.slot(self._average_gradients, variable)
            self.blend(average, gradient, self.rho)
            spread = ops.subtract(velocity, ops.square(average))
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        step = ops.divide(step, ops.sqrt(ops.add(spread, self.epsilon)))
        if self.momentum > 0:
            momentum = self.slot(self._momentums, variable)
            self.assign(momentum, ops.add(ops.multiply(momentum, self.momentum), step))
            step = momentum
        self.assign_sub(variable, step)
