"""Adam, and AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together, whole_step
from .moments import MomentOptimizer


class Adam(MomentOptimizer):
    """Steps along the mean gradient over the root of the mean square. From Kingma & Ba 2014.

    `epsilon` is what the paper calls "epsilon hat": it is added to the root of the mean that is
    not yet corrected for its start at zero.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
        amsgrad: whether the largest mean of squares so far takes the place of the last one.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    def _make_slots(self, variables: Sequence[Any]) -> None:
        super()._make_slots(variables)
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * m / (sqrt(v) + epsilon), with Adam's two moving averages.

        m <- beta_1 m + (1 - beta_1) g and v <- beta_2 v + (1 - beta_2) g^2 come first. The rate in
        step t is the learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t). With `amsgrad` the
        largest v so far takes the place of v.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        m = self.slot(self._momentums, variable)
        v = self.slot(self._velocities, variable)
        largest = self.slot(self._velocity_hats, variable) if self.amsgrad else None
        kernel = whole_step("adam_step", variable)
        if kernel is not None and kernel(
            *(x if x is None else x.value for x in (variable, m, v, largest)),
            gradient=gradient,
            learning_rate=ops.convert_to_tensor(learning_rate),
            steps=ops.convert_to_tensor(self.iterations),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        ):
            return
        step = self.local_step(variable.dtype)
        rate = self.corrected_rate(learning_rate, step, self.beta_1, self.beta_2)
        rate = ops.cast(rate, variable.dtype)
        self.blend(m, gradient, self.beta_1)
        self.blend(v, ops.square(gradient), self.beta_2)
        if largest is not None:
            self.assign(largest, ops.maximum(largest, v))
            v = largest
        root = ops.add(ops.sqrt(v), self.epsilon)
        self.assign_sub(variable, ops.divide(ops.multiply(m, rate), root))


class AdamW(Adam):
    """Adam with weight decay that is apart from the gradients. From Loshchilov & Hutter 2017.

    Args:
        learning_rate: float, schedule, or function without arguments.
        weight_decay: by which share times the rate each step shrinks the variables.
        beta_1: share of the old mean of gradients that stays at a step.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
        amsgrad: whether the largest mean of squares so far takes the place of the last one.
        **options: those of Optimizer.

    Raises ValueError for a weight decay of None.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        options["weight_decay"] = weight_decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **options)
        if self.weight_decay is None:
            raise ValueError(
                "Argument `weight_decay` must be a float. Received: weight_decay=None. Without "
                "decay use Adam."
            )
