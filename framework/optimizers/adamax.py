"""Adamax: Adam with the largest magnitude in the place of the mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .groups import together
from .moments import MomentOptimizer


class Adamax(MomentOptimizer):
    """Steps along the mean gradient over its largest recent magnitude. From Kingma & Ba 2014.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: factor by which the largest magnitude fades at a step.
        epsilon: added to the magnitude.
        **options: those of Optimizer.
    """

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * m / ((1 - beta_1^t) (u + epsilon)) in step t.

        m <- beta_1 m + (1 - beta_1) g and u <- max(beta_2 u, |g|) come first.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        m, u = self.slot(self._m, variable), self.slot(self._u, variable)
        left = self.correction(self.beta_1, self.local_step(variable.dtype))
        left = ops.cast(left, variable.dtype)
        self.blend(m, gradient, self.beta_1)
        self.assign(u, ops.maximum(ops.multiply(u, self.beta_2), ops.absolute(gradient)))
        step = ops.multiply(m, ops.cast(learning_rate, variable.dtype))
        self.assign_sub(variable, ops.divide(step, ops.multiply(ops.add(u, self.epsilon), left)))
