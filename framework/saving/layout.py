"""Where the state of each part of a model stands in Keras's files.

Definition: `_walk_saveable`, `_save_state` and `_save_container_state` of
keras/src/saving/saving_lib.py. A part stands under the attribute by which the first walk reaches
it; in lists under its class's name in snake case, with a number from the second on; the layers of
Sequential and Functional models stand under "layers", in the order of `operations_by_depth`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..configs import plain_class
from ..core.depth import operations_by_depth
from ..core.layer import Layer
from ..core.own_variables import OwnVariables
from ..core.trackable import Trackable
from ..named import snake_case

# How many paths of one part are looked for in a file.
MAX_PATHS = 32
# Attributes of Keras 2.13, whose files have "layers" by another name.
OLD_LAYERS = "_layer_checkpoint_dependencies"


@dataclass
class Part:
    """An object with a state of its own.

    Attributes:
        path: where its state is written, with "/" between names; "" for the model.
        owner: the object.
        ways: pairs (part that leads to it, path from there), the first of which gave `path`.
    """

    path: str
    owner: Any
    ways: list[tuple[Part, str]] = field(default_factory=list)

    def paths(self, depth: int = 0) -> list[str]:
        """Returns the paths by which it may stand in a file, the usual one first."""
        found: dict[str, None] = {self.path: None}
        if depth < 64:
            for parent, way in self.ways:
                for path in parent.paths(depth + 1):
                    if len(found) >= MAX_PATHS:
                        break
                    found.setdefault(_joined(path, way))
        return list(found)

    def all_paths(self) -> list[str]:
        """Returns `paths`, and those of Keras 2.13."""
        paths = self.paths()
        return paths + [p.replace("layers", OLD_LAYERS) for p in paths if "layers" in p]


def has_state(x: Any) -> bool:
    """Returns whether an object may have a state in a file."""
    return hasattr(x, "save_own_variables") and not isinstance(x, type)


def parts_of_model(model: Any, skipped: Any = ()) -> list[Part]:
    """Returns the parts of a model that have a state, in the order in which Keras writes them.

    Args:
        model: a model, layer, or anything else with `save_own_variables`.
        skipped: objects that are left out, with what only they lead to.
    """
    walk = _Walk({id(x) for x in skipped})
    walk.visit(model, "", None, "")
    return walk.parts


class _Walk:
    def __init__(self, skipped: set[int]) -> None:
        self.parts: list[Part] = []
        self.known: dict[int, Part] = {}
        self.skipped = skipped

    def visit(self, owner: Any, path: str, parent: Part | None, way: str) -> None:
        """Take in a part that is reached from `parent` by `way`, and those below it."""
        if id(owner) in self.skipped:
            return
        part = self.known.get(id(owner))
        if part is not None:
            if parent is not None:
                part.ways.append((parent, way))
            return
        part = self.known[id(owner)] = Part(path, owner, [] if parent is None else [(parent, way)])
        self.parts.append(part)
        for name, value in children(owner):
            self._value(part, name, value, set())

    def _value(self, part: Part, way: str, value: Any, seen: set[int]) -> None:
        if has_state(value):
            self.visit(value, _joined(part.path, way), part, way)
        elif isinstance(value, list | tuple | dict) and id(value) not in seen:
            seen.add(id(value))
            self._container(part, way, value, seen)

    def _container(self, part: Part, way: str, container: Any, seen: set[int]) -> None:
        used: dict[str, int] = {}
        for item in container.values() if isinstance(container, dict) else container:
            if has_state(item):
                name = snake_case(_class_name(item))
            elif isinstance(item, list | tuple | dict):
                name = "container"
            else:
                continue
            self._value(part, f"{way}/{_numbered(name, used)}", item, seen)


def _class_name(item: Any) -> str:
    """The name of an object's class in Keras's sources, where its public name may be another."""
    cls = plain_class(type(item))
    return vars(cls).get("_name_in_files", cls.__name__)


def _numbered(name: str, used: dict[str, int]) -> str:
    count = used.get(name, -1) + 1
    used[name] = count
    return f"{name}_{count}" if count else name


def _joined(path: str, way: str) -> str:
    return f"{path}/{way}" if path else way


def children(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yields pairs (attribute, value) of what may hold parts, private attributes last."""
    ordered = layers_in_order(owner)
    if ordered is not None:
        yield "layers", ordered
    found: dict[str, Any] = {}
    held = vars(owner)
    if isinstance(owner, Trackable):
        # What a model registers under a name of its own is no attribute.
        found.update((n, item) for n, item in owner._tracked.items() if n in held or not ordered)
    for name in _properties(type(owner)):
        if name == "layers" and ordered is not None:
            continue
        try:
            found[name] = getattr(owner, name)
        except Exception:  # a property that needs something which is not there
            continue
    yield from sorted(found.items(), key=lambda item: _place(item[0]))


def _place(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name


_BASE = frozenset(dir(Layer))
_properties_of: dict[type, tuple[str, ...]] = {}


def _properties(cls: type) -> tuple[str, ...]:
    """The properties of a class that Keras's base of layers has not."""
    found = _properties_of.get(cls)
    if found is None:
        names = {
            name
            for base in cls.__mro__
            if base.__module__.partition(".")[0] not in ("torch", "tensorflow", "jax")
            for name, value in vars(base).items()
            if isinstance(value, property) and name not in _BASE
        }
        found = _properties_of[cls] = tuple(sorted(names))
    return found


def layers_in_order(owner: Any) -> list[Any] | None:
    """Returns the layers of a Sequential or functional model in Keras's order; None of others."""
    chain = vars(owner).get("_chain")
    if chain is not None:
        return list(chain)
    graph = getattr(owner, "_graph", None)
    if graph is None or not isinstance(owner, OwnVariables):
        return None
    return [x for x in operations_by_depth(graph) if isinstance(x, Layer)]
