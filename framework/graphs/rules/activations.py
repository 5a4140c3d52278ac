"""ONNX's activations, on single elements and along an axis.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

import math
from typing import Any

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


@rule("Relu")
def _relu(call: Call, x: Any) -> Any:
    return ops.maximum(x, 0)


@rule("Sigmoid")
def _sigmoid(call: Call, x: Any) -> Any:
    return ops.sigmoid(x)


@rule("LeakyRelu")
def _leaky_relu(call: Call, x: Any) -> Any:
    return ops.where(ops.less(x, 0), ops.multiply(x, call.get("alpha", 0.01)), x)


@rule("PRelu", weights=(1,))
def _prelu(call: Call, x: Any, slope: Any) -> Any:
    if call.version < 7 and rank_of(slope) == 1 and rank_of(x) > 2:
        slope = ops.reshape(slope, (-1, *(1,) * (rank_of(x) - 2)))
    return ops.where(ops.less(x, 0), ops.multiply(x, slope), x)


@rule("ThresholdedRelu")
def _thresholded(call: Call, x: Any) -> Any:
    return ops.where(ops.greater(x, call.get("alpha", 1.0)), x, ops.zeros_like(x))


@rule("Elu")
def _elu(call: Call, x: Any) -> Any:
    below = ops.multiply(ops.expm1(ops.minimum(x, 0)), call.get("alpha", 1.0))
    return ops.where(ops.less(x, 0), below, x)


@rule("Celu")
def _celu(call: Call, x: Any) -> Any:
    alpha = call.get("alpha", 1.0)
    below = ops.multiply(ops.expm1(ops.minimum(ops.divide(x, alpha), 0)), alpha)
    return ops.add(ops.maximum(x, 0), below)


@rule("Selu")
def _selu(call: Call, x: Any) -> Any:
    alpha = call.get("alpha", 1.67326319217681884765625)
    gamma = call.get("gamma", 1.05070102214813232421875)
    below = ops.multiply(ops.expm1(ops.minimum(x, 0)), alpha)
    return ops.multiply(ops.where(ops.greater(x, 0), x, below), gamma)


@rule("Gelu")
def _gelu(call: Call, x: Any) -> Any:
    return ops.gelu(x, approximate=call.get("approximate", "none") == "tanh")


@rule("HardSigmoid")
def _hard_sigmoid(call: Call, x: Any) -> Any:
    line = ops.add(ops.multiply(x, call.get("alpha", 0.2)), call.get("beta", 0.5))
    return ops.maximum(ops.minimum(line, 1.0), 0.0)


@rule("HardSwish")
def _hard_swish(call: Call, x: Any) -> Any:
    line = ops.add(ops.multiply(x, 1 / 6), 0.5)
    return ops.multiply(x, ops.maximum(ops.minimum(line, 1.0), 0.0))


@rule("Mish")
def _mish(call: Call, x: Any) -> Any:
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


@rule("Swish")
def _swish(call: Call, x: Any) -> Any:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, call.get("alpha", 1.0))))


@rule("Shrink")
def _shrink(call: Call, x: Any) -> Any:
    bias, at = call.get("bias", 0.0), call.get("lambd", 0.5)
    zero = ops.zeros_like(x)
    above = ops.where(ops.greater(x, at), ops.subtract(x, bias), zero)
    return ops.cast(ops.where(ops.less(x, -at), ops.add(x, bias), above), dtype_of(x))


@rule("Softplus")
def _softplus(call: Call, x: Any) -> Any:
    return ops.softplus(x)


@rule("Softsign")
def _softsign(call: Call, x: Any) -> Any:
    return ops.divide(x, ops.add(ops.absolute(x), 1))


def along(call: Call, x: Any, function: Any) -> Any:
    """Returns `function(x, axis)`; before the operator set 13 on all axes behind `axis` at once."""
    if call.version >= 13:
        return function(x, call.axis(call.get("axis", -1), rank_of(x)))
    axis = call.axis(call.get("axis", 1), rank_of(x))
    shape = shape_of(x)
    if axis == rank_of(x) - 1:
        return function(x, -1)
    flat = ops.reshape(x, (math.prod(shape[:axis]), -1))
    return ops.reshape(function(flat, -1), shape)


@rule("Softmax")
def _softmax(call: Call, x: Any) -> Any:
    return along(call, x, ops.softmax)


@rule("LogSoftmax")
def _log_softmax(call: Call, x: Any) -> Any:
    return along(call, x, ops.log_softmax)


@rule("Hardmax")
def _hardmax(call: Call, x: Any) -> Any:
    def hard(x: Any, axis: int) -> Any:
        size = shape_of(x)[axis]
        return ops.one_hot(ops.argmax(x, axis), size, axis, dtype_of(x))

    return along(call, x, hard)
