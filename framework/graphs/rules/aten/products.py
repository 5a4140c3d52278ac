"""Products of matrices."""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call, shape_of
from .binding import aten, met


@aten("linear")
def _linear(call: Call, x: Any, weight: Any, bias: Any = None) -> Any:
    """x weight^T + bias: x (…, in), weight (out, in), bias (out,)."""
    return ops.dense(x, ops.transpose(weight), bias)


@aten("matmul", "mm", "bmm", "mv", "dot")
def _matmul(call: Call, a: Any, b: Any) -> Any:
    return ops.matmul(*met(call, a, b))


@aten("addmm", "baddbmm", "addmv")
def _add_product(call: Call, x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    y = ops.matmul(a, b)
    y = y if alpha == 1 else ops.multiply(y, alpha)
    if beta == 0:
        return y
    return ops.add(x if beta == 1 else ops.multiply(x, beta), y)


@aten("einsum")
def _einsum(call: Call, equation: str, operands: list[Any], path: Any = None) -> Any:
    return ops.einsum(equation.replace(" ", ""), *operands)


@aten("_trilinear")
def _trilinear(
    call: Call,
    a: Any,
    b: Any,
    c: Any,
    wide_a: list[int],
    wide_b: list[int],
    wide_c: list[int],
    summed: list[int],
    unrolled: int = 1,
) -> Any:
    """The product of three tensors with axes put in, summed over some."""
    total: Any = None
    for axes, x in ((wide_a, a), (wide_b, b), (wide_c, c)):
        for axis in sorted(axes):
            x = ops.expand_dims(x, axis)
        total = x if total is None else ops.multiply(total, x)
    return ops.sum(total, tuple(summed)) if summed else total


@aten("outer")
def _outer(call: Call, a: Any, b: Any) -> Any:
    return ops.outer(a, b)


@aten("_grouped_mm")
@aten("grouped_mm_fallback", domain="transformers")
def _grouped(call: Call, x: Any, weights: Any, ends: Any) -> Any:
    """Rows times the matrix of their group: x (rows, in) sorted by group, weights (groups, in,
    out), ends (groups,) the number of rows up to the end of each group.

    How many rows a group has is not known when a program is compiled, so that every matrix meets
    all rows; rows behind the last end are zeros.
    """
    groups = shape_of(weights)[0]
    rows = ops.expand_dims(ops.arange(shape_of(x)[0], dtype="int64"), 1)
    passed = ops.less_equal(ops.cast(ends, "int64"), rows)
    group = ops.sum(ops.cast(passed, "int32"), 1, keepdims=True)
    total: Any = None
    for number in range(groups):
        part = ops.matmul(x, ops.get_item(weights, number))
        part = ops.where(ops.equal(group, number), part, ops.zeros_like(part))
        total = part if total is None else ops.add(total, part)
    return total
