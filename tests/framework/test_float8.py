"""The dtypes that numbers are kept in only: cast to, cast from and moved, never computed in."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from isozoo import KerasTensor, ops
from isozoo.framework import dtypes

INF, NAN = np.inf, np.nan
# Halves between neighbours, the ends of both dtypes, and what lies beyond.
NUMBERS = [0, 1, -2.5, 0.3, 17, 19, 448, 464, 465, 1e6, 57344, 61000, 65000, 2**-9, 2**-10, 2**-17]
FLOAT8 = pytest.mark.parametrize("dtype", dtypes.STORED)


def _kept(dtype, numbers=NUMBERS):
    """The numbers as ml_dtypes rounds them."""
    return np.array(numbers, np.float32).astype(getattr(ml_dtypes, dtype))


def _same(have, wanted):
    have = ops.convert_to_numpy(have)
    assert have.dtype == wanted.dtype
    np.testing.assert_array_equal(have.astype(np.float32), wanted.astype(np.float32))


@FLOAT8
def test_casts(dtype, backend):
    x = ops.convert_to_tensor(np.array([*NUMBERS, INF, -INF, NAN], np.float32))
    y = ops.cast(x, dtype)
    wanted = _kept(dtype, [*NUMBERS, INF, -INF, NAN])
    assert dtypes.standardize(y.dtype) == dtype
    _same(y, wanted)
    _same(ops.cast(y, "float32"), wanted.astype(np.float32))
    _same(ops.cast(ops.cast(x, "float64"), dtype), wanted)
    _same(ops.cast(ops.cast([3, 5], dtype), "int32"), np.array([3, 5], np.int32))
    _same(ops.cast(ops.cast([True, False], dtype), "bool"), np.array([True, False]))


@FLOAT8
def test_saturate_cast(dtype, backend):
    top = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}[dtype]
    _same(ops.saturate_cast([1e6, -INF, 2.0], dtype), _kept(dtype, [top, -top, 2]))
    _same(ops.saturate_cast([10**6, -3], dtype), _kept(dtype, [top, -3]))


@FLOAT8
def test_made_and_moved(dtype, backend):
    x = ops.convert_to_tensor(_kept(dtype))
    _same(x, _kept(dtype))
    _same(ops.convert_to_tensor([1.0, 2.0], dtype), _kept(dtype, [1, 2]))
    _same(ops.convert_to_tensor(2, dtype), _kept(dtype, 2))
    _same(ops.zeros((2,), dtype), _kept(dtype, [0, 0]))
    _same(ops.full((2,), 3, dtype), _kept(dtype, [3, 3]))
    _same(ops.ones_like(x[:2]), _kept(dtype, [1, 1]))
    _same(ops.transpose(ops.reshape(x, (2, -1))), _kept(dtype).reshape(2, -1).T)
    _same(ops.stack([x, x]), np.stack([_kept(dtype)] * 2))


@FLOAT8
def test_symbolic(dtype, backend):
    y = ops.cast(KerasTensor((None, 2)), dtype)
    assert (y.shape, y.dtype) == ((None, 2), dtype)
    assert ops.cast(y, "float16").dtype == "float16"


@FLOAT8
@pytest.mark.parametrize("name", ["add", "matmul", "greater", "maximum"])
def test_nothing_is_computed(name, dtype, backend):
    x = ops.cast([1.0, 2.0], dtype)
    for other in (x, ops.convert_to_tensor([1.0, 2.0])):
        with pytest.raises(ValueError, match=f"ops.{name}.*{dtype}"):
            getattr(ops, name)(x, other)
    with pytest.raises(ValueError, match=f"ops.sqrt.*{dtype}"):
        ops.sqrt(x)


def test_of_the_table():
    assert dtypes.standardize(ml_dtypes.float8_e5m2) == "float8_e5m2"
    assert dtypes.is_float_dtype("float8_e4m3fn")
    with pytest.raises(ValueError, match="float8_e5m2"):
        dtypes.result_type("float8_e5m2", "float32")
