"""Normalizations."""

from __future__ import annotations

import math
from typing import Any

from .... import ops
from ...calls import Call, dtype_of, rank_of, shape_of
from .binding import aten
from .convolution import per_channel


@aten("_native_batch_norm_legit_no_training")
def _batch_inferred(
    call: Call,
    x: Any,
    scale: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    momentum: float,
    epsilon: float,
) -> Any:
    """By statistics that are kept; where the model trains, and the factors are not frozen, by those
    of the batch, which change the kept ones: of the variance without bias, as PyTorch does."""
    factors = [arg for arg in call.get("args")[1:3] if arg is not None]
    if not call.follows(*(call.node.inputs[int(arg[1:])] for arg in factors)):
        return _applied(x, mean, variance, scale, bias, epsilon), None, None
    axes = (0, *range(2, rank_of(x)))
    found, spread = ops.moments(x, axes)
    shape = shape_of(x)
    count = math.prod(shape[axis] for axis in axes)
    unbiased = ops.multiply(spread, ops.divide(ops.cast(count, dtype_of(spread)), count - 1))
    names = [call.node.inputs[int(arg[1:])] for arg in call.get("args")[3:5]]
    for name, old, new in zip(names, (mean, variance), (found, unbiased), strict=True):
        kept = ops.multiply(old, 1 - momentum)
        call.run.assign(name, ops.add(kept, ops.multiply(new, momentum)))
    return _applied(x, found, spread, scale, bias, epsilon), None, None


@aten("_native_batch_norm_legit.no_stats")
def _batch_without_statistics(
    call: Call, x: Any, scale: Any, bias: Any, training: bool, momentum: float, epsilon: float
) -> Any:
    mean, variance = ops.moments(x, (0, *range(2, rank_of(x))))
    return _applied(x, mean, variance, scale, bias, epsilon), None, None


def _applied(x: Any, mean: Any, variance: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    dtype = dtype_of(x)
    if dtype == dtype_of(mean):
        return ops.batch_normalization(x, mean, variance, 1, bias, scale, epsilon)
    wide = ops.cast(x, dtype_of(mean))
    return ops.cast(ops.batch_normalization(wide, mean, variance, 1, bias, scale, epsilon), dtype)


@aten("layer_norm")
def _layer(
    call: Call,
    x: Any,
    shape: list[Any],
    scale: Any = None,
    bias: Any = None,
    epsilon: float = 1e-5,
    cudnn: bool = True,
) -> Any:
    axes = tuple(range(rank_of(x) - len(shape), rank_of(x)))
    return ops.layer_normalization(
        x, scale, bias, axis=-1 if len(axes) == 1 else axes, epsilon=epsilon
    )


@aten("native_layer_norm")
def _native_layer(
    call: Call, x: Any, shape: list[Any], scale: Any, bias: Any, epsilon: float
) -> Any:
    if call.wants(1) or call.wants(2):
        raise call.wrong("its mean and deviation are asked for, which only training needs")
    return _layer(call, x, shape, scale, bias, epsilon), None, None


@aten("rms_norm")
def _root_mean_square(
    call: Call, x: Any, shape: list[Any], scale: Any = None, epsilon: float | None = None
) -> Any:
    axes = tuple(range(rank_of(x) - len(shape), rank_of(x)))
    if epsilon is None:
        epsilon = {"float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}.get(
            dtype_of(x), 2.0**-23
        )
    return ops.rms_normalization(x, scale, axis=-1 if len(axes) == 1 else axes, epsilon=epsilon)


@aten("group_norm")
def _group(
    call: Call,
    x: Any,
    groups: int,
    scale: Any = None,
    bias: Any = None,
    epsilon: float = 1e-5,
    cudnn: bool = True,
) -> Any:
    shape, rank = shape_of(x), rank_of(x)
    parts = ops.reshape(x, (shape[0], groups, -1))
    mean, variance = ops.moments(parts, -1, keepdims=True)
    inverse = ops.rsqrt(ops.add(variance, epsilon))
    y = ops.reshape(ops.multiply(ops.subtract(parts, mean), inverse), shape)
    if scale is not None:
        y = ops.multiply(y, per_channel(scale, rank))
    return y if bias is None else ops.add(y, per_channel(bias, rank))


@aten("native_group_norm")
def _native_group(
    call: Call, x: Any, scale: Any, bias: Any, n: Any, c: Any, rest: Any, groups: int, epsilon: Any
) -> Any:
    return _group(call, x, groups, scale, bias, epsilon), None, None
