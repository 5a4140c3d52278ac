"""Lists, tuples, dicts and sets of layers that torch sees as modules, and Python as what they are.

torch looks a weight up by attributes ("blocks.0.kernel"), so the list `blocks` has to be a module;
a layer's code appends to it, sorts it, and compares it, so it has to be a list.
"""

from functools import lru_cache
from typing import Any

from torch import nn

from ...containers import (
    TrackedContainer,
    TrackedDict,
    TrackedList,
    TrackedOrderedDict,
    TrackedSet,
    items_of,
)
from ...tree import register_container
from .layer import hold


class ModuleContainer(nn.Module):
    """The module side of a container: it registers the items under their positions or keys."""

    # The items once more, in a container that torch.compile knows how to read.
    _items: Any

    def _register_items(self) -> None:
        for table in (self._modules, self._parameters, self._buffers):
            table.clear()
        items = list(items_of(self))
        for key, value in items:
            hold(self, str(key), value)
        is_dict = isinstance(self, dict)
        vars(self)["_items"] = dict(items) if is_dict else [value for _, value in items]

    def __setattr__(self, name: str, value: Any) -> None:
        # What torch's tools put in the place of an item is put into the container.
        if name in self._modules and isinstance(self, TrackedContainer):
            key = next(k for k, _ in items_of(self) if str(k) == name)
            self[key] = value  # pyright: ignore[reportIndexIssue]
            return
        nn.Module.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return id(self)


def _with_module(base: type) -> type:
    def start(self, *values):
        nn.Module.__init__(self)
        base.__init__(self, *values)

    members = {
        "__init__": start,
        "__doc__": base.__doc__,
        "__hash__": ModuleContainer.__hash__,
        "_wrap_inner": _wrap_inner(base),
        "__setattr__": ModuleContainer.__setattr__,
        "__repr__": base.__repr__,
        "__dir__": base.__dir__,
        **_readers(base),
    }
    return type(f"Module{base.__name__.removeprefix('Tracked')}", (base, ModuleContainer), members)


def _readers(base: type) -> dict[str, Any]:
    """Methods that read the plain copy of the items."""
    if issubclass(base, set):
        return {}
    names = ["__iter__", "__len__", "__getitem__"]
    names += ["keys", "values", "items"] if issubclass(base, dict) else []

    def reader(name):
        def read(self, *args):
            return getattr(self._items, name)(*args)

        return read

    return {name: reader(name) for name in names}


def _wrap_inner(base: type) -> Any:
    def wrap(self):
        base._wrap_inner(self)  # pyright: ignore[reportAttributeAccessIssue]
        self._register_items()

    return wrap


_CLASSES = {
    base: _with_module(base) for base in (TrackedList, TrackedDict, TrackedOrderedDict, TrackedSet)
}


for _cls in _CLASSES.values():
    if not issubclass(_cls, TrackedSet):
        register_container(_cls)


@lru_cache(maxsize=256)
def _tuple_class(base: type) -> type:
    """A tuple class, or a named one, whose instances are modules too."""

    def start(self, *values):
        # torch.compile keeps weak references to what nn.Module.__init__ sees; tuples allow none.
        vars(self).update(vars(nn.Module()))
        self._register_items()

    def reduce(self, protocol):
        return (base, (tuple(self),)) if base is tuple else (base, tuple(self))

    members = {
        "plain_type": base,
        "__init__": start,
        "__reduce_ex__": reduce,
        "__hash__": ModuleContainer.__hash__,
        "__repr__": base.__repr__,
        "__setattr__": ModuleContainer.__setattr__,
        **_readers(base),
    }
    return type(base.__name__, (base, ModuleContainer), members)


def module_container(value: Any) -> Any:
    """Returns the class of containers to use for one of class `value`, or a tuple as a module."""
    if isinstance(value, type):
        return _CLASSES.get(value, value)
    if isinstance(value, ModuleContainer):
        return value
    cls = _tuple_class(type(value))
    return cls(*value) if hasattr(value, "_fields") else cls(value)
