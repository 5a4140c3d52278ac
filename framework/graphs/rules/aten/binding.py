"""How a rule for an operator of ATen gets its arguments, and in which dtype operands meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .... import dtypes, ops
from ...calls import Call, dtype_of, rank_of
from ...registry import rule

DOMAIN = "aten"
# What PyTorch computes in where integers meet a function of real numbers.
DEFAULT_FLOAT = "float32"


def aten(*names: str, domain: str = DOMAIN, **settings: Any) -> Callable[[Any], Any]:
    """Returns a decorator that makes a function the rule of the operators `names`.

    The function takes the call, and then the operator's arguments in the order of its schema; those
    that the schema has by name alone are keywords.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def compute(call: Call, *inputs: Any) -> Any:
            given = call.node.attributes
            arguments = [filled(x, inputs) for x in given.get("args", ())]
            keywords = {k: filled(v, inputs) for k, v in given.items() if k != "args"}
            return function(call, *arguments, **keywords)

        rule(*names, domain=domain, **settings)(compute)
        return function

    return decorate


def filled(x: Any, inputs: Sequence[Any]) -> Any:
    """Returns an argument with the inputs in the places of what stands for them."""
    if isinstance(x, str) and x.startswith("%"):
        return inputs[int(x[1:])]
    if isinstance(x, list):
        return [filled(part, inputs) for part in x]
    return x


def table(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Makes functions of one tensor the rules of operators: "name" -> function."""

    def made(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda call, x: function(x)

    for name, function in functions.items():
        aten(name)(made(function))


def is_tensor(x: Any) -> bool:
    """Tells a tensor from a number, and from a size that is not known yet."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def met(call: Call, *xs: Any) -> list[Any]:
    """Returns operands in the dtype in which PyTorch has them meet.

    Tensors with axes count before tensors without, and these before numbers: what counts less
    decides where it is of a higher kind alone (booleans, integers, floats).

    Definition: docs.pytorch.org/docs/stable/tensor_attributes.html, type promotion.
    """
    kinds = [dtype_of(x) if is_tensor(x) else None for x in xs]
    held = [kind for kind in kinds if kind is not None]
    if len(held) == len(xs) and len(set(held)) == 1:
        return list(xs)
    wide = [k for k, x in zip(kinds, xs, strict=True) if k is not None and rank_of(x)]
    flat = [k for k, x in zip(kinds, xs, strict=True) if k is not None and not rank_of(x)]
    found = _joined(wide)
    below = _joined(flat)
    if below is not None and (found is None or _order(below) > _order(found)):
        found = below if found is None or _order(below) > 1 else dtypes.result_type(found, below)
    order = max((_order_of_number(x) for x in xs if not is_tensor(x)), default=-1)
    if found is None or order > _order(found):
        default = call.dtype(DEFAULT_FLOAT)
        found = {0: "bool", 1: "int64", 2: default, 3: "complex64"}[order]
    return [
        x if k is None or k == found else ops.cast(x, found) for k, x in zip(kinds, xs, strict=True)
    ]


def _joined(kinds: list[str]) -> str | None:
    return dtypes.result_type(*kinds) if kinds else None


def _order(dtype: str) -> int:
    if dtype in dtypes.COMPLEX:
        return 3
    return 2 if dtype in dtypes.FLOATS else int(dtype != "bool")


def _order_of_number(x: Any) -> int:
    if isinstance(x, complex):
        return 3
    return 2 if isinstance(x, float) else int(not isinstance(x, bool))


def real(call: Call, x: Any) -> Any:
    """Returns integers and booleans as floats; what else it is, as it is."""
    return x if _order(dtype_of(x)) > 1 else ops.cast(x, call.dtype(DEFAULT_FLOAT))


def as_dtype(call: Call, x: Any, dtype: str | None) -> Any:
    """Returns `x` in a dtype of the graph; as it is for None."""
    return x if dtype is None else ops.cast(x, call.dtype(dtype))


def pair(x: Any, count: int = 2) -> list[int]:
    """Returns numbers for each of `count` axes, of which one may stand for all."""
    found = list(x) if isinstance(x, list | tuple) else [x]
    return found * count if len(found) == 1 else found
