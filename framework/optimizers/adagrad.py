"""Adagrad: gradients divided by the root of the sum of all their squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import initializers, ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Adagrad(Optimizer):
    """Steps along gradient / sqrt(sum of squares + epsilon). From Duchi et al. 2011.

    Args:
        learning_rate: float, schedule, or function without arguments.
        initial_accumulator_value: where the sums of squares begin.
        epsilon: added under the root.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def _make_slots(self, variables: Sequence[Any]) -> None:
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * g / sqrt(s + epsilon), where s <- s + g^2 comes first.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        total = self.slot(self._accumulators, variable)
        self.assign_add(total, ops.square(gradient))
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        self.assign_sub(variable, ops.divide(step, ops.sqrt(ops.add(total, self.epsilon))))
