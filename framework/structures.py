"""Nested lists, tuples and dicts of anything: their leaves, and the form that is left.

Plain Python, so that `torch.compile` traces through it; `tree` is the public, faster kind. None is
part of the form here, and no leaf.
"""

from collections.abc import Callable
from typing import Any

Path = tuple[Any, ...]


class Form:
    """A structure without its leaves. Equal ones have the same paths; lists count as tuples."""

    __slots__ = ("_skeleton", "paths")

    def __init__(self, skeleton: Any, paths: tuple[Path, ...]) -> None:
        self._skeleton = skeleton
        self.paths = paths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self.paths == other.paths

    def __hash__(self) -> int:
        return hash(self.paths)

    def join(self, leaves: Any) -> Any:
        """Returns the structure with `leaves`, in the order of `split`, in their places."""
        return _fill(self._skeleton, list(leaves))

    def __repr__(self) -> str:
        if self.paths == ((),):
            return "one tensor"
        named = ["".join(f"[{key!r}]" for key in path) for path in self.paths]
        return f"{len(named)} tensors at {', '.join(named)}" if named else "nothing"


class _Place:
    """Where a leaf stood: its number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def split(structure: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], Form]:
    """Returns the leaves of `structure` and its form. Dicts go by sorted key.

    What is neither a structure nor None is a leaf; with `is_leaf`, only where that says so, and the
    rest is part of the form.
    """
    leaves: list[Any] = []
    paths: list[Path] = []
    skeleton = _skeleton(structure, (), is_leaf, leaves, paths)
    return leaves, Form(skeleton, tuple(paths))


# Not a function inside of `split`: one that calls itself lies in a circle with the leaves, whose
# memory would not be free until the garbage is collected.
def _skeleton(
    x: Any,
    path: Path,
    is_leaf: Callable[[Any], bool] | None,
    leaves: list[Any],
    paths: list[Path],
) -> Any:
    if isinstance(x, dict):
        return {k: _skeleton(x[k], (*path, k), is_leaf, leaves, paths) for k in _keys(x)}
    if isinstance(x, list | tuple):
        inner = [_skeleton(v, (*path, i), is_leaf, leaves, paths) for i, v in enumerate(x)]
        return _rebuilt(x, inner)
    if x is None or (is_leaf is not None and not is_leaf(x)):
        return x
    leaves.append(x)
    paths.append(path)
    return _Place(len(leaves) - 1)


def map_leaves(function: Callable[[Any], Any], structure: Any) -> Any:
    """Returns `structure` with `function(leaf)` in the place of each leaf."""
    leaves, form = split(structure)
    return form.join([function(x) for x in leaves])


def _fill(x: Any, leaves: list[Any]) -> Any:
    if isinstance(x, _Place):
        return leaves[x.number]
    if isinstance(x, dict):
        return {key: _fill(value, leaves) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return _rebuilt(x, [_fill(value, leaves) for value in x])
    return x


def _rebuilt(x: Any, values: list[Any]) -> Any:
    """`values` in a list, a tuple or a named tuple, as `x` is."""
    if isinstance(x, list):
        return values
    return type(x)(*values) if hasattr(x, "_fields") else tuple(values)


def _keys(x: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(x)
    except TypeError:  # keys of several types
        return sorted(x, key=repr)
