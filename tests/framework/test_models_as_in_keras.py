"""Attributes and methods that subclasses of Keras's models, layers and losses go by."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import Input, Model, Sequential, layers, ops

X = np.random.default_rng(5).standard_normal((8, 3)).astype("float32")
TRAINABLE = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


def _array(x):
    return np.array(ops.convert_to_numpy(x))


def test_shapes_of_a_model(backend):
    a, b = Input((3,)), Input((None, 2))
    one = Model(a, layers.Dense(4)(a))
    assert (one.input_shape, one.output_shape) == ((None, 3), (None, 4))
    joined = layers.Concatenate()([a, layers.GlobalMaxPooling1D()(b)])
    several = Model({"b": b, "a": a}, [joined, a])
    assert several.input_shape == [x.shape for x in several.inputs]
    assert sorted(map(len, several.input_shape)) == [2, 3]
    assert several.output_shape == [(None, 5), (None, 3)]
    assert not hasattr(Sequential([layers.Dense(2)]), "input_shape")


def test_a_mode_is_handed_on_to_the_call_above(backend):
    class Chain(Sequential):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training, mask=mask)

    class Graph(Model):
        def __init__(self):
            inputs = Input((64,))
            super().__init__(inputs, layers.Dropout(0.5)(inputs))

        def call(self, inputs, training=None):
            return super().call(inputs, training=not training)

    ones = np.ones((4, 64), "float32")
    chain, graph = Chain([Input((64,)), layers.Dropout(0.5)]), Graph()
    for training in (False, True):  # what is kept of ones is doubled, and something is dropped
        assert set(np.unique(_array(chain(ones, training=training)))) == {
            *((0, 2) if training else (1,))
        }
        assert set(np.unique(_array(graph(ones, training=training)))) == {
            *((1,) if training else (0, 2))
        }


def test_the_convolution_of_a_subclass(backend):
    class Doubled(layers.Conv1D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, 2 * kernel)

    layer = Doubled(2, 1, bias_initializer="ones")
    layer.build((None, 3, 1))
    wanted = 2 * X[..., None] * layer.kernel.numpy()[0] + 1
    np.testing.assert_allclose(_array(layer(X[..., None])), wanted, rtol=1e-6)
    model = Sequential([Input((3, 1)), layer])
    np.testing.assert_allclose(model.predict(X[..., None], verbose=0), wanted, rtol=1e-6)


@TRAINABLE
def test_a_loss_of_more_outputs_than_the_model_has(backend):
    class Twice(Model):
        def __init__(self):
            inputs = Input((3,))
            super().__init__(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))

        def compute_loss(self, x, y, y_pred, sample_weight=None, **kwargs):
            return super().compute_loss(
                x=x, y=y, y_pred=[y_pred, y_pred], sample_weight=sample_weight, **kwargs
            )

    model, inputs = Twice(), Input((3,))
    assert isinstance(model, type(Model(inputs, layers.Dense(1)(inputs))))
    assert not isinstance(Sequential([Input((3,))]), type(Model(inputs, inputs)))
    model.compile(isozoo.optimizers.SGD(0.0), loss=["mean_squared_error", "mean_absolute_error"])
    y = (np.zeros((8, 1), "float32"), np.ones((8, 1), "float32"))
    found = model.fit(X, y, batch_size=4, verbose=0).history
    total = X.astype("float64").sum(1)
    wanted = {"mean_squared_error_loss": np.mean(total**2)}
    wanted["mean_absolute_error_loss"] = np.mean(abs(total - 1))
    wanted["loss"] = sum(wanted.values())
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], [value], rtol=1e-5)


@TRAINABLE
def test_a_loss_as_a_function_of_values(backend):
    model = Sequential([Input((3,)), layers.Dense(2, kernel_regularizer=isozoo.regularizers.L2(1))])
    model.compile("sgd", "mse")
    model.evaluate(X, X[:, :2], verbose=0)
    kernel = np.arange(6, dtype="float32").reshape(3, 2)
    values = [ops.convert_to_tensor(x) for x in (kernel, np.zeros(2, "float32"))]
    others = [v.value for v in model.non_trainable_variables]
    measured = [v.value for v in model.metrics_variables]
    before = model.get_weights()
    loss, (trained, left, after) = model.stateless_compute_loss(
        values, others, measured, x=X, y=ops.zeros((4, 2)), y_pred=ops.ones((4, 2))
    )
    np.testing.assert_allclose(float(_array(loss)), 1 + 55, rtol=1e-6)  # sum of k^2 for k below 6
    assert trained is values and len(left) == len(others) and len(after) == len(measured)
    for x, y in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


class _TwoByName(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")

    def call(self, x):
        return {"b": self.dense(x), "a": 2 * self.dense(x)}


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_losses_are_listed_as_they_were_given(backend, names):
    model = _TwoByName()
    model.compile(None, dict.fromkeys(names, "mse"))
    y = np.zeros((8, 1), "float32")
    found = model.evaluate(X, {"a": y, "b": y}, verbose=0)
    one = np.mean(X.astype("float64").sum(1) ** 2)
    parts = {"a": 4 * one, "b": one}
    np.testing.assert_allclose(found, [5 * one, *(parts[name] for name in names)], rtol=1e-5)
