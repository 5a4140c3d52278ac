"""Clipping of gradients, by value and by norm."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..dtypes import wide
from .groups import parts


def by_value(gradient: Any, limit: float) -> Any:
    """Returns a gradient with its elements cut off at `-limit` and `limit`."""
    return ops.minimum(ops.maximum(gradient, -limit), limit)


def by_norm(gradient: Any, limit: float) -> Any:
    """Returns a gradient, shortened to the L2 norm `limit` if it is longer."""
    norm = ops.maximum(ops.sqrt(_sum_of_squares(gradient)), limit)
    norm = ops.cast(norm, ops.dtype(gradient))
    return ops.divide(ops.multiply(gradient, limit), norm)


def _sum_of_squares(x: Any) -> Any:
    # In half precision the squares of small numbers are 0, those of large ones infinite.
    return ops.sum(ops.square(ops.cast(x, wide(ops.dtype(x)))))


def global_norm(gradients: list[Any]) -> Any:
    """Returns the L2 norm of all gradients together."""
    squares = [x for g in gradients for x in parts(_sum_of_squares(g))]
    return ops.sqrt(ops.sum(ops.stack(squares)))


def by_global_norm(gradients: list[Any], limit: float) -> list[Any]:
    """Returns gradients, all shortened by the factor that makes their common norm `limit`.

    They stay as they are if it is not larger. If it is not finite, all of them become NaN.
    """
    norm = global_norm(gradients)
    factor = limit * ops.minimum(ops.divide(1.0, norm), 1.0 / limit)
    factor = ops.add(factor, ops.subtract(norm, norm))
    return [ops.multiply(g, ops.cast(factor, ops.dtype(g))) for g in gradients]
