"""Linear algebra, spectra and segments at their edges: one meaning on every backend."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from isozoo import KerasTensor, ops
from isozoo.framework import dtypes
from isozoo.scripts.references import linalg as by_hand

INF, NAN = np.inf, np.nan
DIFFERENTIABLE = ("torch", "jax", "tensorflow")
HALVES = ("float16", "bfloat16")


def _tensor(x, dtype="float32"):
    return ops.cast(ops.convert_to_tensor(np.asarray(x)), dtype)


def _numpy(x):
    return ops.convert_to_numpy(x)


def _close(result, expected, error=2e-6):
    have, expected = _numpy(result), np.asarray(expected)
    assert have.shape == expected.shape
    scale = np.abs(expected).max(initial=0)
    have = have.astype(np.result_type(expected, np.complex128 if have.dtype.kind == "c" else 0.0))
    np.testing.assert_allclose(have, expected, rtol=0, atol=error * scale)


def _dtype(x):
    return dtypes.standardize(x.dtype)


COMPLEX = np.array([[4, 1 + 2j, 0], [1 - 2j, 6, 1j], [0, -1j, 9]])
GENERAL = np.array([[4, 1 + 2j, 0], [2, 6j, 1j], [1, -1j, 9]])


def test_complex_matrices(backend):
    x, hermitian = _tensor(GENERAL, "complex128"), _tensor(COMPLEX, "complex128")
    _close(ops.cholesky(hermitian), np.linalg.cholesky(COMPLEX), 1e-14)
    upper = _numpy(ops.cholesky(hermitian, upper=True))
    np.testing.assert_allclose(upper.conj().T @ upper, COMPLEX, atol=1e-13)
    for have, want in zip(ops.eigh(hermitian), by_hand.eigh(COMPLEX), strict=True):
        _close(have, want, 1e-13)
    for have, want in zip(ops.eig(x), by_hand.eig(GENERAL), strict=True):
        _close(have, want, 1e-13)
    for have, want in zip(ops.svd(x), by_hand.svd(GENERAL), strict=True):
        _close(have, want, 1e-13)
    _close(ops.inv(x), np.linalg.inv(GENERAL), 1e-14)
    _close(ops.det(x), np.linalg.det(GENERAL), 1e-14)
    _close(ops.pinv(x[:, :2]), np.linalg.pinv(GENERAL[:, :2]), 1e-13)
    _close(ops.solve(x, x[0]), np.linalg.solve(GENERAL, GENERAL[0]), 1e-14)
    _close(ops.norm(x), np.linalg.norm(GENERAL), 1e-14)
    assert _dtype(ops.norm(x, 1, 0)) == "float64"
    assert _dtype(ops.slogdet(x)[1]) == _dtype(ops.logdet(x)) == "float64"


def test_eigenvalues_of_conjugates(backend):
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    values, vectors = ops.eig(_tensor(turn, "float64"))
    _close(values, np.array([-1j, 1j]), 1e-14)
    _close(vectors, np.array([[1, 1], [1j, -1j]]) / np.sqrt(2), 1e-14)
    assert _dtype(values) == "complex128"
    assert _dtype(ops.eig(_tensor(np.eye(2), "float16"))[0]) == "complex64"


@pytest.mark.parametrize("x", [[[2.0, 1.0], [1.0, 2.0]], [[1.0, -3.0], [-3.0, 1.0]]])
def test_signs_do_not_hang_on_rounding(x, backend):
    """Components of equal size: the first of them is positive, in every precision."""
    half = np.sqrt(0.5)
    for dtype in ("float32", "float64", *HALVES):
        _, vectors = ops.eigh(_tensor(x, dtype))
        assert _dtype(vectors) == dtype
        np.testing.assert_allclose(_numpy(ops.cast(vectors, "float64"))[0], [half] * 2, rtol=4e-3)


def test_only_one_triangle_is_read(backend):
    x = np.array([[4.0, NAN], [1.0, 3.0]])
    _close(ops.cholesky(_tensor(x)), np.linalg.cholesky(x))
    _close(ops.cholesky(_tensor(x.T), upper=True), np.linalg.cholesky(x).T)
    _close(ops.eigh(_tensor(x))[0], np.linalg.eigvalsh(x))
    _close(ops.solve_triangular(_tensor(x), _tensor([1.0, 2.0]), lower=True), [0.25, 7 / 12])
    _close(ops.cholesky_inverse(_tensor(x)), np.linalg.inv([[16, 4], [4, 10]]))


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def test_what_has_no_result_is_an_error(backend):
    x = _tensor(SINGULAR)
    for call in (
        lambda: ops.inv(x),
        lambda: ops.solve(x, x),
        lambda: ops.cholesky(_tensor([[1.0, 2.0], [2.0, 1.0]])),
    ):
        with pytest.raises(ops.InvalidArgumentError, match="ops.*float32 .2, 2"):
            call()
    for lower in (False, True):
        flat = ops.solve_triangular(_tensor([[0.0, 1.0], [1.0, 1.0]]), x, lower)
        assert not np.isfinite(_numpy(flat)).all()
    _close(ops.det(x), 0)
    sign, logarithm = ops.slogdet(x)
    assert float(sign) == 0 and float(logarithm) == -INF == float(ops.logdet(x))
    assert int(ops.matrix_rank(x)) == 1
    _close(ops.pinv(x), SINGULAR / 25)
    _close(ops.lstsq(x, _tensor([1.0, 2.0])), [0.2, 0.4])


def test_small_matrices(backend):
    one = _tensor([[4.0]])
    for op, want in ((ops.cholesky, 2), (ops.inv, 0.25), (ops.pinv, 0.25)):
        _close(op(one), [[want]])
    for op in (ops.eigh, ops.eig):
        values, vectors = op(one)
        _close(values, [4])
        _close(vectors, [[1]])
    q, r = ops.qr(one)
    _close(ops.matmul(q, r), [[4]])
    u, s, v = ops.svd(_tensor([[-4.0]]))
    assert (float(u[0, 0]), float(s[0]), float(v[0, 0])) == (1, 4, -1)


def test_empty_matrices(backend):
    empty = _tensor(np.zeros((0, 3, 3)))
    for op in (ops.cholesky, ops.inv, ops.pinv, ops.cholesky_inverse):
        _close(op(empty), np.zeros((0, 3, 3)))
    _close(ops.det(empty), np.zeros(0))
    _close(ops.solve(empty, empty), np.zeros((0, 3, 3)))
    assert [ops.shape(x) for x in ops.eigh(empty)] == [(0, 3), (0, 3, 3)]
    assert [ops.shape(x) for x in ops.svd(empty)] == [(0, 3, 3), (0, 3), (0, 3, 3)]
    assert [ops.shape(x) for x in ops.qr(empty)] == [(0, 3, 3), (0, 3, 3)]
    assert [ops.shape(x) for x in ops.lu_factor(empty)] == [(0, 3, 3), (0, 3)]
    _close(ops.norm(_tensor(np.zeros((0,)))), 0)
    _close(ops.cdist(_tensor(np.zeros((0, 2))), _tensor(np.zeros((3, 2)))), np.zeros((0, 3)))


def test_halves_are_computed_in_single(backend):
    x = np.array([[300.0, 1.0], [1.0, 0.5]])
    for dtype in HALVES:
        t = _tensor(x, dtype)
        rounded = _numpy(t).astype(np.float64)
        for op, want in ((ops.inv, np.linalg.inv), (ops.norm, np.linalg.norm)):
            assert _dtype(op(t)) == dtype
            np.testing.assert_allclose(_numpy(op(t)).astype(np.float64), want(rounded), rtol=4e-3)
        length = ops.norm(_tensor([300.0, 400.0], dtype))  # whose squares float16 has not
        assert float(_numpy(ops.cast(length, "float32"))) == pytest.approx(500, rel=4e-3)


def test_views(backend):
    x = np.random.default_rng(3).standard_normal((4, 6, 5)).astype(np.float32)
    view = ops.transpose(ops.convert_to_tensor(x)[::2], (2, 1, 0))[:2, :2]
    want = np.transpose(x[::2], (2, 1, 0))[:2, :2].astype(np.float64)
    _close(ops.inv(view), np.linalg.inv(want), 1e-5)
    _close(ops.fft((view, view))[0], np.fft.fft(want * (1 + 1j)).real)
    _close(ops.extract_sequences(view, 2, 1)[..., 0, :], want)


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_where_formulas_divide_by_zero(backend):
    """The norm of 0 and the distance of a point from itself have the gradient 0."""
    for loss, x in (
        (ops.norm, np.zeros(3)),
        (lambda x: ops.sum(ops.norm(x, axis=1)), np.zeros((2, 3))),
        (lambda x: ops.sum(ops.cdist(x, x)), np.ones((1, 3))),
    ):
        value, gradient = ops.value_and_grad(loss)(_tensor(x))
        assert float(value) == 0
        np.testing.assert_array_equal(_numpy(gradient), np.zeros_like(x))


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_at_equal_singular_values(backend):
    """d pinv(I) = -dx: where that of the SVD is not defined."""
    weights = np.random.default_rng(0).standard_normal((3, 3))

    def loss(x):
        return ops.sum(ops.multiply(ops.pinv(x), _tensor(weights)))

    gradient = ops.value_and_grad(loss)(_tensor(np.eye(3)))[1]
    _close(gradient, -weights)


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_of_products_with_zeros(backend):
    x, ids = np.array([2.0, 0.0, 3.0, 0.0, 0.0, 5.0]), np.array([0, 0, 1, 2, 2, 7])
    loss = lambda x: ops.sum(ops.segment_prod(x, ids, num_segments=4))  # noqa: E731
    value, gradient = ops.value_and_grad(loss)(_tensor(x))
    assert float(value) == 0 + 3 + 0 + 1
    np.testing.assert_array_equal(_numpy(gradient), [0, 2, 1, 0, 0, 0])


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_of_cumulative_products_with_zeros(backend):
    x, weights = [[1, 0, 2, 3], [0, 5, 0, 2]], np.float32([1, 2, 3, 4])
    # By x_i: the sum over j >= i of weights_j times the product of all x_k but x_i, k <= j.
    expected = [[1, 2 + 6 + 24, 0, 0], [1 + 2 * 5, 0, 0, 0]]
    for axis, turned in ((1, np.asarray(x)), (-2, np.transpose(x))):
        scale = weights if axis == 1 else weights[:, None]
        loss = lambda x: ops.sum(ops.multiply(ops.cumprod(x, axis), scale))  # noqa: B023, E731
        gradient = _numpy(ops.grad(loss)(_tensor(turned)))
        np.testing.assert_array_equal(gradient, expected if axis == 1 else np.transpose(expected))


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_of_determinants_are_cofactors(backend):
    """Of matrices of rank 2 and 1, of a regular one, and of the 1 x 1 zero."""
    x = np.array([[[1, 2, 3], [4, 5, 6], [1, 2, 3]], [[1, 2, 3], [2, 4, 6], [3, 6, 9]],
                  [[2, 1, 0], [0, 1, 1], [0, 0, 1]]], float)  # fmt: skip
    cofactors = [[[3, -6, 3], [0, 0, 0], [-3, 6, -3]], np.zeros((3, 3)),
                 [[1, 0, 0], [-1, 2, 0], [1, -2, 2]]]  # fmt: skip
    gradient = ops.grad(lambda x: ops.sum(ops.det(x)))
    _close(gradient(_tensor(x, "float64")), cofactors, 1e-14)
    _close(gradient(_tensor([[0.0]])), [[1]])


@pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)
def test_gradients_of_extremes_are_shared(backend):
    loss = lambda x: ops.sum(ops.segment_max(x, np.array([0, 0, 1]), 2))  # noqa: E731
    gradient = ops.value_and_grad(loss)(_tensor([1.0, 1.0, 2.0]))[1]
    np.testing.assert_array_equal(_numpy(gradient), [0.5, 0.5, 1])


def test_segments_without_rows(backend):
    ids = np.array([2, -1, 5], np.int64)
    x = np.array([1.5, 2.0, 3.0], np.float32)
    wanted = {"sum": (0, 0), "prod": (1, 1), "max": (-INF, -(2**31)), "min": (INF, 2**31 - 1)}
    for kind, (real, whole) in wanted.items():
        op = getattr(ops, f"segment_{kind}")
        np.testing.assert_array_equal(_numpy(op(_tensor(x), ids, 3)), [real, real, 1.5])
        result = op(_tensor(x, "int32"), ids, 3)
        np.testing.assert_array_equal(_numpy(result), [whole, whole, 1])
        assert ops.shape(op(_tensor(x), ids)) == (6,)
        assert ops.shape(op(_tensor(np.zeros((0, 2))), np.zeros(0, np.int32), 2)) == (2, 2)
        assert ops.shape(op(_tensor(np.zeros((0, 2))), np.zeros(0, np.int32))) == (0, 2)


def test_segments_of_special_numbers(backend):
    ids = np.array([0, 0, 1, 1, 2])
    x = _tensor([NAN, 1.0, -INF, -INF, np.finfo(np.float32).min])
    top = _numpy(ops.segment_max(x, ids, 3))
    np.testing.assert_array_equal(top, [NAN, -INF, np.finfo(np.float32).min])
    low = _numpy(ops.segment_min(-x, ids, 3))
    np.testing.assert_array_equal(low, [NAN, INF, np.finfo(np.float32).max])
    big = ops.convert_to_tensor(np.array([2**62, 1, 2, 3, 2**62], np.int64))
    np.testing.assert_array_equal(_numpy(ops.segment_max(big, ids, 3)), [2**62, 3, 2**62])
    np.testing.assert_array_equal(_numpy(ops.segment_sum(big, ids, 3)), [2**62 + 1, 5, 2**62])


def test_number_of_segments_while_drawing(backend):
    data, ids = KerasTensor((16, 4)), KerasTensor((16,), "int32")
    assert ops.segment_sum(data, ids).shape == (None, 4)
    assert ops.segment_max(data, ids, num_segments=5).shape == (5, 4)


def test_special_functions(backend):
    _close(ops.erfc(_tensor([-INF, INF, 0.0])), [2, 0, 1])
    x = np.float32([3.0, 5.0, 8.0])
    np.testing.assert_allclose(_numpy(ops.erfc(x)), scipy.special.erfc(x.astype(float)), rtol=4e-6)
    np.testing.assert_array_equal(_numpy(ops.erfinv(_tensor([-1.0, 0.0, 1.0]))), [-INF, 0, INF])
    assert np.isnan(_numpy(ops.erfinv(_tensor([1.5, -2.0])))).all()
    near = np.float32([1 - 2.0**-20, 2.0**-20])
    np.testing.assert_allclose(_numpy(ops.erfinv(near)), scipy.special.erfinv(near.astype(float)),
                               rtol=2e-6)  # fmt: skip


def test_targets_that_are_no_class(backend):
    predictions = _tensor([[0.5, NAN, 0.1, 0.7]] * 5)
    targets = np.array([0, 1, -1, 4, 3])
    have = _numpy(ops.in_top_k(targets, predictions, 1))
    np.testing.assert_array_equal(have, [False, False, False, False, True])
    have = _numpy(ops.in_top_k(targets, predictions, 9))
    np.testing.assert_array_equal(have, [True, True, False, False, True])
    tied = _numpy(ops.in_top_k(np.array([0, 1]), _tensor([[1.0, 1.0]] * 2), 1))
    np.testing.assert_array_equal(tied, [True, True])


def test_spectra_at_the_edges(backend):
    real, imag = ops.rfft(_tensor([2.0]))
    assert (float(real[0]), float(imag[0])) == (2, 0)
    parts = (_tensor([1.0, 2.0, 3.0]), _tensor([5.0, 1.0, 7.0]))
    _close(ops.irfft(parts), np.fft.irfft([1, 2 + 1j, 3]))
    _close(ops.irfft(parts, 5), np.fft.irfft([1, 2 + 1j, 3 + 7j], 5))
    for dtype in HALVES:
        assert [_dtype(x) for x in ops.rfft(_tensor([1.0, 2.0], dtype))] == [dtype] * 2
    wide = ops.fft((_tensor([1.0, 2.0], "float64"), _tensor([0.0, 1.0])))
    assert [_dtype(x) for x in wide] == ["float64"] * 2
    _close(wide[0], [3, -1], 1e-15)
    assert ops.shape(ops.extract_sequences(_tensor([1.0, 2.0]), 3, 1)) == (0, 3)
    assert ops.shape(ops.rfft(_tensor(np.zeros((0, 8))))[0]) == (0, 5)


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_istft_inverts_stft(window, backend):
    x = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)
    for length, stride, whole in ((16, 4, 16), (12, 3, 17)):
        parts = ops.stft(x, length, stride, whole, window)
        have = _numpy(ops.istft(parts, length, stride, whole, 60, window))
        assert have.shape == (2, 60)
        np.testing.assert_allclose(have, x[:, :60], atol=2e-6)
    padded = ops.istft(ops.stft(x, 8, 4, 8), 8, 4, 8, length=80)
    assert not _numpy(padded)[:, 70:].any()


def test_stft_is_that_of_torch(backend):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).standard_normal((3, 50))
    window = torch.hann_window(10, dtype=torch.float64)
    for center in (True, False):
        real, imag = ops.stft(x, 10, 4, 16, center=center)
        want = torch.stft(torch.from_numpy(x), 16, 4, 10, window, center, return_complex=True)
        want = want.swapaxes(-1, -2).numpy()
        np.testing.assert_allclose(_numpy(real) + 1j * _numpy(imag), want, atol=1e-12)


def test_nan_is_the_largest_of_the_top(backend):
    values, places = ops.top_k(_tensor([[1.0, NAN, 3.0, -INF], [2.0, 5.0, 5.0, INF]]), 3)
    np.testing.assert_array_equal(_numpy(values), [[NAN, 3, 1], [INF, 5, 5]])
    np.testing.assert_array_equal(_numpy(places), [[1, 2, 0], [3, 1, 2]])
