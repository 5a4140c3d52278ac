"""Copies of what owns variables: on the same backend, on another, and through pickle.

A copy shares nothing that can change with its original. What cannot be copied, because it holds a
layer or variable where no copy can take its place (a function that closes over one), is an error.
"""

import copy
import functools
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .. import dtype_policies
from ..backends import registry
from ..backends.base import Backend
from ..backends.registry import Kind, owner_of
from ..configs import plain_class
from ..containers import TrackedContainer
from ..context import entered
from .flavours import begin
from .graph import Graph, copied_graph, copied_symbol
from .keras_tensor import KerasTensor
from .trackable import Trackable, new_tracking
from .variable import Variable, same_variable

_TARGET = "isozoo copies to"
_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, np.dtype, Backend)
# Attributes of a layer that a copy gets in another way than by being set, or that are of a call.
_HANDLED = frozenset({"built", "_trainable", "_arguments", "_losses", "_layers_with_losses"})


class Target:
    """Where copies go: a backend (None: each part's own), and what becomes of dtypes."""

    def __init__(self, backend: Any = None, dtypes: dict[str, str] | None = None) -> None:
        self.backend = backend
        self.dtypes = dtypes or {}

    def dtype(self, name: str) -> str:
        """Returns what the dtype `name` becomes."""
        return self.dtypes.get(name, name)

    def policy(self, policy: dtype_policies.DTypePolicy) -> dtype_policies.DTypePolicy:
        """Returns what a dtype policy becomes."""
        found = self.dtypes.get(policy.variable_dtype)
        return policy if found is None else policy.with_dtype(found)


def transfer(x: Trackable, backend: Any, dtypes: dict[str, str] | None = None) -> Any:
    """Returns a copy of `x` and all that is in it on `backend`. No `__init__` runs.

    Raises:
        TypeError: an attribute that cannot be copied, with its name.
    """
    with entered(backend=backend):
        return copy_into(x, {_TARGET: Target(backend, dtypes)})


def copy_into(x: Any, memo: dict[Any, Any]) -> Any:
    """Returns the copy of a Trackable or Variable that `copy.deepcopy` wants, with its memo."""
    target = memo.setdefault(_TARGET, Target())
    return _copied(x, target, memo)


def _copied(x: Any, target: Target, memo: dict[Any, Any]) -> Any:
    if isinstance(x, _ATOMS):
        return x
    if id(x) in memo:
        return memo[id(x)]
    made = _made(x, target, memo)
    memo[id(x)] = made
    memo.setdefault(id(memo), []).append(x)  # as copy.deepcopy does: an id must not be used again
    return made


def _made(x: Any, target: Target, memo: dict[Any, Any]) -> Any:
    def again(part: Any) -> Any:
        return _copied(part, target, memo)

    if isinstance(x, Trackable):
        return _copied_trackable(x, target, memo)
    if isinstance(x, Variable):
        return same_variable(x, target.backend or x.backend, target.dtype(x._own_dtype()))
    if isinstance(x, dtype_policies.DTypePolicy):
        return target.policy(x)
    if isinstance(x, Graph):
        return copied_graph(x, again, target.dtype, memo)
    if isinstance(x, KerasTensor):
        return copied_symbol(x, again, target.dtype, memo)
    if isinstance(x, TrackedContainer):
        return again(x.plain())  # pyright: ignore[reportAttributeAccessIssue]
    if type(x) is dict or (isinstance(x, dict) and type(x).__module__ == "collections"):
        made = copy.copy(x)
        made.clear()
        made.update((again(key), again(value)) for key, value in x.items())
        return made
    if type(x) in (list, set, frozenset):
        return type(x)(again(value) for value in x)
    if isinstance(x, tuple):
        parts = [again(value) for value in x]
        cls = getattr(x, "plain_type", type(x))  # a framework's tuples may be modules, too
        return cls(*parts) if hasattr(x, "_fields") else cls(parts)
    if isinstance(x, FunctionType | MethodType | functools.partial):
        return _copied_function(x, again)
    owner = owner_of(x)
    if not isinstance(owner, Kind):
        backend = target.backend or owner
        return backend.asarray(np.array(owner.to_numpy(x)), target.dtype(owner.dtype(x)))
    return copy.deepcopy(x, memo)


def _copied_function(x: Any, again: Any) -> Any:
    if isinstance(x, MethodType):
        owner = again(x.__self__)
        return x if owner is x.__self__ else MethodType(x.__func__, owner)
    if isinstance(x, functools.partial):
        return functools.partial(again(x.func), *again(x.args), **again(x.keywords))
    cells = [cell.cell_contents for cell in x.__closure__ or () if _is_full(cell)]
    for held in (*cells, *(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()):
        if not _is_own(x) and _holds(held):
            raise TypeError(
                f"The function {x.__qualname__!r} closes over {held!r}: a copy of the model would "
                "go on computing with the original's weights. Make it a method of the layer, or "
                "pass it what it needs as an argument."
            )
    return x


def _is_own(function: Any) -> bool:
    """Whether a function is an op or another public one of the library."""
    return (function.__module__ or "").split(".")[0] == __name__.split(".")[0]


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _holds(x: Any, seen: frozenset[int] = frozenset()) -> bool:
    """Whether a layer or variable is in `x` where a copy would have to put another."""
    if isinstance(x, Trackable | Variable):
        return True
    if id(x) in seen:
        return False
    seen = seen | {id(x)}
    if isinstance(x, dict):
        return any(_holds(value, seen) for value in x.values())
    if isinstance(x, list | tuple | set):
        return any(_holds(value, seen) for value in x)
    if isinstance(x, FunctionType):
        cells = (c.cell_contents for c in x.__closure__ or () if _is_full(c))
        return any(_holds(value, seen) for value in cells)
    return isinstance(x, MethodType) and isinstance(x.__self__, Trackable)


def _copied_trackable(x: Any, target: Target, memo: dict[Any, Any]) -> Any:
    own = getattr(x, "_backend", None)
    backend = None if own is None else target.backend or own
    made = _empty(x, backend)
    memo[id(x)] = made
    try:
        for name, value in _attributes(x).items():
            made._set_attribute(name, _copied(value, target, memo))
        for name, item in x._tracked.items():
            if name not in made._tracked:
                made.register(name, _copied(item, target, memo))
        if own is not None:
            made._adopt_native(x, backend is own, memo)
        vars(made)["_arguments"] = _copied(x._arguments, target, memo)
    except TypeError as error:
        if not getattr(error, "_names_layer", False):
            error._names_layer = True  # pyright: ignore[reportAttributeAccessIssue]
            error.add_note(f"Found while {getattr(x, 'name', type(x).__name__)!r} was copied.")
        raise
    return _finished(x, made)


def _empty(x: Any, backend: Any) -> Any:
    plain = plain_class(type(x))
    if backend is not None:
        return begin(plain, backend)
    made = object.__new__(plain)
    vars(made).update(new_tracking(), _arguments=x._arguments)
    return made


def _attributes(x: Any) -> dict[str, Any]:
    """The attributes of a Trackable but for those of the machinery and of its framework."""
    backend = getattr(x, "_backend", None)
    machinery = vars(_empty(x, backend)).keys() | _HANDLED
    return {name: value for name, value in vars(x).items() if name not in machinery}


def _finished(x: Any, made: Any) -> Any:
    _put_in_order(made, list(x._tracked))
    for name in ("_trainable", "built"):
        if name in vars(x):
            vars(made)[name] = vars(x)[name]
    if hasattr(made, "_set_policy"):
        made._set_policy(made.dtype_policy)
    return made


def _put_in_order(x: Any, names: list[str]) -> None:
    """Sort the parts as `names` says; those without a name there come last."""
    order = {name: number for number, name in enumerate(names)}
    items = sorted(x._tracked.items(), key=lambda item: order.get(item[0], len(order)))
    x._tracked.clear()
    x._tracked.update(items)


# Pickle -----------------------------------------------------------------------------------------


def reduced(x: Any) -> tuple[Any, ...]:
    """Returns what pickle keeps of a Trackable: its class by name, its backend, its attributes."""
    backend = getattr(x, "_backend", None)
    attributes = _attributes(x)
    kept = {
        "attributes": attributes,
        "registered": {k: v for k, v in x._tracked.items() if attributes.get(k) is not v},
        "order": list(x._tracked),
        "arguments": x._arguments,
        "plain": {name: vars(x)[name] for name in ("_trainable", "built") if name in vars(x)},
        "native": {} if backend is None else x._native_state(),
    }
    return _rebuilt, (plain_class(type(x)), None if backend is None else backend.name), kept


def _rebuilt(cls: type, backend: str | None) -> Any:
    if backend is not None:
        return begin(cls, registry.get(backend))
    made = object.__new__(cls)
    vars(made).update(new_tracking(), _arguments=((), {}))
    return made


def restore(x: Any, kept: dict[str, Any]) -> None:
    """Gives an empty Trackable the attributes that `reduced` kept."""
    for name, value in kept["attributes"].items():
        x._set_attribute(name, value)
    for name, item in kept["registered"].items():
        if name not in x._tracked:
            x.register(name, item)
    _put_in_order(x, kept["order"])
    vars(x).update(kept["plain"], _arguments=kept["arguments"])
    if kept["native"]:
        x._restore_native(kept["native"])
    if hasattr(x, "_set_policy"):
        x._set_policy(x.dtype_policy)
