"""How a step is taken: gradients accumulated and clipped, weights decayed, averages moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..core.scopes import StatelessScope
from ..core.variable import Variable
from ..ops.dispatch import tensor
from . import clipping
from .groups import Group, grouped, of_group, takes_groups
from .slots import OptimizerVariables, as_variables, overwritten


class OptimizerSteps(OptimizerVariables):
    """What `apply` does with gradients; mixed into Optimizer."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    weight_decay: float | None
    gradient_accumulation_steps: int | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    iterations: Any
    learning_rate: Any
    update_step: Callable[[Any, Any, Any], None]
    assign_sub: Callable[[Any, Any], None]
    _undecayed: list[Any]
    _undecayed_names: str | None
    _accumulated_gradients: list[Any]
    _model_variables_moving_average: list[Any]

    def _apply_to(self, gradients: list[Any], variables: list[Variable]) -> None:
        if self.gradient_accumulation_steps:
            sums = [self.slot(self._accumulated_gradients, v) for v in variables]
            totals = [ops.add(g, s) for g, s in zip(gradients, sums, strict=True)]

            def step() -> None:
                count = self.gradient_accumulation_steps
                self._step([ops.divide(total, count) for total in totals], variables)
                for held in sums:
                    held.assign(ops.zeros_like(held))

            def wait() -> None:
                for held, total in zip(sums, totals, strict=True):
                    held.assign(total)

            self._choose(self._is_due(), step, wait)
        else:
            self._step(gradients, variables)
        if self.use_ema:
            self._average(self._trainable_variables)
            if self.ema_overwrite_frequency:
                following = ops.mod(ops.add(self.iterations, 1), self.ema_overwrite_frequency)
                self._choose(
                    ops.equal(following, 0),
                    lambda: self.finalize_variable_values(self._trainable_variables),
                    lambda: None,
                )

    def _is_due(self) -> Any:
        """Whether this call ends an accumulation."""
        following = ops.add(self._iterations, 1)
        return ops.equal(ops.mod(following, self.gradient_accumulation_steps), 0)

    def _choose(self, wanted: Any, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Calls `first` if `wanted`, else `second`; both assign variables and return nothing.

        In a program that is traced both are, and what they assign becomes a choice of values.
        """
        backend, wanted = tensor(wanted)
        known = backend.static_value(backend.read(wanted), True)
        if known is not None:
            return first() if known else second()
        held = [*self._trainable_variables, *self.variables]

        def outcome(function: Callable[[], None]) -> list[Any]:
            with StatelessScope([(v, v.value) for v in held]) as scope:
                function()
            return [scope.get_current_value(v) for v in held]

        chosen = ops.cond(wanted, lambda: outcome(first), lambda: outcome(second))
        for variable, value in zip(held, chosen, strict=True):
            variable.assign(value)

    def _step(self, gradients: list[Any], variables: list[Any]) -> None:
        """Clip gradients, decay weights, and step."""
        backend = self._iterations.backend
        if takes_groups(self, backend):
            places = self._grouped(variables, self._alike)
            gradients = [backend.bundle([gradients[i] for i in at]) for at in places]
            variables = [self._group(variables, at) for at in places]
        gradients = self._clip_gradients(gradients)
        self._apply_weight_decay(variables)
        self._update_steps(gradients, variables, self.learning_rate)

    def _alike(self, variable: Variable) -> Any:
        """What variables that are updated in one go have in common."""
        return self._use_weight_decay(variable)

    def _grouped(self, variables: list[Any], alike: Any) -> list[list[int]]:
        """The places of variables that are updated in one go; found once for the same variables."""
        first = variables[0]
        shared = first.backend.bundle_key(first.native)
        what = shared, [id(v) for v in variables]
        known = self._cache.get(("groups", alike))
        if known is None or known[0] != what:
            known = self._cache["groups", alike] = what, grouped(variables, alike)
        return known[1]

    def _group(self, variables: Sequence[Any], places: list[int]) -> Any:
        indices = self._indices()
        chosen = [variables[i] for i in places]
        return Group(chosen, [indices[self._var_key(v)] for v in chosen])

    def _update_steps(self, gradients: list[Any], variables: list[Any], learning_rate: Any) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if self.clipnorm and self.clipnorm > 0:
            return [clipping.by_norm(g, self.clipnorm) for g in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clipping.by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [clipping.by_value(g, self.clipvalue) for g in grads]
        return grads

    def _overwrite(self, pairs: list[tuple[Any, Variable]]) -> list[tuple[Any, Variable]]:
        """Give variables that ask for it their gradient's value; returns the other pairs.

        Of several accumulated gradients they get the largest: these are scales of float8.
        """
        for gradient, variable in pairs:
            if not overwritten(variable):
                continue
            if not self.gradient_accumulation_steps:
                variable.assign(gradient)
                continue
            held = self.slot(self._accumulated_gradients, variable)
            largest = ops.maximum(gradient, held)

            def take(variable: Any = variable, held: Any = held, largest: Any = largest) -> None:
                variable.assign(largest)
                held.assign(ops.zeros_like(held))

            self._choose(self._is_due(), take, lambda h=held, x=largest: h.assign(x))
        return [pair for pair in pairs if not overwritten(pair[1])]

    # Weight decay -----------------------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leaves variables out of weight decay, in the place of those that were left out before.

        Args:
            var_list: variables.
            var_names: patterns (`re.search`), of which one is found in the variable's name.
        """
        self._undecayed = as_variables(var_list or [], self._wrapped)
        self._undecayed_names = "|".join(sorted(set(var_names))) if var_names else None
        self._cache.clear()

    def _use_weight_decay(self, variable: Any) -> bool:
        known = self._cache.setdefault("decays", {})
        found = known.get(id(variable))
        if found is None:
            excluded = any(variable is v for v in self._undecayed)
            if not excluded and self._undecayed_names is not None:
                excluded = re.search(self._undecayed_names, variable.name) is not None
            found = known[id(variable)] = not excluded
        return found

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if self.weight_decay is None:
            return
        rate = self.learning_rate
        for variable in variables:
            if self._use_weight_decay(of_group(variable)):
                self._decay(variable, self.weight_decay, rate)

    def _decay(self, variable: Any, weight_decay: float, rate: Any) -> None:
        dtype = variable.dtype
        shrunk = ops.multiply(ops.multiply(variable, weight_decay), ops.cast(rate, dtype))
        self.assign_sub(variable, shrunk)

    # Moving averages --------------------------------------------------------------------------

    def _average(self, variables: Sequence[Any]) -> None:
        """Move the averages towards the variables; at first they become the variables."""
        started = ops.not_equal(self.iterations, 0)
        variables = [v for v in variables if not overwritten(v)]
        if self._iterations.backend.bundles and variables:
            places = self._grouped(variables, _any)
            variables = [self._group(variables, at) for at in places]
        for variable in variables:
            average = self.slot(self._model_variables_moving_average, variable)
            share = ops.multiply(ops.cast(started, variable.dtype), self.ema_momentum)
            fresh = ops.multiply(variable, ops.subtract(1, share))
            average.assign(ops.add(ops.multiply(average, share), fresh))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Puts the moving averages, if there are any, in the place of the variables' values.

        Args:
            var_list: variables that the optimizer was built with.

        Raises:
            ValueError: other variables.
        """
        if not self.use_ema:
            return
        indices = self._indices()
        for variable in as_variables(var_list, self._wrapped):
            if self._var_key(variable) not in indices:
                raise ValueError(
                    f"The optimizer {self.name!r} has no moving average of {variable.path!r}: it "
                    "was built with other variables."
                )
            average = self.slot(self._model_variables_moving_average, variable)
            if average is not None:
                variable.assign(average)


def _any(variable: Variable) -> None:
    """What variables that are only averaged have in common."""
