"""Metric: the base of all, which gathers values over many batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config, dtype_policies, dtypes, initializers
from ..backends import registry
from ..configs import plain_class
from ..context import entered
from ..core import naming
from ..core.copying import transfer
from ..core.variable import MetricState, Variable
from .placing import at_home, following
from .stateless import Stateless

_WRAPPED = {"update_state": following, "result": at_home, "reset_state": at_home}


class Metric(Stateless):
    """Base of metrics. A subclass makes variables, changes them by values, and sums them up.

        class Largest(Metric):
            def __init__(self, name="largest", dtype=None):
                super().__init__(dtype, name)
                self.found = self.add_variable((), "zeros", name="found")

            def update_state(self, values):
                self.found.assign(ops.maximum(self.found, ops.max(values)))

            def result(self):
                return self.found

    A metric follows its values: given tensors of another backend or device, its variables move
    there. What it gathers is not recorded for gradients.

    Args:
        dtype: dtype or DTypePolicy of the results; the default float unless given.
        name: of the metric; made from the class's name unless given.
    """

    _measures = True
    # "up" or "down": which results are better, for those who wait for the best one.
    _direction: str | None = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        cls = plain_class(type(self))
        self.name = name or naming.auto_name(naming.snake_case(cls.__name__))
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, wrapper in _WRAPPED.items():
            if name in vars(cls):
                setattr(cls, name, wrapper(vars(cls)[name]))

    def _check_super_called(self) -> None:
        if "_dtype_policy" not in vars(self):
            raise RuntimeError(
                f"In metric '{type(self).__name__}', you forgot to call `super().__init__()` in "
                "the `__init__()` method. Add it as its first statement."
            )

    @property
    def dtype(self) -> str:
        """The name of the dtype of the results."""
        return self._dtype_policy.compute_dtype

    @property
    def _dtype(self) -> str:
        return self._dtype_policy.compute_dtype

    # Variables --------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the metric.

        Args:
            shape: its shape.
            initializer: name of an initializer, or a callable `(shape, dtype) -> array`.
            dtype: name of its dtype; float64 for a metric of that dtype and float32 for others
                unless given, for a shorter float would soon stop counting.
            aggregation: how replicas of it are joined; see Variable.
            name: what it is called; the attribute that it is set as, unless given.
        """
        self._check_super_called()
        start = initializers.get("zeros" if initializer is None else initializer)
        dtype = dtypes.wide(self.dtype) if dtype is None else dtype
        with entered(deferred=False):
            made = MetricState(
                start, tuple(shape), dtype, False, False, aggregation=aggregation, name=name
            )
        free = made.name
        for number in range(1, len(self._tracked) + 1):
            if free not in self._tracked:
                break
            free = f"{made.name}_{number}"
        self.register(free, made)
        return made

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the metric; see `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def _track(self, name: str, item: Any) -> None:
        """A variable that `add_variable` made is called by the attribute that it becomes."""
        before = next((k for k, part in self._tracked.items() if part is item), None)
        if before is None or before in vars(self) or not isinstance(item, Variable):
            super()._track(name, item)
        elif before != name:
            parts = [(name if k == before else k, part) for k, part in self._tracked.items()]
            self._tracked.clear()
            self._tracked.update(parts)
            self.touch()

    # States -----------------------------------------------------------------------------------

    @abstractmethod
    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Gathers values. A subclass defines it.

        Most take `(y_true, y_pred, sample_weight=None)`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no `update_state`: define it; it changes the variables by "
            "`assign`."
        )

    @abstractmethod
    def result(self) -> Any:
        """Returns what was gathered, a scalar, or a dict of such. A subclass defines it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no `result`: define it; it returns a scalar that is "
            "computed from the variables."
        )

    def reset_state(self) -> None:
        """Makes all variables zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, np.float32))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Gathers values as `update_state` does, and returns the result."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    # Copies and configs -----------------------------------------------------------------------

    def to_backend(self, name: str) -> Any:
        """Returns a copy of the metric on another backend; this one stays as it is."""
        return transfer(self, registry.get(name))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<{plain_class(type(self)).__name__} name={self.name}>"
