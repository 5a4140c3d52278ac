"""Names that are made for things without one: `dense`, `dense_1`, `dense_2`."""

import itertools
from typing import Any

from ..named import snake_case as snake_case

_counters: dict[str, Any] = {}


def _next(prefix: str) -> int:
    """How often `prefix` was asked for before. Threads that ask at once get different numbers."""
    return next(_counters.setdefault(prefix, itertools.count()))


def auto_name(prefix: str) -> str:
    """Returns `prefix`, with a number behind it from the second use on."""
    count = _next(prefix)
    return prefix if count == 0 else f"{prefix}_{count}"


def get_uid(prefix: str = "") -> int:
    """Returns 1 for the first use of `prefix`, 2 for the second, and so on, as in Keras.

    Names that were made from the prefix count as uses. `clear_session` starts anew.
    """
    return _next(prefix) + 1


def reset() -> None:
    """Forgets all names, so that the next ones are numbered from the start."""
    _counters.clear()


def checked(name: Any) -> str:
    """Returns `name`, if it can be a part of a path. ValueError otherwise."""
    if not isinstance(name, str) or "/" in name:
        raise ValueError(
            "Argument `name` must be a string and cannot contain character `/`. "
            f"Received: name={name!r}. Use `_` or `.` in its place."
        )
    return name
