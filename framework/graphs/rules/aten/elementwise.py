"""Arithmetic, comparisons, logic and bits on single elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .... import dtypes, ops
from ...calls import Call, dtype_of
from .binding import as_dtype, aten, is_tensor, met, real, table

table(
    {
        "abs": ops.absolute,
        "neg": ops.negative,
        "sign": ops.sign,
        "sgn": ops.sign,
        "ceil": ops.ceil,
        "floor": ops.floor,
        "trunc": ops.trunc,
        "round": ops.round,
        "square": ops.square,
        "isnan": ops.isnan,
        "isinf": ops.isinf,
        "isfinite": ops.isfinite,
        "logical_not": ops.logical_not,
        "bitwise_not": ops.bitwise_not,
        "real": ops.real,
        "imag": ops.imag,
        "angle": ops.angle,
        "_conj": ops.conj,
        "_conj_physical": ops.conj,
        "conj": ops.conj,
        "view_as_real": ops.view_as_real,
        "view_as_complex": ops.view_as_complex,
    }
)

# Functions of real numbers: of integers they give floats.
_REAL: dict[str, Callable[..., Any]] = {
    "acos": ops.arccos,
    "acosh": ops.arccosh,
    "asin": ops.arcsin,
    "asinh": ops.arcsinh,
    "atan": ops.arctan,
    "atanh": ops.arctanh,
    "cos": ops.cos,
    "cosh": ops.cosh,
    "erf": ops.erf,
    "erfc": ops.erfc,
    "erfinv": ops.erfinv,
    "exp": ops.exp,
    "exp2": ops.exp2,
    "expm1": ops.expm1,
    "log": ops.log,
    "log10": ops.log10,
    "log1p": ops.log1p,
    "log2": ops.log2,
    "reciprocal": ops.reciprocal,
    "rsqrt": ops.rsqrt,
    "sigmoid": ops.sigmoid,
    "sin": ops.sin,
    "sinh": ops.sinh,
    "sqrt": ops.sqrt,
    "tan": ops.tan,
    "tanh": ops.tanh,
}


def _of_reals(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, x: function(real(call, x))


for _name, _function in _REAL.items():
    aten(_name)(_of_reals(_function))

# Functions of two operands, tensors or numbers.
_BINARY: dict[str, Callable[..., Any]] = {
    "mul": ops.multiply,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "fmax": ops.fmax,
    "fmin": ops.fmin,
    "fmod": ops.fmod,
    "remainder": ops.mod,
    "eq": ops.equal,
    "ne": ops.not_equal,
    "lt": ops.less,
    "le": ops.less_equal,
    "gt": ops.greater,
    "ge": ops.greater_equal,
    "bitwise_and": ops.bitwise_and,
    "bitwise_or": ops.bitwise_or,
    "bitwise_xor": ops.bitwise_xor,
    "bitwise_left_shift": ops.bitwise_left_shift,
    "bitwise_right_shift": ops.bitwise_right_shift,
}
_FORMS = (".Tensor", ".Scalar", ".Tensor_Scalar", "")


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, a, b: function(*met(call, a, b))


for _name, _function in _BINARY.items():
    aten(*(f"{_name}{form}" for form in _FORMS))(_of_two(_function))


@aten("logical_and", "logical_or", "logical_xor")
def _logical(call: Call, a: Any, b: Any) -> Any:
    return getattr(ops, call.node.op)(a, b)


@aten("add.Tensor", "add.Scalar")
def _add(call: Call, a: Any, b: Any, alpha: Any = 1) -> Any:
    a, b = met(call, a, b)
    if dtype_of(a) == "bool" and alpha == 1:
        return ops.logical_or(a, b)
    return ops.add(a, b if alpha == 1 else ops.multiply(b, alpha))


@aten("sub.Tensor", "sub.Scalar")
def _subtract(call: Call, a: Any, b: Any, alpha: Any = 1) -> Any:
    a, b = met(call, a, b)
    return ops.subtract(a, b if alpha == 1 else ops.multiply(b, alpha))


@aten("rsub.Tensor", "rsub.Scalar")
def _subtract_from(call: Call, a: Any, b: Any, alpha: Any = 1) -> Any:
    return _subtract(call, b, a, alpha)


@aten("div.Tensor", "div.Scalar", "true_divide.Tensor")
def _divide(call: Call, a: Any, b: Any) -> Any:
    a, b = met(call, a, b)
    return ops.divide(real(call, a), real(call, b) if is_tensor(b) else b)


@aten("div.Tensor_mode", "div.Scalar_mode")
def _divide_rounded(call: Call, a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return _divide(call, a, b)
    a, b = met(call, a, b)
    if rounding_mode == "floor":
        return ops.floor_divide(a, b)
    if dtype_of(a) not in dtypes.INTEGERS:
        return ops.trunc(ops.divide(a, b))
    quotient = ops.floor_divide(a, b)
    inexact = ops.not_equal(ops.multiply(quotient, b), a)
    low = ops.logical_and(inexact, ops.not_equal(ops.less(a, 0), ops.less(b, 0)))
    return ops.add(quotient, ops.cast(low, dtype_of(quotient)))


@aten("floor_divide", "floor_divide.Scalar")
def _floor_divide(call: Call, a: Any, b: Any) -> Any:
    return ops.floor_divide(*met(call, a, b))


@aten("pow.Tensor_Scalar")
def _power_of_number(call: Call, x: Any, exponent: Any) -> Any:
    (x, _) = met(call, x, exponent)
    if exponent == 2:
        return ops.square(x)
    if exponent == 0.5:
        return ops.sqrt(x)
    return ops.power(x, exponent)


@aten("pow.Tensor_Tensor", "pow.Scalar")
def _power(call: Call, x: Any, exponent: Any) -> Any:
    x, exponent = met(call, x, exponent)
    if not is_tensor(x):
        x = ops.cast(x, dtype_of(exponent))
    return ops.power(x, exponent)


@aten("atan2")
def _arctan2(call: Call, y: Any, x: Any) -> Any:
    return ops.arctan2(*(real(call, part) for part in met(call, y, x)))


@aten("clamp", "clamp.Tensor", "clip")
def _clamp(call: Call, x: Any, low: Any = None, high: Any = None) -> Any:
    given = [bound for bound in (low, high) if bound is not None]
    x, *given = met(call, x, *given)
    if low is not None:
        x = ops.maximum(x, given[0])
    return x if high is None else ops.minimum(x, given[-1])


@aten("clamp_min", "clamp_min.Tensor")
def _clamp_below(call: Call, x: Any, low: Any) -> Any:
    return _clamp(call, x, low)


@aten("clamp_max", "clamp_max.Tensor")
def _clamp_above(call: Call, x: Any, high: Any) -> Any:
    return _clamp(call, x, None, high)


@aten("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def _where(call: Call, condition: Any, a: Any, b: Any) -> Any:
    return ops.where(condition, *met(call, a, b))


@aten("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(call: Call, x: Any, mask: Any, value: Any) -> Any:
    return ops.where(mask, ops.cast(value, dtype_of(x)), x)


@aten("lerp.Scalar", "lerp.Tensor")
def _between(call: Call, a: Any, b: Any, weight: Any) -> Any:
    return ops.add(a, ops.multiply(ops.subtract(b, a), weight))


@aten("addcmul")
def _add_product(call: Call, x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return ops.add(x, ops.multiply(ops.multiply(a, b), value))


@aten("addcdiv")
def _add_quotient(call: Call, x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return ops.add(x, ops.multiply(ops.divide(a, b), value))


@aten("_to_copy", "to.dtype", "_to_cpu")
def _to_copy(call: Call, x: Any, dtype: str | None = None) -> Any:
    return as_dtype(call, x, dtype)


@aten("nan_to_num")
def _nan_to_num(call: Call, x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    return ops.nan_to_num(x, nan or 0.0, posinf, neginf)


@aten("complex")
def _complex(call: Call, real_part: Any, imaginary: Any) -> Any:
    return ops.view_as_complex(ops.stack([real_part, imaginary], -1))


@aten("polar")
def _polar(call: Call, size: Any, angle: Any) -> Any:
    return ops.polar(size, angle)
