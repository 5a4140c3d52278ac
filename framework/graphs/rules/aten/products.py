"""Products of matrices."""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call
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


@aten("outer")
def _outer(call: Call, a: Any, b: Any) -> Any:
    return ops.outer(a, b)
