"""Layers that move, repeat, add or take away elements: every layout, unknown sizes, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, config, layers, ops

X = np.arange(2 * 3 * 4 * 5 * 2, dtype=np.float32).reshape(2, 3, 4, 5, 2)


def _is(result, expected):
    np.testing.assert_array_equal(ops.convert_to_numpy(result), expected)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_margins_and_repeats_in_every_layout(data_format, backend):
    first = data_format == "channels_first"
    turned = lambda x: np.moveaxis(x, -1, 1) if first else x  # noqa: E731
    volume, image = X, X[:, 0]
    pads = ((1, 0), (0, 2), (1, 1))
    for layer, x, expected in (
        (layers.Cropping3D(pads, data_format), volume, volume[:, 1:, :2, 1:4]),
        (layers.Cropping2D((1, 2), data_format), image, image[:, 1:3, 2:3]),
        (layers.ZeroPadding3D(pads, data_format), volume, np.pad(volume, ((0, 0), *pads, (0, 0)))),
        (layers.ZeroPadding2D(1, data_format), image,
         np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))),
        (layers.ZeroPadding1D((0, 2), data_format), image[:, 0],
         np.pad(image[:, 0], ((0, 0), (0, 2), (0, 0)))),
        (layers.UpSampling2D((2, 1), data_format), image, image.repeat(2, 1)),
        (layers.UpSampling3D((1, 2, 3), data_format), volume, volume.repeat(2, 2).repeat(3, 3)),
    ):  # fmt: skip
        _is(layer(turned(x)), turned(expected))
    _is(layers.Flatten(data_format)(turned(image)), image.reshape(2, -1))


def test_layers_of_steps(backend):
    steps = X[:, :, 0, 0]
    _is(layers.Cropping1D((1, 0))(steps), steps[:, 1:])
    _is(layers.UpSampling1D(3)(steps), steps.repeat(3, 1))
    _is(layers.RepeatVector(2)(steps[:, 0]), steps[:, :1].repeat(2, 1))
    _is(layers.Flatten()(steps[:, 0, 0]), steps[:, 0, :1])
    _is(layers.Reshape((-1, 1))(np.zeros((0, 4))), np.zeros((0, 4, 1)))
    _is(layers.Flatten()(np.zeros((0, 4, 2))), np.zeros((0, 8)))


def test_interpolation(backend):
    """Bilinear, with centres at halves: a quarter and three quarters between two pixels."""
    x = np.array([0, 4], np.float32).reshape(1, 1, 2, 1)
    y = layers.UpSampling2D((1, 2), interpolation="bilinear")(x)
    _is(y, np.array([0, 1, 3, 4], np.float32).reshape(1, 1, 4, 1))
    turned = layers.UpSampling2D((2, 1), "channels_first", "bilinear")(x.reshape(1, 1, 2, 1))
    _is(turned, np.array([0, 1, 3, 4], np.float32).reshape(1, 1, 4, 1))


def test_unknown_sizes_stay_unknown(backend):
    images = Input((None, None, 2))
    assert layers.Cropping2D(200)(images).shape == (None, None, None, 2)
    assert layers.ZeroPadding2D(1)(images).shape == (None, None, None, 2)
    assert layers.UpSampling2D(3)(images).shape == (None, None, None, 2)
    assert layers.Flatten()(images).shape == (None, None)
    assert layers.Reshape((3, 5))(Input(batch_shape=(2, None))).shape == (2, 3, 5)
    assert layers.Reshape((-1, 3))(Input((None, 6))).shape == (None, None, 3)
    assert layers.Reshape((-1, 3))(Input((4, 6))).shape == (None, 8, 3)
    assert layers.Permute((2, 1))(Input((None, 6))).shape == (None, 6, None)


def test_config_says_which_layout_was_meant():
    """A layer from a file is the same where the process is set to another layout."""
    config.set_image_data_format("channels_first")
    try:
        layer = layers.ZeroPadding2D((1, 2))
    finally:
        config.set_image_data_format("channels_last")
    found = layer.get_config()
    assert (found["data_format"], found["padding"]) == ("channels_first", ((1, 1), (2, 2)))
    assert type(layer).from_config(found).data_format == "channels_first"


class Wider(layers.ZeroPadding1D):
    """A user's subclass, with an argument and a `get_config` of its own, as in Keras."""

    def __init__(self, extra=0, **kwargs):
        super().__init__(**kwargs)
        self.extra = extra

    def get_config(self):
        return {**super().get_config(), "extra": self.extra}


def test_config_of_a_users_subclass_has_the_arguments_of_both(backend):
    layer = Wider(3, padding=(0, 2), name="wide")
    found = layer.get_config()
    assert (found["extra"], found["padding"], found["name"]) == (3, (0, 2), "wide")
    _is(Wider.from_config(found)(X[:, :, 0, 0]), np.pad(X[:, :, 0, 0], ((0, 0), (0, 2), (0, 0))))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Cropping2D(-1), ValueError, "cannot be negative"),
        (lambda: layers.Cropping3D((1, 2)), ValueError, "should have 3 elements"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), ValueError, "should have two elements"),
        (lambda: layers.ZeroPadding2D(1.5), ValueError, "either an int, a tuple of 2 ints"),
        (lambda: layers.ZeroPadding2D(((1, 2, 3), 1)), ValueError, "1st entry of padding"),
        (lambda: layers.Cropping1D((1, -1)), ValueError, ">= 0"),
        (lambda: layers.UpSampling1D(2.0), TypeError, "Expected an integer value for `size`"),
        (lambda: layers.UpSampling1D(0), ValueError, "positive integer"),
        (lambda: layers.UpSampling2D(interpolation="area"), ValueError, "interpolation.*nearest"),
        (lambda: layers.RepeatVector(True), TypeError, "Expected an integer value for `n`"),
        (lambda: layers.Flatten("channels"), ValueError, "data_format.*channels_first"),
        (lambda: layers.Permute((0, 1)), ValueError, "consecutive and start from 1"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "at most one unknown dimension"),
        (lambda: layers.Reshape((-2, 3)), ValueError, "non-negative integer, or `-1`"),
        (lambda: layers.Reshape((7,))(X), ValueError, "total size of the tensor must be unchanged"),
        (lambda: layers.Reshape((7, -1))(X), ValueError, "cannot be divided"),
        (lambda: layers.Cropping1D(2)(X[:, :, 0, 0]), ValueError, "smaller than the input length"),
        (lambda: layers.Cropping3D(3)(X), ValueError, "smaller than the corresponding spatial"),
        (lambda: layers.Cropping2D(3)(Input((6, 9, 1))), ValueError, "smaller than the corresp"),
        (lambda: layers.RepeatVector(2)(X), ValueError, "expected ndim=2, found ndim=5"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
