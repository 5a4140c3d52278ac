"""Trackable: what owns variables, and finds them again by stable paths."""

from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any
from weakref import ref

from ..configs import Configurable
from ..containers import is_container, items_of, wrapped_container
from ..context import state
from .variable import OwnState, Variable, in_slot


class Settings:
    """The plain values that objects have as attributes, such as rates; they may change any time.

    Args:
        parts: the objects.
    """

    # How often such a value was set anew, of any object.
    changes = 0

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts = list(parts)
        self._seen, self._held = Settings.changes, self._read()

    def changed(self) -> bool:
        """Returns whether one of the values is another than at the last call, or the making."""
        if self._seen == Settings.changes:
            return False
        before, self._seen, self._held = self._held, Settings.changes, self._read()
        return before != self._held

    def _read(self) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in vars(part).items() if type(value) in _SIMPLE}
            for part in self._parts
        ]


class Trackable(Configurable):
    """Base of what owns variables: layers, metrics, optimizers, losses, seed generators.

    Variables, Trackables, and lists, tuples, dicts and sets of them become parts of the object
    when they are set as attributes, private names included, and parts of them when they are put
    into those lists later. Parts are found by paths of attribute names: "blocks.0.query.kernel".
    """

    # name -> Variable, Trackable, or container that holds some
    _tracked: dict[str, Any]
    # What was derived from the parts; dropped when they change, and never copied.
    _cache: dict[Any, Any]
    _owners: list[Any]
    # Attributes whose items are no parts, or parts by another name.
    _untracked: frozenset[str] = frozenset()
    # Whether it measures: a layer that owns it has its variables among `metrics_variables` alone.
    _measures: bool = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = Configurable.__new__(cls, *args, **kwargs)
        vars(made).update(new_tracking())
        return made

    # Attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        self._set_attribute(name, value)

    def __delattr__(self, name: str) -> None:
        self._forget(name)
        object.__delattr__(self, name)

    def _set_attribute(self, name: str, value: Any) -> None:
        if state.journal is not None:
            self._note_attribute(name)
        if name in self._untracked:
            object.__setattr__(self, name, value)
            return
        tracked = self._tracked
        if type(value) in _SIMPLE and name not in tracked:
            if vars(self).get(name, value) is not value:
                Settings.changes += 1
            object.__setattr__(self, name, value)
            return
        if name in tracked:
            if isinstance(getattr(type(self), name, None), property):  # its setter does the rest
                object.__setattr__(self, name, value)
                return
            if tracked[name] is value:  # it keeps its place
                object.__setattr__(self, name, value)
                return
            self._forget(name)
        if isinstance(value, Variable | Trackable):
            self._track(name, value)
        elif is_container(value):
            value = wrapped_container(value, self, name)
            if holds_parts(value):
                self._track(name, value)
        elif tracks_natively(self, name, value):
            return
        object.__setattr__(self, name, value)

    def _note_attribute(self, name: str) -> None:
        """Remember what an attribute was, so that inferring shapes leaves no trace in it."""
        before = vars(self).get(name, _MISSING)
        if not isinstance(before, Variable | Trackable) and state.journal is not None:
            state.journal.append((self, name, before))

    def register(self, name: str, item: Any) -> None:
        """Makes a part of the object without an attribute, under `name`."""
        self._track(name, item)

    def _track(self, name: str, item: Any) -> None:
        self._tracked[name] = item
        for part in parts_of(item):
            _own(part, self, name)
        self._part_changed(name, item)
        self.touch()

    def _forget(self, name: str) -> None:
        item = self._tracked.pop(name, None)
        if item is not None:
            for part in parts_of(item):
                _disown(part, self)
            self._part_changed(name, None)
            self.touch()

    def _container_changed(self, name: str) -> None:
        """A container that is the attribute `name` was changed."""
        container = vars(self).get(name)
        if not holds_parts(container):
            self._forget(name)
        elif name not in self._tracked:
            self._track(name, container)
        else:  # it keeps its place among the parts
            for part in parts_of(container):
                if not any(link() is self for link in part._owners):
                    _own(part, self, name)
            self.touch()

    def _part_changed(self, name: str, item: Any) -> None:
        """Called when what stands under `name` became another, or (None) nothing."""

    def touch(self) -> None:
        """Drops what is cached about the parts, here and in all owners."""
        if not self._owners:  # the usual case while a layer is being made
            self._cache.clear()
            return
        stack, seen = [self], set()
        while stack:
            found = stack.pop()
            if id(found) in seen:
                continue
            seen.add(id(found))
            found._cache.clear()
            stack += [owner for link in found._owners if (owner := link()) is not None]

    # Parts ------------------------------------------------------------------------------------

    def tracked_parts(self) -> Iterator[tuple[str, Any]]:
        """Yields pairs (path, part) of the variables and Trackables directly inside this one."""
        yield from _flat(self._tracked.items(), "")

    def named_variables(self, prefix: str = "") -> Iterator[tuple[str, Variable]]:
        """Yields pairs (path, variable) of all variables inside, each variable once."""
        for path, variable in self._walked():
            yield f"{prefix}{path}", variable

    def _walked(self) -> tuple[tuple[str, Variable], ...]:
        found = self._cache.get("variables")
        if found is None:
            found = self._cache["variables"] = tuple(_walk(self, "", set()))
        return found

    @property
    def variables(self) -> list[Variable]:
        """All variables inside, the states of seed generators included."""
        return [variable for _, variable in self._walked()]

    def weights_by_path(self) -> dict[str, Variable]:
        """Returns all variables but the states of seeds and metrics, by their paths from here."""
        return {p: v for p, v in self._walked() if not isinstance(v, OwnState)}

    # Copies -----------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from .copying import copy_into

        return copy_into(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from .copying import reduced

        return reduced(self)

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        from .copying import restore

        restore(self, attributes)


_MISSING = object()
# What is neither a part nor holds one: most attributes.
_SIMPLE = frozenset((bool, int, float, str, FunctionType))


def new_tracking() -> dict[str, Any]:
    """Returns the attributes of a Trackable that has nothing yet."""
    return {"_tracked": {}, "_cache": {}, "_owners": []}


def undo(journal: list[tuple[Any, str, Any]]) -> None:
    """Puts attributes that were set while shapes were inferred back to what they were."""
    for owner, name, before in reversed(journal):
        now = vars(owner).get(name, _MISSING)
        if isinstance(now, Variable | Trackable) or now is before:
            continue  # what was built stays
        if holds_parts(now):
            continue
        if before is _MISSING:
            vars(owner).pop(name, None)
        else:
            object.__setattr__(owner, name, before)


def tracks_natively(owner: Any, name: str, value: Any) -> bool:
    """Tells whether the owner's framework keeps `value` itself, such as a module of torch's own."""
    hook = getattr(owner, "_native_attribute", None)
    return hook is not None and hook(name, value)


def parts_of(item: Any, around: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Yields the variables and Trackables in an item: itself, or those of a container.

    `around` are the containers that it stands in; one that holds itself is looked into once.
    """
    if isinstance(item, Variable | Trackable):
        yield item
    elif is_container(item) and not any(item is x for x in around):
        for _, value in items_of(item):
            yield from parts_of(value, (*around, item))


def holds_parts(item: Any) -> bool:
    """Tells whether a variable or Trackable is in an item."""
    return next(parts_of(item), None) is not None


def _own(part: Any, owner: Any, name: str) -> None:
    if isinstance(part, Variable):
        if part.name == "variable":
            part.name = name
        part.own(owner)
    else:
        part._owners[:] = [link for link in part._owners if link() is not None]
        part._owners.append(ref(owner))


def _disown(part: Any, owner: Any) -> None:
    for number, link in enumerate(part._owners):
        if link() is owner:
            del part._owners[number]
            return


def _flat(items: Any, prefix: str, around: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, item in items:
        if isinstance(item, Variable | Trackable):
            yield f"{prefix}{name}", item
        elif is_container(item) and not any(item is x for x in around):
            yield from _flat(items_of(item), f"{prefix}{name}.", (*around, item))


def _walk(owner: Trackable, prefix: str, seen: set[int]) -> Iterator[tuple[str, Variable]]:
    if id(owner) in seen:
        return
    seen.add(id(owner))
    for path, part in owner.tracked_parts():
        if isinstance(part, Trackable):
            if part._measures and not owner._measures:
                continue
            yield from _walk(part, f"{prefix}{path}.", seen)
        elif id(part) not in seen:
            seen.add(id(part))
            yield f"{prefix}{path}", part
    for path, variable in foreign_variables(owner):
        yield f"{prefix}{path}", variable


def foreign_variables(owner: Any) -> Iterator[tuple[str, Variable]]:
    """Yields pairs (path, variable) of tensors that a framework's own parts of the owner keep."""
    views = vars(owner).get("_foreign_views")
    if views is None:
        return
    for path, table, key in owner._foreign_slots():
        view = views.get(path)
        if view is None or view._table is not table:
            view = views[path] = in_slot(owner._backend, table, key)
            view.own(owner)
        yield path, view


def path_of(part: Any) -> str:
    """Returns the path of a variable or Trackable from the outermost owner; "" if it has none.

    What has several owners is called from the one that had it first and is still there.
    """
    return ".".join(reversed([name for name, _ in _owned_by(part)]))


def root_of(part: Any) -> Any:
    """Returns the outermost owner, from which `path_of` begins; the part itself if it has none."""
    return [part, *(owner for _, owner in _owned_by(part))][-1]


def _owned_by(part: Any) -> Iterator[tuple[str, Any]]:
    """Yields (name of a part in its owner, the owner) from the inside to the outermost."""
    seen: set[int] = set()
    while id(part) not in seen:
        seen.add(id(part))
        owners = [owner for link in part._owners if (owner := link()) is not None]
        found = ((owner, _name_in(owner, part)) for owner in owners)
        owner, name = next(((x, name) for x, name in found if name is not None), (None, None))
        if owner is None or name is None:
            return
        yield name, owner
        part = owner


def _name_in(owner: Trackable, part: Any) -> str | None:
    foreign = vars(owner).get("_foreign_views", {}).items()
    return next((path for path, item in (*owner.tracked_parts(), *foreign) if item is part), None)
