"""Convolution and pooling layers: values by definition in float64, forms of arguments, errors."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, Model, Sequential, config, layers, ops
from isozoo.framework.models.fused import conv_norm
from isozoo.scripts.references import kernels as references

_random = np.random.default_rng(6)
# Sums of at most 3 x 3 x 4 products of numbers below 4 and 0.5, and a bias: half a unit of 2^-23
# each.
ERROR = 3 * 3 * 4 * 2.0**-24 * 4


def _draw(*shape):
    return _random.standard_normal(shape).astype(np.float32)


STEPS, IMAGES, VOLUMES = _draw(2, 6, 4), _draw(2, 5, 4, 4), _draw(2, 3, 4, 3, 2)


def _weights(layer):
    """Values that no initializer gives, by path."""
    draws = np.random.default_rng(7)
    for variable in layer.weights:
        variable.assign(draws.uniform(-0.5, 0.5, variable.shape))
    return {path: v.numpy().astype(np.float64) for path, v in layer.weights_by_path().items()}


def _near(found, expected, error=ERROR):
    found = ops.convert_to_numpy(found)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=error)


def _spread(x, kernel, strides, output):
    """The transposed convolution by definition: each input spreads the kernel over the outputs."""
    rank = kernel.ndim - 2
    full = [(n - 1) * strides + k for n, k in zip(x.shape[1:-1], kernel.shape, strict=False)]
    y = np.zeros((x.shape[0], *full, kernel.shape[-2]))
    for place in np.ndindex(*x.shape[1:-1]):
        cut = [
            slice(p * strides, p * strides + k)
            for p, k in zip(place, kernel.shape[:rank], strict=True)
        ]
        y[(slice(None), *cut)] += np.tensordot(x[(slice(None), *place)], kernel, (-1, -1))
    more = [n - m for n, m in zip(full, output, strict=True)]
    cuts = [slice(m // 2, m // 2 + n) for m, n in zip(more, output, strict=True)]
    return y[(slice(None), *cuts)]


VALUES = [
    (lambda: layers.Conv3D(2, 2, padding="same"), VOLUMES,
     lambda x, w: references.conv(x, w["kernel"], 1, "same") + w["bias"]),
    (lambda: layers.Conv1D(2, 3, padding="causal", dilation_rate=2), STEPS,
     lambda x, w: references.conv(np.pad(x, ((0, 0), (4, 0), (0, 0))), w["kernel"],
                                  dilation_rate=2) + w["bias"]),
    (lambda: layers.Conv2D(2, (2, 3), padding=((1, 0), (0, 2)), use_bias=False), IMAGES,
     lambda x, w: references.conv(x, w["kernel"], 1, ((1, 0), (0, 2)))),
    (lambda: layers.Conv2DTranspose(2, 3, 2, "same"), IMAGES,
     lambda x, w: _spread(x, w["kernel"], 2, (10, 8)) + w["bias"]),
    (lambda: layers.Conv1DTranspose(3, 3, activation="relu"), STEPS,
     lambda x, w: np.maximum(_spread(x, w["kernel"], 1, (8,)) + w["bias"], 0)),
    (lambda: layers.Conv3DTranspose(2, 2, 2), VOLUMES,
     lambda x, w: _spread(x, w["kernel"], 2, (6, 8, 6)) + w["bias"]),
    (lambda: layers.DepthwiseConv1D(3, 2, depth_multiplier=2), STEPS,
     lambda x, w: references.depthwise_conv(x, w["kernel"], 2) + w["bias"]),
    (lambda: layers.SeparableConv2D(3, 2, depth_multiplier=2), IMAGES, lambda x, w: (
        references.depthwise_conv(x, w["depthwise_kernel"]) @ w["pointwise_kernel"][0, 0]
        + w["bias"])),
    (lambda: layers.MaxPooling3D(2, 1, "same"), VOLUMES,
     lambda x, w: references.pool(x, 2, 1, "same")),
    (lambda: layers.AveragePooling3D((1, 2, 3)), VOLUMES,
     lambda x, w: references.pool(x, (1, 2, 3), kind="average")),
    (lambda: layers.GlobalMaxPooling3D(), VOLUMES, lambda x, w: x.max((1, 2, 3))),
    (lambda: layers.GlobalAveragePooling3D("channels_first", keepdims=True), VOLUMES,
     lambda x, w: x.mean((2, 3, 4), keepdims=True)),
    (lambda: layers.AdaptiveAveragePooling1D(4), STEPS, lambda x, w: np.stack(
        [x[:, 0:2].mean(1), x[:, 1:3].mean(1), x[:, 3:5].mean(1), x[:, 4:6].mean(1)], 1)),
    (lambda: layers.AdaptiveMaxPooling2D((1, 2)), IMAGES, lambda x, w: np.stack(
        [x[:, :, 0:2].max((1, 2)), x[:, :, 2:4].max((1, 2))], 1)[:, None]),
]  # fmt: skip


@pytest.mark.parametrize("row", VALUES, ids=lambda row: type(row[0]()).__name__)
def test_values(row, backend):
    make, x, reference = row
    layer = make()
    layer(x)
    w = _weights(layer)
    _near(layer(x), reference(x.astype(np.float64), w))


@pytest.mark.parametrize("make", [
    lambda **o: layers.Conv2D(2, 3, strides=2, padding="same", **o),
    lambda **o: layers.Conv2DTranspose(2, 3, output_padding=1, strides=2, **o),
    lambda **o: layers.DepthwiseConv2D(2, **o),
    lambda **o: layers.SeparableConv2D(2, 2, **o),
    lambda **o: layers.MaxPooling2D(**o),
    lambda **o: layers.AdaptiveMaxPooling2D(2, **o),
])  # fmt: skip
def test_channels_first(make, backend):
    """The same numbers with the channels behind the batch, and the setting at its creation."""
    last = make(data_format="channels_last")
    last(IMAGES)
    _weights(last)
    before = config.image_data_format()
    config.set_image_data_format("channels_first")
    try:
        first = make()
    finally:
        config.set_image_data_format(before)
    assert first.get_config()["data_format"] == "channels_first"
    moved = IMAGES.transpose(0, 3, 1, 2)
    first(moved)
    first.set_weights(last.get_weights())
    expected = ops.convert_to_numpy(last(IMAGES)).transpose(0, 3, 1, 2)
    _near(first(moved), expected)


def test_mean_of_the_steps_that_count(backend):
    mask = np.array([[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], bool)
    expected = (STEPS * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    layer = layers.GlobalAveragePooling1D()
    _near(layer(STEPS, mask=mask), expected)
    first = layers.GlobalAveragePooling1D("channels_first", keepdims=True)
    _near(first(STEPS.transpose(0, 2, 1), mask=mask), expected[..., None])


def test_causal_convolution_and_normalization_in_one_kernel(backend):
    conv = layers.Conv1D(4, 3, padding="causal", input_shape=(6, 4))
    norm = layers.BatchNormalization(input_shape=(6, 4))
    _near(conv_norm(conv, norm, STEPS), ops.convert_to_numpy(norm(conv(STEPS))))
    _near(Sequential([conv, norm]).infer(STEPS), ops.convert_to_numpy(norm(conv(STEPS))))


class Alone(Model):
    """One layer, called as it is."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.built = layer, True

    def call(self, x):
        return self.layer(x)


@pytest.mark.parametrize("kind, x", [(layers.Conv1D, STEPS), (layers.Conv2D, IMAGES)])
def test_inference_sees_new_weights_of_a_convolution(backend, kind, x):
    layer = kind(3, 3, padding="same", input_shape=x.shape[1:])
    _weights(layer)
    model = Alone(layer)
    for variable in (layer.kernel, layer.bias):
        for factor in (1, 1.5):
            variable.assign(variable.numpy() * factor)
            kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
            _near(model.infer(x), references.conv(x, kernel, 1, "same") + bias)


def test_regularizers_constraints_and_initializers_reach_the_weights(backend):
    layer = layers.Conv2D(
        2, 2, kernel_regularizer="l2", bias_initializer="ones", kernel_constraint="non_neg"
    )
    layer(IMAGES)
    kernel = layer.kernel.numpy().astype(np.float64)
    # 32 squares are summed.
    _near(layer.losses[0], 0.01 * (kernel**2).sum(), 33 * 2.0**-24)
    assert layer.kernel.constraint is layer.kernel_constraint
    np.testing.assert_array_equal(layer.bias.numpy(), [1, 1])


def test_other_names_of_the_same_layers():
    assert layers.Convolution2DTranspose is layers.Conv2DTranspose
    assert layers.GlobalAvgPool3D is layers.GlobalAveragePooling3D
    assert layers.MaxPool1D is layers.MaxPooling1D


def test_unknown_sizes(backend):
    images = Input((None, None, 4))
    x = layers.Conv2D(3, 3, padding="same", strides=2)(images)
    x = layers.Conv2DTranspose(2, 2, 2)(x)
    model = Model(images, layers.GlobalMaxPooling2D()(layers.MaxPooling2D()(x)))
    assert x.shape == (None, None, None, 2)
    assert model(IMAGES).shape == (2, 2)


ERRORS = [
    (lambda: layers.Conv2D(0, 3), "Expected a strictly positive value. Received filters=0"),
    (lambda: layers.Conv2D(3, 3, groups=2), "evenly divisible by the number of groups"),
    (lambda: layers.Conv2D(3, 3, groups=0), "groups must be a positive integer"),
    (lambda: layers.Conv2D(3, (3, 0)), r"`kernel_size` argument .* do not satisfy `value > 0`"),
    (lambda: layers.Conv2D(3, (3, 3, 3)), "`kernel_size` argument must be a tuple of 2 integers"),
    (lambda: layers.Conv2D(3, 3, padding="causal"), "`padding` argument"),
    (lambda: layers.Conv1D(3, 3, 2, dilation_rate=2), "`strides > 1` not supported"),
    (lambda: layers.Conv1D(3, 3, data_format="last"), "`data_format` argument"),
    (lambda: layers.Conv1DTranspose(3, 3, 2, output_padding=2), "strictly less than `strides`"),
    (lambda: layers.SeparableConv1D(3, 3, depth_multiplier=0), "`depth_multiplier`"),
    (lambda: layers.Conv1D(4, 2, groups=2).build((None, 6, 3)), "input has 3 channels"),
    (lambda: layers.Conv1D(4, 2).build((None, 6, None)), "number of channels must be known"),
    (lambda: layers.Conv1D(4, 7)(STEPS), "Computed output size would be zero or negative"),
    (lambda: layers.MaxPooling2D()(STEPS), "expected ndim=4, found ndim=3"),
]  # fmt: skip


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row[1][:20])
def test_errors(row):
    with pytest.raises(ValueError, match=row[1]):
        row[0]()


def test_an_output_size_that_is_no_number():
    with pytest.raises(TypeError, match="`output_size` must be an integer"):
        layers.AdaptiveMaxPooling1D("two")
