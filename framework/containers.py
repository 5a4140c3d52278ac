"""Lists, dicts and sets that tell the object they belong to when they change.

The container that a Trackable has as an attribute is one of these, and so are the lists and dicts
inside it; whatever is put into them is tracked under its position or key. Tuples, which cannot
change, stay what they are.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from weakref import ref


class TrackedContainer:
    """What the tracking containers share: the owner, told of each change."""

    _owner: Any = None  # a weak reference to the Trackable
    _attribute: str = ""
    # Puts an item in place without a report; each class has its own.
    _put: Callable[[Any, Any], None]

    def attach(self, owner: Any, attribute: str) -> None:
        """Makes the container, and those inside it, report to `owner` as its `attribute`."""
        object.__setattr__(self, "_owner", ref(owner))
        object.__setattr__(self, "_attribute", attribute)
        self._wrap_inner()

    def _wrap_inner(self) -> None:
        owner = self.owner()
        for key, value in list(items_of(self)):
            wrapped = wrapped_container(value, owner, self._attribute)
            if wrapped is not value:
                self._put(key, wrapped)

    def owner(self) -> Any:
        """Returns the Trackable, or None if it is gone."""
        return None if self._owner is None else self._owner()

    def _changed(self) -> None:
        owner = self.owner()
        if owner is not None:
            self._wrap_inner()
            owner._container_changed(self._attribute)


def _reporting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changed(self, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self._changed()
        return result

    return changed


def _setdefault(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changed(self, key: Any, default: Any = None) -> Any:
        method(self, key, default)
        self._changed()
        return self[key]  # which may be a container that reports, in the place of the default

    return changed


def _tracking(base: type, methods: str) -> Callable[[type], type]:
    """A decorator that gives a class the changing methods of `base`, each of which reports."""

    def decorate(cls: type) -> type:
        for name in methods.split():
            if hasattr(base, name):
                report = _setdefault if name == "setdefault" else _reporting
                setattr(cls, name, report(getattr(base, name)))
        return cls

    return decorate


class _Plain:
    """Copies and pickles of a container are ordinary ones, until they have an owner."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.plain_type, (self.plain(),)  # pyright: ignore[reportAttributeAccessIssue]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        import copy

        made = copy.deepcopy(self.plain(), memo)  # pyright: ignore[reportAttributeAccessIssue]
        memo[id(self)] = made
        return made


@_tracking(
    list,
    "append extend insert remove pop clear sort reverse __setitem__ __delitem__ __iadd__ __imul__",
)
class TrackedList(_Plain, TrackedContainer, list):
    """A list whose changes its owner sees."""

    plain_type = list
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def _put(self, key: Any, value: Any) -> None:
        list.__setitem__(self, key, value)

    def plain(self) -> list[Any]:
        """Returns an ordinary list of the same items."""
        return list(self)


_DICT_METHODS = "update pop popitem clear setdefault move_to_end __setitem__ __delitem__ __ior__"


@_tracking(dict, _DICT_METHODS)
class TrackedDict(_Plain, TrackedContainer, dict):
    """A dict whose changes its owner sees."""

    plain_type = dict

    def _put(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, key, value)

    def plain(self) -> dict[Any, Any]:
        """Returns an ordinary dict of the same items."""
        return dict(self)


@_tracking(OrderedDict, _DICT_METHODS)
class TrackedOrderedDict(_Plain, TrackedContainer, OrderedDict):
    """An OrderedDict whose changes its owner sees."""

    plain_type = OrderedDict

    def _put(self, key: Any, value: Any) -> None:
        OrderedDict.__setitem__(self, key, value)

    def plain(self) -> dict[Any, Any]:
        """Returns an ordinary OrderedDict of the same items."""
        return OrderedDict(self.items())


@_tracking(
    set,
    "add discard remove pop clear update difference_update intersection_update "
    "symmetric_difference_update __ior__ __iand__ __isub__ __ixor__",
)
class TrackedSet(_Plain, TrackedContainer, set):
    """A set whose changes its owner sees; its items are tracked under their names."""

    plain_type = set

    def _put(self, key: Any, value: Any) -> None:
        """Sets hold no containers."""

    def plain(self) -> set[Any]:
        """Returns an ordinary set of the same items."""
        return set(self)


_TRACKED: dict[type, type] = {
    list: TrackedList,
    dict: TrackedDict,
    OrderedDict: TrackedOrderedDict,
    set: TrackedSet,
}
CLASSES = (TrackedList, TrackedDict, TrackedOrderedDict)


def wrapped_container(value: Any, owner: Any, attribute: str) -> Any:
    """Returns what an attribute shall hold for `value`: a tracking container, or `value` itself.

    A container that reports to another owner, or under another name, is copied: each has its own.
    """
    native = getattr(owner, "_native_container", None)
    if isinstance(value, TrackedContainer):
        if value.owner() is owner and value._attribute == attribute:
            return value
        value = value.plain()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, tuple):
        items = [wrapped_container(item, owner, attribute) for item in tuple.__iter__(value)]
        if any(item is not old for item, old in zip(items, tuple.__iter__(value), strict=True)):
            value = type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return value if native is None or not any(map(_is_part, items)) else native(value)
    cls = _TRACKED.get(type(value))
    if cls is None:
        return value
    made = (cls if native is None else native(cls))(value)
    made.attach(owner, attribute)
    return made


def _is_part(x: Any) -> bool:
    return (
        hasattr(x, "move_to_slot") or hasattr(x, "tracked_parts") or isinstance(x, TrackedContainer)
    )


def items_of(container: Any) -> Iterator[tuple[Any, Any]]:
    """Yields the pairs (key or position, item) of a list, tuple, dict or set."""
    if isinstance(container, OrderedDict):
        yield from OrderedDict.items(container)  # the order that `move_to_end` changes
    elif isinstance(container, dict):
        yield from dict.items(container)
    elif isinstance(container, set | frozenset):
        named = sorted(container, key=lambda item: str(getattr(item, "name", item)))
        yield from ((getattr(item, "name", str(item)), item) for item in named)
    elif isinstance(container, list):
        yield from enumerate(list.__iter__(container))
    elif isinstance(container, tuple):
        yield from enumerate(tuple.__iter__(container))


def is_container(x: Any) -> bool:
    """Tells whether `x` is something whose items are tracked."""
    return isinstance(x, list | tuple | dict | set | frozenset)
