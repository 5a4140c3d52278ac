"""Sizes, and what a program computes with them: they are numbers wherever they are known."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from ...calls import Call, shape_of
from .binding import aten

_PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "neg": operator.neg,
    "truediv": operator.truediv,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "and_": operator.and_,
    "or_": operator.or_,
    "sym_not": operator.not_,
    "sym_max": max,
    "sym_min": min,
    "ceil": math.ceil,
    "floor": math.floor,
    "trunc": math.trunc,
    "round": round,
    "sym_int": int,
    "sym_float": float,
}


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, *numbers: function(*numbers)


for _name, _function in _PYTHON.items():
    aten(_name, domain="python")(_plain(_function))


@aten("sym_size.int")
def _size(call: Call, x: Any, dim: int) -> Any:
    return shape_of(x)[dim]


@aten("sym_numel")
def _count(call: Call, x: Any) -> Any:
    return math.prod(shape_of(x))


@aten("scalar_tensor")
def _scalar_tensor(call: Call, value: Any, dtype: str = "float32") -> Any:
    from .... import ops

    return ops.convert_to_tensor(value, call.dtype(dtype))


@aten("_local_scalar_dense", "item")
def _item(call: Call, x: Any) -> Any:
    return call.numbers(x, "a number that the program reads from a tensor").reshape(-1)[0].item()
