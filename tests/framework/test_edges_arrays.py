"""Arrays at the edges, where frameworks disagree: one documented meaning on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import KerasTensor, ops
from isozoo.framework import dtypes

INF, NAN = np.inf, np.nan


def _array(x, dtype=None):
    return ops.convert_to_tensor(np.asarray(x, dtype))


def _same(result, expected, dtype=None):
    have = ops.convert_to_numpy(result)
    np.testing.assert_array_equal(have, expected)
    assert have.shape == np.shape(expected)
    if dtype is not None:
        assert dtypes.standardize(result.dtype) == dtype


BEYOND = [3e9, -3e9, NAN, INF, -INF, -1.5, 300.7, 1e20, -1e20, 0.0]


@pytest.mark.parametrize("dtype", dtypes.INTEGERS)
@pytest.mark.parametrize("source", ["float32", "float64", "bfloat16"])
def test_casts_saturate(source, dtype, backend):
    """Floats beyond an integer dtype become its nearest end, NaN becomes 0."""
    x = ops.cast(_array(BEYOND, "float64"), source)
    exact = ops.convert_to_numpy(x).astype(np.float64)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    wanted = [
        0 if np.isnan(v) else low if v <= low else high if v >= high else int(v) for v in exact
    ]
    _same(ops.cast(x, dtype), np.array(wanted, dtype), dtype)
    _same(ops.convert_to_tensor(x, dtype), np.array(wanted, dtype), dtype)


def test_casts_of_integers_keep_their_lower_bits(backend):
    _same(ops.cast(_array([-1, 256, 2**31 - 1], "int32"), "uint8"), [255, 0, 255], "uint8")
    _same(ops.cast(_array([2**40 + 5, -1], "int64"), "int32"), [5, -1], "int32")
    _same(ops.saturate_cast(_array([2**40, -5], "int64"), "uint8"), [255, 0], "uint8")
    _same(ops.saturate_cast(_array([1e6, -INF, 1.0], "float32"), "float16"), [65504, -65504, 1])
    assert np.isnan(ops.convert_to_numpy(ops.saturate_cast(_array([NAN], "float32"), "float16")))
    _same(ops.cast(_array([1 + 2j], "complex64"), "float32"), [1], "float32")
    _same(ops.cast(_array([1.5 + 2j], "complex64"), "int32"), [1], "int32")


def test_numbers_of_64_bits(backend):
    for value in (2**40, -(2**62), 2**63 - 1):
        _same(ops.convert_to_tensor(value, "int64"), value, "int64")
        _same(ops.convert_to_tensor([[value], [1]], "int64"), [[value], [1]], "int64")
        _same(ops.full((2,), value, "int64"), [value] * 2, "int64")
    _same(ops.convert_to_tensor(2**64 - 1, "uint64"), 2**64 - 1, "uint64")
    _same(ops.arange(2**40, 2**40 + 6, 2, "int64"), 2**40 + np.array([0, 2, 4]), "int64")
    _same(ops.full_like(_array([1, 2], "int64"), 2**50), [2**50] * 2, "int64")
    big = _array([2**40 + 1, 5, -(2**40)], "int64")
    _same(ops.sort(big), [-(2**40), 5, 2**40 + 1], "int64")
    _same(ops.argsort(big), [2, 1, 0], "int32")
    _same(ops.searchsorted(ops.sort(big), big), [2, 1, 0], "int32")
    _same(ops.unique(big), [-(2**40), 5, 2**40 + 1], "int64")
    _same(ops.diff(big), np.diff([2**40 + 1, 5, -(2**40)]), "int64")
    _same(ops.isin(big, _array([2**40], "int64")), [False] * 3)


@pytest.mark.parametrize(("value", "dtype"), [(300, "uint8"), (-1, "uint16"), (2**40, "int32")])
def test_integers_that_a_dtype_cannot_hold(value, dtype, backend):
    """Python integers are not cut off, neither alone nor beside a tensor."""
    x = ops.ones((2,), dtype)
    calls = [
        lambda: ops.convert_to_tensor(value, dtype),
        lambda: ops.convert_to_tensor([1, value], dtype),
        lambda: ops.full((2,), value, dtype),
        lambda: ops.full_like(x, value),
        lambda: ops.add(x, value),
        lambda: ops.where(_array([True, False]), x, value),
    ]
    for call in calls:
        with pytest.raises(ops.InvalidArgumentError, match=str(value)):
            call()


def test_lists_convert_to_any_dtype(backend):
    _same(ops.convert_to_tensor([1, 0, 2], "bool"), [True, False, True], "bool")
    _same(ops.convert_to_tensor([1.7, -2.7], "int32"), [1, -2], "int32")
    _same(ops.convert_to_tensor([True, 2], "float16"), [1, 2], "float16")
    _same(ops.convert_to_tensor([], "int32"), [], "int32")
    _same(ops.array([[1, 2]], "int64"), [[1, 2]], "int64")
    assert ops.dtype(_array([1], "int16")) == "int16"
    assert ops.size(ops.zeros((2, 3))) == 6
    assert ops.size(KerasTensor((None, 3))).shape == ()


def test_numpy_arrays_may_be_written_to(backend):
    y = ops.convert_to_numpy(ops.ones((3,)))
    y[0] = 2
    assert y.tolist() == [2, 1, 1]


def test_indices_out_of_range(backend):
    """Known ones are an error everywhere; those in tensors where the backend can tell."""
    x = _array([[1.0, 2.0, 3.0]], "float32")
    for call in (
        lambda: ops.take(x, 3, axis=1),
        lambda: ops.take(x, -2, axis=0),
        lambda: ops.get_item(x, (0, 3)),
        lambda: ops.get_item(x, -2),
        lambda: ops.slice(x, (0, 2), (1, 2)),
        lambda: ops.slice_update(x, (0, 2), ops.ones((1, 2))),
    ):
        with pytest.raises(ops.InvalidArgumentError):
            call()
    if backend == "jax":
        assert np.isnan(ops.convert_to_numpy(ops.take(x, _array([5]), axis=1))).all()
        return
    for call in (
        lambda: ops.take(x, _array([3]), axis=1),
        lambda: ops.scatter_update(x, _array([[0, 3]]), ops.ones((1,))),
        lambda: ops.scatter(_array([[4]]), ops.ones((1,)), (4,)),
    ):
        with pytest.raises(ops.InvalidArgumentError):
            call()


def test_empty_arrays(backend):
    empty = ops.zeros((0, 3))
    _same(ops.sort(empty, 0), np.zeros((0, 3)))
    _same(ops.unique(empty), [])
    _same(ops.unique(empty, size=2, fill_value=7), [7, 7])
    _same(ops.nonzero(empty)[0], [], "int32")
    _same(ops.bincount(_array([], "int32"), minlength=2), [0, 0], "int32")
    _same(ops.histogram(ops.zeros((0,)), 2)[0], [0, 0], "int32")
    _same(ops.searchsorted(ops.zeros((0,)), ops.ones((2,))), [0, 0], "int32")
    _same(ops.isin(_array([1, 2]), ops.zeros((0,), "int64")), [False, False])
    _same(ops.diff(empty, axis=0), np.zeros((0, 3)))
    _same(ops.concatenate([empty, ops.ones((1, 3))]), np.ones((1, 3)))
    _same(ops.take(ops.ones((2, 3)), [], axis=0), np.zeros((0, 3)))
    _same(ops.flip(empty), np.zeros((0, 3)))
    _same(ops.allclose(empty, empty), True, "bool")
    _same(ops.count_nonzero(empty), 0, "int32")
    _same(ops.scatter(_array(np.zeros((0, 1)), "int32"), ops.zeros((0,)), (3,)), [0, 0, 0])
    _same(ops.diag(ops.zeros((0,))), np.zeros((0, 0)))
    _same(ops.diagonal(ops.ones((2, 2)), offset=5), [])
    _same(ops.linspace(0, 1, 0), [])
    _same(ops.vander(ops.ones((2,)), N=0), np.zeros((2, 0)))


def test_nan_in_order(backend):
    """NaN counts as larger than everything else, and equals nothing."""
    x = _array([NAN, 2.0, INF, NAN, -INF], "float32")
    line = ops.sort(x)
    _same(line, [-INF, 2, INF, NAN, NAN])
    _same(ops.searchsorted(line, x, "left"), [3, 1, 2, 3, 0])
    _same(ops.searchsorted(line, x, "right"), [5, 2, 3, 5, 1])
    _same(ops.unique(x), [-INF, 2, INF, NAN, NAN])
    _same(ops.isin(x, _array([NAN, 2.0], "float32")), [False, True, False, False, False])
    _same(ops.isin(x, ops.tile(_array([NAN, 2.0], "float32"), 20)), [False, True, *[False] * 3])
    _same(ops.histogram(_array([NAN, 0.5, 2.0, 1.0], "float32"), 2, (0.0, 1.0))[0], [0, 2])
    _same(ops.isclose(x, x), [False, True, True, False, True])
    _same(ops.isclose(x, x, equal_nan=True), [True] * 5)
    _same(ops.isclose(_array([INF, 1.0]), _array([-INF, INF])), [False, False])
    _same(ops.count_nonzero(x), 5)


def test_ties_keep_their_order(backend):
    x = _array(np.tile([2, 1, 2, 1], 30), "int32")
    order = ops.convert_to_numpy(ops.argsort(x))
    np.testing.assert_array_equal(order, np.argsort(np.tile([2, 1, 2, 1], 30), kind="stable"))


def test_signs(backend):
    x = _array([-0.0, 0.0, -NAN, -1.0], "float32")
    expected = np.signbit(np.array([-0.0, 0.0, -NAN, -1.0], np.float32))
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        _same(ops.signbit(ops.cast(x, dtype)), expected, "bool")
    _same(ops.signbit(_array([-1, 0, 1], "int8")), [True, False, False], "bool")
    _same(ops.signbit(_array([200, 0], "uint8")), [False, False], "bool")
    _same(ops.signbit(_array([True, False])), [False, False], "bool")


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32"])
def test_shifts_beyond_the_bits(dtype, backend):
    bits = np.iinfo(dtype).bits
    x = np.array([np.iinfo(dtype).max, np.iinfo(dtype).min, 1], dtype)
    for places in (0, 1, bits - 1, bits, bits + 3):
        left = np.array([int(v) << places for v in x], object) % 2**bits
        wanted = np.array([int(v) for v in left], "uint64").astype(dtype)
        right = np.array([int(v) >> places for v in x]).astype(dtype)
        for y in (places, _array([places], dtype)):
            _same(ops.bitwise_left_shift(_array(x), y), wanted, dtype)
            _same(ops.bitwise_right_shift(_array(x), y), right, dtype)


def test_indexing_as_numpy_has_it(backend):
    a = np.arange(60.0, dtype=np.float32).reshape(3, 4, 5)
    x = _array(a)
    mask = a[:, 0, 0] > 10
    keys = [
        1,
        -1,
        (slice(None, None, -1),),
        (slice(2, None, -2), slice(1, -1)),
        (..., slice(None, None, -3)),
        (0, None, slice(1, 3), -1),
        ([0, 2],),
        (slice(None), [1, -1, 0], slice(None, None, 2)),
        ([0, 2], slice(None), [1, 3]),
        (0, slice(None), [1, 3]),
        ([[0], [1]], [2, 3]),
        (None, [0, 1], ..., 2),
        (slice(5, 9),),
        (slice(2, 1),),
        ([],),
    ]
    for key in keys:
        _same(ops.get_item(x, key), a[key])
    _same(ops.get_item(x, _array(mask)), a[mask])
    _same(ops.get_item(x, (slice(None), _array([0, -1]))), a[:, [0, -1]])
    _same(ops.get_item(x, (_array(1), 2)), a[1, 2])
    _same(ops.get_item(x, (np.array([1, 0]), np.int64(2))), a[[1, 0], 2])


def test_blocks_at_places_in_tensors(backend):
    a = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    x = _array(a)
    _same(ops.slice(x, _array([1, 2]), (2, 2)), a[1:, 2:])
    _same(ops.slice(x, (_array(1), 0), (1, -1)), a[1:2])
    updated = a.copy()
    updated[1:3, 2:3] = 7
    _same(ops.slice_update(x, _array([1, 2]), ops.full((2, 1), 7.0)), updated)
    _same(ops.slice_update(x, [1, 2], ops.full((2, 1), 7)), updated, "float32")


def test_unsigned_dtypes_move(backend):
    for dtype in ("uint16", "uint32", "uint64"):
        x = _array([[3, 1], [2, np.iinfo(dtype).max]], dtype)
        a = ops.convert_to_numpy(x)
        _same(ops.flip(x), a[::-1, ::-1], dtype)
        _same(ops.take(x, _array([1, 0]), 1), a[:, ::-1], dtype)
        _same(ops.tril(x), np.tril(a), dtype)
        _same(ops.triu(x), np.triu(a), dtype)
        _same(ops.sort(x, None), np.sort(a, None), dtype)
        _same(ops.nonzero(x)[0], np.nonzero(a)[0], "int32")
        _same(ops.unique(x), np.unique(a), dtype)
        _same(ops.roll(x, 1), np.roll(a, 1), dtype)
        _same(ops.concatenate([x, x]), np.concatenate([a, a]), dtype)
        _same(ops.scatter_update(x, [[0]], x[1:]), a[[1, 1]], dtype)
        _same(ops.bitwise_not(x), ~a, dtype)
        _same(ops.where(ops.greater(x, 1), x, 0), np.where(a > 1, a, 0), dtype)
        _same(ops.repeat(x, 2, 0), np.repeat(a, 2, 0), dtype)
        _same(ops.searchsorted(ops.sort(x, None), x), [[2, 0], [1, 3]], "int32")
        _same(ops.pad(x, 1), np.pad(a, 1), dtype)
        _same(ops.arange(1, 5, 2, dtype), [1, 3], dtype)


def test_arange_counts_by_float64(backend):
    _same(ops.arange(0, 0.3, 0.1), np.arange(0, 0.3, 0.1).astype(np.float32), "float32")
    _same(ops.arange(1.0, 0.0, -0.25), [1, 0.75, 0.5, 0.25], "float32")
    _same(ops.arange(3, 0), [], "int32")
    with pytest.raises(ops.InvalidArgumentError, match="step"):
        ops.arange(0, 3, 0)


def test_bounds_with_steps(backend):
    values, step = ops.linspace(0, 1, 5, retstep=True)
    _same(values, [0, 0.25, 0.5, 0.75, 1])
    _same(step, 0.25, "float32")
    assert np.isnan(ops.convert_to_numpy(ops.linspace(0, 1, 1, retstep=True)[1]))
    _same(ops.linspace(0, 10, 4, dtype="int32"), [0, 3, 6, 10], "int32")
    ends = ops.linspace(_array([0.1, 3.0], "float32"), _array(0.7, "float32"), 4)
    _same(ends[-1], np.float32([0.7, 0.7]))
    _same(ops.linspace(_array(3, "int32"), 5, 3), [3, 4, 5], "float32")
