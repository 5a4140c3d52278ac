"""Scopes: initialization put off, and variables that read as other values."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..backends.registry import state


@contextmanager
def deferred_initialization() -> Iterator[None]:
    """Variables made within have a shape and a dtype but no values: no initializer runs.

    Each must be given its values by `Variable.assign` before it is read.
    """
    before, state.deferred = state.deferred, True
    try:
        yield
    finally:
        state.deferred = before


@contextmanager
def tapped(tap: Callable[[Any, Any], None]) -> Iterator[None]:
    """Within the ``with`` block, `tap(layer, outputs)` is called after each call of a layer.

    Layers whose work a fused kernel does in one piece are not called, and so not seen.
    """
    before, state.tap = state.tap, tap
    try:
        yield
    finally:
        state.tap = before


class StatelessScope:
    """Within the ``with`` block variables read as given values, and writes are kept here.

    `state_mapping` is pairs (variable, native tensor). What was assigned in the block is read back
    with `get_current_value`; the variables themselves stay as they were.
    """

    def __init__(self, state_mapping: Iterable[tuple[Any, Any]] = ()) -> None:
        self._values = {id(variable): value for variable, value in state_mapping}
        self._before: dict[int, Any] | None = None

    def __enter__(self) -> "StatelessScope":
        self._before = state.substitutes
        state.substitutes = self._values
        return self

    def __exit__(self, *error: object) -> None:
        state.substitutes = self._before

    def get_current_value(self, variable: Any) -> Any:
        """What `variable` reads as in this scope, or None if it was neither given nor written."""
        return self._values.get(id(variable))
