"""Adafactor: Adam's steps with mean squares kept for rows and columns only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import together
from .optimizer import Optimizer
from .slots import overwritten


class Adafactor(Optimizer):
    """Steps like Adam without momentum, in memory that grows with rows plus columns.

    From Shazeer & Stern 2018. The mean squares of a matrix are the outer product of those of its
    rows and columns; a variable of fewer axes has its own.

    Args:
        learning_rate: float, schedule, or function without arguments: the highest rate.
        beta_2_decay: power of the step by which the means take up new squares.
        epsilon_1: added to squares of gradients.
        epsilon_2: the least root mean square of a variable that steps are in proportion to.
        clip_threshold: root mean square at which a step is shortened.
        relative_step: kept for configs; as in Keras the rate is at most 1 / sqrt(step) anyway.
        **options: those of Optimizer.
    """

    @common_arguments
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._r, self._c, self._v = [], [], []
        for variable in variables:
            if overwritten(variable):
                r = c = v = None
            else:
                r, c = self._factors(variable)
                v = self.add_variable_from_reference(variable, "velocity")
            for slots, slot in zip((self._r, self._c, self._v), (r, c, v), strict=True):
                slots.append(slot)

    def _factors(self, variable: Any) -> tuple[Any, Any]:
        """Slots for the rows and the columns; without use where the variable is no matrix."""
        *lead, columns = variable.shape or (1,)
        matrix = len(variable.shape) > 1
        shapes = [tuple(lead), (*lead[:-1], columns)] if matrix else [(), ()]
        dtype = variable.dtype if matrix else None
        return tuple(
            self.add_variable(shape, dtype=dtype, name=f"{variable.path}.{name}")
            for shape, name in zip(shapes, ("rows", "columns"), strict=True)
        )  # pyright: ignore[reportReturnType]

    def _alike(self, variable: Any) -> Any:
        return super()._alike(variable), len(variable.shape)

    @together
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a variable by -rate * u, with u = g / sqrt(v) shortened to `clip_threshold`.

        v is the moving average of g^2 + epsilon_1, in which the newest has the share
        t^beta_2_decay in step t; of a matrix (..., rows, columns) only the averages over columns
        and over rows are kept, whose outer product, over the mean of one, is v. The rate is
        min(learning rate, 1 / sqrt(t)) times the variable's root mean square, which counts as
        `epsilon_2` at least.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        step = self.local_step(variable.dtype)
        slowest = ops.cast(ops.divide(1.0, ops.sqrt(step)), variable.dtype)
        rate = ops.minimum(ops.cast(learning_rate, variable.dtype), slowest)
        fresh = ops.cast(ops.power(step, self.beta_2_decay), variable.dtype)
        squares = ops.add(ops.square(gradient), self.epsilon_1)
        v = self.slot(self._v, variable)
        if len(variable.shape) > 1:
            r, c = self.slot(self._r, variable), self.slot(self._c, variable)
            self.assign(r, _mixed(r, ops.mean(squares, axis=-1), fresh))
            self.assign(c, _mixed(c, ops.mean(squares, axis=-2), fresh))
            shares = ops.divide(r, ops.mean(r, axis=-1, keepdims=True))
            product = ops.multiply(ops.expand_dims(shares, -1), ops.expand_dims(c, -2))
            self.assign(v, product)
        else:
            self.assign(v, _mixed(v, squares, fresh))
        change = ops.divide(gradient, ops.sqrt(v))
        excess = ops.maximum(ops.divide(_rms(change), self.clip_threshold), 1.0)
        rate = ops.multiply(ops.maximum(_rms(variable), self.epsilon_2), rate)
        self.assign_sub(variable, ops.multiply(ops.divide(change, excess), rate))


def _mixed(average: Any, new: Any, share: Any) -> Any:
    kept = ops.multiply(average, ops.subtract(1.0, share))
    return ops.add(kept, ops.multiply(new, share))


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
