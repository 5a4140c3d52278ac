"""Callables that register families and presets, run when a name is first looked up.

Alone and light, so that the package can announce its catalogue without importing it.
"""

import threading
from collections.abc import Callable

_waiting: list[Callable[[], None]] = []
_lock = threading.RLock()
_is_running = False


def on_first_use(loader: Callable[[], None]) -> None:
    """Adds a callable that registers families and presets; called once, at the first look-up."""
    with _lock:
        _waiting.append(loader)


def discover() -> None:
    """Runs what was announced and has not run yet; returns when all of it has.

    A thread that comes while another one registers waits for it. A loader that raises stays
    announced.
    """
    global _is_running
    if not _waiting:
        return
    with _lock:
        if _is_running:  # a loader looks a name up itself
            return
        _is_running = True
        try:
            while _waiting:
                _waiting[0]()
                del _waiting[0]
        finally:
            _is_running = False
