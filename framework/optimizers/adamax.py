"""Adamax: Adam with the largest magnitude in the place of the mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Steps along the mean gradient over its largest recent magnitude. From Kingma & Ba 2014.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: factor by which the largest magnitude fades at a step.
        epsilon: added to the magnitude.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    @together
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, u = self.slot(self._m, variable), self.slot(self._u, variable)
        left = self.correction(self.beta_1, self.local_step(variable.dtype))
        left = ops.cast(left, variable.dtype)
        self.blend(m, gradient, self.beta_1)
        self.assign(u, ops.maximum(ops.multiply(u, self.beta_2), ops.absolute(gradient)))
        step = ops.multiply(m, ops.cast(learning_rate, variable.dtype))
        self.assign_sub(variable, ops.divide(step, ops.multiply(ops.add(u, self.epsilon), left)))
