"""Nadam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import dtypes, ops
from ..core.variable import Variable
from ..dtypes import wide
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer

# Of the schedule of momenta in section 3 of the paper's report.
_DECAY = 0.96


class Nadam(Optimizer):
    """Steps like Adam, with Nesterov's momentum, which grows with time. From Dozat 2015.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step, in the long run.
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
        dtype = wide(variables[0].dtype if len(variables) else dtypes.standardize(None))
        # The product of all momenta so far.
        self._u_product: Variable = self.add_variable((), "ones", dtype, name="u_product")

    def _update_steps(self, gradients: list[Any], variables: list[Any], learning_rate: Any) -> None:
        product = self._u_product
        share = self._share(self.local_step(product.dtype))
        self.assign(product, ops.multiply(product, share))
        super()._update_steps(gradients, variables, learning_rate)

    def _share(self, step: Any) -> Any:
        """The momentum of a step."""
        power = ops.power(_DECAY, step)
        return ops.multiply(ops.subtract(1.0, ops.multiply(power, 0.5)), self.beta_1)

    @together
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        m, v = self.slot(self._momentums, variable), self.slot(self._velocities, variable)
        step = self.local_step(dtype)
        now, following = self._share(step), self._share(ops.add(step, 1))
        product = ops.cast(self._u_product, wide(dtype))
        self.blend(m, gradient, self.beta_1)
        self.blend(v, ops.square(gradient), self.beta_2)
        left = ops.subtract(1.0, ops.multiply(product, following))
        ahead = ops.multiply(m, ops.cast(ops.divide(following, left), dtype))
        here = ops.divide(ops.subtract(1.0, now), ops.subtract(1.0, product))
        ahead = ops.add(ahead, ops.multiply(gradient, ops.cast(here, dtype)))
        root = ops.sqrt(ops.divide(v, ops.cast(self.correction(self.beta_2, step), dtype)))
        change = ops.multiply(ahead, ops.cast(learning_rate, dtype))
        self.assign_sub(variable, ops.divide(change, ops.add(root, self.epsilon)))
