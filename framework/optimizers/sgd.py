"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together, whole_step
from .optimizer import Optimizer


class SGD(Optimizer):
    """Steps along the gradient, with momentum m <- momentum * m - rate * gradient if wanted.

    With Nesterov's momentum the step is momentum * m - rate * gradient, of the new m.

    Args:
        learning_rate: float, schedule, or function without arguments.
        momentum: share of the last step that is repeated.
        nesterov: whether the momentum is Nesterov's.
        **options: those of Optimizer.

    Raises ValueError for a momentum that is not a float between 0 and 1.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: {momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self.momentums = []
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * g, or by its momentum.

        m <- momentum * m - rate * g, and the variable moves by m; with Nesterov's momentum, by
        momentum * m - rate * g of the new m.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        kernel = None if self.momentum else whole_step("gradient_step", variable)
        if kernel is not None:
            kernel(variable.value, gradient, ops.convert_to_tensor(learning_rate))
            return
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        if not self.momentum:
            self.assign_sub(variable, step)
            return
        m = self.slot(self.momentums, variable)
        self.assign(m, ops.subtract(ops.multiply(m, self.momentum), step))
        ahead = ops.subtract(ops.multiply(m, self.momentum), step) if self.nesterov else m
        self.assign_add(variable, ahead)
