"""Quantizers against NumPy, and against Keras where it has a formula of its own."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from keras import quantizers as theirs
from keras.saving import deserialize_keras_object

from isozoo import KerasTensor, ops, quantizers
from isozoo.framework.quantizers import parameters

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 5)).astype("float32")


def _array(x):
    return np.array(ops.convert_to_numpy(x))


def _few(cases, backend):
    """All cases, or on jax the first: each is a program more to compile there."""
    return cases[:1] if backend == "jax" else cases


def test_by_the_largest_magnitude(backend):
    for to_numpy in _few((False, True), backend):
        levels, scale = quantizers.AbsMaxQuantizer(axis=0)(X, to_numpy=to_numpy)
        wanted = 127 / (np.abs(X).max(0, keepdims=True) + 1e-7)
        np.testing.assert_allclose(_array(scale), wanted, rtol=2**-22)
        assert _array(levels).dtype == np.int8
        np.testing.assert_array_equal(_array(levels), np.round(X * wanted))
    levels, _ = quantizers.abs_max_quantize(X, (0, 1), value_range=(-8, 7))
    assert (_array(levels).min() >= -8) and (_array(levels).max() <= 7)
    config = quantizers.AbsMaxQuantizer(axis=-1, value_range=(-20, 20)).get_config()
    again = quantizers.deserialize(quantizers.serialize(quantizers.AbsMaxQuantizer(**config)))
    assert again.get_config() == config
    with pytest.raises(ValueError, match=r"within the interval \[-128, 127\]"):
        quantizers.AbsMaxQuantizer(value_range=(-200, 200))


def test_groups_of_rows_have_a_zero_point(backend):
    x = np.concatenate([X, np.full((6, 1), 2.5, "float32"), np.abs(X[:, :1]) + 1], 1)
    for block in _few((4, 2), backend):
        levels, scale, zero = (
            _array(v) for v in quantizers.abs_max_quantize_grouped_with_zero_point(x, block)
        )
        assert levels.dtype == zero.dtype == np.int8
        assert scale.shape == zero.shape == (-(-6 // block), 7)
        group = np.arange(6) // block
        floats = (levels.astype("float64") - zero[group]) * scale[group]
        # Half a step, and a half more where rounding the zero point cuts off an end of the range.
        assert (np.abs(floats - x) <= scale[group] * (1 + 1e-5)).all()
    if backend == "jax":
        return
    # With numbers of both signs in a group, the formula is Keras's.
    x = X * np.where(np.arange(6) % 2, -1, 1)[:, None] * np.sign(X)
    found = quantizers.abs_max_quantize_grouped_with_zero_point(x, 2, to_numpy=True)
    wanted = theirs.abs_max_quantize_grouped_with_zero_point(x, 2, to_numpy=True)
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(_array(have), np.array(want), rtol=2**-22)


def test_scales_and_zero_points(backend):
    def plain(rows, bits, symmetric):
        least, greatest = rows.min(-1).astype("float64"), rows.max(-1).astype("float64")
        if symmetric:
            greatest = np.maximum(np.abs(least), greatest)
            least = np.where(least < 0, -greatest, least)
        scale = (greatest - least) / (2**bits - 1)
        zero = np.full_like(scale, 2 ** (bits - 1)) if symmetric else np.round(-least / scale)
        return scale, zero

    for bits in _few((2, 8), backend):
        for symmetric in (False, True):
            scale, zero, top = quantizers.compute_quantization_parameters(
                X, bits=bits, symmetric=symmetric, per_channel=True
            )
            wanted = plain(X, bits, symmetric)
            np.testing.assert_allclose(_array(scale)[:, 0], wanted[0], rtol=2**-21)
            np.testing.assert_array_equal(_array(zero)[:, 0], wanted[1])
            assert float(top) == 2**bits - 1 and _array(zero).dtype == np.uint8
    scale, zero, top = quantizers.compute_quantization_parameters(
        X.T, bits=4, per_channel=True, group_size=2
    )
    assert tuple(scale.shape) == (5, 3)
    g_idx = np.arange(6) // 2
    levels = quantizers.quantize_with_sz_map(X.T, scale, zero, g_idx, top)
    floats = quantizers.dequantize_with_sz_map(levels, scale, zero, g_idx)
    pairs = X.reshape(3, 2, 5)
    inside = np.repeat(((pairs.min(1) <= 0) & (pairs.max(1) >= 0)).T, 2, 1)
    assert inside.any()
    step = np.repeat(_array(scale), 2, 1)
    assert (np.abs(_array(floats) - X.T) <= step * (1 + 1e-5))[inside].all()
    assert float(ops.max(parameters.quantize_with_zero_point(X, 0.0, 5.0, 15.0))) <= 15
    with pytest.raises(ValueError, match="cannot be empty"):
        quantizers.compute_quantization_parameters(np.zeros((2, 0), "float32"), bits=4)
    with pytest.raises(ValueError, match="rank of at least 2"):
        quantizers.compute_quantization_parameters(np.zeros(2, "float32"), bits=4)


def test_two_numbers_in_a_byte(backend):
    for dtype, low in (("int8", -8), ("uint8", 0)):
        numbers = np.random.default_rng(1).integers(low, low + 16, (3, 4, 5)).astype(dtype)
        for axis in _few((0, 1, -1), backend):
            packed, shape, size = quantizers.pack_int4(numbers, axis, dtype)
            want, _, _ = theirs.pack_int4(numbers, axis, dtype)
            np.testing.assert_array_equal(_array(packed), np.array(want))
            assert shape == tuple(packed.shape) and size == numbers.shape[axis]
            again = quantizers.unpack_int4(packed, size, axis, dtype)
            np.testing.assert_array_equal(_array(again), numbers)
    with pytest.raises(TypeError, match="Expected int8 tensor for packing"):
        quantizers.pack_int4(np.zeros(2, "float32"))
    with pytest.raises(ValueError, match="'int8' or 'uint8'"):
        quantizers.unpack_int4(np.zeros(2, "int8"), 2, dtype="int32")


def test_float8(backend):
    for dtype in _few(("float8_e4m3fn", "float8_e5m2"), backend):
        found = quantizers.quantize_and_dequantize(X * 300, 0.5, dtype, "float32")
        limit = float(ml_dtypes.finfo(dtype).max)
        wanted = np.clip(X * 600, -limit, limit).astype(dtype).astype("float32") / 2
        np.testing.assert_array_equal(_array(found), wanted)
    history = np.arange(4, dtype="float32")
    np.testing.assert_array_equal(
        _array(quantizers.compute_float8_amax_history(-9 * np.ones(3, "float32"), history)),
        [9, 2, 3, 0],
    )
    for amax, wanted in ((3.0, 3 / 448), (0.0, 4.0), (np.inf, 4.0)):
        found = quantizers.compute_float8_scale(amax, 4.0, 448.0)
        np.testing.assert_allclose(_array(found), wanted, rtol=2**-22)


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_fake_quantization_is_that_of_tensorflow(axis, backend):
    import tensorflow as tf

    low, high = np.float32([-1.3, -0.4, -2.2]), np.float32([0.9, 1.7, 0.3])
    low, high = (low[0], high[0]) if axis is None else (low, high)
    x = np.linspace(-2, 2, 12, dtype="float32").reshape(4, 3)
    x = x.T if axis == 0 else x
    turned = x.T if axis == 0 else x
    given = [tf.constant(v) for v in (turned, low, high)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        if axis is None:
            y = tf.quantization.fake_quant_with_min_max_vars(*given, 4)
        else:
            y = tf.quantization.fake_quant_with_min_max_vars_per_channel(*given, 4)
    wanted = [np.array(v) for v in (y, *tape.gradient(y, given))]
    if axis == 0:
        wanted = [v.T if v.ndim == 2 else v for v in wanted]

    def total(*given):
        return ops.sum(quantizers.fake_quant_with_min_max_vars(*given, num_bits=4, axis=axis))

    found = quantizers.fake_quant_with_min_max_vars(x, low, high, num_bits=4, axis=axis)
    gradients = () if backend == "numpy" else ops.grad(total, argnums=(0, 1, 2))(x, low, high)
    for have, want in zip((found, *gradients), wanted, strict=False):
        np.testing.assert_allclose(_array(have), want, rtol=2**-20, atol=2**-20)
    symbol = quantizers.fake_quant_with_min_max_vars(KerasTensor((None, 3)), low, high, axis=axis)
    assert symbol.shape == (None, 3)


def test_names_and_configs():
    assert quantizers.get(None) is None
    assert isinstance(quantizers.get("abs_max_quantizer"), quantizers.AbsMaxQuantizer)
    with pytest.raises(ValueError, match="typo"):
        quantizers.get("typo")
    weights = quantizers.AbsMaxQuantizer(axis=0, value_range=(-8, 7))
    for config in (
        quantizers.Int8QuantizationConfig(),
        quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(axis=0), None),
        quantizers.Int4QuantizationConfig(),
        quantizers.Int4QuantizationConfig(weights, quantizers.AbsMaxQuantizer(), None),
        quantizers.Float8QuantizationConfig(),
        quantizers.GPTQConfig(None, None, weight_bits=2, group_size=-1),
        quantizers.AWQConfig(None, None, num_grid_points=3),
    ):
        plain = quantizers.serialize(config)
        again = quantizers.deserialize(plain)
        assert type(again) is type(config) and quantizers.serialize(again) == plain
        assert deserialize_keras_object(plain).get_config().keys() == plain["config"].keys()
    for make, message in (
        (lambda: quantizers.Int4QuantizationConfig(block_size=0), "block_size must be"),
        (lambda: quantizers.Int4QuantizationConfig(weights), "sub-channel"),
        (lambda: quantizers.GPTQConfig(None, None, weight_bits=5), "Unsupported weight_bits"),
        (lambda: quantizers.AWQConfig(None, None, num_samples=0), "num_samples must be a positive"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
