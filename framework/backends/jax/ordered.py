"""Dicts that come out of `jax.jit` with their keys in the order in which they went in."""

from typing import Any

import jax


class _Ordered:
    """A dict as JAX's pytrees keep it: JAX sorts the keys of plain ones."""

    def __init__(self, keys: tuple[Any, ...], values: tuple[Any, ...]) -> None:
        self.keys, self.values = keys, values


jax.tree_util.register_pytree_node(
    _Ordered, lambda x: (x.values, x.keys), lambda keys, values: _Ordered(keys, tuple(values))
)


def packed(x: Any) -> Any:
    """Returns nested outputs with each dict as one that keeps its order."""
    if isinstance(x, dict):
        return _Ordered(tuple(x), tuple(packed(value) for value in x.values()))
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)(packed(value) for value in x)
    return x


def unpacked(x: Any) -> Any:
    """Returns what `packed` took."""
    if isinstance(x, _Ordered):
        return {k: unpacked(v) for k, v in zip(x.keys, x.values, strict=True)}
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)(unpacked(value) for value in x)
    return x
