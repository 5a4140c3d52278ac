"""Sums, means and what else becomes of all elements along axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .... import dtypes, ops
from ....ops.reductions import prod
from ...calls import Call, dtype_of, shape_of
from .binding import as_dtype, aten, real


def _axes(dim: Any) -> Any:
    """Axes as the ops take them: all for none."""
    if dim is None or dim == []:
        return None
    return tuple(dim) if isinstance(dim, list) else dim


def _whole(x: Any) -> Any:
    """Integers and booleans as int64, in which PyTorch adds them up."""
    return ops.cast(x, "int64") if dtype_of(x) in (*dtypes.INTEGERS, "bool") else x


@aten("sum", "sum.dim_IntList")
def _sum(
    call: Call, x: Any, dim: Any = None, keepdim: bool = False, dtype: str | None = None
) -> Any:
    return ops.sum(_whole(as_dtype(call, x, dtype)), _axes(dim), keepdims=keepdim)


@aten("mean", "mean.dim")
def _mean(
    call: Call, x: Any, dim: Any = None, keepdim: bool = False, dtype: str | None = None
) -> Any:
    return ops.mean(as_dtype(call, x, dtype), _axes(dim), keepdims=keepdim)


@aten("prod", "prod.dim_int")
def _product(
    call: Call, x: Any, dim: Any = None, keepdim: bool = False, dtype: str | None = None
) -> Any:
    return prod(_whole(as_dtype(call, x, dtype)), dim, keepdims=keepdim)


@aten("amax")
def _most(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.max(x, _axes(dim), keepdims=keepdim)


@aten("amin")
def _least(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.min(x, _axes(dim), keepdims=keepdim)


@aten("max")
def _max(call: Call, x: Any) -> Any:
    return ops.max(x)


@aten("min")
def _min(call: Call, x: Any) -> Any:
    return ops.min(x)


def _with_places(
    call: Call, x: Any, dim: int, keepdim: bool, best: Callable[..., Any], at: Callable[..., Any]
) -> Any:
    places = ops.cast(at(x, dim, keepdims=keepdim), "int64") if call.wants(1) else None
    return best(x, dim, keepdims=keepdim), places


@aten("max.dim")
def _max_along(call: Call, x: Any, dim: int, keepdim: bool = False) -> Any:
    return _with_places(call, x, dim, keepdim, ops.max, ops.argmax)


@aten("min.dim")
def _min_along(call: Call, x: Any, dim: int, keepdim: bool = False) -> Any:
    return _with_places(call, x, dim, keepdim, ops.min, ops.argmin)


@aten("argmax")
def _argmax(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.cast(ops.argmax(x, dim, keepdims=keepdim), "int64")


@aten("argmin")
def _argmin(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.cast(ops.argmin(x, dim, keepdims=keepdim), "int64")


@aten("any", "any.dim", "any.dims")
def _any(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.any(ops.cast(x, "bool"), _axes(dim), keepdims=keepdim)


@aten("all", "all.dim", "all.dims")
def _all(call: Call, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return ops.all(ops.cast(x, "bool"), _axes(dim), keepdims=keepdim)


def _variance(
    x: Any, dim: Any, correction: Any, keepdim: bool, mean: bool = False
) -> tuple[Any, Any]:
    axes = _axes(dim)
    centre = ops.mean(x, axes, keepdims=True)
    squares = ops.square(ops.subtract(x, centre))
    shape = shape_of(x)
    places = range(len(shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    count = math.prod(shape[place] for place in places)
    correction = 1 if correction is None else correction
    spread = ops.divide(
        ops.sum(squares, axes, keepdims=keepdim), ops.cast(count - correction, dtype_of(x))
    )
    return spread, ops.mean(x, axes, keepdims=keepdim) if mean else None


@aten("var.correction", "var.dim", "var")
def _var(
    call: Call,
    x: Any,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    correction: Any = None,
) -> Any:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if isinstance(unbiased, bool):
        correction = int(unbiased)
    return _variance(x, dim, correction, keepdim)[0]


@aten("std.correction", "std.dim", "std")
def _std(call: Call, x: Any, *rest: Any, **more: Any) -> Any:
    return ops.sqrt(_var(call, x, *rest, **more))


@aten("var_mean.correction")
def _var_and_mean(
    call: Call, x: Any, dim: Any = None, correction: Any = None, keepdim: bool = False
) -> Any:
    return _variance(x, dim, correction, keepdim, mean=True)


@aten("logsumexp")
def _logsumexp(call: Call, x: Any, dim: Any, keepdim: bool = False) -> Any:
    return ops.logsumexp(x, _axes(dim), keepdims=keepdim)


@aten("cumsum")
def _running_sum(call: Call, x: Any, dim: int, dtype: str | None = None) -> Any:
    return ops.cumsum(_whole(as_dtype(call, x, dtype)), dim)


@aten("cumprod")
def _running_product(call: Call, x: Any, dim: int, dtype: str | None = None) -> Any:
    return ops.cumprod(_whole(as_dtype(call, x, dtype)), dim)


@aten("norm.ScalarOpt_dim", "linalg_vector_norm", "norm.Scalar")
def _norm(
    call: Call,
    x: Any,
    order: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    dtype: str | None = None,
) -> Any:
    x, axes = real(call, as_dtype(call, x, dtype)), _axes(dim)
    order = 2 if order is None else order
    size = ops.absolute(x)
    if order == math.inf:
        return ops.max(size, axes, keepdims=keepdim)
    if order == -math.inf:
        return ops.min(size, axes, keepdims=keepdim)
    if order == 1:
        return ops.sum(size, axes, keepdims=keepdim)
    if order == 2:
        return ops.sqrt(ops.sum(ops.square(size), axes, keepdims=keepdim))
    total = ops.sum(ops.power(size, float(order)), axes, keepdims=keepdim)
    return ops.power(total, 1.0 / order)


@aten("count_nonzero", "count_nonzero.dim_IntList")
def _count(call: Call, x: Any, dim: Any = None) -> Any:
    return ops.cast(ops.count_nonzero(x, _axes(dim)), "int64")


@aten("histc")
def _histogram(call: Call, x: Any, bins: int = 100, low: Any = 0, high: Any = 0) -> Any:
    """How many elements lie in each of `bins` equal parts of low to high; others do not count."""
    x = ops.reshape(x, (-1,))
    if low == high:
        raise call.wrong("its bounds are those of the elements, which are not known")
    inside = ops.logical_and(ops.greater_equal(x, low), ops.less_equal(x, high))
    place = ops.floor(ops.divide(ops.multiply(ops.subtract(x, low), bins), high - low))
    place = ops.cast(ops.minimum(place, bins - 1), "int32")  # the last part has its upper end
    found = ops.equal(ops.expand_dims(place, 1), ops.arange(bins, dtype="int32"))
    counted = ops.logical_and(found, ops.expand_dims(inside, 1))
    return ops.sum(ops.cast(counted, dtype_of(x)), 0)
