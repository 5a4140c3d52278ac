"""ONNX's operators on single elements: arithmetic, comparisons, logic, bits.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from ... import dtypes, ops
from ..calls import Call, dtype_of
from ..registry import rule

_UNARY = {
    "Abs": ops.absolute,
    "Acos": ops.arccos,
    "Acosh": ops.arccosh,
    "Asin": ops.arcsin,
    "Asinh": ops.arcsinh,
    "Atan": ops.arctan,
    "Atanh": ops.arctanh,
    "BitwiseNot": ops.bitwise_not,
    "Ceil": ops.ceil,
    "Cos": ops.cos,
    "Cosh": ops.cosh,
    "Erf": ops.erf,
    "Exp": ops.exp,
    "Floor": ops.floor,
    "IsNaN": ops.isnan,
    "Log": ops.log,
    "Neg": ops.negative,
    "Not": ops.logical_not,
    "Round": ops.round,
    "Sign": ops.sign,
    "Sin": ops.sin,
    "Sinh": ops.sinh,
    "Sqrt": ops.sqrt,
    "Tan": ops.tan,
    "Tanh": ops.tanh,
}
_BINARY = {
    "Add": ops.add,
    "And": ops.logical_and,
    "BitwiseAnd": ops.bitwise_and,
    "BitwiseOr": ops.bitwise_or,
    "BitwiseXor": ops.bitwise_xor,
    "Equal": ops.equal,
    "Greater": ops.greater,
    "GreaterOrEqual": ops.greater_equal,
    "Less": ops.less,
    "LessOrEqual": ops.less_equal,
    "Mul": ops.multiply,
    "Or": ops.logical_or,
    "Sub": ops.subtract,
    "Xor": ops.logical_xor,
}


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, x: function(x)


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(call: Call, a: Any, b: Any) -> Any:
        return function(*paired(call, a, b))

    return compute


for _name, _function in _UNARY.items():
    rule(_name)(_unary(_function))
for _name, _function in _BINARY.items():
    rule(_name)(_binary(_function))


def paired(call: Call, a: Any, b: Any) -> tuple[Any, Any]:
    """Returns two operands that may meet, of an old operator set in one shape by its `axis`.

    Raises:
        GraphError: one holds floats and the other integers, which no operator joins.
    """
    kinds = {_kind(dtype_of(x)) for x in (a, b)}
    if len(kinds) > 1:
        raise call.wrong(f"its operands are of {dtype_of(a)} and {dtype_of(b)}, which do not meet")
    axis = call.get("axis")
    if call.version < 7 and call.get("broadcast") and axis is not None:
        # Before the operator set 7, b's axes stood at `axis` of a's.
        b = ops.reshape(b, (*b.shape, *(1,) * (len(a.shape) - axis - len(b.shape))))
    return a, b


def _kind(name: str) -> str:
    if name in dtypes.FLOATS:
        return "float"
    return "int" if name in dtypes.INTEGERS else name


@rule("Div")
def _divide(call: Call, a: Any, b: Any) -> Any:
    a, b = paired(call, a, b)
    dtype = dtype_of(a)
    if dtype not in dtypes.INTEGERS:
        return ops.divide(a, b)
    quotient = ops.floor_divide(a, b)
    if dtype.startswith("u"):
        return quotient
    # Integers are cut off towards zero.
    left = ops.not_equal(ops.multiply(quotient, b), a)
    low = ops.logical_and(left, ops.not_equal(ops.less(a, 0), ops.less(b, 0)))
    return ops.add(quotient, ops.cast(low, dtype))


@rule("Mod")
def _mod(call: Call, a: Any, b: Any) -> Any:
    return (ops.fmod if call.get("fmod", 0) else ops.mod)(*paired(call, a, b))


@rule("Pow")
def _power(call: Call, a: Any, b: Any) -> Any:
    dtype = dtype_of(a)
    if dtype in dtypes.INTEGERS and dtype_of(b) not in dtypes.INTEGERS:
        return ops.cast(ops.power(ops.cast(a, "float64"), ops.cast(b, "float64")), dtype)
    return ops.power(a, ops.cast(b, dtype))


@rule("BitShift")
def _shift(call: Call, a: Any, b: Any) -> Any:
    left = call.get("direction") == "LEFT"
    return (ops.bitwise_left_shift if left else ops.bitwise_right_shift)(a, b)


@rule("Reciprocal")
def _reciprocal(call: Call, x: Any) -> Any:
    return ops.divide(ops.ones_like(x), x)


@rule("IsInf")
def _is_infinite(call: Call, x: Any) -> Any:
    above, below = call.get("detect_positive", 1), call.get("detect_negative", 1)
    if above and below:
        return ops.isinf(x)
    if above or below:
        return (ops.isposinf if above else ops.isneginf)(x)
    return ops.zeros_like(x, dtype="bool")


@rule("Sum")
def _sum(call: Call, *xs: Any) -> Any:
    return reduce(ops.add, xs)


@rule("Mean")
def _mean(call: Call, *xs: Any) -> Any:
    return ops.divide(reduce(ops.add, xs), len(xs))


@rule("Max")
def _max(call: Call, *xs: Any) -> Any:
    return reduce(ops.maximum, xs)


@rule("Min")
def _min(call: Call, *xs: Any) -> Any:
    return reduce(ops.minimum, xs)


@rule("Clip")
def _clip(call: Call, x: Any, low: Any = None, high: Any = None) -> Any:
    if call.version < 11:
        low, high = call.get("min"), call.get("max")
    if low is not None:
        x = ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


@rule("Where")
def _where(call: Call, condition: Any, a: Any, b: Any) -> Any:
    if dtype_of(a) == "string":
        import numpy as np

        return np.where(call.numbers(condition, "the condition"), a, b)
    return ops.where(condition, a, b)
