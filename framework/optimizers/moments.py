"""What Adam and its relatives share: two moving averages, of gradients and of their squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .arguments import common_arguments
from .optimizer import Optimizer


class MomentOptimizer(Optimizer):
    """Base of optimizers that keep a moving average of gradients and one of their squares.

    The slots "momentum" and "velocity" hold them: the first and second moments of Kingma & Ba 2014.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root of the mean of squares.
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

    def _make_slots(self, variables: Sequence[Any]) -> None:
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)
