"""Tensors that are made of nothing but sizes and numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ...calls import Call, dtype_of, product, shape_of
from .binding import DEFAULT_FLOAT, aten


def _filled(call: Call, shape: Any, value: Any, dtype: str | None) -> Any:
    call.limit(product(shape))
    if dtype is None:
        dtype = {bool: "bool", int: "int64"}.get(type(value), DEFAULT_FLOAT)
    return ops.full(shape, value, call.dtype(dtype))


@aten("full")
def _full(call: Call, shape: Any, value: Any, dtype: str | None = None) -> Any:
    return _filled(call, shape, value, dtype)


@aten("zeros")
def _zeros(call: Call, shape: Any, dtype: str = DEFAULT_FLOAT) -> Any:
    return _filled(call, shape, 0, dtype)


@aten("ones")
def _ones(call: Call, shape: Any, dtype: str = DEFAULT_FLOAT) -> Any:
    return _filled(call, shape, 1, dtype)


@aten("empty.memory_format", "empty_strided", "empty_permuted")
def _empty(call: Call, shape: Any, *rest: Any, dtype: str = DEFAULT_FLOAT) -> Any:
    """Zeros: what stands in memory is nobody's meaning."""
    return _filled(call, shape, 0, dtype)


def _like(call: Call, x: Any, shape: Any, value: Any, dtype: str | None) -> Any:
    call.limit(product(shape))
    return ops.full(shape, value, dtype_of(x) if dtype is None else call.dtype(dtype))


@aten("full_like")
def _full_like(call: Call, x: Any, value: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape_of(x), value, dtype)


@aten("zeros_like", "empty_like")
def _zeros_like(call: Call, x: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape_of(x), 0, dtype)


@aten("ones_like")
def _ones_like(call: Call, x: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape_of(x), 1, dtype)


@aten("new_full")
def _new_full(call: Call, x: Any, shape: Any, value: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape, value, dtype)


@aten("new_zeros", "new_empty")
def _new_zeros(call: Call, x: Any, shape: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape, 0, dtype)


@aten("new_ones")
def _new_ones(call: Call, x: Any, shape: Any, dtype: str | None = None) -> Any:
    return _like(call, x, shape, 1, dtype)


@aten("fill.Scalar", "fill.Tensor")
def _fill(call: Call, x: Any, value: Any) -> Any:
    return ops.broadcast_to(ops.cast(value, dtype_of(x)), shape_of(x))


@aten("copy")
def _copy(call: Call, x: Any, source: Any, non_blocking: bool = False) -> Any:
    """The source in the first tensor's shape and dtype."""
    return ops.broadcast_to(ops.cast(source, dtype_of(x)), shape_of(x))


@aten("arange.start_step", "arange.start", "arange")
def _range(call: Call, *bounds: Any, dtype: str | None = None) -> Any:
    start, end, step = {1: (0, *bounds, 1), 2: (*bounds, 1)}.get(len(bounds), bounds)
    floats = any(isinstance(n, float) for n in (start, end, step))
    dtype = dtype or (DEFAULT_FLOAT if floats else "int64")
    if not all(isinstance(n, int | float) for n in (start, end, step)):
        return ops.arange(start, end, step, dtype=call.dtype(dtype))
    count = max(math.ceil((end - start) / step), 0)
    call.limit(count)
    numbers = start + np.arange(count) * step  # not added up, as PyTorch does not
    return ops.convert_to_tensor(numbers.astype(np.dtype(call.dtype(dtype))))


@aten("linspace")
def _linspace(call: Call, start: Any, end: Any, steps: int, dtype: str = DEFAULT_FLOAT) -> Any:
    call.limit(steps)
    return ops.convert_to_tensor(np.linspace(start, end, steps).astype(call.dtype(dtype)))


@aten("eye", "eye.m")
def _eye(call: Call, rows: int, columns: int | None = None, dtype: str = DEFAULT_FLOAT) -> Any:
    return ops.eye(rows, columns, dtype=call.dtype(dtype))


@aten("rand", pure=False)
def _uniform(call: Call, shape: Any, dtype: str = DEFAULT_FLOAT) -> Any:
    call.limit(product(shape))
    return ops.cast(call.run.draw(call, shape), call.dtype(dtype))
