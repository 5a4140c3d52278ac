"""How an object of a layer class comes into being on a backend."""

import threading
from types import new_class
from typing import Any

from ..configs import plain_class
from .trackable import new_tracking

_lock = threading.Lock()


def begin(cls: type, backend: Any) -> Any:
    """Returns an empty layer of `cls`'s flavour for `backend`, before its `__init__`."""
    layer = object.__new__(native_class(cls, backend))
    vars(layer).update(
        new_tracking(),
        _backend=backend,
        _token=None,
        _arguments=((), {}),
        _inbound=[],
        _trainable=True,
        built=False,
    )
    layer._native_init()
    return layer


def native_class(cls: type, backend: Any) -> type:
    """Returns `cls` mixed with the backend's base of layers; the same class each time."""
    plain = plain_class(cls)
    base = backend.layer_base
    if base is None:
        return plain
    made = vars(plain).get("_flavours")
    found = None if made is None else made.get(backend.name)
    return _make(plain, base, backend.name) if found is None else found


def _make(plain: Any, base: type, name: str) -> type:
    with _lock:
        if "_flavours" not in vars(plain):
            # Kept by the class that was written, so that it goes when that class goes.
            plain._flavours = {}
        if name not in plain._flavours:
            plain._flavours[name] = _mixed(plain, base)
        return plain._flavours[name]


def _mixed(plain: type, base: type) -> type:
    from .layer import Layer

    own: dict[str, Any] = {
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
        "__doc__": plain.__doc__,
        "_plain_class": plain,
        **base.methods_for(plain),  # pyright: ignore[reportAttributeAccessIssue]
    }
    # One frame less for each call, where nobody wants to see it.
    if plain.__call__ is Layer.__call__:
        own["__call__"] = base._native_call  # pyright: ignore[reportAttributeAccessIssue]
    return new_class(plain.__name__, (plain, base), exec_body=lambda body: body.update(own))
