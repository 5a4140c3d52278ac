"""Lamb: Adam's steps, scaled for each variable by its norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Lamb(Optimizer):
    """Steps like Adam, each as long in proportion to its variable. From You et al. 2019.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
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
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)

    @together
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        number = self.local_step(variable.dtype)
        self.blend(m, gradient, self.beta_1)
        self.blend(v, ops.square(gradient), self.beta_2)
        corrections = [
            ops.cast(self.correction(share, number), variable.dtype)
            for share in (self.beta_1, self.beta_2)
        ]
        root = ops.sqrt(ops.divide(v, corrections[1]))
        step = ops.divide(m, corrections[0])
        step = ops.divide(step, ops.add(root, self.epsilon))
        lengths = _norm(variable), _norm(step)
        ratio = ops.divide(*lengths)
        for length in lengths:
            ratio = ops.where(ops.greater(length, 0), ratio, ops.ones_like(ratio))
        rate = ops.multiply(ratio, ops.cast(learning_rate, variable.dtype))
        self.assign_sub(variable, ops.multiply(step, rate))


def _norm(x: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(x)))
