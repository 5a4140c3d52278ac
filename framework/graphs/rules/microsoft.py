"""Operators of onnxruntime that exported transformers contain: activations, norms, products.

Definition: github.com/microsoft/onnxruntime, docs/ContribOperators.md.
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ..calls import Call, Narrow, dtype_of, rank_of, shape_of
from ..registry import rule

DOMAIN = "com.microsoft"


@rule("Gelu", domain=DOMAIN)
def _gelu(call: Call, x: Any) -> Any:
    return ops.gelu(x, approximate=False)


@rule("BiasGelu", domain=DOMAIN, weights=(1,))
def _bias_gelu(call: Call, x: Any, bias: Any) -> Any:
    return ops.gelu(ops.add(x, bias), approximate=False)


@rule("FastGelu", domain=DOMAIN, weights=(1,))
def _fast_gelu(call: Call, x: Any, bias: Any = None) -> Any:
    return ops.gelu(x if bias is None else ops.add(x, bias), approximate=True)


@rule("QuickGelu", domain=DOMAIN)
def _quick_gelu(call: Call, x: Any) -> Any:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, call.get("alpha", 1.702))))


@rule("FusedMatMul", domain=DOMAIN, weights=(0, 1))
def _fused_matmul(call: Call, a: Any, b: Any) -> Any:
    a = _turned(a, call.get("transA", 0), call.get("transBatchA", 0))
    b = _turned(b, call.get("transB", 0), call.get("transBatchB", 0))
    y, alpha = ops.matmul(a, b), call.get("alpha", 1.0)
    return y if alpha == 1 else ops.multiply(y, alpha)


def _turned(x: Any, last: int, batch: int) -> Any:
    """With the first axis moved behind those of the batch, and the last two exchanged."""
    axes = list(range(rank_of(x)))
    if batch:
        axes = [*axes[1:-1], axes[0], axes[-1]]
    if last and len(axes) > 1:
        axes[-2:] = axes[-1], axes[-2]
    return ops.transpose(x, axes) if axes != sorted(axes) else x


def root_mean_square(x: Any, scale: Any, epsilon: float) -> tuple[Any, Any]:
    """Returns x over the root of its mean square along the last axis, times `scale`; and the
    inverse of that root, float32."""
    wide = ops.cast(x, "float32") if dtype_of(x) in ("float16", "bfloat16") else x
    inverse = ops.rsqrt(ops.add(ops.mean(ops.square(wide), -1, keepdims=True), epsilon))
    return ops.multiply(ops.cast(ops.multiply(wide, inverse), dtype_of(x)), scale), inverse


# onnxruntime counts it to ONNX's own domain.
@rule("SimplifiedLayerNormalization", weights=(1,))
def _simplified(call: Call, x: Any, scale: Any) -> Any:
    if call.axis(call.get("axis", -1), rank_of(x)) != rank_of(x) - 1:
        raise call.wrong("it normalizes along the last axis alone")
    return root_mean_square(x, scale, call.get("epsilon", 1e-5))


def _sum(x: Any, *others: Any) -> Any:
    for other in others:
        x = x if other is None else ops.add(x, other)
    return x


@rule("SkipLayerNormalization", domain=DOMAIN, weights=(2, 3, 4))
def _skip_layer(
    call: Call, x: Any, skip: Any, scale: Any, shift: Any = None, bias: Any = None
) -> Any:
    x, epsilon = _sum(x, skip, bias), call.get("epsilon", 1e-12)
    return _layer(x, scale, shift, epsilon, call.wants(1) or call.wants(2)) + (x,)


def _layer(x: Any, scale: Any, shift: Any, epsilon: float, statistics: bool) -> tuple[Any, ...]:
    y = ops.layer_normalization(x, scale, shift, axis=-1, epsilon=epsilon)
    if not statistics:
        return y, None, None
    mean, variance = ops.moments(x, -1, keepdims=True)
    return y, mean, ops.rsqrt(ops.add(variance, epsilon))


@rule("SkipSimplifiedLayerNormalization", domain=DOMAIN, weights=(2, 3))
def _skip_simplified(call: Call, x: Any, skip: Any, scale: Any, bias: Any = None) -> Any:
    x = _sum(x, skip, bias)
    y, inverse = root_mean_square(x, scale, call.get("epsilon", 1e-12))
    return y, None, inverse, x


@rule("EmbedLayerNormalization", domain=DOMAIN, weights=(2, 3, 4, 5, 6))
def _embed(
    call: Call,
    ids: Any,
    segments: Any,
    words: Any,
    places: Any,
    kinds: Any,
    scale: Any,
    shift: Any,
    mask: Any = None,
    positions: Any = None,
) -> Any:
    length = shape_of(ids)[1]
    if positions is None:
        place = ops.get_item(places, slice(0, length))
    else:
        place = ops.take(places, positions, 0)
    x = ops.add(ops.take(words, ids, 0), place)
    if segments is not None and kinds is not None:
        x = ops.add(x, ops.take(kinds, segments, 0))
    y = ops.layer_normalization(x, scale, shift, axis=-1, epsilon=call.get("epsilon", 1e-12))
    lengths = ops.sum(ops.zeros_like(ids) if mask is None else mask, -1)
    return y, ops.cast(lengths, "int32"), x


# Numbers of a few bits ------------------------------------------------------------------------


def unpacked(x: Any, bits: int) -> Any:
    """Returns bytes (..., n) as the numbers packed in them, int32 (..., n * 8 / bits), the lowest
    bits first."""
    wide, shape = ops.cast(x, "int32"), shape_of(x)
    if bits == 8:
        return wide
    parts = [
        ops.bitwise_and(ops.right_shift(wide, shift), (1 << bits) - 1)
        for shift in range(0, 8, bits)
    ]
    return ops.reshape(ops.stack(parts, -1), (*shape[:-1], shape[-1] * (8 // bits)))


@rule("MatMulNBits", domain=DOMAIN, weights=(1, 2, 5))
def _matmul_bits(
    call: Call,
    x: Any,
    packed: Any,
    scales: Any,
    zeros: Any = None,
    groups: Any = None,
    bias: Any = None,
) -> Any:
    """x times the transpose of a matrix (N, K) whose rows are kept in blocks of few bits."""
    rows, columns = call.get("N"), call.get("K")
    bits, size = call.get("bits", 4), call.get("block_size")
    if bits not in (2, 4, 8):
        raise call.wrong(f"numbers of 2, 4 or 8 bits are known; it has {bits}")
    if groups is not None:
        raise call.wrong("blocks that are not in order (g_idx) are not known here")
    count = -(-columns // size)
    dtype = dtype_of(x)
    numbers = ops.reshape(unpacked(ops.reshape(packed, (rows, -1)), bits), (rows, count, size))
    scales = ops.reshape(scales, (rows, count, 1))
    if zeros is None:
        zero: Any = 1 << (bits - 1)
    elif dtype_of(zeros) == "uint8":
        zero = unpacked(ops.reshape(zeros, (rows, -1)), bits)
        zero = ops.reshape(ops.get_item(zero, (slice(None), slice(0, count))), (rows, count, 1))
    else:
        zero = ops.reshape(zeros, (rows, count, 1))
    matrix = ops.subtract(ops.cast(numbers, dtype_of(scales)), ops.cast(zero, dtype_of(scales)))
    matrix = ops.reshape(ops.multiply(matrix, scales), (rows, count * size))
    matrix = ops.cast(ops.get_item(matrix, (slice(None), slice(0, columns))), dtype)
    y = ops.matmul(x, ops.transpose(matrix))
    return y if bias is None else ops.add(y, bias)


@rule("GatherBlockQuantized", domain=DOMAIN, weights=(0, 2), absorbs=True)
def _gather_blocks(call: Call, data: Any, places: Any, scales: Any, zeros: Any = None) -> Any:
    """Rows of a table that is kept in blocks of few bits."""
    bits, size = call.get("bits", 4), call.get("block_size", 128)
    rank = rank_of(data)
    axis = call.axis(call.get("gather_axis", 0), rank)
    along = call.axis(call.get("quantize_axis", 1), rank)
    if along == axis:
        raise call.wrong("it gathers along the axis of the blocks, which is not known here")
    narrow = isinstance(data, Narrow)

    def rows(x: Any, shift: int = 0) -> Any:
        found = ops.take(x.values if isinstance(x, Narrow) else x, places, axis)
        if narrow:
            return ops.cast(found, "int32")
        return unpacked(found, bits) if shift else found

    # What stands for the axis of the blocks after the rows took the place of theirs.
    moved = along + rank_of(places) - 1 if along > axis else along
    numbers, scale = rows(data, bits), ops.take(scales, places, axis)
    zero: Any = 0 if narrow else 1 << (bits - 1)
    if zeros is not None:
        zero = rows(zeros, bits)
        held = shape_of(scale)[moved]
        cut = [slice(None)] * rank_of(zero)
        cut[moved] = slice(0, held)
        zero = ops.repeat(ops.get_item(zero, tuple(cut)), size, moved)
    whole = shape_of(numbers)[moved]
    cut = [slice(None)] * rank_of(numbers)
    cut[moved] = slice(0, whole)
    scale = ops.get_item(ops.repeat(scale, size, moved), tuple(cut))
    zero = ops.get_item(zero, tuple(cut)) if zeros is not None else zero
    return ops.multiply(ops.cast(ops.subtract(numbers, zero), dtype_of(scale)), scale)
