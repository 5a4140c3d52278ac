"""Scopes: initialization put off, calls observed, and variables that read as other values."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from ..backends.registry import BOX, owner_of
from ..context import entered, state
from .naming import checked


def deferred_initialization(noted_in: Any = None) -> AbstractContextManager[None]:
    """Returns a context in which variables get a shape and a dtype but no values.

    No initializer runs. Each variable must be given its values by `Variable.assign` or
    `Variable.initialize` before it is read; only shapes can be inferred before that.

    Args:
        noted_in: something whose `note(variable)` is called for each variable that is made.
    """
    return entered(deferred=noted_in or state.deferred or True)


def observed(observer: Callable[[Any, Any], None]) -> AbstractContextManager[None]:
    """Returns a context in which `observer(layer, outputs)` is called after each layer's call.

    Layers whose work a fused kernel does in one piece are not fused while they are observed.
    """
    return entered(observer=observer)


class name_scope:
    """Within the ``with`` block, new variables without an owner have `name` in their path.

    Scopes nest: a variable "kernel" made in "encoder" and in that in "dense" has the path
    "encoder.dense.kernel". The path of what a layer owns is made of attribute names alone.

    Args:
        name: a name without "/".
        **kwargs: `caller`, `deduplicate` and `override_parent` of Keras's class, without effect.

    Raises ValueError for a name that is no string or has a "/".
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name = checked(name)
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> "name_scope":
        around = state.name_scope
        entering = entered(name_scope=f"{around}.{self.name}" if around else self.name)
        entering.__enter__()
        self._open.append(entering)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


class SymbolicScope:
    """Within the ``with`` block, layers add no losses: only shapes are wanted.

    Calls of symbolic tensors are in such a scope by themselves.
    """

    def __init__(self) -> None:
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> "SymbolicScope":
        entering = entered(inferring=True)
        entering.__enter__()
        self._open.append(entering)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


class StatelessScope:
    """Within the ``with`` block variables read as given values, and writes are kept here.

    What was assigned in the block is read back with `get_current_value`; the variables themselves
    stay as they were. So a function that uses variables becomes one of their values alone, which
    can be differentiated and compiled.

    Args:
        state_mapping: pairs (variable, tensor of its shape); the tensor is cast to its dtype.
        collect_losses: whether `losses` gathers what layers add.
        initialize_variables: kept as an attribute; variables made in the block have values at once.

    Raises ValueError where a pair does not begin with a variable or the shapes differ.
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._values = {
            id(variable): _fitting(variable, value) for variable, value in state_mapping or ()
        }
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> "StatelessScope":
        entering = entered(substitutes=self._values, scope=self)
        entering.__enter__()
        self._open.append(entering)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)

    def add_loss(self, loss: Any) -> None:
        """Appends a loss to `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Makes a variable read as another value: a pair (variable, tensor)."""
        variable, value = update
        self._values[id(variable)] = _fitting(variable, value)

    def get_current_value(self, variable: Any) -> Any:
        """Returns what `variable` reads as in this scope; None if it was not given nor written."""
        return self._values.get(id(variable))


def _fitting(variable: Any, value: Any) -> Any:
    """`value` as a native tensor that can stand in for the variable."""
    if owner_of(variable) is not BOX:
        raise ValueError(
            "StatelessScope: each item of `state_mapping` is a pair (Variable, tensor); got "
            f"{type(variable).__name__} in the place of the variable."
        )
    if owner_of(value) is BOX:
        value = value.value
    value = variable.backend.asarray(value, variable.dtype)
    shape = variable.backend.static_shape(value)
    if len(shape) != len(variable.shape) or any(
        n not in (None, m) for m, n in zip(variable.shape, shape, strict=True)
    ):
        raise ValueError(
            f"StatelessScope: the variable {variable.path!r} has shape {tuple(variable.shape)}; "
            f"got a value of shape {tuple(shape)}. Give one of the variable's shape."
        )
    return value
