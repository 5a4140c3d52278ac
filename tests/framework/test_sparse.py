"""Sparse and ragged tensors of JAX and TensorFlow in the public ops, against dense NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import KerasTensor, ops

SPARSE_BACKENDS = ("jax", "tensorflow")
pytestmark = pytest.mark.parametrize("backend", SPARSE_BACKENDS, indirect=True)

_random = np.random.default_rng(7)
A = np.where(_random.random((4, 5)) < 0.5, _random.uniform(-0.9, 0.9, (4, 5)), 0).astype("float32")
B = np.where(_random.random((4, 5)) < 0.5, _random.uniform(0.5, 2, (4, 5)), 0).astype("float32")
ROWS = A.copy()
ROWS[[0, 2]] = 0


def _elements(x, backend):
    """A tensor that stores the elements of `x` that are not zero."""
    if backend == "jax":
        from jax.experimental.sparse import BCOO

        return BCOO.fromdense(x)
    import tensorflow as tf

    return tf.sparse.from_dense(x)


def _slices(x, backend):
    """A tensor that stores rows of `x`, one of them in two parts."""
    rows = np.flatnonzero(np.any(x != 0, 1))
    rows = np.append(rows, rows[0])
    values = x[rows].copy()
    values[0], values[-1] = values[0] * 0.25, values[-1] * 0.75
    if backend == "jax":
        from jax.experimental.sparse import BCOO

        return BCOO((values, rows[:, None]), shape=x.shape)
    import tensorflow as tf

    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant(x.shape))


def _is_sparse(x):
    return type(x).__name__ in ("BCOO", "SparseTensor", "IndexedSlices")


def _check(result, expected, sparse=None):
    if sparse is not None:
        assert _is_sparse(result) == sparse
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=2e-6, atol=1e-7)


KINDS = pytest.mark.parametrize(("make", "x"), [(_elements, A), (_slices, ROWS)])
STAYING = "absolute arcsin arctanh expm1 floor negative sign sin sqrt square tan tanh".split()


@KINDS
@pytest.mark.parametrize("name", STAYING)
def test_zeros_stay_zeros(name, make, x, backend):
    x = np.abs(x) if name == "sqrt" else x
    _check(getattr(ops, name)(make(x, backend)), getattr(np, name)(x), sparse=True)


@KINDS
@pytest.mark.parametrize("name", ["cos", "exp", "isfinite", "logical_not"])
def test_zeros_become_something(name, make, x, backend):
    _check(getattr(ops, name)(make(x, backend)), getattr(np, name)(x), sparse=False)


@KINDS
def test_two_tensors(make, x, backend):
    y = np.where(x == 0, B, 0) + np.float32(0.5) * x
    first, second = make(x, backend), make(y, backend)
    for name in ("add", "subtract", "maximum", "minimum", "multiply"):
        function = getattr(np, name)
        _check(getattr(ops, name)(first, second), function(x, y), sparse=True)
        stays = name == "multiply"
        _check(getattr(ops, name)(first, B), function(x, B), sparse=stays)
        _check(getattr(ops, name)(B, first), function(B, x), sparse=stays)
        _check(getattr(ops, name)(first, 2.0), function(x, 2), sparse=stays)
    _check(ops.multiply(first, B[0]), x * B[0], sparse=True)
    _check(ops.multiply(first, B[None]), x * B[None])
    with np.errstate(all="ignore"):
        _check(ops.divide(first, B), x / B, sparse=True)
        _check(ops.divide(B, first), B / x, sparse=False)
        _check(ops.divide(first, second), x / y, sparse=False)
    _check(ops.divide(first, 2), x / 2, sparse=True)


def test_elements_with_slices(backend):
    _check(ops.add(_elements(A, backend), _slices(ROWS, backend)), A + ROWS)


def test_shapes(backend):
    x = _elements(A, backend)
    _check(ops.reshape(x, (5, -1)), A.reshape(5, -1), sparse=True)
    _check(ops.transpose(x), A.T, sparse=True)
    _check(ops.expand_dims(x, 1), A[:, None], sparse=True)
    _check(ops.squeeze(ops.expand_dims(x, -1)), A, sparse=True)
    _check(ops.concatenate([x, x], 1), np.concatenate([A, A], 1), sparse=True)
    _check(ops.concatenate([x, B], -1), np.concatenate([A, B], -1), sparse=False)
    assert ops.shape(x) == (4, 5)
    assert ops.ndim(x) == 2
    assert ops.is_tensor(x)


@KINDS
def test_joined_with_dense_tensors(make, x, backend):
    sparse = make(x, backend)
    for axis in (0, 1, -1):
        _check(ops.concatenate([sparse, B], axis), np.concatenate([x, B], axis), sparse=False)
        _check(ops.concatenate([B, sparse], axis), np.concatenate([B, x], axis), sparse=False)


def test_taken_at_sparse_indices(backend):
    """What is not stored is index 0."""
    places = np.array([[0, -1, 0], [0, 0, 2]], np.int32)
    for axis in (None, 0, -1):
        _check(ops.take(A, _elements(places, backend), axis), np.take(A, places, axis))


@KINDS
def test_bins(make, x, backend):
    """Sparse where 0 lies in bin 0."""
    for bins, sparse in ([0.1, 0.5], True), ([-0.3, 0.0, 0.5], False):
        _check(ops.digitize(make(x, backend), np.array(bins)), np.digitize(x, bins), sparse)


NUMBERS = np.array([0, 1, 0, 3, 1, 0, 4], np.int32)
WEIGHTS = np.array([0, 2, 0, 5, 7, 0, 1], np.int32)


def test_counts(backend):
    """Of a sparse tensor what is stored is counted; the counts are sparse where anything is."""
    x, weights = _elements(NUMBERS, backend), _elements(WEIGHTS, backend)
    counted = np.bincount(NUMBERS[NUMBERS > 0], minlength=7)
    weighed = np.bincount(NUMBERS, WEIGHTS, 7)
    _check(ops.bincount(x, minlength=7), counted, sparse=True)
    _check(ops.bincount(x, weights, 7), weighed, sparse=True)
    _check(ops.bincount(x, WEIGHTS, 7), weighed, sparse=True)
    _check(ops.bincount(NUMBERS, weights, 7), weighed, sparse=True)
    _check(ops.bincount(NUMBERS, WEIGHTS, 7, sparse=True), weighed, sparse=True)
    rows = ops.reshape(x, (1, 7))
    _check(ops.bincount(rows, minlength=7), counted[None], sparse=True)
    _check(ops.bincount(rows, WEIGHTS[None]), weighed[None, :5], sparse=True)
    two = np.stack([NUMBERS, NUMBERS[::-1] * (NUMBERS > 1)])
    expected = [np.bincount(row[row > 0], minlength=5) for row in two]
    _check(ops.bincount(_elements(two, backend)), expected, sparse=True)
    symbolic = ops.bincount(KerasTensor((None, 7), "int32", sparse=True))
    assert (symbolic.shape, symbolic.sparse) == ((None, None), True)
    assert ops.bincount(KerasTensor((7,), "int32"), sparse=True).sparse


def test_counts_in_compiled_code(backend):
    x = _elements(NUMBERS, backend)
    if backend == "jax":
        import jax

        counts = jax.jit(lambda x: ops.bincount(x, minlength=6))(x)
    else:
        import tensorflow as tf

        counts = tf.function(lambda x: ops.bincount(x, minlength=6))(x)
    _check(counts, np.bincount(NUMBERS[NUMBERS > 0], minlength=6), sparse=True)


@pytest.mark.parametrize(
    ("axis", "keepdims"),
    [(None, False), (None, True), (0, False), (-1, True), ((0, 1), True), ((), False)],
)
def test_sums(axis, keepdims, backend):
    x = _elements(A, backend)
    _check(ops.sum(x, axis, keepdims), A.sum(axis, keepdims=keepdims))
    _check(ops.mean(x, axis, keepdims), A.mean(axis, keepdims=keepdims))
    _check(ops.mean(_slices(ROWS, backend), axis, keepdims), ROWS.mean(axis, keepdims=keepdims))
    _check(ops.max(x, axis, keepdims), A.max(axis, keepdims=keepdims), sparse=False)


def test_products(backend):
    x, y = _elements(A, backend), _elements(B.T, backend)
    _check(ops.matmul(x, B.T), A @ B.T, sparse=False)
    _check(ops.matmul(A, y), A @ B.T, sparse=False)
    _check(ops.matmul(x, y), A @ B.T, sparse=True)


def test_dtypes(backend):
    x = _elements(A, backend)
    assert ops.cast(x, "float16").dtype == ops.cast(A, "float16").dtype
    _check(ops.cast(x, "int32"), A.astype("int32"), sparse=True)
    _check(ops.convert_to_tensor(x, "float64"), A, sparse=True)
    whole = _elements(np.array([[0, 2], [3, 0]], np.int32), backend)
    _check(ops.add(whole, 1), [[1, 3], [4, 1]])
    _check(ops.multiply(whole, np.float32(0.5)), [[0, 1], [1.5, 0]], sparse=True)
    _check(ops.sin(whole), np.sin([[0, 2], [3, 0]]), sparse=True)


@pytest.mark.parametrize("unknown", [False, True])
def test_symbolic(unknown, backend):
    shape = (None if unknown else 4, 5)
    x, y = KerasTensor(shape, sparse=True), KerasTensor(shape)
    for result, sparse in [
        (ops.sin(x), True),
        (ops.cos(x), False),
        (ops.add(x, x), True),
        (ops.add(x, y), False),
        (ops.multiply(x, y), True),
        (ops.divide(x, 2), True),
        (ops.transpose(ops.transpose(x)), True),
    ]:
        assert (result.shape, result.sparse) == (shape, sparse)


def test_compiled(backend):
    """The same in compiled code, where the number of stored elements is fixed on JAX."""
    x, y = _elements(A, backend), _elements(B, backend)

    def function(x, y):
        return ops.add(ops.sin(x), ops.multiply(x, y)), ops.divide(ops.maximum(x, y), 2.0)

    if backend == "jax":
        import jax

        results = jax.jit(function)(x, y)
    else:
        import tensorflow as tf

        results = tf.function(function, autograph=False)(x, y)
    _check(results[0], np.sin(A) + A * B, sparse=True)
    _check(results[1], np.maximum(A, B) / 2, sparse=True)


def test_ragged(backend):
    """TensorFlow's alone; other backends have none."""
    if backend == "jax":
        return
    import tensorflow as tf

    x = tf.ragged.constant([[1.0, 4.0, 9.0], [], [16.0]])
    dense = np.array([[1, 4, 9], [0, 0, 0], [16, 0, 0]], np.float32)
    assert ops.shape(x) == (3, None)
    assert isinstance(ops.sqrt(x), tf.RaggedTensor)
    _check(ops.sqrt(x), np.sqrt(dense))
    _check(ops.exp(x), np.exp(dense))
    assert isinstance(ops.convert_to_tensor(x, "int32"), tf.RaggedTensor)
    assert isinstance(ops.convert_to_tensor(x, ragged=True), tf.RaggedTensor)
    _check(ops.convert_to_tensor(x, ragged=False), dense)
    indices = tf.ragged.constant([[2], [0, -1]])
    _check(ops.take(np.eye(3, dtype="float32"), indices, axis=0),
           [[[0, 0, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 1]]])  # fmt: skip
