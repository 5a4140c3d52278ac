"""Order, ranks and running totals along an axis."""

from typing import Any

from .dispatch import Tensor, numeric, tensor
from .op import op


@op
def sort(x, axis: int = -1) -> Tensor:
    """`x` in ascending order along `axis`."""
    backend, x = tensor(x)
    return backend.sort(x, axis)


@op
def argsort(x, axis: int = -1) -> Tensor:
    """Positions (int32) that sort `x` along `axis`; equal elements keep their order."""
    backend, x = tensor(x)
    return backend.argsort(x, axis)


@op
def top_k(x, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along the last axis and their positions (int32).

    Of equal elements the first comes first.
    """
    backend, x = tensor(x)
    return backend.top_k(x, k, sorted)


@op
def cumsum(x, axis: int | None = None) -> Tensor:
    """Running sums along `axis` (of the flattened `x`, when None)."""
    backend, x = _along(x, axis)
    return backend.cumsum(x, 0 if axis is None else axis)


@op
def cumprod(x, axis: int | None = None) -> Tensor:
    """Running products along `axis` (of the flattened `x`, when None)."""
    backend, x = _along(x, axis)
    return backend.cumprod(x, 0 if axis is None else axis)


def _along(x: Any, axis: int | None) -> tuple[Any, Tensor]:
    backend, x = numeric(x)
    return backend, backend.reshape(x, (-1,)) if axis is None else x
