"""Checks of arguments that several ops share, and that the backends would judge differently."""

from typing import Any

from .. import dtypes
from .errors import wrong


def rank_of(backend: Any, x: Any) -> int:
    """Returns the number of axes of a tensor."""
    return len(backend.static_shape(x))


def axis_of(backend: Any, x: Any, axis: Any, name: str = "axis") -> int:
    """Returns `axis` of `x`, counted from the front.

    InvalidArgumentError if there is no such axis.
    """
    return axis_in(rank_of(backend, x), axis, name)


def axis_in(rank: int, axis: Any, name: str = "axis") -> int:
    """Returns `axis` among `rank` axes, counted from the front."""
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise wrong(name, axis, "an integer")
    place = axis.__index__()
    if not -rank <= place < rank:
        reach = f"from {-rank} to {rank - 1}" if rank else "none, for a tensor without axes"
        expected = f"an axis of a tensor of {rank} axes: {reach}, axis {place} is out of bounds"
        raise wrong(name, axis, expected)
    return place % rank


def of_rank(backend: Any, x: Any, name: str, *ranks: int) -> int:
    """Returns the number of axes of `x`, which is one of `ranks`."""
    rank = rank_of(backend, x)
    if rank not in ranks:
        raise wrong(name, x, f"a tensor of {' or '.join(map(str, ranks))} axes")
    return rank


def of_integers(backend: Any, x: Any, name: str) -> None:
    """Raises InvalidArgumentError unless `x` is a tensor of integers or booleans."""
    if dtypes.is_inexact(backend.dtype(x)):
        raise wrong(name, x, "a tensor of integers")


def one_of(value: Any, name: str, *allowed: Any) -> None:
    """Raises InvalidArgumentError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise wrong(name, value, f"one of {', '.join(map(repr, allowed))}")


def count_of(value: Any, name: str) -> int:
    """Returns a number of things: an integer that is not negative."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 0:
        raise wrong(name, value, "an integer that is not negative")
    return value.__index__()


def fits(value: Any, dtype: str, name: str) -> None:
    """Raises InvalidArgumentError unless a Python integer can be held by `dtype`."""
    if isinstance(value, int) and dtype in dtypes.LIMITS:
        low, high = dtypes.LIMITS[dtype]
        if not low <= value <= high:
            raise wrong(name, value, f"a number from {low} to {high}, which {dtype} holds")


def matrices(backend: Any, x: Any, name: str, square: bool = False) -> None:
    """Raises InvalidArgumentError unless `x` has two axes or more, of one size if `square`."""
    shape = backend.static_shape(x)
    if len(shape) < 2:
        raise wrong(name, x, "matrices: a tensor of two axes or more")
    rows, columns = shape[-2:]
    if square and None not in (rows, columns) and rows != columns:
        raise wrong(name, x, "square matrices: last two axes of one size")


def axes_of(backend: Any, x: Any, axis: Any, name: str = "axis") -> tuple[int, ...]:
    """Returns one axis of `x`, several different ones or all (None), counted from the front."""
    if axis is None:
        return tuple(range(rank_of(backend, x)))
    axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
    found = tuple(axis_of(backend, x, a, name) for a in axes)
    if len(set(found)) != len(found):
        raise wrong(name, axis, "each axis once")
    return found


def same_shape(backend: Any, name: str, x: Any, other: str, y: Any) -> None:
    """Raises InvalidArgumentError unless `x` has the shape of `y`, as far as both are known."""
    first, second = backend.static_shape(x), backend.static_shape(y)
    pairs = zip(first, second, strict=False)
    if len(first) != len(second) or any(a != b and None not in (a, b) for a, b in pairs):
        expected = f"the same shape as `{other}`, which is {tuple(second)}"
        raise wrong(name, x, f"{expected}: both must have the same shape")
