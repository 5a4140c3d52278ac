"""ONNX's products of matrices.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

from ... import dtypes, ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


@rule("MatMul", weights=(0, 1))
def _matmul(call: Call, a: Any, b: Any) -> Any:
    return ops.matmul(a, b)


@rule("Gemm", weights=(0, 1, 2))
def _gemm(call: Call, a: Any, b: Any, c: Any = None) -> Any:
    a = ops.transpose(a) if call.get("transA", 0) else a
    b = ops.transpose(b) if call.get("transB", 0) else b
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    y = ops.matmul(a, b)
    if alpha != 1:
        y = scaled(y, alpha)
    if c is None:
        return y
    return ops.add(y, c if beta == 1 else scaled(c, beta))


def scaled(x: Any, factor: float) -> Any:
    """Returns `x` times a number; integers are multiplied as such."""
    if dtype_of(x) in dtypes.INTEGERS:
        return ops.multiply(x, int(factor))
    return ops.multiply(x, factor)


@rule("Einsum", weights=(0, 1))
def _einsum(call: Call, *xs: Any) -> Any:
    return ops.einsum(call.get("equation").replace(" ", ""), *xs)


@rule("Det")
def _det(call: Call, x: Any) -> Any:
    return ops.det(x)


# Terms of a sum of products of two integers of 9 bits that float32 holds exactly.
_TERMS = 258


def _shifted(x: Any, zero: Any, axis: int, dtype: str) -> Any:
    """Integers as floats, less their zero point, which may differ along an axis."""
    x = ops.cast(x, dtype)
    if zero is None:
        return x
    zero = ops.cast(zero, dtype)
    if rank_of(zero) == 1 and rank_of(x) > 1:
        zero = ops.reshape(zero, [-1 if n == axis % rank_of(x) else 1 for n in range(rank_of(x))])
    return ops.subtract(x, zero)


def integer_product(a: Any, b: Any, a_zero: Any = None, b_zero: Any = None) -> Any:
    """Returns the product of matrices of 8-bit integers less their zero points, exactly, as floats.

    No framework multiplies integers as fast as floats. float64 holds the sums of all that fit
    into memory, float32 those of few terms.
    """
    terms = shape_of(a)[-1]
    wide = "float32" if isinstance(terms, int) and terms <= _TERMS else "float64"
    return ops.matmul(_shifted(a, a_zero, -2, wide), _shifted(b, b_zero, -1, wide))


@rule("MatMulInteger")
def _matmul_integer(call: Call, a: Any, b: Any, a_zero: Any = None, b_zero: Any = None) -> Any:
    return ops.cast(integer_product(a, b, a_zero, b_zero), "int32")
