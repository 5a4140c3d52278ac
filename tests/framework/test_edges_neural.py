"""Edges of neural-network ops: NaN, infinities, saturation, empty and extreme inputs."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops
from isozoo.framework import dtypes

from .test_ops import DIFFERENTIABLE

INF, NAN = np.inf, np.nan
differentiable = pytest.mark.parametrize("backend", DIFFERENTIABLE, indirect=True)


def _tensor(x, dtype="float32"):
    return ops.cast(ops.convert_to_tensor(np.asarray(x, "float64")), dtype)


def _close(result, expected, error=1e-6):
    have = ops.convert_to_numpy(result).astype(np.float64)
    assert have.shape == np.shape(expected)
    np.testing.assert_allclose(have, expected, rtol=error, atol=1e-7)


def _gradient(function, x):
    return ops.convert_to_numpy(ops.grad(lambda x: ops.sum(function(x)))(_tensor(x)))


ACTIVATIONS = (
    "celu elu gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid relu relu6 "
    "selu sigmoid silu soft_shrink softplus softsign sparse_plus sparse_sigmoid squareplus "
    "tanh_shrink"
).split()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_nan_goes_through(name, dtype, backend):
    y = ops.convert_to_numpy(getattr(ops, name)(_tensor([NAN] * 9, dtype)))
    assert np.isnan(y.astype(np.float32)).all()
    y = ops.convert_to_numpy(ops.threshold(_tensor([NAN]), 1.0, 5.0))
    assert np.isnan(y).all()


@pytest.mark.parametrize(("name", "low", "high"), [
    ("hard_sigmoid", 0, 1), ("hard_tanh", -1, 1), ("sparse_sigmoid", 0, 1), ("sigmoid", 0, 1),
    ("softplus", 0, INF), ("log_sigmoid", -INF, 0), ("relu6", 0, 6), ("elu", -1, INF),
    ("celu", -1, INF), ("selu", -1.7580993408473766, INF), ("sparse_plus", 0, INF),
    ("soft_shrink", -INF, INF), ("hard_shrink", -INF, INF),
])  # fmt: skip
def test_infinities(name, low, high, backend):
    _close(getattr(ops, name)(_tensor([-INF, INF])), [low, high])


def test_far_from_zero(backend):
    """No overflow, and no cancellation."""
    _close(ops.softplus(_tensor([-200.0, 200.0])), [0, 200])
    _close(ops.log_sigmoid(_tensor([-200.0, 200.0])), [-200, 0])
    x = np.array([-1e4, 1e4])
    _close(ops.squareplus(_tensor(x)) / 1e-4, [1.0, 1e8])
    _close(ops.squareplus(_tensor([300.0], "float16")), [300.0])
    _close(ops.softmax(_tensor([1e30, 0, -1e30])), [1, 0, 0])
    _close(ops.softmax(_tensor([-INF, 0, 0])), [0, 0.5, 0.5])
    _close(ops.softmax(_tensor(np.zeros((1, 2, 1, 1, 2, 4)))), np.full((1, 2, 1, 1, 2, 4), 0.25))
    _close(ops.log_softmax(_tensor([-INF, 0, 0])), [-INF, -np.log(2), -np.log(2)])
    _close(ops.sparsemax(_tensor([1e4, 1.0, -1e4])), [1, 0, 0])
    _close(ops.sparsemax(_tensor([2.0, 2.0, 2.0, 2.0])), [0.25] * 4)


@differentiable
@pytest.mark.parametrize("name", [*ACTIVATIONS, "softmax", "log_softmax", "sparsemax"])
def test_gradients_are_finite(name, backend):
    x = np.array([-1e4, -100, -1, 0, 1, 100, 1e4])
    assert np.isfinite(_gradient(getattr(ops, name), x)).all()


# Losses -----------------------------------------------------------------------------------------

SURE = -np.log1p(-1e-7)


def test_crossentropy_of_certainty(backend):
    """Probabilities are clipped by epsilon, in half precision too."""
    for dtype in ("float32", "float16", "bfloat16"):
        x = _tensor([0, 1, 0, 1], dtype)
        loss = ops.binary_crossentropy(_tensor([0, 1, 1, 0]), x)
        assert dtypes.standardize(loss.dtype) == dtype
        have = ops.convert_to_numpy(loss).astype(np.float64)
        np.testing.assert_allclose(have, [0, 0, 16.118, 16.118], rtol=2e-2, atol=1e-6)
    loss = ops.sparse_categorical_crossentropy([1, 0], _tensor([[0, 1], [0, 1]]))
    _close(loss, [SURE, -np.log(1e-7)], 1e-2)


def test_crossentropy_of_logits_far_away(backend):
    x, t = _tensor([-200, 200, -200, 200, 20]), _tensor([0, 1, 1, 0, 1])
    _close(ops.binary_crossentropy(t, x, from_logits=True), [0, 0, 200, 200, 2.0611536e-09])


@differentiable
def test_gradients_of_crossentropy(backend):
    t = np.array([0, 1, 1, 0, 1, 0, 0.25])
    x = np.array([0, 0, -200, 200, 200, -200, 0])
    loss = lambda x: ops.binary_crossentropy(_tensor(t), x, from_logits=True)  # noqa: E731
    np.testing.assert_allclose(_gradient(loss, x), [0.5, -0.5, -1, 1, 0, 0, 0.25], atol=1e-6)
    loss = lambda x: ops.binary_crossentropy(_tensor([1, 0]), x)  # noqa: E731
    assert np.isfinite(_gradient(loss, [0, 1])).all()
    loss = lambda x: ops.categorical_crossentropy(_tensor([[1, 0]]), x)  # noqa: E731
    assert np.isfinite(_gradient(loss, [[0, 1]])).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float32"])
def test_classes_that_do_not_exist_cost_nothing(dtype, backend):
    x = np.log([[0.5, 0.25, 0.25]] * 3)
    t = _tensor([[0], [2], [3]], dtype)
    _close(ops.sparse_categorical_crossentropy(t, _tensor(x), True), -np.log([0.5, 0.25, 1]))
    if dtype != "uint8":
        _close(ops.sparse_categorical_crossentropy(_tensor([-1, 0, 1], dtype), _tensor(x), True),
               -np.log([1, 0.5, 0.25]))  # fmt: skip


def test_losses_of_nothing(backend):
    x = np.zeros((0, 3), np.float32)
    assert ops.categorical_crossentropy(x, x).shape == (0,)
    assert ops.binary_crossentropy(x, x).shape == (0, 3)
    assert ops.sparse_categorical_crossentropy(np.zeros(0, np.int32), x).shape == (0,)


# CTC --------------------------------------------------------------------------------------------

LOGITS = np.random.default_rng(2).standard_normal((4, 4, 3)).astype(np.float32)


def test_ctc_without_an_alignment(backend):
    """More labels than steps, or equal labels with no step for a blank: infinite; else finite."""
    target = np.array([[1, 1, 1], [1, 2, 1], [1, 1, -9], [7, 7, 7]], np.int32)
    loss = ops.convert_to_numpy(ops.ctc_loss(target, LOGITS, [3, 3, 2, 0], [4, 2, 3, 4]))
    assert np.isinf(loss).tolist() == [True, True, False, False]
    logs = LOGITS - np.logaddexp.reduce(LOGITS, -1, keepdims=True)
    np.testing.assert_allclose(loss[2], -(logs[2, 0, 1] + logs[2, 1, 0] + logs[2, 2, 1]), rtol=1e-5)
    np.testing.assert_allclose(loss[3], -logs[3, :, 0].sum(), rtol=1e-6)


@differentiable
def test_ctc_gradients_are_finite(backend):
    target = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 0], [0, 0, 0]], np.int32)
    loss = lambda x: ops.ctc_loss(target, x, [3, 3, 2, 0], [4, 2, 4, 4])  # noqa: E731
    gradient = _gradient(loss, LOGITS)
    assert np.isfinite(gradient).all()
    assert (gradient[:2] == 0).all()
    assert (np.abs(gradient[2:]).sum((1, 2)) > 0.1).all()
    wide = ops.grad(lambda x: ops.sum(loss(x)))(ops.convert_to_tensor(LOGITS.astype("float64")))
    wide = ops.convert_to_numpy(wide)
    assert wide.dtype == np.float64
    np.testing.assert_allclose(gradient, wide, atol=1e-5)
    loss = lambda x: ops.ctc_loss(target[2:], x, [2, 0], [4, 4])  # noqa: E731
    assert np.isfinite(_gradient(loss, LOGITS[2:] * 1000)).all()


def test_ctc_decode_ties_and_ends(backend):
    x = np.zeros((3, 4, 3), np.float32)
    x[0, :, 1], x[1, 0, 2], x[2, :, 0] = 3, 1, 9
    labels, scores = ops.ctc_decode(x, np.array([4, 1, 4]))
    assert ops.convert_to_numpy(labels).tolist() == [[[1, -1, -1, -1], [2] + [-1] * 3, [-1] * 4]]
    _close(scores, [[-12], [-1], [-36]])
    labels, _ = ops.ctc_decode(x, [4, 4, 0], merge_repeated=False)
    assert ops.convert_to_numpy(labels).tolist() == [[[1] * 4, [2] + [-1] * 3, [-1] * 4]]
    labels, scores = ops.ctc_decode(x, [2, 0, 1], "beam_search", 3, 2)
    assert ops.convert_to_numpy(labels).tolist() == [
        [[1, -1, -1, -1], [-1] * 4, [-1] * 4],
        [[1, 2, -1, -1], [-1] * 4, [1, -1, -1, -1]],
    ]
    assert ops.convert_to_numpy(scores)[1].tolist() == [0.0, -INF]


def test_ctc_mask_index_from_the_end(backend):
    x = np.roll(LOGITS, -1, -1)
    for strategy in ("greedy", "beam_search"):
        first, scores = ops.ctc_decode(LOGITS, [4] * 4, strategy, 9)
        last, others = ops.ctc_decode(x, [4] * 4, strategy, 9, mask_index=None)
        first, last = ops.convert_to_numpy(first), ops.convert_to_numpy(last)
        assert (np.where(first > 0, first - 1, first) == last).all()
        np.testing.assert_allclose(*map(ops.convert_to_numpy, (scores, others)), rtol=1e-5)


# Normalization ----------------------------------------------------------------------------------


def test_statistics_of_half_precision(backend):
    x = np.array([[300.0, 301, 302, 303] * 64])
    mean, variance = ops.moments(_tensor(x, "float16"), -1)
    _close(mean, [301.5], 1e-3)
    _close(variance, [1.25], 1e-3)
    wide = np.array([6e4, -6e4])
    assert ops.convert_to_numpy(ops.moments(_tensor(wide, "float16"), 0)[1]) == 65504
    for op in (ops.layer_normalization, ops.rms_normalization, ops.normalize):
        half = ops.convert_to_numpy(op(_tensor(x, "float16"))).astype(float)
        np.testing.assert_allclose(half, ops.convert_to_numpy(op(_tensor(x))), rtol=2e-3)


def test_far_from_zero_the_variance_is_exact(backend):
    x = np.array([1e4 + 1, 1e4 + 2, 1e4 + 3])
    _close(ops.moments(_tensor(x), [0])[1], 2 / 3)


@differentiable
@pytest.mark.parametrize("order", [1, 2, 3])
def test_normalize_zeros(order, backend):
    _close(ops.normalize(_tensor([0, 0]), order=order), [0, 0])
    assert np.isfinite(_gradient(lambda x: ops.normalize(x, order=order), [0, 0])).all()


def test_normalization_of_a_number(backend):
    _close(ops.normalize(3.0), [1])
    _close(ops.rms_normalization(np.float32(3.0)), [1])


def test_vectors_that_broadcast(backend):
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    scale = np.arange(1, 4, dtype=np.float32)
    have = ops.layer_normalization(x, scale.reshape(1, 3, 1), axis=1)
    _close(have, ops.convert_to_numpy(ops.layer_normalization(x, scale, axis=1)))
    plain = ops.convert_to_numpy(ops.rms_normalization(x, axis=(1, 2)))
    _close(ops.rms_normalization(x, np.float32(2), axis=(1, 2)), plain * 2)


def test_variance_scaling(backend):
    x = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    have = ops.layer_normalization(x, epsilon=0.5, rms_scaling=True)
    _close(have, x / np.sqrt(x.astype(float).var(-1, keepdims=True) + 0.5))


def test_psnr_of_equal_signals(backend):
    assert ops.convert_to_numpy(ops.psnr(_tensor([1, 2]), _tensor([1, 2]), 1)) == INF


# Encodings --------------------------------------------------------------------------------------


def test_one_hot_beyond_the_dtype_of_the_classes(backend):
    for dtype in ("int8", "uint8", "int16", "float32"):
        hot = ops.convert_to_numpy(ops.one_hot(_tensor([0, 44, -1 if dtype != "uint8" else 99],
                                                       dtype), 300))  # fmt: skip
        assert hot.shape == (3, 300)
        assert hot.sum() == (3 if dtype == "uint8" else 2)
        assert hot[1, 44] == 1


def test_multi_hot_drops_an_axis(backend):
    x = np.array([[[0], [2], [2]]])
    assert ops.convert_to_numpy(ops.multi_hot(x, 4)).tolist() == [[[1, 0, 1, 0]]]
    assert ops.multi_hot(x, 4, axis=1).shape == (1, 3, 1)
    assert ops.multi_hot(x, 4, axis=2).shape == (1, 4, 1)
    assert ops.convert_to_numpy(ops.multi_hot([1, 3], num_tokens=4)).tolist() == [0, 1, 0, 1]
    assert dtypes.standardize(ops.multi_hot([1], 3, dtype="bool").dtype) == "bool"


@pytest.mark.parametrize(("dtype", "axis"), [(None, -1), ("int8", 1), ("bool", 0)])
def test_sparse_one_hot(dtype, axis, backend):
    x = np.array([[0, 2, 2, -1], [3, 3, 1, 4]])
    calls = {ops.one_hot: (x, 4, axis), ops.multi_hot: (x, 4, -1)}
    for op, given in calls.items():
        dense = ops.convert_to_numpy(op(*given, dtype))
        if backend not in ("jax", "tensorflow"):
            with pytest.raises(ops.InvalidArgumentError, match="sparse"):
                op(*given, dtype, True)
            continue
        result = op(*given, dtype, True)
        assert type(result).__name__ in ("BCOO", "SparseTensor")
        have = ops.convert_to_numpy(result)
        assert have.dtype == dense.dtype
        np.testing.assert_array_equal(have, dense)


def test_polar_in_double(backend):
    z = ops.polar(_tensor([2.0], "float64"), _tensor([np.pi / 2], "float64"))
    assert dtypes.standardize(z.dtype) == "complex128"
    np.testing.assert_allclose(ops.convert_to_numpy(z), [2j], atol=1e-15)


# Windows ----------------------------------------------------------------------------------------


def test_windows_of_no_images(backend):
    x, k = np.zeros((0, 5, 5, 2), np.float32), np.ones((3, 3, 2, 4), np.float32)
    assert ops.conv(x, k).shape == (0, 3, 3, 4)
    assert ops.max_pool(x, 2).shape == (0, 2, 2, 2)
    assert ops.adaptive_average_pool(x, 2).shape == (0, 2, 2, 2)
    assert ops.conv_transpose(x, np.swapaxes(k, 2, 3), 2).shape == (0, 11, 11, 4)
    assert ops.space_to_depth(x[:, :4, :4], 2).shape == (0, 2, 2, 8)


def test_padding_of_pools_never_wins(backend):
    x = np.full((1, 3, 1), -3e38, np.float32)
    _close(ops.max_pool(x, 2, 1, "same"), x)
    _close(ops.max_pool(x, 2, 3, ((1, 0),)), x[:, :1])
    _close(ops.average_pool(np.ones((1, 3, 3, 1), np.float32), 2, 2, "same"), np.ones((1, 2, 2, 1)))


def test_average_of_integers(backend):
    x = np.arange(4, dtype=np.int32).reshape(1, 4, 1)
    _close(ops.average_pool(x, 2), [[[0.5], [2.5]]])
    _close(ops.adaptive_average_pool(x, 3), [[[0.5], [1.5], [2.5]]])


def test_nan_stays_in_its_window(backend):
    x = np.array([[[0], [1], [NAN], [3], [4]]], np.float32)
    have = ops.convert_to_numpy(ops.adaptive_average_pool(x, 3))[0, :, 0]
    np.testing.assert_array_equal(have, [0.5, NAN, 3.5])
    have = ops.convert_to_numpy(ops.adaptive_max_pool(x, 3))[0, :, 0]
    np.testing.assert_array_equal(have, [1, NAN, 4])


# Attention --------------------------------------------------------------------------------------


def test_attention_in_mixed_precision(backend):
    """The common dtype; half precision of large scores stays finite."""
    q = np.full((1, 2, 1, 4), 100.0, np.float16)
    y = ops.dot_product_attention(q, q, _tensor(np.ones((1, 2, 1, 4)), "float32"))
    assert dtypes.standardize(y.dtype) == "float32"
    y = ops.dot_product_attention(*map(ops.convert_to_tensor, (q, q, q)))
    assert dtypes.standardize(y.dtype) == "float16"
    _close(y, q)


def test_flash_attention_where_there_is_none(backend):
    x = ops.ones((1, 2, 1, 4))
    if backend == "torch":
        _close(ops.dot_product_attention(x, x, x, flash_attention=True), np.ones((1, 2, 1, 4)))
        return
    with pytest.raises(ops.InvalidArgumentError, match="flash_attention"):
        ops.dot_product_attention(x, x, x, flash_attention=True)
