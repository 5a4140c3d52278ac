"""A model of a graph infers by fused kernels what its layers compute one by one."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import isozoo
from isozoo import ops
from isozoo.framework.core.scopes import observed

TOLERANCE = 1e-5  # of the outputs' scale: sums of fewer than 100 products in float32


def stem(layers, x):
    """Zeros on unlike sides, a step, and a ceiling."""
    x = layers.ZeroPadding2D(((0, 1), (1, 2)))(x)
    x = layers.Conv2D(6, 3, strides=2, use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))


def residual(layers, x):
    """Both ends of a sum are convolutions, and the sum is rectified; one feeds two."""
    x = layers.Conv2D(6, 1)(x)
    y = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(x))
    z = layers.BatchNormalization(scale=False)(layers.Conv2D(6, 1)(x))
    return layers.Activation("relu")(layers.Add()([z, y]))


def broadcast(layers, x):
    """A shortcut of another size, and one that is the same tensor twice."""
    y = layers.Conv2D(5, 3, padding="same")(x)
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Add()([y, layers.Conv2D(5, 1, activation="sigmoid")(mean)])
    return layers.Add()([y, y])


def separable(layers, x):
    x = layers.SeparableConv2D(7, 3, padding="same", depth_multiplier=2, use_bias=True)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, strides=2)(x)
    return layers.Activation("hard_swish")(x)


def unlike(layers, x):
    """What no kernel knows: another activation, channels at another axis, a leaky unit."""
    x = layers.Activation("tanh")(layers.Conv2D(4, 3, activation="elu")(x))
    x = layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(x))
    return layers.ReLU(negative_slope=0.1)(layers.Conv2D(4, 1)(x))


GRAPHS = [stem, residual, broadcast, separable, unlike]


def of(library, graph):
    inputs = library.Input((12, 12, 3))
    return library.Model(inputs, graph(library.layers, inputs))


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


def close(found, expected):
    scale = np.abs(expected).max()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * scale


@pytest.fixture(params=GRAPHS, ids=lambda graph: graph.__name__)
def pair(request, backend):
    """Ours and Keras's model, with the same random weights."""
    ours, theirs = of(isozoo, request.param), of(keras, request.param)
    rng = np.random.default_rng(1)
    values = [rng.uniform(0.3, 1.2, w.shape).astype("float32") for w in theirs.weights]
    for i, weight in enumerate(theirs.weights):
        if len(weight.shape) == 4:
            values[i] = rng.normal(size=weight.shape).astype("float32")
    theirs.set_weights(values)
    for layer, original in zip(ours.layers, theirs.layers, strict=True):
        layer.set_weights(original.get_weights())
    return ours, theirs


def test_it_gives_what_keras_gives(pair):
    ours, theirs = pair
    for batch in (1, 3):
        x = images(batch, 12, 12, 3)
        expected = np.asarray(theirs(x))
        close(numbers(ours.infer(x)), expected)
        close(numbers(ours(x)), expected)
        close(ours.predict(x, verbose=0), expected)


def test_new_weights_and_activations_are_seen(backend):
    """Of a layer that was fused already."""
    model = of(isozoo, stem)
    x = images(2, 12, 12, 3)
    conv, norm, relu = (
        next(layer for layer in model.layers if type(layer).__name__.startswith(name))
        for name in ("Conv2D", "BatchNorm", "ReLU")
    )
    before = numbers(model.infer(x))
    norm.beta.assign(np.full(6, 3.0, "float32"))
    shifted = numbers(model.infer(x))
    close(shifted[before > 0], np.minimum(before[before > 0] + 3, 6))
    relu.max_value = 2.0
    close(numbers(model(x)), np.minimum(shifted, 2))
    conv.kernel.assign(0 * conv.kernel.numpy())
    norm.beta.assign(np.full(6, 1.0, "float32"))
    close(numbers(model(x)), np.ones_like(shifted))


def test_an_observer_sees_every_layer(backend):
    model = of(isozoo, residual)
    seen = []
    with observed(lambda layer, outputs: seen.append(layer)):
        model(images(1, 12, 12, 3))
    layers = [x for x in model.layers if type(x).__name__ != "InputLayer"]
    assert {id(x) for x in layers} <= {id(x) for x in seen}


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_hook_of_torch_sees_its_layer(backend):
    import torch

    model = of(isozoo, stem)
    seen = []
    norm = next(x for x in model.layers if type(x).__name__.startswith("BatchNorm"))
    handle = norm.register_forward_hook(lambda layer, args, y: seen.append(y))
    x = torch.from_numpy(images(1, 12, 12, 3))
    found = model.infer(x)
    (y,) = seen
    torch.testing.assert_close(y.clamp(0, 6), found)
    handle.remove()
    torch.testing.assert_close(model.infer(x), found, atol=1e-5, rtol=1e-5)
    assert len(seen) == 1


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_training_uses_the_batch(pair):
    """The statistics of the batch count, and the moving ones move, as in Keras."""
    ours, theirs = pair
    x = images(4, 12, 12, 3)
    close(numbers(ours(x, training=True)), np.asarray(theirs(x, training=True)))
    for layer, original in zip(ours.layers, theirs.layers, strict=True):
        for found, expected in zip(layer.get_weights(), original.get_weights(), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
