"""onnxruntime's operators on quantized numbers, which its quantizer writes beside ONNX's own.

Definition: github.com/microsoft/onnxruntime, docs/ContribOperators.md. An element x stands for
(x - zero point) scale. What has a kernel of its own there is computed here with these numbers, and
its result is rounded to those of the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import RULES, rule
from . import activations, convolution, pooling, products, quantized  # noqa: F401 (whose rules are used)
from .microsoft import DOMAIN
from .microsoft_attention import self_attended
from .products import integer_product
from .quantized import whole_numbers

for _name in ("QuantizeLinear", "DequantizeLinear"):
    rule(_name, domain=DOMAIN, absorbs=True)(RULES["", _name].function)


def _numbers(x: Any, scale: Any, zero: Any) -> Any:
    """What quantized elements stand for, float32."""
    x = ops.cast(x, "float32")
    x = x if zero is None else ops.subtract(x, ops.cast(zero, "float32"))
    return ops.multiply(x, scale)


def _elements(call: Call, y: Any, scale: Any, zero: Any, like: Any) -> Any:
    """The quantized elements that stand for numbers, in the dtype of `zero`, else of `like`."""
    wanted = dtype_of(like if zero is None else zero)
    return whole_numbers(ops.round(ops.divide(y, scale)), zero, wanted)


def _of_two(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def compute(call: Call, a: Any, a_scale: Any, a_zero: Any, *rest: Any) -> Any:
        b, b_scale, b_zero, scale, zero = (*rest, None)[:5]
        y = function(_numbers(a, a_scale, a_zero), _numbers(b, b_scale, b_zero))
        return _elements(call, y, scale, zero, a)

    return compute


rule("QLinearAdd", domain=DOMAIN)(_of_two(ops.add))
rule("QLinearMul", domain=DOMAIN)(_of_two(ops.multiply))


def _of_one(name: str) -> Callable[..., Any]:
    """The rule of ONNX's operator `name`, on what the elements stand for."""

    def compute(call: Call, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any = None) -> Any:
        last = bool(call.get("channels_last", 0))
        y, rank = _numbers(x, x_scale, x_zero), rank_of(x)
        y = ops.transpose(y, (0, rank - 1, *range(1, rank - 1))) if last else y
        y = RULES["", name].function(call, y)
        y = ops.transpose(y, (0, *range(2, rank), 1)) if last else y
        return _elements(call, y, scale, zero, x)

    return compute


for _name in ("Sigmoid", "LeakyRelu", "AveragePool", "GlobalAveragePool"):
    rule(f"QLinear{_name}", domain=DOMAIN)(_of_one(_name))


@rule("QLinearSoftmax", domain=DOMAIN)
def _softmax(call: Call, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any) -> Any:
    y, axis = _numbers(x, x_scale, x_zero), call.axis(call.get("axis", -1), rank_of(x))
    if call.get("opset", 13) >= 13:
        return _elements(call, ops.softmax(y, axis), scale, zero, x)
    flat = ops.reshape(y, (*shape_of(y)[:axis], -1))  # all axes from that one on
    y = ops.reshape(ops.softmax(flat, -1), shape_of(x))
    return _elements(call, y, scale, zero, x)


@rule("QLinearConcat", domain=DOMAIN)
def _concat(call: Call, scale: Any, zero: Any, *parts: Any) -> Any:
    if len(parts) % 3:
        raise call.wrong("each of its tensors has a scale and a zero point")
    xs = [_numbers(*parts[n : n + 3]) for n in range(0, len(parts), 3)]
    axis = call.axis(call.get("axis", 0), rank_of(xs[0]))
    return _elements(call, ops.concatenate(xs, axis), scale, zero, parts[0])


@rule("QLinearWhere", domain=DOMAIN)
def _where(
    call: Call,
    condition: Any,
    x: Any,
    x_scale: Any,
    x_zero: Any,
    y: Any,
    y_scale: Any,
    y_zero: Any,
    scale: Any,
    zero: Any,
) -> Any:
    picked = ops.where(condition, _numbers(x, x_scale, x_zero), _numbers(y, y_scale, y_zero))
    return _elements(call, picked, scale, zero, x)


# Products ---------------------------------------------------------------------------------------


def _scaled(y: Any, *scales: Any) -> Any:
    """float32 of exact sums times scales, of which one may be (columns,)."""
    y = ops.cast(y, "float64")
    for scale in scales:
        y = ops.multiply(y, ops.cast(scale, "float64"))
    return ops.cast(y, "float32")


@rule("MatMulIntegerToFloat", domain=DOMAIN, weights=(1, 6))
def _integers_to_floats(
    call: Call,
    a: Any,
    b: Any,
    a_scale: Any,
    b_scale: Any,
    a_zero: Any = None,
    b_zero: Any = None,
    bias: Any = None,
) -> Any:
    y = _scaled(integer_product(a, b, a_zero, b_zero), a_scale, b_scale)
    return y if bias is None else ops.add(y, bias)


@rule("DynamicQuantizeMatMul", domain=DOMAIN, weights=(1, 4))
def _dynamic_product(
    call: Call, a: Any, b: Any, b_scale: Any, b_zero: Any = None, bias: Any = None
) -> Any:
    a, a_scale, a_zero = RULES["", "DynamicQuantizeLinear"].function(call, a)
    y = _scaled(integer_product(a, b, a_zero, b_zero), a_scale, b_scale)
    return y if bias is None else ops.add(y, bias)


@rule("QGemm", domain=DOMAIN, weights=(3, 6))
def _gemm(
    call: Call,
    a: Any,
    a_scale: Any,
    a_zero: Any,
    b: Any,
    b_scale: Any,
    b_zero: Any,
    c: Any = None,
    y_scale: Any = None,
    y_zero: Any = None,
) -> Any:
    left = ops.transpose(a) if call.get("transA", 0) else a
    right = ops.transpose(b) if call.get("transB", 0) else b
    y = ops.cast(integer_product(left, right, a_zero, b_zero), "float64")
    y = y if c is None else ops.add(y, ops.cast(c, "float64"))
    y = ops.multiply(_scaled(y, a_scale, b_scale), call.get("alpha", 1.0))
    return y if y_scale is None else _elements(call, y, y_scale, y_zero, a)


@rule("QAttention", domain=DOMAIN, weights=(1, 2))
def _attention(
    call: Call,
    x: Any,
    weights: Any,
    bias: Any,
    x_scale: Any,
    scale: Any,
    mask: Any = None,
    x_zero: Any = None,
    zero: Any = None,
    past: Any = None,
) -> Any:
    y = ops.add(_scaled(integer_product(x, weights, x_zero, zero), x_scale, scale), bias)
    return self_attended(call, y, mask, past)


# What its optimizer puts together -----------------------------------------------------------------

_ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "Relu": lambda x: ops.maximum(x, 0),
    "Tanh": ops.tanh,
    "Sigmoid": ops.sigmoid,
    "LeakyRelu": lambda x, a=0.01: ops.where(ops.less(x, 0), ops.multiply(x, a), x),
    "Clip": lambda x, low, high: ops.minimum(ops.maximum(x, low), high),
    "HardSigmoid": lambda x, a=0.2, b=0.5: ops.clip(ops.add(ops.multiply(x, a), b), 0.0, 1.0),
    "HardSwish": ops.hard_silu,
}


def _activated(call: Call, y: Any, parameters: list[float]) -> Any:
    name = call.get("activation", "")
    if not name:
        return y
    if name not in _ACTIVATIONS:
        raise call.wrong(f"the activation {name!r} is not known")
    return _ACTIVATIONS[name](y, *parameters)


@rule("FusedConv", domain=DOMAIN, weights=(1, 2))
def _fused_conv(call: Call, x: Any, kernel: Any, bias: Any = None, other: Any = None) -> Any:
    y = RULES["", "Conv"].function(call, x, kernel, bias)
    y = y if other is None else ops.add(y, other)
    return _activated(call, y, list(call.get("activation_params") or ()))


@rule("FusedGemm", domain=DOMAIN, weights=(0, 1, 2))
def _fused_gemm(call: Call, a: Any, b: Any, c: Any = None) -> Any:
    y = RULES["", "Gemm"].function(call, a, b, c)
    given = (call.get(f"activation_{name}") for name in ("alpha", "beta", "gamma"))
    return _activated(call, y, [n for n in given if n is not None])
