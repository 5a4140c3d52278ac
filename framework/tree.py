"""Nested structures: lists, tuples, dicts and named tuples of anything. Keras's `tree`.

A structure is a list, tuple, dict, OrderedDict, defaultdict, deque or named tuple, or a list or
dict of layers that a layer holds; everything else, None included, is a leaf. The values of a dict
go by sorted key, those of an OrderedDict in its own order. The work is done by optree.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import optree

from .containers import CLASSES

_NAMESPACE = "isozoo"


class MAP_TO_NONE:
    """What the function given to `traverse` returns to put None in the place of a structure."""


def _split(x: Any) -> tuple[list[Any], Any, tuple[Any, ...]]:
    """Children, keys (None for a list) and paths of a list or dict that a layer holds."""
    if isinstance(x, dict):
        keys = tuple(x) if isinstance(x, OrderedDict) else tuple(sorted(x))
        return [x[key] for key in keys], keys, keys
    return list(x), None, tuple(range(len(x)))


def _join(keys: Any, children: Any) -> Any:
    """An ordinary list or dict: what is made of a layer's parts belongs to no layer."""
    return list(children) if keys is None else dict(zip(keys, children, strict=True))


def register_container(cls: type) -> None:
    """Makes instances of a tracking list or dict structures like ordinary ones."""
    optree.register_pytree_node(cls, _split, _join, namespace=_NAMESPACE)


for _cls in CLASSES:
    register_container(_cls)


def is_nested(structure: Any) -> bool:
    """Tells whether `structure` is a structure, empty or not, and no leaf."""
    return not _is_leaf(structure)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Returns `structure` with what `func` returns in the place of each part of it, the deepest
    included.

    Where `func` returns None the part stays. Parents come before their children if `top_down`,
    and then the children of a replaced part are not visited; otherwise children come first. To put
    None somewhere, return `MAP_TO_NONE`. TypeError if `func` is not callable.
    """
    if not callable(func):
        raise TypeError(f"tree.traverse: `func` must be callable; got {func!r}.")
    return _traverse(func, structure, top_down)


def _traverse(func: Callable[[Any], Any], structure: Any, top_down: bool) -> Any:
    if top_down:
        result = func(structure)
        if result is None:
            return _below(func, structure, top_down)
    else:
        structure = _below(func, structure, top_down)
        result = func(structure)
        if result is None:
            return structure
    return None if result is MAP_TO_NONE else result


def _below(func: Callable[[Any], Any], structure: Any, top_down: bool) -> Any:
    if _is_leaf(structure):
        return structure
    children, spec = optree.tree_flatten(
        structure,
        is_leaf=lambda x: x is not structure,
        none_is_leaf=True,
        namespace=_NAMESPACE,
    )
    return optree.tree_unflatten(spec, [_traverse(func, x, top_down) for x in children])


def flatten(structure: Any) -> list[Any]:
    """Returns the leaves of `structure` in order; `[structure]` if it is a leaf itself."""
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Returns pairs (path, leaf). A path is a tuple of indices and keys from the outside in.

    The path through a named tuple is made of indices.
    """
    paths, leaves, _ = optree.tree_flatten_with_path(
        structure, none_is_leaf=True, namespace=_NAMESPACE
    )
    return list(zip(paths, leaves, strict=True))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Returns the structure of `func(*leaves)` for the leaves that stand in the same place.

    With `none_is_leaf=False`, None stays None and `func` does not see it. TypeError if `func` is
    not callable; ValueError without a structure, or where structures differ.
    """
    if not callable(func):
        raise TypeError(f"tree.map_structure: `func` must be callable; got {func!r}.")
    if not structures:
        raise ValueError("tree.map_structure: must provide at least one structure.")
    if len(structures) > 1:
        _check_same("map_structure", structures, none_is_leaf)
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Computes `func(*parts)` for the parts of `structures` that stand where `shallow_structure`
    has leaves.

    Returns the shallow structure of the results. TypeError if `func` is not callable; ValueError
    without a structure, or where one is shallower than `shallow_structure` or differs from it.
    """
    if not callable(func):
        raise TypeError(f"tree.map_structure_up_to: `func` must be callable; got {func!r}.")
    if not structures:
        raise ValueError("tree.map_structure_up_to: must provide at least one structure.")
    return optree.tree_map(
        lambda _, *parts: func(*parts),
        shallow_structure,
        *structures,
        none_is_leaf=True,
        namespace=_NAMESPACE,
    )


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raises ValueError unless `a` and `b` are nested in the same way, with the same types.

    A dict, an OrderedDict and a defaultdict with the same keys count as the same; a list, a tuple,
    a deque and two classes of named tuples do not. `check_types` is deprecated and changes nothing.
    """
    if check_types is not None:
        warnings.warn(
            "tree.assert_same_structure: `check_types` has no effect; leave it out. "
            "`tree.assert_same_paths` compares without types.",
            DeprecationWarning,
            stacklevel=2,
        )
    _check_same("assert_same_structure", (a, b), none_is_leaf=True)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises ValueError, with the paths that differ, unless the leaves of `a` and `b` have the same
    paths.

    Lists, tuples, named tuples and deques, whose paths are indices, count as the same.
    """
    first, second = (
        set(optree.tree_paths(x, none_is_leaf=True, namespace=_NAMESPACE)) for x in (a, b)
    )
    if first != second:
        raise ValueError(
            "`a` and `b` don't have the same paths. "
            f"Paths in `a` missing in `b`: {_listed(first - second)}. "
            f"Paths in `b` missing in `a`: {_listed(second - first)}."
        )


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """Returns the values of `flat_sequence`, in the order of `flatten`, in the form of `structure`.

    TypeError if it cannot be iterated over; ValueError if it has too few values or too many.
    """
    spec = optree.tree_structure(structure, none_is_leaf=True, namespace=_NAMESPACE)
    return optree.tree_unflatten(spec, flat_sequence)


def lists_to_tuples(structure: Any) -> Any:
    """Returns `structure` with tuples in the place of lists."""
    return _traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Computes `func` of each shape (list or tuple of ints and None) and each other leaf of
    `structure`.
    """
    return optree.tree_map(
        func, structure, is_leaf=_is_shape, none_is_leaf=True, namespace=_NAMESPACE
    )


def _is_shape(x: Any) -> bool:
    return isinstance(x, list | tuple) and all(n is None or isinstance(n, int) for n in x)


def _is_leaf(x: Any, none_is_leaf: bool = True) -> bool:
    return optree.tree_is_leaf(x, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def _check_same(function: str, structures: tuple[Any, ...], none_is_leaf: bool) -> None:
    """ValueError unless all are nested like the first. optree alone lets the others go deeper."""

    def check(*leaves: Any) -> Any:
        if not all(_is_leaf(x, none_is_leaf) for x in leaves):
            raise ValueError(
                f"tree.{function}: structures don't have the same nested structure. "
                f"Where the first has the leaf {leaves[0]!r}, another has "
                f"{next(x for x in leaves if not _is_leaf(x, none_is_leaf))!r}."
            )

    optree.tree_map_(check, *structures, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def _listed(paths: set) -> str:
    return ", ".join(sorted(map(repr, paths))) or "none"
