"""Edges of arithmetic, products and statistics: one meaning on every backend."""

from __future__ import annotations

import math
import warnings

import ml_dtypes
import numpy as np
import pytest

from isozoo import KerasTensor, ops
from isozoo.framework import dtypes

from .test_edges import INF, NAN, _array, _same

DIFFERENTIABLE = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


def _floats(*x):
    return _array(x, "float32")


def test_integers_divided_by_zero_are_zero(backend):
    x = np.array([7, -7, 0, 5], np.int32)
    y = np.array([0, 0, 0, -2], np.int32)
    for given in (_array(y), y):
        _same(ops.floor_divide(_array(x), given), [0, 0, 0, -3], "int32")
        _same(ops.mod(_array(x), given), [0, 0, 0, -1], "int32")
        _same(ops.fmod(_array(x), given), [0, 0, 0, 1], "int32")
    for op in (ops.floor_divide, ops.mod, ops.fmod):
        _same(op(_array(x), 0), [0, 0, 0, 0], "int32")
        _same(op(7, _array([0, 2], "uint8")), [0, 3 if op is ops.floor_divide else 1], "uint8")
    _same(ops.floor_divide(_array([True]), _array([True])), [1], "int32")


def test_smallest_integer_divided_by_minus_one(backend):
    """The quotient does not fit and wraps around; the remainder is 0."""
    low = _array([-(2**31)], "int32")
    _same(ops.floor_divide(low, _array([-1], "int32")), [-(2**31)], "int32")
    _same(ops.mod(low, _array([-1], "int32")), [0], "int32")


def test_float_quotients_go_with_their_remainders(backend):
    x = np.array([1, -1, 0, INF, 1, -1, 1, INF, -7.5, NAN], np.float32)
    y = np.array([0, 0, 0, 1, INF, INF, 0.1, INF, 2, 1], np.float32)
    with np.errstate(all="ignore"):
        for op, reference in (
            (ops.floor_divide, np.floor_divide),
            (ops.mod, np.mod),
            (ops.fmod, np.fmod),
        ):
            _same(op(_array(x), _array(y)), reference(x, y), "float32")


def test_powers_of_integers(backend):
    x = np.array([2, -1, 1, 0, -2, -1], np.int32)
    _same(ops.power(_array(x), _array([-1, -1, -2, -1, -3, -2], "int32")), [0, -1, 1, 0, 0, 1])
    _same(ops.power(_array(x), -1), [0, -1, 1, 0, 0, -1], "int32")
    _same(ops.power(_array([True, False]), _array([True, True])), [1, 0], "int32")
    _same(ops.power(_array([3], "int64"), 30), [3**30], "int64")


def test_integers_round_to_tens(backend):
    x = np.array([-25, -15, 14, 15, 25, 149, 0], np.int32)
    _same(ops.round(_array(x), -1), np.round(x, -1), "int32")
    _same(ops.round(_array(x), -2), np.round(x, -2), "int32")
    _same(ops.round(_array(x), 1), x, "int32")
    _same(ops.round(_array([200, 45], "uint8"), -1), [200, 40], "uint8")


def test_unsigned_integers(backend):
    """Also the numbers that a signed integer of as many bits does not hold."""
    for name, top in (("uint8", 2**8), ("uint16", 2**16), ("uint32", 2**32), ("uint64", 2**64)):
        x, y = _array([top - 1, 3, 0], name), _array([2, top - 2, 1], name)
        for op, reference in (
            ("add", [1, 1, 1]),
            ("subtract", [top - 3, 5, top - 1]),
            ("multiply", [top - 2, top - 6, 0]),
            ("maximum", [top - 1, top - 2, 1]),
            ("minimum", [2, 3, 0]),
        ):
            _same(getattr(ops, op)(x, y), np.array(reference, name), name)
        _same(ops.greater(x, y), [True, False, False], "bool")
        _same(ops.max(x), np.array(top - 1, name), name)
        _same(ops.min(x), np.array(0, name), name)
        _same(ops.argmax(x), 0, "int32")
        rows = ops.stack([x, y])
        _same(ops.max(rows, 1), np.array([top - 1, top - 2], name), name)
        _same(ops.min(rows, -1, keepdims=True), np.array([[0], [1]], name), name)
        _same(ops.argmax(rows, 0), [0, 1, 1], "int32")
        _same(ops.clip(x, 2, 5), np.array([5, 3, 2], name), name)
        _same(ops.negative(_array([1], name)), np.array([top - 1], name), name)


def test_no_warnings(backend):
    """What leaves the range is infinite or NaN, and nobody is told twice."""
    x = _floats(0.0, -1.0, 3e38, INF)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for op in (ops.log, ops.log2, ops.log10, ops.log1p, ops.sqrt, ops.rsqrt, ops.exp, ops.sinh,
                   ops.exp2, ops.expm1, ops.cosh, ops.arcsin, ops.arctanh, ops.arccosh, ops.square,
                   ops.reciprocal, ops.sin, ops.sinc, ops.i0, ops.sum, ops.mean, ops.var,
                   ops.prod, ops.cumprod):  # fmt: skip
            op(x)
        for op in (ops.add, ops.subtract, ops.multiply, ops.divide, ops.mod, ops.fmod, ops.power,
                   ops.floor_divide, ops.hypot, ops.logaddexp, ops.logaddexp2):  # fmt: skip
            op(x, x)
            op(x, 0.0)
        ops.mean(_array(np.zeros((0,)), "float32"))
        ops.nanmean(_floats(NAN, NAN))
        ops.floor_divide(_array([1, 2], "int32"), 0)


@DIFFERENTIABLE
def test_equal_operands_share_the_gradient(backend):
    x, y = _floats(1.0, 2.0, 3.0), _floats(1.0, 3.0, 2.0)
    for op, shares in ((ops.maximum, [0.5, 0, 1]), (ops.minimum, [0.5, 1, 0])):

        def total(a, b, op=op):
            return ops.sum(ops.multiply(op(a, b), _floats(1.0, 10.0, 100.0)))

        _, (first, second) = ops.value_and_grad(total, (0, 1))(x, y)
        _same(first, np.multiply(shares, [1, 10, 100]))
        _same(second, np.multiply(np.subtract(1, shares), [1, 10, 100]))
    # Broadcast, and with a number.
    _, slope = ops.value_and_grad(lambda a: ops.sum(ops.maximum(a, 1.0)))(_floats(1.0, 2.0, 0.0))
    _same(slope, [0.5, 1, 0])
    wide = _array(np.zeros((2, 3)), "float32")
    _, slopes = ops.value_and_grad(lambda a, b: ops.sum(ops.maximum(a, b)), (0, 1))(
        wide, _floats(0.0, 1.0, -1.0)
    )
    _same(slopes[0], [[0.5, 0, 1]] * 2)
    _same(slopes[1], [1, 2, 0])
    for op in (ops.max, ops.min):
        _, slope = ops.value_and_grad(lambda a, op=op: op(a))(_floats(2.0, 2.0))
        _same(slope, [0.5, 0.5])


@DIFFERENTIABLE
def test_gradients_without_nan(backend):
    """Where a branch is not taken its infinite slope does not matter."""
    zero = _floats(0.0, 2.0)
    _, slope = ops.value_and_grad(lambda x: ops.sum(ops.divide_no_nan(x, _floats(0.0, 4.0))))(zero)
    _same(slope, [0, 0.25])
    _, slope = ops.value_and_grad(lambda x: ops.sum(ops.sinc(x)))(_floats(0.0))
    _same(slope, [0])
    _, slope = ops.value_and_grad(lambda x: ops.nansum(ops.square(x)))(_floats(NAN, 3.0))
    assert ops.convert_to_numpy(slope)[1] == 6


def test_extremes_of_nothing(backend):
    empty = _array(np.zeros((0, 3)), "float32")
    for op in (ops.max, ops.min, ops.amax, ops.argmax, ops.argmin, ops.ptp):
        with pytest.raises(ops.InvalidArgumentError, match="elements"):
            op(empty, axis=0)
    _same(ops.max(empty, axis=1), np.zeros((0,)), "float32")
    _same(ops.max(empty, axis=0, initial=2), [2, 2, 2], "float32")
    _same(ops.min(empty, keepdims=True, initial=2.5), [[2.5]], "float32")
    _same(ops.max(_array([1, 5], "int32"), initial=3), 5, "int32")
    _same(ops.min(_array([4, 5], "int32"), initial=3), 3, "int32")
    _same(ops.max(_array([False]), initial=1), True, "bool")
    _same(ops.logsumexp(empty, axis=0), [-INF] * 3, "float32")
    assert np.isnan(ops.convert_to_numpy(ops.mean(empty)))
    assert np.isnan(ops.convert_to_numpy(ops.median(empty, 0))).tolist() == [True] * 3
    _same(ops.nansum(empty, 0), [0, 0, 0], "float32")
    _same(ops.dot(empty, _array(np.zeros((3, 0)), "float32")), np.zeros((0, 0)))
    _same(ops.tensordot(empty, empty, ([0], [0])), np.zeros((3, 3)))


def test_half_sums_do_not_overflow(backend):
    """Means of half precision are computed in float32, as JAX and torch do."""
    for name in ("float16", "bfloat16"):
        x = ops.cast(_array(np.full(2000, 100.0), "float32"), name)
        for op in (ops.mean, ops.nanmean, ops.median, ops.average):
            _same(ops.cast(op(x), "float32"), 100, "float32")
        assert ops.convert_to_numpy(ops.cast(ops.var(x), "float32")) < 1e-6
    steps = ops.cumsum(ops.cast(_array(np.ones(3000), "float32"), "bfloat16"))
    _same(ops.cast(steps[2047:2048], "float32"), [2048])


@pytest.mark.parametrize("q", [0.0, 0.3, 1.0, [0.25, 0.75]])
def test_quantiles_at_the_ends(q, backend):
    x = np.array([3, -INF, 1, INF, 2, 2, INF], np.float32)
    places = np.array([-INF, 1, 2, 2, 3, INF, INF])
    exact = np.multiply(q, 6)
    low, high = np.floor(exact).astype(int), np.ceil(exact).astype(int)
    _same(ops.quantile(_array(x), q, method="lower"), places[low])
    _same(ops.quantile(_array(x), q, method="higher"), places[high])
    between = places[low] * (1 - (exact - low)) + np.where(exact == low, 0, places[high]) * (
        exact - low
    )
    have = ops.convert_to_numpy(ops.quantile(_array(x), q))
    np.testing.assert_allclose(have, between, rtol=1e-6)


def test_quantiles_of_nan(backend):
    x = _array([[1, NAN, 3], [4, 5, 6], [NAN, NAN, NAN]], "float32")
    _same(ops.median(x, 1), [NAN, 5, NAN])
    _same(ops.nanmedian(x, 1), [2, 5, NAN])
    _same(ops.nanquantile(x, [0.0, 1.0], 1), [[1, 4, NAN], [3, 6, NAN]])
    _same(ops.nanpercentile(x, 50, keepdims=True), [[4]])
    _same(ops.median(_array([1, 2], "int32")), 1.5, "float32")
    _same(ops.quantile(_array([[1, 2]], "int32"), 0.5, axis=[0, 1]), 1.5, "float32")
    _same(ops.percentile(_floats(1.0, 2.0, 4.0), [[0, 100]]), [[1, 4]])
    _same(ops.quantile(_floats(1.0, 2.0, 4.0), _array([0.5], "float32")), [2])
    # 0.3 * 10 is a whole number only in float64.
    _same(ops.quantile(_array(np.arange(11), "float32"), 0.3, method="higher"), 3)


def test_reductions_past_nan(backend):
    x = _array([[1, NAN, 3], [NAN, NAN, NAN]], "float32")
    _same(ops.nansum(x, 1), [4, 0])
    _same(ops.nanprod(x, 1), [3, 1])
    _same(ops.nanmax(x, 1), [3, NAN])
    _same(ops.nanmin(x, 1), [1, NAN])
    _same(ops.nanmean(x, 1), [2, NAN])
    _same(ops.nanvar(x, 1), [1, NAN])
    _same(ops.nanstd(x, 1), [1, NAN])
    _same(ops.nanargmax(x, 1), [2, -1], "int32")
    _same(ops.nanargmin(x, 1, keepdims=True), [[0], [-1]], "int32")
    _same(ops.nancumsum(x, (1,)), [[1, 1, 4], [0, 0, 0]])
    _same(ops.nancumprod(x, ()), [[1, 1, 3], [1, 1, 1]])
    _same(ops.nancumsum(x), [1, 1, 4, 4, 4, 4])
    _same(ops.nansum(_array([200, 100], "uint8")), 300, "uint32")
    _same(ops.nancumsum(_array([True, True])), [1, 2], "int32")


def test_extremes_past_nan(backend):
    x, y = _floats(1.0, NAN, NAN, INF), _floats(NAN, 2.0, NAN, NAN)
    _same(ops.fmax(x, y), [1, 2, NAN, INF])
    _same(ops.fmin(x, 0.5), [0.5, 0.5, 0.5, 0.5])
    _same(ops.fmax(_array([1, 5], "int32"), 3), [3, 5], "int32")


def test_far_numbers(backend):
    big, tiny = _floats(3e38, 0.0, INF, NAN, INF), _floats(0.0, 0.0, NAN, INF, -INF)
    _same(ops.hypot(big, tiny), [np.float32(3e38), 0, INF, INF, INF])
    _same(ops.hypot(_floats(3e30), 4e30), [np.float32(5e30)])
    x, y = _floats(INF, -INF, INF, 1e30, NAN), _floats(INF, -INF, -INF, 0.0, 1.0)
    for op in (ops.logaddexp, ops.logaddexp2):
        _same(op(x, y), [INF, -INF, INF, np.float32(1e30), NAN])
    _same(ops.logaddexp2(_floats(1.0), 1.0), [2])
    _same(ops.ldexp(_floats(1e-30, 1.0, 3.0, 0.0), _array([200, -126, 10000, 10000], "int32")),
          [math.ldexp(np.float32(1e-30), 200), 2.0**-126, INF, 0])  # fmt: skip
    _same(ops.ldexp(_array([1, 3], "int32"), _array([-1, 1], "int8")), [0.5, 6], "float32")


def test_next_numbers(backend):
    x = _floats(1.0, 1.0, 0.0, -1.0, INF, NAN, 2.0)
    y = _floats(2.0, 0.0, 1.0, 0.0, 0.0, 1.0, 2.0)
    for name, native in (
        ("float32", np.float32),
        ("float16", np.float16),
        ("bfloat16", ml_dtypes.bfloat16),
        ("float64", np.float64),
    ):
        a, b = (ops.convert_to_numpy(v).astype(native) for v in (x, y))
        expected = np.nextafter(a, b)
        result = ops.nextafter(_array(a), _array(b))
        assert dtypes.standardize(result.dtype) == name
        have = ops.convert_to_numpy(result)
        keep = np.arange(7) != 2  # next to 0 lies a number that some processors take for 0
        np.testing.assert_array_equal(
            have[keep].astype(np.float64), expected[keep].astype(np.float64)
        )


def test_divisors(backend):
    x, y = [0, 12, -12, 7, 0], [0, 18, 18, 0, 5]
    for name in ("int32", "int64", "int8"):
        _same(ops.gcd(_array(x, name), _array(y, name)), np.gcd(x, y), name)
        _same(ops.lcm(_array(x, name), _array(y, name)), np.lcm(x, y), name)
    _same(ops.gcd(_array([12, 8], "uint16"), 6), [6, 2], "uint16")
    _same(ops.gcd(_array([[2], [3]], "int32"), _array([4, 6], "int32")), [[2, 2], [1, 3]], "int32")
    _same(ops.lcm(_array([2**20], "int64"), 3**10), [2**20 * 3**10], "int64")


def test_signs_and_angles(backend):
    _same(ops.angle(_floats(-0.0, 0.0, -2.0, NAN, 3.0)),
          np.float32([np.pi, 0, np.pi, NAN, 0]))  # fmt: skip
    _same(ops.heaviside(_floats(-1.0, 0.0, 2.0, NAN), 0.5), [0, 0.5, 1, NAN])
    _same(ops.trunc(_floats(-1.5, 1.5, INF)), [-1, 1, INF])
    _same(ops.cbrt(_floats(-8.0, 0.0, INF)), [-2, 0, INF])
    _same(ops.nan_to_num(_array([NAN, INF, -INF], "float16")), [0, 65504, -65504], "float16")
    _same(ops.nan_to_num(_floats(NAN, INF), nan=1, posinf=2), [1, 2])


def test_products_of_small_integers(backend):
    x = np.full((2, 200), 100, np.int8)
    _same(ops.matmul(_array(x), _array(x.T.copy())), np.full((2, 2), 2000000), "int32")
    _same(ops.einsum("ij,kj->ik", _array(x), _array(x)), np.full((2, 2), 2000000), "int32")
    many = _array(np.ones((1, 256), bool))
    _same(ops.matmul(many, ops.transpose(many)), [[True]], "bool")
    _same(ops.dot(_array([1, 2], "int32"), 2.5), [2.5, 5], "float32")


def test_complex_moments(backend):
    x = np.array([1 + 1j, 3 - 1j, 2j], np.complex64)
    for op in ("mean", "var", "std", "sum", "prod"):
        have = ops.convert_to_numpy(getattr(ops, op)(_array(x)))
        np.testing.assert_allclose(have, getattr(np, op)(x), rtol=1e-6)


def test_integrals_and_correlations(backend):
    _same(ops.trapezoid(_array([1, 2, 3], "int32")), 4, "float32")
    _same(ops.trapezoid([1.0, 2.0], x=[0, 4]), 6, "float32")
    flat = ops.convert_to_numpy(ops.corrcoef(_array([[1, 1, 1], [1, 2, 3]], "float32")))
    assert np.isnan(flat[0]).all() and flat[1, 1] == pytest.approx(1)
    _same(ops.correlate(_array([1, 2, 3], "int32"), _array([0, 1], "int32"), "full"),
          np.correlate([1, 2, 3], [0, 1], "full"), "float32")  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8"])
def test_numbers_in_front_of_symbols(dtype, backend):
    """A graph gives a Python number the dtype of the tensor that it meets."""
    x = KerasTensor((None, 3), dtype)
    for name in ("add", "subtract", "multiply", "maximum", "power", "mod", "floor_divide", "fmod"):
        assert getattr(ops, name)(2, x).dtype == dtype
        assert getattr(ops, name)(x, 2).dtype == dtype
    for name in ("less", "equal"):
        assert getattr(ops, name)(2, x).dtype == "bool"
    for name in ("divide", "hypot", "arctan2"):
        assert getattr(ops, name)(2, x).dtype == dtypes.floating(dtype)
    for name in ("sum", "max", "mean", "nanmax", "nanmean", "exp2", "median"):
        assert getattr(ops, name)(x, *((1,) if name != "exp2" else ())).shape[0] is None


def test_positions_of_numbers_close_to_zero(backend):
    tiny = float(np.finfo(np.float32).smallest_subnormal)
    _same(ops.argmax(_floats(-1.0, -0.0, tiny)), 2, "int32")
    _same(ops.argmin(_floats(0.0, 1.0, -tiny)), 2, "int32")
    _same(ops.argmax(_floats(-0.0, 0.0)), 0, "int32")
    _same(ops.argmin(_floats(0.0, -0.0)), 0, "int32")
    _same(ops.argmax(_array([-2.0, NAN, 3, NAN], "float64")), 1, "int32")
    _same(ops.argmin(_array([-2.0, -INF, 3, NAN], "bfloat16")), 3, "int32")


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_unknown_sizes_in_a_graph(backend):
    import tensorflow as tf

    spec = tf.TensorSpec([None, 3], tf.float32)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    for op, expected in (
        (lambda t: ops.median(t, 0), np.median(x, 0)),
        (lambda t: ops.quantile(t, [0.25, 0.5], (0, 1)), np.quantile(x, [0.25, 0.5], (0, 1))),
        (lambda t: ops.nanquantile(t, 0.25, 0, keepdims=True), np.quantile(x[:, :], 0.25, 0)[None]),
        (lambda t: ops.tensordot(t, t, ([0], [0])), x.T @ x),
        (lambda t: ops.kron(t, t), np.kron(x, x)),
        (lambda t: ops.cross(t, t), np.zeros_like(x)),
        (lambda t: ops.trapezoid(t, axis=0), np.trapezoid(x, axis=0)),
        (lambda t: ops.correlate(t[:, 0], t[:2, 1]), np.correlate(x[:, 0], x[:2, 1])),
        (lambda t: ops.corrcoef(t), np.corrcoef(x)),
        (lambda t: ops.max(t, 0, initial=9.5), np.max(x, 0, initial=9.5)),
    ):
        for by_xla in (False, True):
            if by_xla:
                spec = tf.TensorSpec([4, 3], tf.float32)
            run = tf.function(op, input_signature=[spec], jit_compile=by_xla, autograph=False)
            np.testing.assert_allclose(run(tf.constant(x)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_one_graph_in_torch_compile(backend):
    import torch

    def many(t):
        return [
            ops.median(t, 0),
            ops.nanquantile(t, [0.25, 0.5], 1),
            ops.tensordot(t, t, 2),
            ops.cross(t, t),
            ops.correlate(t[0], t[1], "full"),
            ops.nanmax(t, 1),
            ops.floor_divide(ops.cast(t, "int32"), ops.cast(t, "int32")),
            ops.logaddexp(t, 1.0),
            ops.ldexp(t, ops.cast(t, "int32")),
            ops.maximum(ops.cast(t, "uint16"), 3),
        ]

    x = torch.arange(12.0).reshape(4, 3)
    compiled = torch.compile(many, fullgraph=True, backend="eager")
    for have, want in zip(compiled(x), many(x), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(have), ops.convert_to_numpy(want))


@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_compiled_by_jax(backend):
    import jax

    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    for op, expected in (
        (lambda t: ops.median(t, 0), np.median(x, 0)),
        (lambda t: ops.nanquantile(t, 0.25, 1), np.quantile(x, 0.25, 1)),
        (lambda t: ops.tensordot(t, t, 2), (x * x).sum()),
        (lambda t: ops.ldexp(t, ops.cast(t, "int32")), np.ldexp(x, x.astype(int))),
        (lambda t: ops.floor_divide(ops.cast(t, "int32"), 0), np.zeros((4, 3))),
    ):
        np.testing.assert_allclose(jax.jit(op)(x), expected, rtol=1e-5)


def test_long_sums_along_leading_axes_keep_their_digits(backend):
    x = np.random.default_rng(0).random((120, 160, 8), "float32")
    wanted = x.astype("float64").mean((0, 1))
    found = ops.convert_to_numpy(ops.mean(ops.convert_to_tensor(x), axis=(0, 1)))
    # Summed by halves, numbers of one sign lose half a rounding at each of log2(n) steps at most.
    steps = np.log2(120 * 160) + 1
    assert abs(found / wanted - 1).max() <= steps * 2.0**-24
