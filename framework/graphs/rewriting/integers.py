"""The integers that a graph computes of its sizes, as far as they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ir import Node
from .dims import Free, Integers
from .sizes import slices

# What knows the sizes, dtypes and integers of a node's inputs: a `facts.Facts`.
Facts = Any


def _sizes(facts: Facts, node: Node) -> Integers | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    get = node.attributes.get
    return x[slice(get("start", 0), get("end", len(x)))]


def _same(facts: Facts, node: Node) -> Integers | None:
    whole = node.op != "Cast" or node.attributes.get("to") in ("int64", "int32")
    return facts.integers(node.inputs[0]) if whole else None


def _gathered(facts: Facts, node: Node) -> Integers | None:
    x, places = facts.vector(node.inputs[0]), facts.integers(node.inputs[1])
    if x is None or places is None or isinstance(places, Free):
        return None
    try:
        if isinstance(places, int):
            return x[places]
        return tuple(x[n] for n in places) if all(type(n) is int for n in places) else None  # pyright: ignore
    except IndexError:
        return None


def _concatenated(facts: Facts, node: Node) -> Integers | None:
    parts = [facts.vector(n) for n in node.inputs]
    return None if None in parts else tuple(n for part in parts for n in part or ())


def _cut(facts: Facts, node: Node) -> Integers | None:
    x = facts.vector(node.inputs[0])
    cuts = None if x is None else slices(facts, node, 1)
    return None if x is None or not cuts else x[cuts[0]]


def _lone(facts: Facts, node: Node) -> Integers | None:
    x = facts.vector(node.inputs[0])
    return x[0] if x is not None and len(x) == 1 else None


def _row(facts: Facts, node: Node) -> Integers | None:
    x = facts.integers(node.inputs[0])
    return (x,) if x is not None and type(x) is not tuple else None  # pyright: ignore


def _lined(facts: Facts, node: Node) -> Integers | None:
    x = facts.integers(node.inputs[0])
    wanted = facts.vector(node.inputs[1]) if len(node.inputs) > 1 else None
    if x is None or wanted is None:
        return None
    numbers = x if type(x) is tuple else (x,)
    if wanted == () and len(numbers) == 1:
        return numbers[0]  # pyright: ignore[reportReturnType]
    return numbers if wanted in ((-1,), (len(numbers),)) else None  # pyright: ignore


def _computed(function: Callable[[int, int], int]) -> Callable[[Facts, Node], Integers | None]:
    def compute(facts: Facts, node: Node) -> Integers | None:
        a, b = (facts.integers(n) for n in node.inputs[:2])
        if a is None or b is None:
            return None
        lone = type(a) is not tuple and type(b) is not tuple
        left: Any = a if type(a) is tuple else (a,)
        right: Any = b if type(b) is tuple else (b,)
        count = max(len(left), len(right))
        left, right = (x * count if len(x) == 1 else x for x in (left, right))
        if len(left) != len(right) or not all(type(n) is int for n in (*left, *right)):
            return None
        if node.op == "Div" and not (min(right) > 0 and min(left) >= 0):
            return None
        found = tuple(function(m, n) for m, n in zip(left, right, strict=True))
        return found[0] if lone else found

    return compute


INTEGERS: dict[str, Callable[[Facts, Node], Integers | None]] = {
    "Add": _computed(lambda a, b: a + b),
    "Cast": _same,
    "Concat": _concatenated,
    "Div": _computed(lambda a, b: a // b),
    "Gather": _gathered,
    "Identity": _same,
    "Mul": _computed(lambda a, b: a * b),
    "Reshape": _lined,
    "Shape": _sizes,
    "Slice": _cut,
    "Squeeze": _lone,
    "Sub": _computed(lambda a, b: a - b),
    "Unsqueeze": _row,
}
