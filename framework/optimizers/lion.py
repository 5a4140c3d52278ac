"""Lion: steps of one size, by the sign of the momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Lion(Optimizer):
    """Steps along sign(beta_1 * m + (1 - beta_1) * gradient). From Chen et al. 2023.

    Args:
        learning_rate: float, schedule, or function without arguments; smaller than Adam's.
        beta_1: share of the momentum in the step.
        beta_2: share of the old momentum that stays at a step.
        **options: those of Optimizer.

    Raises ValueError for a `beta_1` that is not above 0 and at most 1.
    """

    @common_arguments
    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 < beta_1 <= 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range, and not 0. Otherwise, the "
                f"optimizer degenerates to SignSGD. Received: beta_1={beta_1}."
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * sign(beta_1 m + (1 - beta_1) g).

        m <- beta_2 m + (1 - beta_2) g comes after it.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        m = self.slot(self._momentums, variable)
        ahead = ops.add(ops.multiply(m, self.beta_1), ops.multiply(gradient, 1 - self.beta_1))
        sign = ops.sign(ahead)
        self.assign_sub(variable, ops.multiply(sign, ops.cast(learning_rate, variable.dtype)))
        self.blend(m, gradient, self.beta_2)
