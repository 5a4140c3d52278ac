"""Where a metric computes: its variables follow the values that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ..backends import registry
from ..backends.registry import BOX, Kind, owner_of
from ..context import entered, state
from ..core.variable import Variable, same_variable
from ..nested import flatten
from ..ops.placing import placed


def following(update: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that brings the metric's variables to its arguments, and then runs.

    Values without a backend (NumPy arrays, numbers) go to the variables instead.
    """

    @wraps(update)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_super_called()
        with placed_with(self.variables, (args, kwargs)):
            if registry.accelerated:
                return placed(update, (self, *args), kwargs)
            return update(self, *args, **kwargs)

    return run


def at_home(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that runs on the backend and device of the metric's variables."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_super_called()
        with placed_with(self.variables, ()):
            return method(self, *args, **kwargs)

    return run


@contextmanager
def placed_with(variables: list[Variable], values: Any) -> Iterator[None]:
    """Within the ``with`` block, the current backend and device are those of values or variables.

    Args:
        variables: of a metric; they are moved to the backend and device of the values' tensors.
        values: nested structure; if no tensor of a backend is in it, the variables stay.
    """
    found = _place_of(flatten(values))
    if found is not None:
        backend, device = found
        for variable in variables:
            _bring(variable, backend, device)
    elif variables:
        first = variables[0]
        backend = first.backend
        device = backend.device_of(first.native) if first.initialized else None
    else:
        yield
        return
    changes = {"backend": backend, "device": device, "autocast": None}
    if state.substitutes is not None:  # a pure function, which may be differentiated
        with entered(**changes):
            yield
    else:
        with entered(**changes), backend.unrecorded():
            yield


def _place_of(values: Iterable[Any]) -> tuple[Any, Any] | None:
    """The backend of the first tensor, and the device of the first that is not on the CPU."""
    backend = device = None
    for x in values:
        owner = owner_of(x)
        if owner is BOX:
            owner, x = x.backend, x.native
        if x is None or isinstance(owner, Kind) or owner.symbolic:
            continue
        owner = owner.full_backend or owner
        backend = backend or owner
        if owner is backend and device is None:  # (the op will refuse tensors of two backends)
            device = backend.device_of(x)
    return None if backend is None else (backend, device)


def _bring(variable: Variable, backend: Any, device: Any) -> None:
    """Moves a variable, with its values, to a backend and device; it stays the same object."""
    if state.substitutes is not None and id(variable) in state.substitutes:
        return
    native = variable.native
    if variable.backend is backend and (native is None or backend.device_of(native) == device):
        return
    with entered(backend=backend, device=device, deferred=False), backend.eagerly():
        made = same_variable(variable, backend, variable._own_dtype())
    variable.backend, variable._table, variable._key = backend, made._table, made._key
