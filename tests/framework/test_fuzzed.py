"""What scripts/fuzz_ops.py found, a small test for each kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isozoo import Input, ops, random, use_backend
from isozoo.scripts.references import image

from .test_edges_wide import _compiled

COMPILED = ("jax", "torch", "tensorflow")
differentiable = pytest.mark.parametrize("backend", COMPILED, indirect=True)


def _slope(function, x):
    made = ops.grad(lambda x: ops.sum(function(x)))(ops.convert_to_tensor(x))
    return ops.convert_to_numpy(made)


@differentiable
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("elu", 1.0),
        ("celu", 1.0),
        ("selu", 1.0507009873554805 * 1.6732632423543772),
        ("squareplus", 0.5),
        ("absolute", 0.0),
        ("silu", 0.5),
        ("softplus", 0.5),
        ("softsign", 1.0),
    ],
)
def test_slopes_at_zero(name, slope, dtype, backend):
    found = _slope(getattr(ops, name), np.zeros(1, dtype))
    np.testing.assert_allclose(found, [slope], rtol=1e-6)


@differentiable
def test_slopes_of_products_with_zeros(backend):
    """d(x1 + x1 x2 + x1 x2 x3 + …) by each, with one and two zeros among them."""
    for x in ([1.0, 0.0, 2.0, 3.0], [0.0, 2.0, 0.0, 3.0]):
        x = np.array(x, np.float32)
        wanted = [
            sum(np.prod(np.delete(x[: j + 1], i)) for j in range(i, len(x))) for i in range(len(x))
        ]
        np.testing.assert_allclose(_slope(lambda x: ops.cumprod(x, 0), x), wanted, rtol=1e-6)


@differentiable
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_slopes_of_determinants_are_cofactors(dtype, backend):
    x = np.array([[1, 2, 3], [2, 4, 6], [1, 0, 1]], dtype)  # the first two rows are parallel
    x = x * (1 + 0.5j) if dtype == "complex128" else x
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(x, i, 0), j, 1))  # noqa: E731
    cofactors = np.array([[(-1) ** (i + j) * minor(i, j) for j in range(3)] for i in range(3)])
    found = _slope(lambda x: ops.real(ops.det(x)), x)
    np.testing.assert_allclose(found, cofactors.conj(), atol=1e-12)


def test_shifts_by_negative_numbers_move_all_bits_out(backend):
    x, by = np.array([-20, 7], np.int32), np.array([-3, -1], np.int32)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.left_shift(x, by)), [0, 0])
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.right_shift(x, by)), [-1, 0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_unsigned_segments_without_rows(dtype, backend):
    most = np.iinfo(dtype).max
    data, ids = np.array([5, most - 1, 7], dtype), np.array([1, 1, 1], np.int32)
    found = [ops.convert_to_numpy(f(data, ids, 3)) for f in (ops.segment_max, ops.segment_min)]
    np.testing.assert_array_equal(found, np.array([[0, most - 1, 0], [most, 5, most]], dtype))


def test_scatter_add_casts_the_updates(backend):
    made = ops.scatter_add(np.zeros(3, np.float32), [[0], [2], [0]], np.array([1, 2, 3], np.uint64))
    np.testing.assert_array_equal(ops.convert_to_numpy(made), np.array([4, 0, 2], np.float32))


def test_powers_of_two_in_half_precision(backend):
    x = ops.cast(np.array([60.0, -20.0]), "bfloat16")
    found = ops.convert_to_numpy(ops.cast(ops.exp2(x), "float32"))
    np.testing.assert_array_equal(found, np.array([2.0**60, 2.0**-20], np.float32))


def test_powers_of_two_far_from_zero(backend):
    x = np.array([71.6, -71.6, 127.3, -120.9, 0.5, 200.0, -200.0, np.inf], np.float32)
    with np.errstate(over="ignore"):
        wanted = np.exp2(x.astype("float64")).astype("float32")
    found = ops.convert_to_numpy(ops.exp2(x))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_infinite_parts_of_complex_sums(backend):
    x = np.array([0.1 + 1j, complex(np.inf, 2)])
    y = np.array([complex(-0.4, np.inf), 3j])
    for function in (np.add, np.subtract):
        found = ops.convert_to_numpy(getattr(ops, function.__name__)(x, y))
        np.testing.assert_array_equal(found, function(x, y))


def test_softmax_of_nothing(backend):
    assert tuple(ops.softmax(np.zeros((2, 0), np.float32)).shape) == (2, 0)
    assert tuple(ops.softmax(np.zeros((0, 3), np.float32), 0).shape) == (0, 3)


def test_batch_normalization_of_vectors(backend):
    x, one = np.array([1.0, 3.0], np.float32), np.ones(2, np.float32)
    found = ops.batch_normalization(x, 2 * one, 4 * one, 0, epsilon=0.0)
    np.testing.assert_allclose(ops.convert_to_numpy(found), [-0.5, 0.5])


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pools_of_volumes_in_float64(kind, backend):
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 5, 2))
    pool = {"max": ops.max_pool, "average": ops.average_pool}[kind]
    found = ops.convert_to_numpy(pool(ops.convert_to_tensor(x), 2, 1, "valid"))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2, 2), (1, 2, 3))
    join = {"max": np.max, "average": np.mean}[kind]
    np.testing.assert_allclose(found, join(windows, (-3, -2, -1)), rtol=1e-12)


INTEGERS = ["int8", "int64", "uint16", "uint64"]


@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_divisors_and_rests_at_the_ends_of_the_integers(way, backend):
    functions = (ops.gcd, ops.lcm, ops.floor_divide, ops.mod, ops.fmod)
    pairs = {}
    for dtype in INTEGERS:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        ends = [low, low + 1, low // 2, 0, 1, 6, high // 2 + 1, high - 1, high, -1 if low else 2]
        pairs[dtype] = np.array(list(itertools.product(ends, ends)), dtype).T

    def run(*numbers):
        halves = zip(numbers[::2], numbers[1::2], strict=True)
        return [[f(x, y) for f in functions] for x, y in halves]

    numbers = [ops.convert_to_tensor(x) for pair in pairs.values() for x in pair]
    made = (run if way == "eager" else _compiled(run, backend))(*numbers)
    for (dtype, (x, y)), found in zip(pairs.items(), made, strict=True):
        for function, z in zip(functions, found, strict=True):
            with np.errstate(all="ignore"):
                wanted = getattr(np, function.__name__)(x, y)
            message = f"{function.__name__} of {dtype}"
            np.testing.assert_array_equal(ops.convert_to_numpy(z), wanted, message)


def test_complex_numbers_are_true_where_a_part_is_not_zero(backend):
    x = np.array([0, 1j, 2, -3j], np.complex64)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.cast(x, "bool")), x != 0)
    assert not bool(ops.all(x)) and bool(ops.all(x[1:]))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_indices_narrower_than_the_axis_is_long(dtype, backend):
    x = np.arange(200 if dtype != "int16" else 40_000)
    at = np.array([1, 100] if dtype == "uint8" else [-1, 100, -128], dtype)
    for found in (ops.take(x, at, 0), ops.take_along_axis(x, at, 0)):
        np.testing.assert_array_equal(ops.convert_to_numpy(found), x[at])
    placed = ops.convert_to_numpy(ops.scatter_update(x, at[:, None], 0 * at))
    np.testing.assert_array_equal(np.flatnonzero(placed != x), np.sort(x[at]))


def test_products_of_summed_integers(backend):
    x, y = np.arange(3, dtype=np.int32)[None], np.arange(9, dtype=np.int32).reshape(3, 3) - 5
    found = ops.einsum("ij,jk->", x, y)
    assert ops.convert_to_numpy(found) == np.einsum("ij,jk->", x, y)


@differentiable
def test_slopes_of_lengths_at_the_origin(backend):
    assert -1 <= _slope(lambda x: ops.hypot(x, np.zeros(1)), np.zeros(1)) <= 1
    found = _slope(lambda x: ops.hypot(x, np.array([4.0])), np.array([3.0]))
    np.testing.assert_allclose(found, [0.6], rtol=1e-12)


@differentiable
def test_slopes_of_dilated_transposed_convolutions(backend):
    x, kernel = np.array([[[1.0], [2.0], [3.0]]]), np.array([[[1.0], [5.0]], [[2.0], [7.0]]])
    found = _slope(lambda k: ops.conv_transpose(x, k, 1, "valid", dilation_rate=2), kernel)
    np.testing.assert_allclose(found, np.full((2, 2, 1), 6.0))


@differentiable
@pytest.mark.parametrize("dilation", [1, 2])
def test_slopes_of_convolutions_in_float64(dilation, backend):
    """Of kernels with several channels on both sides: what each tap sees, summed."""
    x = np.arange(24.0).reshape(1, 3, 4, 2)
    found = _slope(lambda k: ops.conv(x, k, 1, "valid", None, dilation), np.ones((1, 2, 2, 2)))
    seen = [x[:, :, : 4 - dilation].sum((0, 1, 2)), x[:, :, dilation:].sum((0, 1, 2))]
    np.testing.assert_allclose(found, np.stack([seen, seen], -1)[None])


@pytest.mark.parametrize("size", [0, 2])
def test_eigenvalues_of_hermitian_matrices_are_real(size, backend):
    x = np.array([[2, 1j], [-1j, 2]], np.complex64)[:size, :size]
    values = ops.eigh(x)[0]
    assert ops.dtype(values) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(values), [1, 3][:size], rtol=1e-5)


def test_constants_of_images_in_float64(backend):
    """To 1e-12, far below what is left of a constant that was read in 32 bits."""
    draws = np.random.default_rng(6)
    x, y = draws.uniform(size=(2, 4, 5, 3))
    for found, wanted in (
        (ops.image.ssim(x, y, 0.3, 3), image.ssim(x, y, 0.3, 3)),
        (ops.image.rgb_to_hsv(x), image.rgb_to_hsv(x)),
    ):
        np.testing.assert_allclose(ops.convert_to_numpy(found), wanted, rtol=1e-12)


# Graphs that know no size ------------------------------------------------------------------------


def _open(function, *arrays):
    """The function's results, by a TensorFlow graph that knows no size, as NumPy arrays."""
    import tensorflow as tf

    with use_backend("tensorflow"):
        signature = [tf.TensorSpec([None] * x.ndim, x.dtype) for x in arrays]
        made = tf.function(function, input_signature=signature, autograph=False)(*arrays)
    return [x.numpy() for x in tf.nest.flatten(made)]


def test_open_graphs():
    random_numbers = np.random.default_rng(1)
    x, at = random_numbers.normal(size=(5, 3, 7)), np.array([[2.0, 2.0], [1.0, 6.0]])
    for found, wanted in (
        (_open(lambda x: ops.array_split(x, 3, 0), x), np.array_split(x, 3, 0)),
        (_open(lambda x: ops.split(x, [2, 4], 0), x), np.split(x, [2, 4], 0)),
        (_open(lambda x: ops.dsplit(x, [1, 5]), x), np.dsplit(x, [1, 5])),
        (_open(ops.pinv, x), [np.linalg.pinv(x)]),
        (_open(ops.matrix_rank, x), [np.linalg.matrix_rank(x)]),
        (_open(lambda x: ops.unique(x, axis=1), x // 2), [np.unique(x // 2, axis=1)]),
        (_open(lambda x: ops.unique(x, return_counts=True), x[:0]), np.zeros((2, 0))),
        (_open(lambda x: ops.unique(x, axis=0), x[:0]), [x[:0]]),
        (_open(ops.view_as_complex, x[..., :2]), [x[..., 0] + 1j * x[..., 1]]),
        (_open(lambda x, at: ops.image.map_coordinates(x, at, 1), x[0], at), [x[0][2, [1, 6]]]),
        (_open(lambda x: ops.diagonal(x, 4), x), [x.diagonal(4)]),
        (_open(lambda x: ops.diagonal(x, -1, 1, 2), x), [x.diagonal(-1, 1, 2)]),
    ):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)])
def test_open_graphs_of_lu_factors(shape):
    import scipy.linalg

    x = np.random.default_rng(2).normal(size=shape)
    factors, pivots = _open(ops.lu_factor, x)
    wanted = scipy.linalg.lu_factor(x)
    np.testing.assert_allclose(factors, wanted[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(pivots, wanted[1])


@pytest.mark.parametrize("heads", [4, 2])
def test_open_graphs_of_attention(heads):
    draws = np.random.default_rng(3)
    q = draws.normal(size=(2, 5, 4, 8)).astype(np.float32)
    k, v = (draws.normal(size=(2, 6, heads, 8)).astype(np.float32) for _ in range(2))
    (found,) = _open(ops.dot_product_attention, q, k, v)
    k, v = (np.repeat(a, 4 // heads, 2) for a in (k, v))
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(8)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    np.testing.assert_allclose(found, np.einsum("bhqk,bkhd->bqhd", shares, v), rtol=1e-4, atol=1e-5)


def test_numbers_in_graphs_have_the_dtype_beside_them():
    logits = np.random.default_rng(4).normal(size=(1, 4, 3))

    def slope(x):
        lengths = np.array([2], np.int32), np.array([4], np.int32)
        loss = lambda x: ops.sum(ops.ctc_loss(np.array([[1, 2]]), x, *lengths, 0))  # noqa: E731
        return ops.grad(loss)(x)

    (found,) = _open(slope, logits)
    assert found.dtype == np.float64 and np.isfinite(found).all() and np.abs(found).sum() > 0


# torch.compile ------------------------------------------------------------------------------------


def _by_torch(function, *arrays):
    import torch

    torch.compiler.reset()
    with use_backend("torch"):
        tensors = [ops.convert_to_tensor(x) for x in arrays]
        made = torch.compile(function, backend="aot_eager", fullgraph=True)(*tensors)
        eager = function(*tensors)
        return ops.convert_to_numpy(made), ops.convert_to_numpy(eager)


def test_compiled_by_torch():
    draws = np.random.default_rng(5)
    x = draws.normal(size=(3, 2)) + 1j * draws.normal(size=(3, 2))
    for function, arrays in (
        (lambda x: x + ops.ones((3, 2), "complex128"), [x]),  # made of no tensor
        (lambda x: random.gamma((3, 2), 2.5, seed=3) + ops.real(x), [x]),
        (lambda x: ops.rearrange(x, "(a b) c -> a (b c)", b=3), [x]),
        (ops.pinv, [x]),
        (ops.det, [x[:2]]),
        (lambda x: ops.adaptive_max_pool(x, 3), [np.arange(20, dtype=np.int8).reshape(2, 5, 2)]),
    ):
        found, wanted = _by_torch(function, *arrays)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


# Symbolic calls -----------------------------------------------------------------------------------


def test_unknown_sizes_beside_arrays(backend):
    """An unknown size fits what it meets; where it decides the result, that is unknown, too."""
    rows = Input(batch_shape=(None, None))
    assert ops.add(rows, np.ones((4, 6))).shape == (4, 6)
    assert ops.segment_sum(rows, np.array([0, 1]), 5).shape == (5, None)
    ids = Input(batch_shape=(None,), dtype="int32")
    assert ops.segment_max(np.ones((3, 2)), ids, 5).shape == (5, 2)
    kernel = Input(batch_shape=(None, 1, 2, 1))
    found = ops.depthwise_conv(Input(batch_shape=(2, 4, 4, 2)), kernel)
    assert found.shape == (2, None, 4, 2)
    columns = Input(batch_shape=(1, None, None))
    assert ops.fold(columns, 3, 2, dilation=2, padding=1, stride=1).shape == (1, None, 3, 3)
    values = ops.svd(Input(batch_shape=(3, None)), compute_uv=False)
    assert values.shape == ops.qr(Input(batch_shape=(None, 3)))[1].shape[:1] == (None,)
    images, map_ = Input(batch_shape=(None, 3, None)), Input(batch_shape=(None,))
    assert ops.image.affine_transform(images, map_).shape == (None, 3, None)


def test_large_numbers_do_not_overflow_on_the_way(backend):
    x = np.array([1.8e19, 3e38, -3e38, 0.0], np.float32)  # whose squares are beyond float32
    found = ops.convert_to_numpy(ops.squareplus(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, [1.8e19, 3e38, 0.0, 1.0], rtol=1e-6, atol=1e-30)


def test_a_scalar_keeps_its_shape(backend):
    found = ops.convert_to_numpy(ops.signbit(ops.convert_to_tensor(np.float32(-1.5))))
    assert found.shape == () and found


def test_nothing_to_take_a_softmax_of(backend):
    x = ops.convert_to_tensor(np.zeros((2, 0, 0), np.float32))
    assert tuple(ops.log_softmax(x, axis=1).shape) == (2, 0, 0)
    empty = ops.convert_to_tensor(np.zeros((0, 3), np.float32))
    none = ops.convert_to_tensor(np.zeros(0, np.float32))
    assert tuple(ops.batch_normalization(empty, none, none, 0).shape) == (0, 3)


def test_nan_is_found_behind_all_numbers(backend):
    line, x = (ops.cast(np.array(v, np.float32), "bfloat16") for v in ([-7.0, -1.0], [np.nan, -7]))
    found = ops.convert_to_numpy(ops.searchsorted(line, x, side="right"))
    np.testing.assert_array_equal(found, [2, 1])


@pytest.mark.parametrize(("length", "stride"), [(6, 1), (2, 9)])
def test_the_number_of_windows_stays_unknown(length, stride, backend):
    made = ops.extract_sequences(Input(batch_shape=(3, None)), length, stride)
    assert tuple(made.shape) == (3, None, length)
