"""Lamb: Adam's steps, scaled for each variable by its norm."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..typing import Tensor
from .groups import together
from .moments import MomentOptimizer


class Lamb(MomentOptimizer):
    """Steps like Adam, each as long in proportion to its variable. From You et al. 2019.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
        **options: those of Optimizer.
    """

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable w by -rate * |w| / |u| * u, with Adam's direction u.

        u = m' / (sqrt(v') + epsilon), of the moving averages m and v divided by 1 - beta^t in step
        t. The norms are Euclidean; where one of them is 0, the ratio counts as 1.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
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
