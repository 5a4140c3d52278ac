"""Normalization layers: values by definition in float64, statistics, masks and errors."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops

_random = np.random.default_rng(9)
X = _random.standard_normal((3, 5, 4)).astype(np.float32)
# Means of at most 20 numbers below 4, their squares, and ten more roundings, each of half a unit of
# 2^-23, of results below 8.
ERROR = (2 * 20 + 10) * 2.0**-24 * 8


def _weights(layer):
    """Values that no initializer gives, by path."""
    draws = np.random.default_rng(7)
    for variable in layer.weights:
        variable.assign(draws.uniform(0.5, 1.5, variable.shape))
    return {path: v.numpy().astype(np.float64) for path, v in layer.weights_by_path().items()}


def _near(found, expected, error=ERROR):
    found = ops.convert_to_numpy(found)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=error)


@pytest.mark.parametrize("groups", [2, -1])
def test_group_normalization(groups, backend):
    layer = layers.GroupNormalization(groups, epsilon=0.25)
    layer(X)
    w = _weights(layer)
    count = 4 if groups == -1 else groups
    x = X.astype(np.float64).reshape(3, 5, count, -1)
    mean, variance = x.mean((1, 3), keepdims=True), x.var((1, 3), keepdims=True)
    y = ((x - mean) / np.sqrt(variance + 0.25)).reshape(X.shape) * w["gamma"] + w["beta"]
    _near(layer(X), y)
    first = layers.GroupNormalization(groups, axis=1, epsilon=0.25)
    moved = X.transpose(0, 2, 1)
    first(moved)
    first.set_weights(layer.get_weights())
    _near(first(moved), y.transpose(0, 2, 1))


def test_normalization_along_several_axes(backend):
    x = X.astype(np.float64)
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    layer = layers.LayerNormalization(axis=(1, -1), epsilon=0.25)
    layer(X)
    w = _weights(layer)
    assert w["gamma"].shape == (5, 4)
    _near(layer(X), (x - mean) / np.sqrt(variance + 0.25) * w["gamma"] + w["beta"])
    scaled = layers.RMSNormalization(axis=[1, 2], epsilon=0.25)
    expected = x / np.sqrt((x**2).mean((1, 2), keepdims=True) + 0.25)
    _near(scaled(X), expected)
    length = np.sqrt((x**2).sum((1, 2), keepdims=True))
    _near(layers.UnitNormalization(axis=(1, 2))(X), x / length)
    _near(layers.UnitNormalization()(np.zeros((1, 2), np.float32)), np.zeros((1, 2)), 0)


def test_statistics_of_what_counts(backend):
    mask = _random.random((3, 5)) < 0.5
    mask[0, 0] = True
    layer = layers.BatchNormalization(momentum=0.5, epsilon=0.25)
    layer(X)
    w = _weights(layer)
    counted = X[mask].astype(np.float64)
    mean = counted.sum(0) / (len(counted) + 1e-7)
    variance = ((counted - mean) ** 2).sum(0) / (len(counted) + 1e-7)
    y = (X - mean) / np.sqrt(variance + 0.25) * w["gamma"] + w["beta"]
    _near(layer(X, training=True, mask=mask), y)
    _near(layer.moving_mean.numpy(), 0.5 * w["moving_mean"] + 0.5 * mean)
    with pytest.raises(ValueError, match="one dimension less than the inputs"):
        layer(X, mask=mask[0])


def test_batch_renormalization(backend):
    """Ioffe 2017: with r and d, the result is that of the moving statistics."""
    layer = layers.BatchNormalization(momentum=0.5, epsilon=0.25, renorm=True)
    layer(X)
    w = _weights(layer)
    x = X.astype(np.float64)
    y = (x - w["renorm_mean"]) / w["renorm_stddev"] * w["gamma"] + w["beta"]
    _near(layer(X, training=True), y, 4 * ERROR)
    deviation = np.sqrt(x.var((0, 1)) + 0.25)
    moved = 0.5 * w["moving_stddev"] + 0.5 * deviation
    _near(layer.moving_stddev.numpy(), moved)
    _near(layer.moving_variance.numpy(), moved**2 - 0.25)
    tight = {"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}
    plain = layers.BatchNormalization(epsilon=0.25, renorm=True, renorm_clipping=tight)
    _near(plain(X, training=True), (x - x.mean((0, 1))) / deviation)
    with pytest.raises(ValueError, match="invalid keys for `renorm_clipping`"):
        layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1})
    with pytest.raises(ValueError, match="rmax should be greater than rmin"):
        layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1, "rmin": 2})


def test_moving_statistics_move_under_mixed_precision(backend):
    """A step of 1 % is below the rounding of bfloat16: they must be kept and moved in float32."""
    layer = layers.BatchNormalization(dtype="mixed_bfloat16")
    x = np.full((4, 2), 1.5, np.float32)
    for _ in range(10):
        y = layer(x, training=True)
    assert ops.dtype(y) == "bfloat16"
    # Ten multiplications and additions.
    _near(layer.moving_mean.numpy(), np.full(2, 1.5 * (1 - 0.99**10)), 20 * 2.0**-24)


@pytest.mark.parametrize(
    "make", [layers.LayerNormalization, lambda **o: layers.GroupNormalization(1, **o)]
)
def test_inputs_beyond_half_precision_under_a_mixed_policy(make, backend):
    y = make(epsilon=0.0, dtype="mixed_float16")(np.array([[1e6, 3e6]], np.float32))
    assert ops.dtype(y) == "float16"
    np.testing.assert_array_equal(ops.convert_to_numpy(y), [[-1, 1]])


def test_spectral_normalization(backend):
    """After enough iterations the kernel's largest singular value is 1."""
    dense = layers.Dense(3)
    layer = layers.SpectralNormalization(dense, power_iterations=60)
    x = _random.standard_normal((2, 4)).astype(np.float32)
    layer(x)
    left, _, right = np.linalg.svd(_random.standard_normal((4, 3)), full_matrices=False)
    kernel = left @ np.diag([4.0, 2.0, 1.0]) @ right
    dense.kernel.assign(kernel)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(dense(x)))
    y = layer(x, training=True)
    # The rest of the other singular vectors is below (1/2)^(2 * 60); products have 4 terms.
    _near(dense.kernel.numpy(), kernel / 4, 32 * 2.0**-24)
    _near(y, x.astype(np.float64) @ (kernel / 4), 64 * 2.0**-24)
    dense.kernel.assign(np.zeros((4, 3)))
    layer(x, training=True)
    np.testing.assert_array_equal(dense.kernel.numpy(), 0)


ERRORS = [
    (lambda: layers.GroupNormalization(0), ValueError, "argument `groups`"),
    (lambda: layers.GroupNormalization(3)(X), ValueError, "must be a multiple of the number"),
    (lambda: layers.GroupNormalization(8)(X), ValueError, "cannot be more than the number"),
    (lambda: layers.LayerNormalization("last"), TypeError, "an int or a list/tuple of ints"),
    (lambda: layers.LayerNormalization(3)(X), ValueError, "Axis 3 is out of bounds"),
    (lambda: layers.BatchNormalization().build((2, None)), ValueError, "defined dimension"),
    (lambda: layers.SpectralNormalization(layers.Dense(2), 0), ValueError, "greater than zero"),
    (lambda: layers.SpectralNormalization(layers.Flatten())(X), ValueError, "nor 'embeddings'"),
    (lambda: layers.SpectralNormalization("Dense"), ValueError, "isn't a supported layer type"),
]


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row[2][:20])
def test_errors(row):
    make, kind, message = row
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize("name", ("jax", "torch", "tensorflow"))
@pytest.mark.parametrize("axis", (-1, 1))
def test_gradients_of_batch_normalization_in_training(name, axis):
    draws = np.random.default_rng(5)
    x, up = draws.standard_normal((2, 4, 3, 2, 3)).astype("float32")
    gamma = np.array([0.5, 2.0, -1.0], "float32")
    over, sizes = ((0, 1, 2), (1, 1, 1, 3)) if axis == -1 else ((0, 2, 3), (1, 3, 1, 1))
    with isozoo.use_backend(name):
        layer = layers.BatchNormalization(axis=axis, epsilon=0.1)
        layer.build(x.shape)
        layer.gamma.assign(gamma)
        loss = lambda x: ops.sum(ops.multiply(layer(x, training=True), up))  # noqa: E731
        found = ops.convert_to_numpy(ops.grad(loss)(x))
    mean, variance = x.mean(over, keepdims=True), x.var(over, keepdims=True)
    unit = (x - mean) / np.sqrt(variance + 0.1)
    count = x.size // 3
    inner = count * up - up.sum(over, keepdims=True) - unit * (up * unit).sum(over, keepdims=True)
    expected = gamma.reshape(sizes) / np.sqrt(variance + 0.1) / count * inner
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), 0.99 + 0.01 * variance.ravel(), rtol=1e-5
    )
    if name == "torch":
        import torch

        # Inside of torch.func, and where a channel has one element, the parts serve.
        values = layer.state_values()

        def pure(x):
            return (layer.stateless_call(*values, x, training=True)[0] * torch.from_numpy(up)).sum()

        again = torch.func.grad(pure)(torch.from_numpy(x))
        np.testing.assert_allclose(again.detach().numpy(), expected, rtol=1e-4, atol=1e-5)
        one = torch.ones((1, 3, 1, 1) if axis == 1 else (1, 3))
        with isozoo.use_backend(name):
            layer = layers.BatchNormalization(axis=axis)
        assert (layer(one, training=True) == 0).all()
        assert np.isfinite(layer.moving_variance.numpy()).all()
