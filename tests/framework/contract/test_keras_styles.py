"""Rows: the ways in which programs written for Keras 3.15 make and call layers and models."""

from __future__ import annotations

import abc

import numpy as np
import pytest

from isozoo import Input, Layer, Model, Sequential, layers, ops
from isozoo import config as settings
from isozoo.nlp.attention import DenseAttention

from .cases import ROWS
from .helpers import SUMS, arrays, same
from .user_layers import Described, Mixing, functional

X = ROWS[0]


def test_subclass_that_describes_itself(backend):
    net = Described(width=3)
    assert net.built
    assert net.projection.units == 3
    assert [v.path for v in net.weights] == [
        "projection.kernel", "projection.bias", "dense.kernel", "dense.bias"]  # fmt: skip
    assert net.input.shape == (None, 4)
    assert net.output.shape == (None, 2)
    again = Described.from_config(net.get_config())
    again.set_weights(net.get_weights())
    same(arrays(again(X)), arrays(net(X)))
    assert again.width == 3


def test_model_of_intermediate_tensors(backend):
    net = functional()
    inner = Model(net.input, net.get_layer("shared").output)
    assert inner(X).shape == (3, 4)
    assert inner.get_layer("shared") is net.get_layer("shared")


class Adding(Layer):
    """Adds its second argument where there is one."""

    def call(self, x, y=None):
        return ops.multiply(x, 1) if y is None else ops.add(x, y)

    def compute_output_shape(self, x_shape, y_shape=None):
        return x_shape


def _optional():
    a, b = Input((4,), name="a"), Input((4,), name="b", optional=True)
    return Model({"a": a, "b": b}, Adding()(a, b))


def test_optional_input(backend):
    model = _optional()
    same(arrays(model({"a": X, "b": None})), {"": X})
    same(arrays(model({"a": X, "b": X})), {"": X + X})


def test_missing_input_has_keras_message(backend):
    """keras 3.15: 'Missing data for input "a". You passed a data dictionary with keys ['b'].'"""
    with pytest.raises(ValueError, match=r"(?is)missing data for input .a.\.? You passed a data "
                                         r"dictionary with keys \['b'\]"):  # fmt: skip
        _optional()({"b": X})
    with pytest.raises(ValueError, match="'a' is not optional, but None was passed"):
        _optional()({"a": None, "b": X})


def test_vector_in_place_of_a_column(backend):
    """keras 3.15 gives (4,) the axis that (None, 1) has, and takes a last 1 away likewise."""
    inputs = Input((1,))
    column = Model(inputs, layers.Dense(2, kernel_initializer="ones")(inputs))
    vector = np.arange(4, dtype=np.float32)
    expected = np.repeat(vector[:, None], 2, 1)
    same(arrays(column(vector)), {"": expected})
    np.testing.assert_array_equal(column.predict(vector), expected)
    same(arrays(column(vector[:, None])), {"": expected})
    inputs = Input((4,))
    rows = Model(inputs, layers.Dense(2)(inputs))
    same(arrays(rows(X[..., None])), arrays(rows(X)))


def test_build_gets_the_shapes_by_name(backend):
    shapes = {}

    class Noting(Mixing):
        def build(self, query_shape, value_shape):
            shapes.update(query=tuple(query_shape), value=tuple(value_shape))
            super().build(query_shape, value_shape)

    query, value = np.ones((1, 2, 3), np.float32), np.ones((1, 2, 5), np.float32)
    for call in (
        lambda layer: layer(query, value),
        lambda layer: layer(query=query, value=value),
        lambda layer: layer(value=value, query=query),
        lambda layer: layer(Input(batch_shape=(1, 2, 3)), Input(batch_shape=(1, 2, 5))),
    ):
        shapes.clear()
        call(Noting())
        assert shapes == {"query": (1, 2, 3), "value": (1, 2, 5)}
    layer = DenseAttention(2, 3)
    layer(query, value)
    assert (layer.query.kernel.shape, layer.key.kernel.shape) == ((3, 6), (5, 6))


def test_model_builds_without_a_call(backend):
    net = Sequential([layers.Dense(3), layers.Dense(2)])
    net.build((None, 4))
    assert [v.shape for v in net.weights] == [(4, 3), (3,), (3, 2), (2,)]


def test_overridden_call_and_setattr_are_the_users(backend):
    """On torch, too, where `nn.Module` has methods of the same names."""
    seen = []

    class Own(Layer):
        def __setattr__(self, name, value):
            seen.append(name)
            super().__setattr__(name, value)

        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs), "mine"

        def __getattr__(self, name):
            if name == "made_up":
                return 5
            return super().__getattribute__(name)

        def build(self, shape):
            self.w = self.add_weight((1,), "ones")

        def call(self, x):
            return ops.multiply(x, self.w)

    layer = Own()
    layer.other = 3
    y, word = layer(X)
    same(arrays(y), {"": X})
    assert word == "mine"
    assert {"other", "w"} <= set(seen)
    assert layer.made_up == 5
    with pytest.raises(AttributeError):
        _ = layer.missing
    assert [v.path for v in layer.weights] == ["w"]


def test_abstract_base_classes_and_mixins(backend):
    class Mixin:
        def doubled(self, x):
            return ops.multiply(x, 2)

    class Base(Layer, abc.ABC):
        @abc.abstractmethod
        def call(self, x): ...

    class Concrete(Mixin, Base):
        def call(self, x):
            return self.doubled(x)

    same(arrays(Concrete()(X)), {"": 2 * X})
    assert isinstance(Concrete(), Base)
    assert type(Concrete()).__name__ == "Concrete"


def test_layers_follow_the_image_data_format_of_their_creation(backend):
    image = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    before = settings.image_data_format()
    settings.set_image_data_format("channels_first")
    try:
        made = [
            layers.GlobalMaxPooling2D(),
            layers.MaxPooling2D(2),
            layers.GlobalAveragePooling1D(),
        ]
    finally:
        settings.set_image_data_format(before)
    pooled, windows, means = made
    np.testing.assert_array_equal(ops.convert_to_numpy(pooled(image)), image.max((2, 3)))
    assert windows(image).shape == (2, 3, 2, 2)
    np.testing.assert_allclose(ops.convert_to_numpy(means(image[:, 0])), image[:, 0].mean(2),
                               rtol=2**-22)  # fmt: skip
    assert layers.GlobalMaxPooling2D()(image).shape == (2, 5)


def test_losses_of_a_call(backend):
    class Penalized(Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    net = Sequential([Penalized(), Penalized()])
    for _ in range(2):  # of the last call alone
        net(np.ones((2, 2), np.float32))
        assert [float(ops.convert_to_numpy(x)) for x in net.losses] == [4.0, 4.0]
    net(Input((2,)))
    assert len(net.losses) == 2


class Answering(Model):
    """Returns a dict, whose keys are in no alphabetical order."""

    def call(self, x):
        return {"z": x, "a": {"y": x + 1, "b": x + 2}}


def test_dict_outputs_keep_their_order(backend):
    for outputs in (Answering().infer(X), Answering().predict(X), Answering()(X)):
        assert list(outputs) == ["z", "a"]
        assert list(outputs["a"]) == ["y", "b"]


def test_attribute_called_model_is_the_users(backend):
    class Named(Model):
        def __init__(self):
            super().__init__()
            self.model, self.method = "bert", "cls"
            self.dense = layers.Dense(2, kernel_initializer="ones")

        def call(self, x):
            return self.dense(x)

    net = Named()
    expected = X.sum(1, keepdims=True) * np.ones((1, 2), np.float32)
    for y in (net.predict(X), ops.convert_to_numpy(net.infer(X))):
        np.testing.assert_allclose(y, expected, rtol=0, atol=SUMS * 10)
