"""RMSprop: gradients divided by the root of their recent mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
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

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums, self._average_gradients = [], []
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * g / sqrt(v + epsilon), plus momentum times the last step.

        v <- rho v + (1 - rho) g^2 comes first; if `centered`, the square of the moving average of g
        is subtracted from it.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
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
