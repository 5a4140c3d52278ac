"""ONNX's normalizations.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule
from .convolution import per_channel


@rule("BatchNormalization", weights=(1, 2, 3, 4), statistics=(3, 4))
def _batch(call: Call, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    """Of statistics that are kept; in training of those of the batch, which change them, unless the
    factors are frozen."""
    epsilon, rank = call.get("epsilon", 1e-5), rank_of(x)
    check_channels(call, shape_of(x)[1] if rank > 1 else None, (scale, bias, mean, variance))
    follows = call.follows(*call.node.inputs[1:3])
    if call.get("training_mode", 0) or follows:
        axes = (0, *range(2, rank))
        found, spread = ops.moments(x, axes)
        keep = call.get("momentum", 0.9)
        means = ops.add(ops.multiply(mean, keep), ops.multiply(found, 1 - keep))
        spreads = ops.add(ops.multiply(variance, keep), ops.multiply(spread, 1 - keep))
        if follows:
            call.run.assign(call.node.inputs[3], means)
            call.run.assign(call.node.inputs[4], spreads)
        return _scaled_batch(x, scale, bias, found, spread, epsilon), means, spreads
    if dtype_of(x) == dtype_of(scale) == dtype_of(mean) and rank > 1:
        return ops.batch_normalization(x, mean, variance, 1, bias, scale, epsilon)
    return _scaled_batch(x, scale, bias, mean, variance, epsilon)


def check_channels(call: Call, channels: Any, vectors: tuple[Any, ...]) -> None:
    """Raises GraphError where a vector has not one number for each channel."""
    for x in vectors:
        shape = shape_of(x)
        if isinstance(channels, int) and shape != (channels,):
            raise call.wrong(f"{channels} channels meet numbers of the shape {list(shape)}")


def _scaled_batch(x: Any, scale: Any, bias: Any, mean: Any, variance: Any, epsilon: float) -> Any:
    rank = max(rank_of(x), 2)
    factor = ops.multiply(scale, ops.rsqrt(ops.add(variance, epsilon)))
    shift = ops.subtract(bias, ops.multiply(mean, factor))
    return ops.cast(
        ops.add(ops.multiply(x, per_channel(factor, rank)), per_channel(shift, rank)), dtype_of(x)
    )


@rule("LayerNormalization", weights=(1, 2))
def _layer(call: Call, x: Any, scale: Any, bias: Any = None) -> Any:
    axis, dtype = call.axis(call.get("axis", -1), rank_of(x)), dtype_of(x)
    axes, epsilon = tuple(range(axis, rank_of(x))), call.get("epsilon", 1e-5)
    last = rank_of(x) - 1
    simple = axis == last and shape_of(scale) == shape_of(x)[axis:] and not call.wants(1)
    if simple and dtype not in ("float16", "bfloat16"):
        return ops.layer_normalization(x, scale, bias, axis=-1, epsilon=epsilon)
    wide = ops.cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    mean = ops.mean(wide, axes, keepdims=True)
    centred = ops.subtract(wide, mean)
    inverse = ops.rsqrt(ops.add(ops.mean(ops.square(centred), axes, keepdims=True), epsilon))
    y = ops.multiply(ops.cast(ops.multiply(centred, inverse), dtype), scale)
    return (y if bias is None else ops.add(y, bias)), mean, inverse


@rule("RMSNormalization", weights=(1,))
def _root_mean_square(call: Call, x: Any, scale: Any) -> Any:
    axis, dtype = call.axis(call.get("axis", -1), rank_of(x)), dtype_of(x)
    axes = tuple(range(axis, rank_of(x)))
    wide = ops.cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    mean = ops.mean(ops.square(wide), axes, keepdims=True)
    inverse = ops.rsqrt(ops.add(mean, call.get("epsilon", 1e-5)))
    return ops.multiply(ops.cast(ops.multiply(wide, inverse), dtype), scale)


@rule("InstanceNormalization", weights=(1, 2))
def _instance(call: Call, x: Any, scale: Any, bias: Any) -> Any:
    axes, rank = tuple(range(2, rank_of(x))), rank_of(x)
    mean, variance = ops.moments(x, axes, keepdims=True)
    inverse = ops.rsqrt(ops.add(variance, call.get("epsilon", 1e-5)))
    y = ops.multiply(ops.multiply(ops.subtract(x, mean), inverse), per_channel(scale, rank))
    return ops.add(y, per_channel(bias, rank))


@rule("GroupNormalization", weights=(1, 2))
def _group(call: Call, x: Any, scale: Any, bias: Any) -> Any:
    shape, groups, rank = shape_of(x), call.get("num_groups"), rank_of(x)
    parts = ops.reshape(x, (shape[0], groups, -1))
    mean, variance = ops.moments(parts, -1, keepdims=True)
    inverse = ops.rsqrt(ops.add(variance, call.get("epsilon", 1e-5)))
    y = ops.multiply(ops.subtract(parts, mean), inverse)
    if call.version < 21:  # one factor for each group
        y = ops.add(ops.multiply(y, ops.reshape(scale, (-1, 1))), ops.reshape(bias, (-1, 1)))
        return ops.reshape(y, shape)
    y = ops.reshape(y, shape)
    return ops.add(ops.multiply(y, per_channel(scale, rank)), per_channel(bias, rank))


@rule("LRN")
def _local_response(call: Call, x: Any) -> Any:
    """x / (bias + alpha / size * the sum of squares over `size` channels) ** beta."""
    size, rank = call.get("size"), rank_of(x)
    before, channels = (size - 1) // 2, shape_of(x)[1]
    pads = [(0, 0)] * rank
    pads[1] = (before, size - 1 - before)
    squares = ops.pad(ops.square(x), pads)
    total: Any = 0
    for place in range(size):
        total = ops.add(total, ops.get_item(squares, (slice(None), slice(place, place + channels))))
    base = ops.add(ops.multiply(total, call.get("alpha", 1e-4) / size), call.get("bias", 1.0))
    return ops.divide(x, ops.power(base, call.get("beta", 0.75)))


@rule("LpNormalization")
def _lp(call: Call, x: Any) -> Any:
    axis = call.get("axis", -1)
    if call.get("p", 2) == 1:
        norm = ops.sum(ops.absolute(x), axis, keepdims=True)
    else:
        norm = ops.sqrt(ops.sum(ops.square(x), axis, keepdims=True))
    zero = ops.equal(norm, 0)
    return ops.where(
        zero, ops.zeros_like(x), ops.divide(x, ops.where(zero, ops.ones_like(norm), norm))
    )


@rule("MeanVarianceNormalization")
def _mean_variance(call: Call, x: Any) -> Any:
    axes = tuple(call.get("axes", [0, 2, 3]))
    centred = ops.subtract(x, ops.mean(x, axes, keepdims=True))
    spread = ops.sqrt(ops.mean(ops.square(centred), axes, keepdims=True))
    return ops.divide(centred, ops.add(spread, 1e-9))


@rule("Dropout", pure=False)
def _dropout(call: Call, x: Any, ratio: Any = None, training: Any = None) -> Any:
    """Zeros for a share of the elements where the model trains; else the elements as they are.

    Whether it trains is what the model says; a file that is made to train says it itself.
    """
    share = call.get("ratio", 0.5)
    if ratio is not None:
        share = float(call.numbers(ratio, "the ratio").reshape(()))
    says = training is not None and bool(call.numbers(training, "the mode").reshape(()))
    if not (says or call.training) or share == 0:
        return x, ops.ones_like(x, dtype="bool")
    kept = ops.greater_equal(call.run.draw(call, shape_of(x)), share)
    zero = ops.zeros_like(x)
    return ops.where(kept, ops.divide(x, 1 - share), zero), kept
