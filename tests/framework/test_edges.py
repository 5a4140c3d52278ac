"""Where frameworks disagree, the one meaning that the op documents: NumPy's where NumPy has it."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops
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


SIGNED = [-7, -6, -1, 0, 1, 6, 7]


@pytest.mark.parametrize("divisor", [3, -3, 2.5, -2.5])
def test_division_of_negatives(divisor, backend):
    """Quotients are floored, remainders have the divisor's sign."""
    kind = "int32" if isinstance(divisor, int) else "float32"
    x = np.array(SIGNED, kind)
    for y in (divisor, _array(divisor, kind)):
        _same(ops.floor_divide(_array(x), y), np.floor_divide(x, np.asarray(divisor, kind)), kind)
        _same(ops.mod(_array(x), y), np.mod(x, np.asarray(divisor, kind)), kind)
    _same(ops.floor_divide(7, _array([-2, 2], "int32")), [-4, 3], "int32")
    _same(ops.divide(_array(x), 2), np.asarray(x, np.float32) / 2, "float32")


def test_quotients_are_rounded_once(backend, quick_compiling):
    """XLA would take the product with a reciprocal: floor(82 / 41) would be 1."""
    divisors = np.arange(1, 130, dtype="float32")
    x = np.arange(1, 9, dtype="float32")[:, None] * divisors
    compiled = ops.jit(ops.divide)
    for below in (divisors, divisors[:1] + 40, np.float32(41), x[:, 40:41]):
        _same(ops.divide(_array(x), _array(below)), x / below, "float32")
        _same(compiled(_array(x), _array(below)), x / below, "float32")
    _same(ops.divide(_array(x), 41.0), x / np.float32(41), "float32")
    _same(ops.floor(ops.divide(_array([82, 205], "int32"), 41)), [2, 5], "float32")


def test_division_by_zero(backend):
    with np.errstate(all="ignore"):
        _same(ops.divide(_array([1.0, -1.0, 0.0]), 0.0), [INF, -INF, NAN])
        _same(ops.divide(_array([1, -1, 0], "int32"), 0), [INF, -INF, NAN], "float32")
        _same(ops.mod(_array([1.0], "float32"), 0.0), [NAN])


def test_signs_of_unsigned_numbers(backend):
    x = np.array([0, 7, 2**64 - 1], np.uint64)
    _same(ops.absolute(_array(x)), x, "uint64")
    _same(ops.sign(_array(x)), [0, 1, 1], "uint64")


def test_finite_complex_numbers(backend):
    x = _array([1 + 2j, complex(NAN, 1), complex(1, -INF)], "complex64")
    _same(ops.isfinite(x), [True, False, False], "bool")
    _same(ops.isinf(x), [False, False, True], "bool")


def test_halves_round_to_even(backend):
    _same(ops.round(_array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], "float32")), [-2, -2, 0, 0, 2, 2])
    _same(ops.round(_array([0.25, 0.75, -0.25], "float32"), 1), np.float32([0.2, 0.8, -0.2]))
    _same(ops.round(_array([5, 15], "int32")), [5, 15], "int32")
    _same(ops.round(_array([149.0, -151.0], "float32"), -2), [100, -200])


def test_casts(backend):
    _same(ops.cast(_array([-1.9, -0.5, 1.9], "float32"), "int32"), [-1, 0, 1], "int32")
    _same(ops.cast(_array([0.0, 0.5, -2.0, NAN], "float32"), "bool"), [False, True, True, True])
    _same(ops.cast(_array([True, False]), "float16"), [1, 0], "float16")
    _same(ops.cast(_array([-1, 256, 3], "int32"), "uint8"), [255, 0, 3], "uint8")


def test_nan_wins(backend):
    x = _array([[1.0, NAN], [2.0, 3.0]], "float32")
    for op in (ops.max, ops.min):
        _same(op(x, 1), [NAN, 3 if op is ops.max else 2])
        assert np.isnan(ops.convert_to_numpy(op(x)))
    for op in (ops.maximum, ops.minimum):
        assert np.isnan(ops.convert_to_numpy(op(x, 9.0))).tolist() == [[False, True], [False] * 2]
        assert np.isnan(ops.convert_to_numpy(op(_array(NAN, "float32"), x))).all()
    _same(ops.sign(x), [[1, NAN], [1, 1]])
    _same(ops.argmax(x, 1), [1, 1], "int32")
    _same(ops.sort(_array([NAN, 1.0, INF, -INF], "float32")), [-INF, 1, INF, NAN])
    _same(ops.argsort(_array([NAN, 1.0, INF, NAN], "float32")), [1, 2, 0, 3], "int32")
    assert np.isnan(ops.convert_to_numpy(ops.relu(x))).sum() == 1


def test_infinities(backend):
    x = _array([-INF, 0.0, INF], "float32")
    _same(ops.sigmoid(x), [0, 0.5, 1])
    _same(ops.tanh(x), [-1, 0, 1])
    _same(ops.exp(x), [0, 1, INF])
    _same(ops.softmax(_array([-INF, 0.0, -INF], "float32")), [0, 1, 0])
    _same(ops.logsumexp(_array([-INF, -INF], "float32")), -INF)
    _same(ops.logsumexp(_array([INF, 0.0], "float32")), INF)
    _same(ops.softplus(x), [0, np.float32(np.log(2)), INF])
    assert np.isfinite(ops.convert_to_numpy(ops.log_softmax(_array([1e4, -1e4], "float32")))).all()
    with np.errstate(all="ignore"):
        _same(ops.log(_array([0.0, -1.0], "float32")), [-INF, NAN])
        _same(ops.sqrt(_array([-1.0], "float32")), [NAN])


def test_integer_reductions(backend):
    """Sums have at least 32 bits, means are floats, booleans count."""
    x = _array([[1, 2], [3, 5]], "int32")
    _same(ops.sum(x), 11, "int32")
    _same(ops.sum(_array([200, 100], "uint8")), 300, "uint32")
    _same(ops.mean(x), 2.75, "float32")
    _same(ops.var(x, 0), [1, 2.25], "float32")
    _same(ops.sum(_array([True, True])), 2, "int32")
    _same(ops.cumsum(_array([True, True])), [1, 2], "int32")
    _same(ops.mean(_array([True, False])), 0.5, "float32")
    _same(ops.max(_array([True, False])), True, "bool")
    _same(ops.prod(_array([True, False])), 0, "int32")
    _same(ops.argmax(x, axis=0, keepdims=True), [[1, 1]], "int32")
    _same(ops.argmin(x, keepdims=True), [[0]], "int32")


def test_reductions_over_nothing(backend):
    empty = _array(np.zeros((0, 3)), "float32")
    _same(ops.sum(empty, 0), [0, 0, 0])
    _same(ops.prod(empty, 0), [1, 1, 1])
    _same(ops.any(empty), False)
    _same(ops.all(empty), True)
    _same(ops.sum(_array(np.ones((2, 3)), "float32"), ()), np.ones((2, 3)))
    for op in (ops.add, ops.multiply):
        _same(op(empty, 1.0), np.zeros((0, 3)))
    _same(ops.concatenate([empty, _array(np.ones((1, 3)), "float32")]), np.ones((1, 3)))
    _same(ops.matmul(empty, _array(np.ones((3, 2)), "float32")), np.zeros((0, 2)))
    _same(ops.matmul(_array(np.ones((2, 0)), "float32"), _array(np.ones((0, 2)), "float32")),
          np.zeros((2, 2)))  # fmt: skip
    _same(ops.reshape(empty, (3, 0)), np.zeros((3, 0)))
    _same(ops.sort(empty), np.zeros((0, 3)))


def test_scalars_of_no_axes(backend):
    """Zero-dimensional tensors go through what takes any shape."""
    x = _array(2.0, "float32")
    _same(ops.add(x, 1), 3)
    _same(ops.sum(x), 2)
    _same(ops.expand_dims(x, 0), [2])
    _same(ops.reshape(x, (1, 1)), [[2]])
    _same(ops.ravel(x), [2])
    _same(ops.squeeze(_array([[3.0]], "float32")), 3)
    _same(ops.broadcast_to(x, (2, 2)), [[2, 2], [2, 2]])
    _same(ops.stack([x, x]), [2, 2])
    _same(ops.where(True, x, 0.0), 2)
    _same(ops.cumsum(x), [2])
    _same(ops.transpose(x), 2)


def test_ties_go_to_the_first(backend):
    x = _array([[3, 1, 3, 2, 3], [0, 0, 0, 0, 0]], "float32")
    values, places = ops.top_k(x, 4)
    _same(values, [[3, 3, 3, 2], [0, 0, 0, 0]])
    _same(places, [[0, 2, 4, 3], [0, 1, 2, 3]], "int32")
    _same(ops.argmax(x, -1), [0, 0], "int32")
    _same(ops.argmin(x, -1), [1, 0], "int32")
    _same(ops.argsort(x), [[1, 3, 0, 2, 4], [0, 1, 2, 3, 4]], "int32")
    many = np.zeros(100, np.int32)
    _same(ops.argsort(_array(many)), np.arange(100))
    _same(ops.top_k(_array([-(2**31), 5, 2**31 - 1], "int32"), 3)[0], [2**31 - 1, 5, -(2**31)])
    _same(ops.top_k(_array([True, False, True]), 2)[1], [0, 2], "int32")


def test_indices(backend):
    x = _array(np.arange(12).reshape(3, 4), "float32")
    _same(ops.take(x, _array([0, -1], "int64"), axis=0), [[0, 1, 2, 3], [8, 9, 10, 11]])
    _same(ops.take(x, _array([1], "uint8"), axis=1), [[1], [5], [9]])
    _same(ops.take(x, np.int64(1), axis=0), [4, 5, 6, 7])
    _same(ops.take(x, _array(-1, "int32"), axis=0), [8, 9, 10, 11])
    _same(ops.take(x, np.zeros((0,), np.int32), axis=0), np.zeros((0, 4)))
    _same(ops.take(x, -1), 11)
    _same(ops.one_hot(_array([1, -1, 3], "int32"), 3), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    if backend != "jax":  # which cannot raise
        with pytest.raises(Exception, match="(?i)out of|bound|range|not in"):
            ops.take(x, _array([3], "int32"), axis=0)


def test_slices_at_tensors(backend):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    start = _array(1, "int32")
    _same(ops.slice(_array(x), (start, 0), (2, 2)), x[1:3, :2])
    expected = x.copy()
    expected[1:2, 0:4] = 0
    update = _array(np.zeros((1, 4)), "float32")
    _same(ops.slice_update(_array(x), (start, 0), update), expected)
    given = _array(x)
    ops.slice_update(given, (0, 0), update)
    _same(given, x)


def test_no_op_writes_to_its_input(backend):
    x = _array([3.0, 1.0, 2.0], "float32")
    for op in (ops.sort, ops.negative, ops.relu, ops.softmax, ops.cumsum):
        op(x)
    ops.scatter_add(x, _array([[0]], "int32"), _array([1.0], "float32"))
    _same(x, [3, 1, 2])


def test_splits(backend):
    with pytest.raises(Exception, match="(?i)split|divi|evenly|equal"):
        ops.split(_array(np.arange(5), "float32"), 2)
    parts = ops.split(_array(np.arange(5), "float32"), [1, 1, 4])
    assert [ops.shape(p) for p in parts] == [(1,), (0,), (3,), (1,)]


def test_squeeze_refuses_longer_axes(backend):
    with pytest.raises(Exception, match="(?i)squeeze|size|dim"):
        ops.squeeze(_array(np.ones((2, 1)), "float32"), axis=0)


def test_logic_of_numbers(backend):
    x, y = _array([0.0, 2.0, NAN], "float32"), _array([1, 0, 1], "int32")
    _same(ops.logical_and(x, y), [False, False, True], "bool")
    _same(ops.logical_or(x, y), [True, True, True], "bool")
    _same(ops.logical_xor(x, y), [True, True, False], "bool")
    _same(ops.logical_not(y), [False, True, False], "bool")
    _same(ops.all(x), False, "bool")
    _same(ops.any(_array([0, 0], "int32")), False, "bool")
    _same(ops.where(y, x, -1.0), [0, -1, NAN], "float32")


def test_mixed_comparisons(backend):
    _same(ops.less(_array([1, 2], "int32"), 1.5), [True, False], "bool")
    _same(ops.equal(_array([1, 2], "int32"), _array([1.0, 2.5], "float32")), [True, False], "bool")
    _same(ops.greater(_array([True, False]), _array([False, False])), [True, False], "bool")


def test_powers(backend):
    _same(ops.power(_array([2, 3], "int32"), 2), [4, 9], "int32")
    _same(ops.power(_array([2, 3], "int32"), _array([3, 2], "int32")), [8, 9], "int32")
    _same(ops.power(_array([4.0, 9.0], "float32"), 0.5), [2, 3], "float32")
    _same(ops.power(2, _array([0, 3], "int32")), [1, 8], "int32")
    _same(ops.power(_array([4, 9], "int32"), 0.5), [2, 3], "float32")


def test_shifts_keep_the_sign(backend):
    _same(ops.right_shift(_array([-8, 8], "int32"), 1), [-4, 4], "int32")
    _same(ops.left_shift(_array([-8, 8], "int32"), 1), [-16, 16], "int32")
    _same(ops.right_shift(_array([-8, 8], "int32"), -1), [-1, 0], "int32")
    _same(ops.left_shift(_array([-8, 8], "int16"), _array([-3, 16], "int16")), [0, 0], "int16")
    top = _array([2**63 + 4, 5], "uint64")
    _same(ops.right_shift(top, _array([1, 63], "uint64")), [2**62 + 2, 0], "uint64")
    _same(ops.bitwise_not(_array([0, 5], "int32")), [-1, -6], "int32")
    _same(ops.bitwise_not(_array([True, False])), [False, True], "bool")


def test_integer_products(backend):
    x = np.array([[1, -2], [3, 4]], np.int32)
    _same(ops.matmul(_array(x), _array(x)), x @ x, "int32")
    _same(ops.einsum("ij,kj->ik", _array(x), _array(x)), x @ x.T, "int32")
    _same(ops.matmul(_array(x), _array(np.ones((2, 1)), "float32")), x.sum(1)[:, None], "float32")


def test_unaligned_matmul_is_an_error(backend):
    with pytest.raises(Exception, match="(?i)shape|dim|mismatch|size"):
        ops.matmul(_array(np.ones((2, 3)), "float32"), _array(np.ones((2, 3)), "float32"))


def test_sizes_may_be_numpy_integers(backend):
    x = _array(np.arange(6), "float32")
    _same(ops.reshape(x, (np.int64(2), np.int32(3))), [[0, 1, 2], [3, 4, 5]])
    _same(ops.zeros((np.int64(2),)), [0, 0])
    _same(ops.arange(np.int64(3)), [0, 1, 2])


def test_arange_of_many_kinds(backend):
    for dtype in ("int32", "uint8", "float16", "float32", "int8"):
        _same(ops.arange(1, 7, 2, dtype), [1, 3, 5], dtype)
    _same(ops.arange(3, 3), [], "int32")
    _same(ops.linspace(0, 1, 1), [0], "float32")
    _same(ops.linspace(0, 1, 0), [])
