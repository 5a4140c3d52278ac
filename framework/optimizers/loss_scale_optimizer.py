"""LossScaleOptimizer: gradients of a scaled loss, with a scale that follows what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import configs, initializers, ops
from ..core.variable import Variable
from ..ops.dispatch import tensor
from .arguments import COMMON
from .optimizer import Optimizer
from .slots import overwritten


class LossScaleOptimizer(Optimizer):
    """Scales losses for mixed precision, so that small gradients do not vanish in float16.

    Gradients that are not finite are dropped and halve the scale; after `dynamic_growth_steps`
    steps without such it doubles. From Micikevicius et al. 2017.

    Args:
        inner_optimizer: the optimizer that takes the steps; its `loss_scale_factor` becomes None.
        initial_scale: the first scale.
        dynamic_growth_steps: after how many finite steps the scale doubles.
        name: of the optimizer.
        **kwargs: arguments of Optimizer are accepted at their defaults.

    Raises ValueError for other arguments of Optimizer: the inner optimizer has them.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set "
                "`loss_scale_factor` directly on the `inner_optimizer`."
            )
        for argument, default in COMMON.items():
            if kwargs.pop(argument, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{argument}`. Instead, set `{argument}` "
                    "on the `inner_optimizer`."
                )
        if kwargs:
            raise ValueError(
                f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`. Set "
                "them on the `inner_optimizer`."
            )
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self.inner_optimizer.loss_scale_factor = None

    def _make_slots(self, variables: Sequence[Any]) -> None:
        start = initializers.Constant(self.initial_scale)
        self.step_counter = self.add_variable((), "zeros", "int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), start, "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)

    @property
    def variables(self) -> list[Variable]:
        """All variables: its own, then those of the inner optimizer."""
        inner = self.inner_optimizer.variables
        theirs = {id(v) for v in inner}
        return [*(v for v in super().variables if id(v) not in theirs), *inner]

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Takes the inner optimizer's step along unscaled gradients, if all are finite.

        Args:
            grads: gradients of the scaled loss.
            trainable_variables: the variables; those that the optimizer was built with unless
                given.

        Raises:
            ValueError: as of `Optimizer.apply`.
        """
        if len(grads) == 0:
            return
        variables = self._known_variables(grads, trainable_variables)
        counter, scale = self.step_counter, self.dynamic_scale

        def step() -> None:
            unscaled = [
                g if g is None or overwritten(v) else ops.divide(g, scale)
                for g, v in zip(grads, variables, strict=True)
            ]
            self.inner_optimizer.apply(unscaled, variables)
            full = ops.equal(counter, self.dynamic_growth_steps - 1)
            scale.assign(ops.where(full, ops.multiply(scale, 2.0), scale))
            counter.assign(ops.where(full, ops.zeros_like(counter), ops.add(counter, 1)))

        def drop() -> None:
            counter.assign(0)
            scale.assign(ops.multiply(scale, 0.5))

        self._choose(self.check_finite(grads), step, drop)

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Returns whether all elements of all gradients are finite, as a boolean scalar."""
        finite = [ops.all(ops.isfinite(g)) for g in grads if g is not None]
        return ops.all(ops.stack(finite))

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        """Sets the inner optimizer's learning rate: a number, a schedule or a function."""
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """How many steps the inner optimizer took."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """Returns a loss, multiplied by the present scale."""
        scale = self.dynamic_scale if self.built else self.initial_scale
        backend, loss = tensor(loss)
        return ops.multiply(loss, ops.cast(scale, backend.dtype(loss)))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Puts the inner optimizer's moving averages in the place of the variables' values."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same optimizer again, without its state."""
        return {
            "name": self.name,
            "inner_optimizer": configs.serialize_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }
