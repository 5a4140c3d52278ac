"""Order, ranks and running totals along an axis."""

from typing import Any

import numpy as np

from .. import dtypes
from ..typing import DType, TensorLike
from .checks import axis_of, count_of, of_rank, one_of, rank_of
from .dispatch import Tensor, numeric, promoted_all, tensor
from .errors import wrong
from .op import op


@op
def sort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """Returns `x` in ascending order along `axis` (flattened before, when None); NaN comes last."""
    backend, x, axis = _ordered(x, axis)
    return backend.sort(x, axis)


@op
def argsort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """Returns positions (int32) that sort `x` along `axis` (flattened before, when None).

    Equal elements keep their order; NaN comes last.
    """
    backend, x = tensor(x)
    if axis in (None, -1, 0) and not rank_of(backend, x):
        return backend.full_like(x, 0, "int32")
    backend, x, axis = _ordered(x, axis)
    return backend.argsort(x, axis)


@op
def argpartition(x: TensorLike, kth: int, axis: int | None = -1) -> Tensor:
    """Returns positions (int32) that bring the `kth` smallest element along `axis` to its sorted
    place.

    What is smaller stands before it, what is larger behind. All backends sort completely, so that
    they give the same order.
    """
    backend, x, axis = _ordered(x, axis)
    if isinstance(kth, bool) or not hasattr(kth, "__index__"):
        raise wrong("kth", kth, "an integer")
    return backend.argsort(x, axis)


def _ordered(x: Any, axis: int | None) -> tuple[Any, Tensor, int]:
    backend, x = tensor(x)
    if axis is None:
        return backend, backend.reshape(x, (-1,)), 0
    return backend, x, axis_of(backend, x, axis)


@op
def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Returns positions (int32) where `values` belong in the ascending vector `sorted_sequence`.

    For the side "left" the number of elements that are smaller, for "right" the number of those
    that are not larger. NaN counts as larger than everything else.
    """
    one_of(side, "side", "left", "right")
    backend, (line, values) = promoted_all(sorted_sequence, values)
    of_rank(backend, line, "sorted_sequence", 1)
    return backend.cast(backend.searchsorted(line, values, side), "int32")


@op
def digitize(x: TensorLike, bins: TensorLike) -> Tensor:
    """Returns the number (int32) of the bin of each element: i where bins[i - 1] <= x < bins[i].

    `bins` is a vector in ascending order. A sparse `x` stays sparse where `bins`, a list or a
    NumPy array, are above 0, so that zeros lie in bin 0.
    """
    backend, (x, line) = promoted_all(x, bins)
    of_rank(backend, line, "bins", 1)

    def place(x: Any) -> Any:
        return backend.cast(backend.searchsorted(line, x, "right"), "int32")

    # The values of `bins` are looked at for sparse tensors alone: compilers may not know them.
    if backend.is_sparse(x) and isinstance(bins, list | tuple | np.ndarray):
        return backend.on_values(x, place) if np.all(np.greater(bins, 0)) else place(x)
    return place(x)


@op
def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """Returns the `k` largest elements along the last axis and their positions (int32).

    Of equal elements the first comes first. InvalidArgumentError where there are fewer than `k`.
    """
    backend, x = tensor(x)
    if not rank_of(backend, x):
        raise wrong("x", x, "a tensor of at least 1 axis")
    size = backend.static_shape(x)[-1]
    if count_of(k, "k") > (k if size is None else size):
        raise wrong("k", k, f"at most {size}, the size of the last axis")
    return backend.top_k(x, k, sorted)


@op
def cumsum(x: TensorLike, axis: int | None = None, dtype: DType = None) -> Tensor:
    """Returns running sums along `axis` (of the flattened `x`, when None), in `dtype` or that of
    `x`.

    Booleans count as int32.
    """
    backend, x, axis, back = _along(x, axis, dtype)
    return back(backend.cumsum(x, axis))


@op
def cumprod(x: TensorLike, axis: int | None = None, dtype: DType = None) -> Tensor:
    """Returns running products along `axis` (of the flattened `x`, when None), in `dtype` or that
    of `x`.

    Booleans count as int32.
    """
    backend, x, axis, back = _along(x, axis, dtype)
    return back(backend.cumprod(x, axis))


def _along(x: Any, axis: int | None, dtype: Any) -> tuple[Any, Tensor, int, Any]:
    """The backend, `x` as it is added up, the axis, and what brings the result to its dtype."""
    backend, x = numeric(x)
    x = x if dtype is None else backend.cast(x, dtypes.standardize(dtype))
    if axis is None:
        x, axis = backend.reshape(x, (-1,)), 0
    wide, back = backend.in_single(x)
    return backend, wide, axis_of(backend, x, axis), back
