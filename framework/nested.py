"""Nested lists, tuples and dicts: their leaves, and a function at each leaf.

Plain Python, so that `torch.compile` traces it; `isozoo.tree` is the public, faster kind.
"""

from collections.abc import Callable, Iterator
from typing import Any


def leaves(x: Any) -> Iterator[Any]:
    """Yields the leaves of nested dicts, lists and tuples, in order."""
    if isinstance(x, dict):
        for value in x.values():
            yield from leaves(value)
    elif isinstance(x, list | tuple):
        for value in x:
            yield from leaves(value)
    else:
        yield x


def flatten(x: Any) -> list[Any]:
    """Returns the leaves of nested dicts, lists and tuples, in order."""
    return list(leaves(x))


def map_structure(function: Callable[[Any], Any], x: Any) -> Any:
    """Returns nested dicts, lists and tuples with `function(leaf)` in the place of each leaf."""
    if isinstance(x, dict):
        made = {key: map_structure(function, value) for key, value in x.items()}
        return made if type(x) is dict else _of_type(type(x), made)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_structure(function, value) for value in x))
    if isinstance(x, list | tuple):
        cls = type(x) if type(x) in (list, tuple) else list if isinstance(x, list) else tuple
        return cls(map_structure(function, value) for value in x)
    return function(x)


def output_names(outputs: Any, name: str = "") -> list[str]:
    """Returns names of the leaves of a call's outputs: the keys of dicts, else "output_0", …."""
    if isinstance(outputs, dict):
        parts = [(f"{name}_{key}" if name else str(key), part) for key, part in outputs.items()]
    elif isinstance(outputs, list | tuple):
        parts = [(f"{name or 'output'}_{at}", part) for at, part in enumerate(outputs)]
    else:
        return [name or "output_0"]
    return [found for key, part in parts for found in output_names(part, key)]


def _of_type(cls: type, items: dict[Any, Any]) -> Any:
    """A dict of another class with the items, where the class takes them; else a plain dict."""
    from collections import OrderedDict

    return OrderedDict(items) if issubclass(cls, OrderedDict) else items
