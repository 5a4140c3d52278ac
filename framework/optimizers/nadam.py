"""Nadam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import dtypes, ops
from ..core.variable import Variable
from ..dtypes import wide
from ..typing import Tensor
from .groups import together
from .moments import MomentOptimizer

# Of the schedule of momenta in section 3 of the paper's report.
_DECAY = 0.96


class Nadam(MomentOptimizer):
    """Steps like Adam, with Nesterov's momentum, which grows with time. From Dozat 2015.

    Args:
        learning_rate: float, schedule, or function without arguments.
        beta_1: share of the old mean of gradients that stays at a step, in the long run.
        beta_2: share of the old mean of squares that stays at a step.
        epsilon: added to the root.
        **options: those of Optimizer.
    """

    def _make_slots(self, variables: Sequence[Any]) -> None:
        super()._make_slots(variables)
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
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * a / (sqrt(v / (1 - beta_2^t)) + epsilon) in step t.

        With momenta u_t = beta_1 (1 - 0.96^t / 2) and their product U_t up to t,
        a = m u_(t+1) / (1 - U_t u_(t+1)) + g (1 - u_t) / (1 - U_t); the moving averages m and v,
        Adam's, come first.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
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
