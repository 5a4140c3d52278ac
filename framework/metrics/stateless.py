"""What metrics do as pure functions of their variables' values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.scopes import StatelessScope
from ..core.trackable import Trackable
from .placing import placed_with


class Stateless(Trackable):
    """The base of what gathers values in variables: a metric, or all metrics of `compile`."""

    update_state: Any
    result: Any
    reset_state: Any

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """Gathers values as a pure function of the variables, which themselves stay as they were.

        Args:
            metric_variables: native tensors, the values of `variables`.
            *args: what `update_state` takes.
            **kwargs: what `update_state` takes.

        Returns:
            The new values of the variables.

        Raises:
            ValueError: another number of tensors than of variables.
        """
        with self._holding(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return self._values_in(scope)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Returns the result that values of the variables give.

        Args:
            metric_variables: native tensors, the values of `variables`.

        Raises:
            ValueError: another number of tensors than of variables.
        """
        with self._holding(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """Returns the values that `reset_state` gives the variables, which stay as they were."""
        with StatelessScope() as scope:
            self.reset_state()
        return self._values_in(scope)

    def _holding(self, values: Sequence[Any]) -> StatelessScope:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                "Argument `metric_variables` must be a list of tensors corresponding 1:1 to "
                f"{type(self).__name__}().variables. Received list with length {len(values)}, but "
                f"expected {len(variables)} variables."
            )
        with placed_with(variables, list(values)):
            return StatelessScope(zip(variables, values, strict=True))

    def _values_in(self, scope: StatelessScope) -> list[Any]:
        found = [(v, scope.get_current_value(v)) for v in self.variables]
        return [v.value if value is None else value for v, value in found]
