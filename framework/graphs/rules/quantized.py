"""ONNX's operators on quantized numbers: integers with a scale and a zero point.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

from ... import dtypes, ops
from ..calls import Call, Narrow, dtype_of, rank_of, shape_of
from ..narrow import CARRIERS, FORMS, LIMITS, narrowed, plain
from ..registry import rule
from .convolution import integer_conv, per_channel


def _along(call: Call, value: Any, x: Any) -> Any:
    """A scale or zero point in a shape that meets `x`: one, one along an axis, or one a block."""
    if value is None or rank_of(value) == 0:
        return plain(value)
    value, shape = plain(value), shape_of(x)
    axis, block = call.get("axis", 1), call.get("block_size", 0)
    if rank_of(value) == 1 and not block:
        if shape_of(value)[0] == 1:
            return ops.reshape(value, ())
        sizes = [1] * len(shape)
        sizes[call.axis(axis, len(shape))] = -1
        return ops.reshape(value, sizes)
    axis = call.axis(axis, len(shape))
    whole = ops.repeat(value, block, axis)
    return ops.get_item(whole, (*(slice(None),) * axis, slice(0, shape[axis])))


@rule("QuantizeLinear", weights=(), absorbs=True)
def _quantize(call: Call, x: Any, scale: Any, zero: Any = None) -> Any:
    wanted = dtype_of(zero) if zero is not None else call.get("output_dtype") or "uint8"
    wide = call.get("precision") or dtype_of(scale)
    divided = ops.divide(ops.cast(x, wide), ops.cast(_along(call, scale, x), wide))
    if wanted in FORMS:
        if zero is not None and wanted == "float4_e2m1fn":
            divided = ops.add(divided, ops.cast(_along(call, zero, x), dtype_of(divided)))
        return narrowed(divided, wanted, bool(call.get("saturate", 1)))
    return whole_numbers(ops.round(divided), _along(call, zero, x), wanted)


def whole_numbers(x: Any, zero: Any, wanted: str) -> Any:
    """Returns rounded floats, moved by a zero point, as integers within the limits of `wanted`."""
    low, high = LIMITS.get(wanted) or dtypes.LIMITS[wanted]
    # In float64, where each int32 is exact.
    x = ops.cast(x, "float64")
    if zero is not None:
        x = ops.add(x, ops.cast(zero, "float64"))
    x = ops.minimum(ops.maximum(x, float(low)), float(high))
    made = ops.cast(x, CARRIERS.get(wanted, wanted))
    return Narrow(made, wanted) if wanted in LIMITS else made


@rule("DequantizeLinear", absorbs=True)
def _dequantize(call: Call, x: Any, scale: Any, zero: Any = None) -> Any:
    dtype = call.dtype(call.get("output_dtype") or dtype_of(scale))
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    numbers = ops.cast(plain(x), wide)
    if zero is not None and dtype_of(x) not in FORMS:
        numbers = ops.subtract(numbers, ops.cast(_along(call, zero, x), wide))
    return ops.cast(ops.multiply(numbers, ops.cast(_along(call, scale, x), wide)), dtype)


@rule("DynamicQuantizeLinear")
def _dynamic_quantize(call: Call, x: Any) -> Any:
    high, low = ops.maximum(ops.max(x), 0.0), ops.minimum(ops.min(x), 0.0)
    span = ops.divide(ops.subtract(high, low), 255.0)
    scale = ops.where(ops.equal(high, low), ops.ones_like(span) / 255.0, span)
    zero = ops.round(ops.minimum(ops.maximum(ops.divide(ops.negative(low), scale), 0.0), 255.0))
    y = ops.add(ops.round(ops.divide(x, scale)), zero)
    y = ops.cast(ops.minimum(ops.maximum(y, 0.0), 255.0), "uint8")
    return y, scale, ops.cast(zero, "uint8")


def _matrix_side(value: Any, rows: bool) -> Any:
    """A scale or zero point of a matrix: one, one a row (n,), or one a column (m,)."""
    if value is None or rank_of(value) != 1:
        return value
    return ops.reshape(value, (-1, 1)) if rows else value


@rule("QLinearMatMul", absorbs=True)
def _qlinear_matmul(
    call: Call,
    a: Any,
    a_scale: Any,
    a_zero: Any,
    b: Any,
    b_scale: Any,
    b_zero: Any,
    y_scale: Any,
    y_zero: Any,
) -> Any:
    wanted = dtype_of(y_zero)
    sides = []
    for x, zero, rows in ((a, a_zero, True), (b, b_zero, False)):
        wide = ops.cast(plain(x), "float64")
        zero = ops.cast(_matrix_side(plain(zero), rows), "float64")
        sides.append(ops.subtract(wide, zero))
    found = ops.matmul(*sides)
    scales = ops.multiply(
        ops.cast(_matrix_side(a_scale, True), "float64"),
        ops.cast(_matrix_side(b_scale, False), "float64"),
    )
    found = ops.multiply(found, ops.divide(scales, ops.cast(y_scale, "float64")))
    return whole_numbers(ops.round(found), plain(y_zero), wanted)


@rule("QLinearConv", absorbs=True)
def _qlinear_conv(
    call: Call,
    x: Any,
    x_scale: Any,
    x_zero: Any,
    kernel: Any,
    scale: Any,
    zero: Any,
    y_scale: Any,
    y_zero: Any,
    bias: Any = None,
) -> Any:
    found = integer_conv(call, x, kernel, x_zero, zero)
    rank = rank_of(found)
    if bias is not None:
        found = ops.add(found, per_channel(ops.cast(bias, "float64"), rank))
    factor = ops.multiply(ops.cast(x_scale, "float64"), ops.cast(scale, "float64"))
    if rank_of(factor) == 1:
        factor = per_channel(factor, rank)
    found = ops.multiply(found, ops.divide(factor, ops.cast(y_scale, "float64")))
    return whole_numbers(ops.round(found), y_zero, dtype_of(y_zero))
