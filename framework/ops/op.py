"""What makes a function a public op: it records symbolic calls, and its errors say what was wrong.

A call with real tensors goes straight through. Anything that an op does with a symbolic tensor
fails (`core.symbolic.SymbolicBackend` has no kernels), and then the whole call is recorded as one
node; its shape and dtype come from running the same function abstractly. So no op has a rule for
symbolic inputs, and none pays for looking.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ..backends import registry
from ..backends.registry import TENSORS
from .errors import explain

_Function = TypeVar("_Function", bound=Callable[..., Any])


def op(function: _Function) -> _Function:
    """`function` as a public op."""

    @wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            symbolic = _symbolic_among(args) or _symbolic_among(kwargs.values())
            if symbolic is not None:
                caught = None
            elif any(backend.passes(error) for backend in registry.loaded()):
                raise
            else:
                caught = explain(function, args, kwargs, error)
                if caught is error:
                    raise
                raise caught from error
        return symbolic.record(call, args, kwargs)

    return call  # pyright: ignore[reportReturnType]


def program(function: _Function) -> _Function:
    """`function`, which calls functions of the user, as a public op: their errors stay theirs."""

    @wraps(function)
    def call(*args, **kwargs):
        symbolic = _symbolic_among(args) or _symbolic_among(kwargs.values())
        if symbolic is not None:
            return symbolic.record(call, args, kwargs)
        return function(*args, **kwargs)

    return call  # pyright: ignore[reportReturnType]


def _symbolic_among(values: Any) -> Any:
    """The symbolic backend, if a symbolic tensor is among nested `values`."""
    for x in values:
        if isinstance(x, list | tuple):
            found = _symbolic_among(x)
        elif isinstance(x, dict):
            found = _symbolic_among(x.values())
        else:
            owner = TENSORS.get(type(x))
            found = owner if owner is not None and owner.symbolic else None
        if found is not None:
            return found
    return None
