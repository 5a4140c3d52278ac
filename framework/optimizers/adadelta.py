"""Adadelta: steps in the units of the variable, by the mean square of earlier steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps along gradient * rms(steps) / rms(gradients). From Zeiler 2012.

    Args:
        learning_rate: float, schedule, or function without arguments; 1.0 in the paper.
        rho: share of the old means that stays at a step.
        epsilon: added under both roots.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * g * rms(steps) / rms(g).

        rms(x) is sqrt(mean + epsilon), of a moving average of squares: mean <- rho * mean +
        (1 - rho) * x^2. The steps are those before the learning rate.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        squares = self.slot(self._accumulated_grads, variable)
        steps = self.slot(self._accumulated_delta_vars, variable)
        self.blend(squares, ops.square(gradient), self.rho)
        step = ops.divide(ops.multiply(self._root(steps), gradient), self._root(squares))
        self.blend(steps, ops.square(step), self.rho)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, ops.multiply(step, rate))

    def _root(self, x: Any) -> Any:
        return ops.sqrt(ops.add(x, self.epsilon))
