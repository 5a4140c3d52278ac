"""Steps of training that users wrote for Keras, in each framework's form, and masks in graphs."""

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops

TRAINING = ("jax", "torch", "tensorflow")
RNG = np.random.default_rng(7)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = RNG.normal(size=(8, 1)).astype("float32")
KERNEL = RNG.normal(size=(3, 1)).astype("float32")


class TorchForm(isozoo.Model):
    def train_step(self, data):
        import torch

        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, y_pred)))
        return {m.name: m.result() for m in self.metrics}


class TensorflowForm(isozoo.Model):
    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, y_pred)))
        return {m.name: m.result() for m in self.metrics}


class JaxForm(isozoo.Model):
    def compute_loss_and_updates(self, trainable, others, x, y, training=False):
        y_pred, others = self.stateless_call(trainable, others, x, training=training)
        return self.compute_loss(x, y, y_pred), (y_pred, others)

    def train_step(self, state, data):
        import jax

        trainable, others, slots, measured = state
        x, y = data
        step = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, others)), gradients = step(trainable, others, x, y, training=True)
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        found, logs = [], {}
        for metric in self.metrics:
            held = measured[len(found) : len(found) + len(metric.variables)]
            given = (loss,) if metric.name == "loss" else (y, y_pred)
            held = metric.stateless_update_state(held, *given)
            logs[metric.name] = metric.stateless_result(held)
            found += held
        return logs, (trainable, others, slots, found)


FORMS = {"torch": TorchForm, "tensorflow": TensorflowForm, "jax": JaxForm}


def _linear(cls):
    x = isozoo.Input((3,))
    model = cls(x, layers.Dense(1, use_bias=False)(x))
    model.set_weights([KERNEL])
    return model


@pytest.mark.parametrize("backend", TRAINING)
def test_a_step_goes_through_all_metrics_of_the_model(backend):
    """The metrics of `compile` are one among them, whose entries come out by their own names."""
    with isozoo.use_backend(backend):
        model = _linear(FORMS[backend])
        model.compile(isozoo.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mse"])
    history = model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
    off = X @ KERNEL - Y
    assert list(history) == ["loss", "mae", "mse"]
    np.testing.assert_allclose(history["loss"][0], np.mean(off**2), rtol=1e-5)
    np.testing.assert_allclose(history["mae"][0], np.mean(np.abs(off)), rtol=1e-5)
    np.testing.assert_allclose(history["mse"][0], np.mean(off**2), rtol=1e-5)
    after = KERNEL - 0.1 * 2 * X.T @ off / len(X)
    np.testing.assert_allclose(model.get_weights()[0], after, rtol=1e-4, atol=1e-6)


class _OwnMetrics(isozoo.Model):
    """Lists its own metrics alone, as Keras's examples do: the mean loss is not among them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = isozoo.metrics.Mean(name="seen")

    @property
    def metrics(self):
        return [self.seen]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.seen.update_state(ops.mean(y_pred))
        return super().compute_loss(x, y, y_pred, sample_weight, training)


@pytest.mark.parametrize("backend", TRAINING)
def test_a_model_that_lists_its_own_metrics_alone(backend):
    with isozoo.use_backend(backend):
        model = _linear(_OwnMetrics)
        model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
    assert list(history) == ["seen"]
    np.testing.assert_allclose(history["seen"][0], np.mean(X @ KERNEL), rtol=1e-4)


def test_a_tape_takes_variables_in_any_structure():
    import tensorflow as tf

    with isozoo.use_backend("tensorflow"):
        model = _linear(isozoo.Model)
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_sum(model(X))
        kernel = model.trainable_variables[0]
        for found in (
            tape.gradient(loss, kernel),
            tape.gradient(loss, model.trainable_variables)[0],
            tape.gradient(loss, {"kernel": kernel})["kernel"],
        ):
            np.testing.assert_allclose(found[:, 0], X.sum(0), rtol=1e-5)
        assert tape.gradient(loss, isozoo.Variable(1.0)) is None


@pytest.mark.parametrize("backend", ("jax", "torch"))
def test_only_tensorflows_variables_have_a_handle(backend):
    with isozoo.use_backend(backend):
        assert not hasattr(isozoo.Variable(1.0), "handle")


# Masks -----------------------------------------------------------------------------------------


class _Rows(layers.Layer):
    """An embedding of the user's own that begins a mask."""

    def call(self, x):
        return ops.stack([x, 2 * x], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)


class _Mean(layers.Layer):
    """Needs a mask, in the graph as well."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        held = ops.expand_dims(ops.cast(mask, "float32"), -1)  # TypeError without a mask
        return ops.sum(inputs * held, axis=1) / ops.sum(held, axis=1)


def test_a_layer_in_a_graph_is_traced_with_the_mask_that_it_will_have(backend):
    with isozoo.use_backend(backend):
        x = isozoo.Input((None,))
        rows = _Rows()(x)
        assert rows._keras_mask.shape == (None, None) and rows._keras_mask.dtype == "bool"
        passed = layers.Dropout(0.5)(rows)
        inner = isozoo.Model(x, passed)
        y = _Mean()(passed)
        assert getattr(layers.LSTM(2)(rows), "_keras_mask", None) is None
        given = np.array([[1.0, 3.0, 0.0], [0.0, 5.0, 0.0]], "float32")
        expected = [[2.0, 4.0], [5.0, 10.0]]
        for out in (y, _Mean()(inner(x))):
            found = isozoo.Model(x, out)(given)
            np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)


class _Shaped(_Mean):
    def compute_output_spec(self, inputs):
        return isozoo.KerasTensor((inputs.shape[0], inputs.shape[2]), inputs.dtype)


def test_a_rule_of_shapes_that_takes_no_mask(backend):
    with isozoo.use_backend(backend):
        x = isozoo.Input((None,))
        found = isozoo.Model(x, _Shaped()(_Rows()(x)))(np.array([[1.0, 3.0, 0.0]], "float32"))
        np.testing.assert_allclose(ops.convert_to_numpy(found), [[2.0, 4.0]], rtol=1e-6)
