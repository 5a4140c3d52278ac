"""Callables that register families and presets, run when a name is first looked up.

Alone and light, so that the package can announce its catalogue without importing it.
"""

from collections.abc import Callable

_loaders: list[Callable[[], None]] = []


def on_first_use(loader: Callable[[], None]) -> None:
    """Adds a callable that registers families and presets; called once, at the first look-up."""
    _loaders.append(loader)


def discover() -> None:
    """Run what was announced and has not run yet."""
    while _loaders:
        _loaders.pop(0)()
