"""64-bit tensors and compiled programs, where frameworks narrow numbers or lose sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isozoo import KerasTensor, ops

X = np.array([0.3, 1.7, -2.1])
OPS = "add subtract multiply divide floor_divide mod maximum minimum".split()
COMPARED = "equal not_equal less less_equal greater greater_equal".split()


def _compiled(function, backend):
    """`function` as a program of the backend, compiled where it compiles."""
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if backend == "torch":
        import torch

        torch.compiler.reset()
        return torch.compile(function, fullgraph=True, backend="eager")
    return function


def _close(result, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize("name", OPS)
def test_numbers_are_doubles_beside_float64(name, backend):
    """0.1 is the double, also where the framework takes Python numbers for float32."""
    x, function = ops.convert_to_tensor(X), getattr(np, name)
    _close(getattr(ops, name)(x, 0.1), function(X, 0.1))
    _close(getattr(ops, name)(0.1, x), function(0.1, X))


@pytest.mark.parametrize("name", COMPARED)
def test_numbers_are_compared_as_doubles(name, backend):
    x = ops.convert_to_tensor(np.array([0.1, np.float32(0.1)], np.float64))
    expected = getattr(np, name)([0.1, float(np.float32(0.1))], 0.1)
    np.testing.assert_array_equal(ops.convert_to_numpy(getattr(ops, name)(x, 0.1)), expected)


def test_large_numbers_beside_float64(backend):
    _close(ops.add(ops.convert_to_tensor(X), 1e300), X + 1e300)
    _close(ops.power(ops.convert_to_tensor(np.abs(X)), 0.1), np.abs(X) ** 0.1)
    _close(ops.clip(ops.convert_to_tensor(X), 0.1, 1.1), np.clip(X, 0.1, 1.1))
    _close(ops.multiply(ops.convert_to_tensor(X + 0j), 0.1j), X * 0.1j)
    _close(ops.log2(np.abs(X)), np.log2(np.abs(X)))
    _close(ops.log10(np.abs(X)), np.log10(np.abs(X)))


def test_constants_are_doubles(backend):
    """Those inside of an op, and those that an argument gives."""
    x, up = X, np.maximum(X, 0)
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    cubic = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    erf = np.array([math.erf(v / math.sqrt(2)) for v in x])
    for result, expected in [
        (ops.selu(x), scale * (up + alpha * np.expm1(np.minimum(x, 0)))),
        (ops.celu(x, 0.3), up + 0.3 * np.expm1(np.minimum(x, 0) / 0.3)),
        (ops.gelu(x), 0.5 * x * (1 + np.tanh(cubic))),
        (ops.gelu(x, False), 0.5 * x * (1 + erf)),
        (ops.threshold(x, 0.7, 0.1), np.where(x > 0.7, x, 0.1)),
        (ops.leaky_relu(x, 0.1), np.where(x > 0, x, 0.1 * x)),
        (ops.psnr(x, x + 0.5, 0.7), 20 * np.log10(0.7) - 10 * np.log10(0.25)),
        (ops.image.rgb_to_grayscale(x.reshape(1, 1, 3)), [[[x @ [0.2989, 0.587, 0.114]]]]),
    ]:
        have = ops.convert_to_numpy(result)
        np.testing.assert_allclose(have, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("dtype", "value"), [("int64", 2**40), ("float64", 0.1)])
def test_padding_of_64_bits(dtype, value, backend):
    padded = ops.pad(np.ones(2, dtype), ((1, 0),), constant_values=value)
    np.testing.assert_array_equal(ops.convert_to_numpy(padded), np.array([value, 1, 1], dtype))


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float64"])
def test_positions_of_64_bits(dtype, backend):
    """Compiled and not; the numbers differ in their lowest bits."""
    x = np.array([[3, 1, 2], [2, 4, 4]], dtype) + np.array(2**52, dtype)
    for name, function in (("argmax", ops.argmax), ("argmin", ops.argmin)):
        tensor, expected = ops.convert_to_tensor(x), getattr(np, name)(x, 1)

        def places(x, function=function):
            return function(x, 1)

        for run in (places, _compiled(places, backend)):
            np.testing.assert_array_equal(ops.convert_to_numpy(run(tensor)), expected)


@pytest.mark.parametrize(("shape", "axis"), [((3, 0), 1), ((0, 4), 0), ((0,), None)])
def test_nothing_taken_from_nothing(shape, axis, backend):
    empty = np.zeros((2, 0), "int32")
    expected = np.take(np.ones(shape, "float32"), empty, axis)
    assert ops.take(np.ones(shape, "float32"), empty, axis).shape == expected.shape


def test_take_along_axis_compiled(backend):
    """The other axes broadcast, of `x` and of the indices."""
    draw = np.random.default_rng(3)
    x, indices = draw.normal(size=(7, 4, 3)).astype("float32"), draw.integers(-4, 4, (7, 3, 1))
    run = _compiled(lambda x, i: ops.take_along_axis(x, i, axis=1), backend)
    for first, places in ((x, indices), (x[:1], indices), (x, indices[:1])):
        made = run(ops.convert_to_tensor(first), ops.convert_to_tensor(places))
        expected = np.take_along_axis(first, places, 1)
        np.testing.assert_array_equal(ops.convert_to_numpy(made), expected)


def test_take_along_axis_symbolic(backend):
    x, places = KerasTensor((None, 3, 3)), KerasTensor((1, 3, None), "int32")
    assert ops.take_along_axis(x, places, axis=1).shape == (None, 3, 3)
    with pytest.raises(ValueError, match="take_along_axis"):
        ops.take_along_axis(KerasTensor((2, 3)), KerasTensor((1, 4), "int32"), axis=0)


def test_repeats_fix_the_size(backend):
    assert ops.repeat(KerasTensor((2, 3)), [1, 2], axis=0).shape == (3, 3)
    assert ops.repeat(KerasTensor((None, 3)), [1, 0, 2], axis=1).shape == (None, 3)


def test_inverse_of_nan(backend):
    """A matrix that holds NaN is not singular; what is beside it in the batch stays as it is."""
    a = np.array([[[2, 0], [1, 1]], [[np.nan, 0], [1, 1]]], "float64")
    good = np.array([[0.5, 0], [-0.5, 1]])
    inverse = ops.convert_to_numpy(ops.linalg.inv(a))
    np.testing.assert_allclose(inverse[0], good, rtol=1e-15)
    assert np.isnan(inverse[1]).any()
    solution = ops.convert_to_numpy(ops.linalg.solve(a, np.ones((2, 2, 1))))
    np.testing.assert_allclose(solution[0], good @ np.ones((2, 1)), rtol=1e-15)
    assert np.isnan(solution[1]).any()


def test_split_at_tensors_in_a_graph():
    """In TensorFlow's graphs the positions may be computed; only their number is known."""
    import tensorflow as tf

    x = np.array([[1, 2, 3], [3, 2, 1]])

    @tf.function(jit_compile=True)
    def cut(x, places):
        return ops.split(x, places, axis=1)

    for part, expected in zip(cut(x, tf.constant([1, 2])), np.split(x, [1, 2], 1), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_autograph_leaves_ops_alone():
    """AutoGraph rewrites the functions that a tf.function calls: not these."""
    import tensorflow as tf

    seen = []

    @tf.function
    def run(x):
        return ops.vectorized_map(lambda row: seen.append(type(row)) or ops.sum(row), x)

    np.testing.assert_allclose(run(tf.ones((2, 3))), [3, 3])
    assert seen


def test_errors_while_compiling(backend):
    """What an op says of its arguments can be caught where it is compiled."""

    def function(x):
        try:
            return ops.transpose(x, (0, 5))
        except ValueError:
            return ops.add(x, 1)

    _close(_compiled(function, backend)(ops.ones((2, 2))), np.full((2, 2), 2.0))
