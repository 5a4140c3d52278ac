"""Ftrl: follow the regularized leader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import initializers, ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer


class Ftrl(Optimizer):
    """Follows the regularized leader, which makes sparse variables. From McMahan et al. 2013.

    Args:
        learning_rate: float, schedule, or function without arguments.
        learning_rate_power: how the rate falls with the sums of squares; 0 for not at all.
        initial_accumulator_value: where the sums of squares begin.
        l1_regularization_strength: penalty of magnitudes.
        l2_regularization_strength: penalty of squares.
        l2_shrinkage_regularization_strength: penalty of squares, added to gradients only.
        beta: as in the paper.
        **options: those of Optimizer.

    Raises ValueError for a strength or a start below 0, and for a power above 0.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        if learning_rate_power > 0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. Received: "
                f"learning_rate_power={learning_rate_power}."
            )
        for name in (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        ):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"`{name}` needs to be positive or zero. Received: "
                    f"{name}={getattr(self, name)}."
                )

    def _make_slots(self, variables: Sequence[Any]) -> None:
        starts = [initializers.Constant(self.initial_accumulator_value), "zeros"]
        names = ["accumulator", "linear"]
        self._accumulators, self._linears = self.add_optimizer_variables(variables, names, starts)

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Replaces a variable by the minimum of its regularized sum of linear losses.

        With n <- n + g^2 before it (power p = -learning_rate_power, rate r):
        z <- z + g + 2 shrinkage w - (n_new^p - n_old^p) / r * w, and
        w <- (clip(z, -l1, l1) - z) / (n_new^p / r + 2 l2 + beta / r).

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        rate = ops.cast(learning_rate, variable.dtype)
        total = self.slot(self._accumulators, variable)
        linear = self.slot(self._linears, variable)
        power = -self.learning_rate_power
        shrunk = ops.multiply(variable, 2 * self.l2_shrinkage_regularization_strength)
        new = ops.add(total, ops.square(gradient))
        root = ops.power(new, power)
        slower = ops.divide(ops.subtract(root, ops.power(total, power)), rate)
        pulled = ops.subtract(ops.add(gradient, shrunk), ops.multiply(slower, variable))
        self.assign_add(linear, pulled)
        # Twice the penalty of squares: 2 (l2 + beta / (2 rate)).
        penalty = ops.add(ops.divide(self.beta, rate), 2 * self.l2_regularization_strength)
        curve = ops.add(ops.divide(root, rate), penalty)
        limit = self.l1_regularization_strength
        kept = ops.minimum(ops.maximum(linear, -limit), limit)
        self.assign(variable, ops.divide(ops.subtract(kept, linear), curve))
        self.assign(total, new)
