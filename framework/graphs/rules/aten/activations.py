"""Activations, on single elements and along an axis."""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call, dtype_of, rank_of, shape_of
from .binding import as_dtype, aten, table

table(
    {
        "relu": ops.relu,
        "relu6": ops.relu6,
        "silu": ops.silu,
        "log_sigmoid": ops.log_sigmoid,
    }
)


@aten("gelu")
def _gelu(call: Call, x: Any, approximate: str = "none") -> Any:
    return ops.gelu(x, approximate=approximate == "tanh")


@aten("leaky_relu")
def _leaky_relu(call: Call, x: Any, slope: float = 0.01) -> Any:
    return ops.where(ops.less(x, 0), ops.multiply(x, slope), x)


@aten("prelu", "_prelu_kernel")
def _prelu(call: Call, x: Any, slope: Any) -> Any:
    if rank_of(slope) == 1 and rank_of(x) > 2:
        slope = ops.reshape(slope, (-1, *(1,) * (rank_of(x) - 2)))
    return ops.where(ops.less(x, 0), ops.multiply(x, slope), x)


@aten("elu")
def _elu(call: Call, x: Any, alpha: Any = 1.0, scale: Any = 1.0, input_scale: Any = 1.0) -> Any:
    below = ops.multiply(ops.expm1(ops.multiply(ops.minimum(x, 0), input_scale)), alpha)
    return ops.multiply(ops.where(ops.less(x, 0), below, x), scale)


@aten("celu")
def _celu(call: Call, x: Any, alpha: float = 1.0) -> Any:
    below = ops.multiply(ops.expm1(ops.divide(ops.minimum(x, 0), alpha)), alpha)
    return ops.add(ops.maximum(x, 0), below)


@aten("hardtanh")
def _hard_tanh(call: Call, x: Any, low: Any = -1.0, high: Any = 1.0) -> Any:
    return ops.minimum(ops.maximum(x, low), high)


@aten("hardsigmoid")
def _hard_sigmoid(call: Call, x: Any) -> Any:
    """max(0, min(1, x / 6 + 1 / 2))."""
    return ops.divide(ops.minimum(ops.maximum(ops.add(x, 3.0), 0.0), 6.0), 6.0)


@aten("hardswish")
def _hard_swish(call: Call, x: Any) -> Any:
    return ops.multiply(x, _hard_sigmoid(call, x))


@aten("softplus")
def _softplus(call: Call, x: Any, beta: Any = 1.0, threshold: Any = 20.0) -> Any:
    scaled = ops.multiply(x, beta)
    smooth = ops.divide(ops.softplus(ops.minimum(scaled, threshold)), beta)
    return ops.where(ops.greater(scaled, threshold), x, smooth)


@aten("mish")
def _mish(call: Call, x: Any) -> Any:
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


@aten("glu")
def _glu(call: Call, x: Any, dim: int = -1) -> Any:
    return ops.glu(x, dim)


@aten("_softmax", "softmax.int", "_safe_softmax")
def _softmax(call: Call, x: Any, dim: int, dtype: Any = None) -> Any:
    x = as_dtype(call, x, dtype if isinstance(dtype, str) else None)
    return ops.softmax(x, dim) if rank_of(x) else ops.ones_like(x)


@aten("_log_softmax", "log_softmax.int")
def _log_softmax(call: Call, x: Any, dim: int, dtype: Any = None) -> Any:
    return ops.log_softmax(as_dtype(call, x, dtype if isinstance(dtype, str) else None), dim)


@aten("dropout", domain="isozoo", pure=False)
def _dropout(call: Call, x: Any, p: float) -> Any:
    """Zeros for a share of the elements where the model trains; else the elements as they are."""
    if not call.training or p == 0:
        return x
    if p == 1:
        return ops.zeros_like(x)
    kept = ops.greater_equal(call.run.draw(call, shape_of(x)), p)
    return ops.where(kept, ops.divide(x, 1 - p), ops.cast(0, dtype_of(x)))
