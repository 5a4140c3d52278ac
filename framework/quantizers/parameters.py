"""Scales and zero points of groups of weights, and what they are used for."""

from typing import Any

from .. import ops
from ..typing import Tensor, TensorLike


def compute_quantization_parameters(
    x: TensorLike,
    *,
    bits: int,
    symmetric: bool = False,
    per_channel: bool = False,
    group_size: int = -1,
    compute_dtype: str = "float32",
    epsilon: float = 0.0,
    signed: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns (scale, zero point, greatest level) by the range of the weights of each group.

    A level q in [0, 2^bits - 1] stands for scale * (q - zero).

    Args:
        x: weights, (outputs, inputs), not empty.
        bits: of a level.
        symmetric: whether the range is made symmetric about 0.
        per_channel: whether each output has a scale of its own, or all share one.
        group_size: with `per_channel`, how many inputs share a scale; -1 for all.
        compute_dtype: the dtype of the greatest level.
        epsilon: what is added to the width of a range.
        signed: whether levels are [-2^(bits-1), 2^(bits-1) - 1].

    Returns:
        scale (outputs, groups); zero (outputs, groups), int8 if `signed`, else uint8; and a scalar.

    Raises ValueError for None, a tensor of fewer than two axes, or an empty one.
    """
    if x is None:
        raise ValueError("compute_quantization_parameters: the input tensor `x` cannot be None.")
    if len(x.shape) < 2:
        raise ValueError(
            f"The input weight tensor `x` must have a rank of at least 2, but got rank "
            f"{len(x.shape)}: shape {tuple(x.shape)}."
        )
    if 0 in tuple(x.shape):
        raise ValueError(f"Input tensor 'x' cannot be empty; got shape {tuple(x.shape)}.")
    outputs, inputs = x.shape[0], x.shape[1]
    if per_channel and 0 < group_size < inputs:
        rows = whole_groups(x, group_size)
    else:
        rows = ops.reshape(x, (outputs if per_channel else 1, 1, -1))
    scale, zero = parameters_of_ranges(
        ops.min(rows, axis=-1), ops.max(rows, axis=-1), bits, symmetric, epsilon, signed
    )
    if not per_channel:
        scale, zero = (ops.tile(parameter, (outputs, 1)) for parameter in (scale, zero))
    return scale, zero, ops.convert_to_tensor(2**bits - 1, dtype=compute_dtype)


def parameters_of_ranges(
    least: Tensor, greatest: Tensor, bits: int, symmetric: bool, epsilon: float, signed: bool
) -> tuple[Tensor, Tensor]:
    """Returns (scale, zero point) of ranges; see `compute_quantization_parameters`.

    Where 0 is not in a range, the zero point is the end that is nearer to it.
    """
    if symmetric:
        largest = ops.maximum(ops.abs(least), greatest)
        least = ops.where(ops.less(least, 0), ops.negative(largest), least)
        greatest = largest
    empty = ops.equal(least, greatest)
    least = ops.where(empty, ops.subtract(least, 1), least)
    greatest = ops.where(empty, ops.add(greatest, 1), greatest)
    levels = 2**bits - 1
    scale = ops.divide(ops.add(ops.subtract(greatest, least), epsilon), levels)
    scale = ops.where(ops.less_equal(scale, 0), 1e-8, scale)
    lowest = -(2 ** (bits - 1)) if signed else 0
    if symmetric:
        zero = ops.full_like(scale, 2 ** (bits - 1) + lowest)
    else:
        zero = ops.add(ops.round(ops.divide(ops.negative(least), scale)), lowest)
        zero = ops.clip(zero, lowest, lowest + levels)
    return scale, ops.cast(zero, "int8" if signed else "uint8")


def whole_groups(x: TensorLike, size: int) -> Tensor:
    """Returns (rows, columns) as (rows, groups, size), with zeros where the last group ends."""
    rows, columns = x.shape
    groups = -(-columns // size)
    if groups * size != columns:
        x = ops.pad(x, ((0, 0), (0, groups * size - columns)))
    return ops.reshape(x, (rows, groups, size))


def quantize_with_zero_point(
    input_tensor: TensorLike, scale: TensorLike, zero: TensorLike, maxq: Any
) -> Tensor:
    """Returns the level of each number, clip(round(x / scale + zero), 0, maxq), as floats.

    A scale of 0 counts as 1e-8.
    """
    dtype = ops.dtype(scale)
    scale = ops.where(ops.equal(scale, 0), ops.cast(1e-8, dtype), scale)
    levels = ops.round(ops.add(ops.divide(input_tensor, scale), ops.cast(zero, dtype)))
    return ops.clip(levels, 0, maxq)


def dequantize_with_zero_point(
    input_tensor: TensorLike, scale: TensorLike, zero: TensorLike
) -> Tensor:
    """Returns the numbers that levels stand for, scale * (q - zero)."""
    dtype = ops.dtype(scale)
    return ops.multiply(scale, ops.subtract(ops.cast(input_tensor, dtype), ops.cast(zero, dtype)))


def quantize_with_sz_map(
    weights_matrix: TensorLike,
    scale: TensorLike,
    zero: TensorLike,
    g_idx: TensorLike,
    maxq: Any,
    group_axis: int = -1,
) -> Tensor:
    """Returns the levels of a matrix by the scale and the zero point of each group.

    Args:
        weights_matrix: floats.
        scale: scales, with the groups on `group_axis`.
        zero: zero points, alike.
        g_idx: the group of each place on `group_axis` of the matrix.
        maxq: the greatest level.
        group_axis: the axis of the groups.
    """
    scale, zero = _of_places(scale, zero, g_idx, group_axis)
    return quantize_with_zero_point(weights_matrix, scale, zero, maxq)


def dequantize_with_sz_map(
    weights_matrix: TensorLike,
    scale: TensorLike,
    zero: TensorLike,
    g_idx: TensorLike,
    group_axis: int = -1,
) -> Tensor:
    """Returns the numbers that the levels of a matrix stand for; see `quantize_with_sz_map`."""
    scale, zero = _of_places(scale, zero, g_idx, group_axis)
    return dequantize_with_zero_point(weights_matrix, scale, zero)


def _of_places(scale: TensorLike, zero: TensorLike, g_idx: TensorLike, axis: int) -> Any:
    groups = ops.cast(g_idx, "int32")
    return ops.take(scale, groups, axis=axis), ops.take(zero, groups, axis=axis)
