"""The table: for each op how to make its arguments, and what is known about its results."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...framework import dtypes
from .draws import Draw, name_of, numpy_dtype

BACKENDS = ("numpy", "torch", "jax", "tensorflow")


@dataclass
class Call:
    """Arguments of one call. NumPy arrays among them, also in lists, become tensors."""

    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)


class Fixed:
    """An array that is given to the op as it is, a NumPy array."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value


@dataclass(frozen=True)
class Row:
    """An op, its argument maker, and how to judge what it gives.

    `reference` gets the arguments in float64 (integers as they are) once those in `operands` have
    met in a dtype: by `meet` "same" the common one, "float" that or the default float, "number"
    that or int32 for booleans, None each its own. Without a reference the backends are compared.
    `dtype` is that of the results: "met", "sum" (at least 32 bits), a name, several names for
    several results, or a function of the call. An error is counted in roundings of the dtype,
    relative to `size`: "each" element, the "largest" of the result, or what a function of the
    arguments gives.
    """

    op: str
    make: Callable[[Draw], Call]
    reference: Callable[..., Any] | None = None
    meet: str | None = "same"
    operands: tuple[int, ...] | None = None
    dtype: Any = "met"
    error: float = 8
    size: Any = "each"
    # The float tensors, by position, to differentiate by; `kinks` says that the gradient where the
    # derivative jumps is not defined.
    gradient: tuple[int, ...] = ()
    kinks: bool = False
    smooth: Callable[[Draw], Call] | None = None  # arguments for the gradient, else those of `make`
    # Whether it depends on values what is refused, or which shapes come out.
    by_value: bool = False
    compiled: tuple[str, ...] = ("jax", "torch", "tensorflow")
    open: bool = True  # whether TensorFlow may leave all sizes open
    symbolic: bool = True
    backends: tuple[str, ...] = BACKENDS
    function: Callable[..., Any] | None = None  # what is called in place of the op


TABLE: dict[str, list[Row]] = {}


def row(op: str, make: Callable[[Draw], Call], reference: Any = None, **settings: Any) -> None:
    """Append a row to the table."""
    TABLE.setdefault(op, []).append(Row(op, make, reference, **settings))


def flat(x: Any) -> list[Any]:
    """The leaves of nested lists and tuples."""
    return [leaf for v in x for leaf in flat(v)] if isinstance(x, list | tuple) else [x]


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """`function` at the arrays of nested lists and tuples."""
    if isinstance(x, list | tuple) and any(isinstance(v, np.ndarray | Fixed) for v in flat(x)):
        return type(x)(mapped(function, v) for v in x)
    return function(x) if isinstance(x, np.ndarray) else x


def arrays(call: Call) -> list[np.ndarray]:
    """The arrays of a call that become tensors, in order."""
    return [
        x for v in (*call.args, *call.kwargs.values()) for x in flat(v) if isinstance(x, np.ndarray)
    ]


def replaced(call: Call, values: list[Any]) -> Call:
    """The call with other things in the places of its arrays."""
    rest = iter(values)
    args = [mapped(lambda _: next(rest), v) for v in call.args]
    return Call(args, {k: mapped(lambda _: next(rest), v) for k, v in call.kwargs.items()})


class Hole:
    """The place of an array in a call."""


def emptied(call: Call) -> Call:
    """The call with a Hole in the place of each of its arrays."""
    return replaced(call, [Hole() for _ in arrays(call)])


def filled(call: Call, values: list[Any]) -> Call:
    """An emptied call with values in its holes, in order."""
    rest = iter(values)

    def fill(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return type(x)([fill(v) for v in x])
        return next(rest) if isinstance(x, Hole) else x

    return Call([fill(v) for v in call.args], {k: fill(v) for k, v in call.kwargs.items()})


def unfixed(x: Any) -> Any:
    """Nested arguments with the arrays that `Fixed` holds."""
    if isinstance(x, Fixed):
        return x.value
    if isinstance(x, list | tuple) and any(isinstance(v, Fixed) for v in flat(x)):
        return type(x)(unfixed(v) for v in x)
    return x


def meeting(row: Row, call: Call) -> str | None:
    """The dtype in which the operands of a call meet."""
    if row.meet is None:
        return None
    places = range(len(call.args)) if row.operands is None else row.operands
    kinds: list[Any] = []
    for x in (leaf for i in places if i < len(call.args) for leaf in flat(call.args[i])):
        if isinstance(x, np.ndarray):
            kinds.append(name_of(x))
        elif row.operands is not None and isinstance(x, bool | int | float | complex):
            kinds.append(type(x))
    if not kinds:
        return None
    name = dtypes.result_type(*kinds)
    if row.meet == "number" and name == "bool":
        return "int32"
    return dtypes.floating(name) if row.meet == "float" else name


def _wide(x: np.ndarray) -> np.ndarray:
    kind = name_of(x)
    if kind in dtypes.FLOATS:
        return x.astype(np.float64)
    return x.astype(np.complex128) if kind in dtypes.COMPLEX else x


def expected(row: Row, call: Call) -> list[np.ndarray] | None:
    """What the reference gives, or None without one."""
    if row.reference is None:
        return None
    target = meeting(row, call)
    places = range(len(call.args)) if row.operands is None else row.operands
    args = []
    for i, arg in enumerate(call.args):
        if target is not None and i in places:
            arg = mapped(lambda x: x.astype(numpy_dtype(target)), arg)
            if row.operands is not None and isinstance(arg, bool | int | float | complex):
                arg = np.asarray(arg).astype(numpy_dtype(target))
                arg = _wide(arg)
        args.append(mapped(_wide, unfixed(arg)))
    kwargs = {k: mapped(_wide, unfixed(v)) for k, v in call.kwargs.items()}
    return [np.asarray(x) for x in flat(row.reference(*args, **kwargs))]


def result_dtypes(row: Row, call: Call, count: int) -> list[str | None]:
    """The dtypes that the results should have; None where nothing is said."""
    rule = row.dtype(call) if callable(row.dtype) else row.dtype
    met = meeting(row, call)

    def one(rule: Any) -> str | None:
        if rule == "met":
            return met
        if rule == "sum":
            narrow = {"bool": "int32", "int8": "int32", "int16": "int32"}
            return (narrow | {"uint8": "uint32", "uint16": "uint32"}).get(str(met), met)
        if rule == "real":
            return {"complex64": "float32", "complex128": "float64"}.get(str(met), met)
        return rule

    rules = rule if isinstance(rule, tuple) else (rule,) * count
    return [one(r) for r in rules]
