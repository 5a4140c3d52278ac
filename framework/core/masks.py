"""Masks of tensors: which of their time steps count. They travel beside tensors, never on them.

While a call of a layer is under way its context holds them; between calls a table of weak
references does, so that a mask goes when its tensor goes.
"""

import threading
from typing import Any
from weakref import ref

from ..context import state
from ..nested import flatten, map_structure

_lock = threading.Lock()
# id of a tensor -> (weak reference to it, mask)
_between_calls: dict[int, tuple[Any, Any]] = {}


def any_known() -> bool:
    """Tells whether any tensor has a mask: where none has, nothing needs to be looked up."""
    return state.masks is not None or bool(_between_calls)


def get_mask(x: Any) -> Any:
    """Returns the mask of a tensor, or None."""
    if state.masks is not None:
        found = state.masks.get(id(x))
        if found is not None and found[0] is x:
            return found[1]
    found = _between_calls.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def set_mask(x: Any, mask: Any) -> None:
    """Gives a tensor a mask: for the rest of the call that is under way, else for its life."""
    if state.owner is not None:
        if state.masks is None:
            state.masks = {}
        state.masks[id(x)] = (x, mask)
        return
    key = id(x)

    # Arguments, for when Python ends the module's names go before the last tensors do.
    def forget(_: Any, lock: Any = _lock, known: Any = _between_calls) -> None:
        with lock:
            known.pop(key, None)

    try:
        link = ref(x, forget)
    except TypeError:  # a number, or another thing that nothing can watch
        return
    with _lock:
        _between_calls[key] = (link, mask)


def masks_of(x: Any) -> Any:
    """Returns the masks of nested tensors in their structure, or None if none has one."""
    if not any_known():
        return None
    found = map_structure(get_mask, x)
    return found if any(mask is not None for mask in flatten(found)) else None


def set_masks(outputs: Any, masks: Any) -> None:
    """Gives nested tensors their masks; those that have one keep it."""
    for x, mask in zip(flatten(outputs), flatten(masks), strict=False):
        if mask is not None and x is not None and get_mask(x) is None:
            set_mask(x, mask)
