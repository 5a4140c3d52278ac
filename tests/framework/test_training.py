"""The training loop: one curve on every backend, steps of a user's own, weights and outputs."""

import copy
import os
import signal
import threading

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.utils import set_random_seed

TRAINING = ("jax", "torch", "tensorflow")
ALL = (*TRAINING, "numpy")
_draws = np.random.default_rng(4)
X = _draws.standard_normal((40, 6)).astype("float32")
Y = (X @ _draws.standard_normal((6, 2)) + 0.1).astype("float32")
CLASSES = Y.argmax(1).astype("int32")


def _mlp(backend, units=2, dropout=0.25, cls=None, **options):
    """A small network with everything that has a state: draws, statistics, slots."""
    with isozoo.use_backend(backend):
        set_random_seed(11)
        x = layers.Input((6,))
        y = layers.Dense(8, "tanh")(x)
        y = layers.Dropout(dropout)(y)
        y = layers.BatchNormalization()(y)
        return (cls or isozoo.Model)(x, layers.Dense(units)(y), **options)


def _curve(model, x=X, y=Y, epochs=4, **options):
    """The loss of each step, after `fit` with batches of 8."""
    losses = []

    class Note(isozoo.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.total = 0.0

        def on_train_batch_end(self, batch, logs=None):
            assert type({**logs}["loss"]) is float  # whichever way it is read
            # The mean over batches of equal size, told apart again.
            total = logs["loss"] * (batch + 1)
            losses.append(total - self.total)
            self.total = total

    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=[Note()], **options)
    return np.array(losses)


@pytest.fixture(scope="module")
def curves():
    found = {}
    for backend in TRAINING:
        model = _mlp(backend)
        model.compile(isozoo.optimizers.Adam(0.01), "mse")
        found[backend] = _curve(model)
    return found


def test_every_backend_draws_the_same_curve(curves):
    # 20 steps of float32; each adds some roundings, which training carries on but does not blow up
    # here: the steps are small against the curvature.
    for backend in TRAINING:
        np.testing.assert_allclose(curves[backend], curves["torch"], rtol=1e-4)
    assert curves["torch"][-5:].mean() < curves["torch"][:5].mean()


def test_the_curve_is_that_of_a_loop_written_by_hand_in_torch(curves):
    import torch

    model = _mlp("torch")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, eps=1e-7)
    from isozoo.framework.training.data import batches_of

    set_random_seed(11)
    _mlp("torch")  # as many draws as before `fit`
    batches, losses = batches_of(X, Y, batch_size=8), []
    for _ in range(4):
        for x, y in batches.epoch(model._backend):
            loss = ((model(x, training=True) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    np.testing.assert_allclose(losses, curves["torch"], rtol=1e-4)


@pytest.mark.parametrize("backend", TRAINING)
def test_how_a_step_is_run_does_not_change_it(backend, curves):
    ways = [{"run_eagerly": True}, {"steps_per_execution": 2}]
    if backend != "jax":  # where a step is always compiled
        ways.append({"jit_compile": True})
    for way in ways:
        model = _mlp(backend)
        optimizer = isozoo.optimizers.Adam(0.01)
        if "jit_compile" in way:  # scales are powers of two, which change no digit
            optimizer = isozoo.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer, "mse", **way)
        if "steps_per_execution" in way:
            model.fit(X, Y, batch_size=8, epochs=4, verbose=0)
            other = _mlp(backend)
            other.compile(isozoo.optimizers.Adam(0.01), "mse")
            other.fit(X, Y, batch_size=8, epochs=4, verbose=0)
            for one, two in zip(model.weights, other.weights, strict=True):
                np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_allclose(_curve(model), curves[backend], rtol=1e-4)


# Steps of a user's own -------------------------------------------------------------------------


class OnceForAll(isozoo.Model):
    def train_step(self, data):
        x, y, sample_weight = isozoo.utils.unpack_x_y_sample_weight(data)

        def forward():
            y_pred = self(x, training=True)
            return self.compute_loss(x, y, y_pred, sample_weight), y_pred

        loss, y_pred, gradients = self.loss_and_gradients(forward)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=ops.shape(y)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)


class TorchForm(isozoo.Model):
    def train_step(self, data):
        import torch

        x, y = data[:2]
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss, sample_weight=y.shape[0])
        return {m.name: m.result() for m in self.metrics}


class TensorflowForm(isozoo.Model):
    def train_step(self, data):
        import tensorflow as tf

        x, y = data[:2]
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        weights = self.trainable_weights
        gradients = tape.gradient(loss, [v.value for v in weights])
        self.optimizer.apply(gradients, weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(y)[0])
        return {m.name: m.result() for m in self.metrics}


class JaxForm(isozoo.Model):
    def train_step(self, state, data):
        import jax

        trainable, others, slots, measured = state
        x, y, sample_weight = isozoo.utils.unpack_x_y_sample_weight(data)
        step = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (_, _, others, measured)), gradients = step(
            trainable, others, measured, x, y, sample_weight, training=True
        )
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        names = [metric for metric in self.metrics if metric.name == "loss"]
        mine = {id(v) for metric in names for v in metric.variables}
        held = [x for v, x in zip(self.metrics_variables, measured, strict=True) if id(v) in mine]
        held = names[0].stateless_update_state(held, loss, sample_weight=x.shape[0])
        return {"loss": names[0].stateless_result(held)}, (trainable, others, slots, held)


@pytest.mark.parametrize(
    "backend, cls",
    [
        *((backend, OnceForAll) for backend in TRAINING),
        ("torch", TorchForm),
        ("tensorflow", TensorflowForm),
        ("jax", JaxForm),
    ],
)
def test_a_step_of_the_users_own_gives_the_same_curve(backend, cls, curves):
    model = _mlp(backend, cls=cls)
    model.compile(isozoo.optimizers.Adam(0.01), "mse")
    np.testing.assert_allclose(_curve(model), curves[backend], rtol=1e-4)


# Losses, weights, outputs, metrics -------------------------------------------------------------


@pytest.mark.parametrize("backend", ALL)
def test_weights_of_rows_and_classes(backend):
    model = _mlp(backend, dropout=0.0)
    weights = np.linspace(0.0, 2.0, len(X), dtype="float32")
    loss = isozoo.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
    scores = model.predict(X, verbose=0).astype("float64")
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    losses = -logs[np.arange(len(X)), CLASSES]
    right = scores.argmax(1) == CLASSES
    found = model.evaluate(
        X, CLASSES, sample_weight=weights, batch_size=len(X), verbose=0, return_dict=True
    )
    np.testing.assert_allclose(found["loss"], (losses * weights).sum() / len(X), rtol=1e-5)
    np.testing.assert_allclose(found["accuracy"], right.mean(), rtol=1e-6)
    share = (right * weights).sum() / weights.sum()
    np.testing.assert_allclose(found["weighted_accuracy"], share, rtol=1e-5)
    if backend != "numpy":
        before = [v.numpy() for v in model.trainable_variables]
        by_class = {0: 0.5, 1: 2.0}
        other = copy.deepcopy(model)
        model.train_on_batch(X, CLASSES, class_weight=by_class)
        other.train_on_batch(X, CLASSES, sample_weight=np.where(CLASSES == 0, 0.5, 2.0))
        for one, two in zip(model.weights, other.weights, strict=True):
            np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-5, atol=1e-7)
        assert any(
            (v.numpy() != x).any() for v, x in zip(model.trainable_variables, before, strict=True)
        )


def _two_outputs(backend):
    with isozoo.use_backend(backend):
        set_random_seed(2)
        x = layers.Input((6,), name="x")
        first = layers.Dense(2, name="first")(x)
        second = layers.Dense(1, name="second")(x)
        return isozoo.Model(x, {"first": first, "second": second})


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("as_dict", (True, False))
def test_several_outputs_have_losses_weights_and_metrics_of_their_own(backend, as_dict):
    model = _two_outputs(backend)
    if as_dict:
        loss, weights = {"first": "mse", "second": "mae"}, {"first": 2.0, "second": 0.5}
        metrics, y = {"second": ["mse", "mae"]}, {"first": Y, "second": Y[:, :1]}
    else:
        loss, weights = ["mse", "mae"], [2.0, 0.5]
        metrics, y = [None, ["mse", "mae"]], [Y, Y[:, :1]]
    model.compile("sgd", loss, loss_weights=weights, metrics=metrics)
    out = model.predict(X, verbose=0)
    found = model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)
    first = np.mean((out["first"].astype("float64") - Y) ** 2)
    second = np.mean(np.abs(out["second"].astype("float64") - Y[:, :1]))
    np.testing.assert_allclose(found["loss"], 2 * first + 0.5 * second, rtol=1e-5)
    np.testing.assert_allclose(found["first_loss"], first, rtol=1e-5)
    np.testing.assert_allclose(found["second_loss"], second, rtol=1e-5)
    np.testing.assert_allclose(found["second_mae"], second, rtol=1e-5)
    names = {"loss", "first_loss", "second_loss", "second_mse", "second_mae"}
    assert {*found} == names
    assert len(model.evaluate(X, y, verbose=0)) == 5


@pytest.mark.parametrize("backend", TRAINING)
def test_losses_and_metrics_of_layers_and_frozen_layers(backend):
    class Watching(isozoo.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.seen = isozoo.metrics.Sum(name="seen")

        def call(self, x):
            self.add_loss(0.1 * ops.mean(ops.square(x)))
            self.seen.update_state(ops.ones_like(x[:, 0]))
            return x

    with isozoo.use_backend(backend):
        set_random_seed(5)
        model = isozoo.Sequential(
            [layers.Input((6,)), layers.Dense(4, trainable=False), Watching(), layers.Dense(2)]
        )
    frozen = model.layers[0].kernel.numpy()
    trained = model.layers[2].kernel.numpy()
    hidden = X @ frozen
    expected = np.mean((hidden @ trained - Y) ** 2) + 0.1 * np.mean(hidden**2)
    model.compile("sgd", "mse")
    ids = {id(v) for v in model.variables}
    assert not any(id(v) in ids for v in model.metrics_variables)
    found = model.train_on_batch(X, Y, return_dict=True)
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-5)
    assert found["seen"] == len(X)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), frozen)
    assert (model.layers[2].kernel.numpy() != trained).any()
    model.layers[0].trainable = True
    with (
        pytest.warns(UserWarning, match="`trainable` state has changed"),
        pytest.raises(ValueError, match="Unknown variable"),
    ):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize("backend", TRAINING)
def test_mixed_precision_scales_the_loss(backend):
    model = _mlp(backend, dropout=0.0, dtype="mixed_float16")
    model.compile(isozoo.optimizers.SGD(0.1), "mse")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    losses = _curve(model, epochs=6)
    assert np.isfinite(losses).all() and losses[-5:].mean() < losses[:5].mean()
    assert {v.dtype for v in model.weights} == {"float32"}


# Bad input -------------------------------------------------------------------------------------


def test_what_is_wrong_is_said():
    model = _mlp("numpy")
    with pytest.raises(ValueError, match=r"You must call `compile\(\)`"):
        model.fit(X, Y)
    model.compile("sgd", "mse", metrics=["mae"])
    with pytest.raises(RuntimeError, match="is for inference and gives no gradients"):
        model.fit(X, Y, verbose=0)
    for loss in ({"one": "mse"}, ["mse", "mse"]):
        model = _two_outputs("torch")
        model.compile("sgd", loss if isinstance(loss, dict) else [*loss, "mse"])
        with pytest.raises((KeyError, ValueError), match="can't be found|must fit the model's"):
            model.fit(X, {"first": Y, "second": Y[:, :1]}, verbose=0)
    model = _mlp("torch")
    with pytest.raises(ValueError, match="list, tuple, or dict"):
        model.compile("sgd", "mse", metrics="mae")
    model.compile("sgd", "mse", metrics=["no such metric"])
    with pytest.raises(ValueError, match="no such metric"):
        model.fit(X, Y, verbose=0)
    model.compile("sgd")
    with pytest.raises(ValueError, match="No loss to compute"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="0 rows|empty|at least one row"):
        model.fit(X[:0], Y[:0], verbose=0)


# Ends before the end ---------------------------------------------------------------------------


class StopsAt(isozoo.callbacks.Callback):
    """Raises in the step after a number of them."""

    def __init__(self, steps, error):
        super().__init__()
        self.left, self.error = steps, error

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("backend", TRAINING)
def test_an_interruption_ends_with_the_history_so_far(backend):
    model = _mlp(backend)
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="was interrupted"):
        history = model.fit(
            X, Y, batch_size=8, epochs=9, verbose=0, callbacks=[StopsAt(12, KeyboardInterrupt())]
        )
    assert len(history.history["loss"]) == 2 and model.interrupted
    assert not [t for t in threading.enumerate() if "ahead" in t.name.lower()]
    model.fit(X, Y, batch_size=8, verbose=0)
    assert not model.interrupted


class Died(Exception):
    """The process is gone."""


@pytest.mark.parametrize("backend", TRAINING)
@pytest.mark.parametrize("steps", (3, 7, 10))
def test_a_run_that_died_goes_on_bit_for_bit(backend, steps, tmp_path):
    def run(*callbacks, folder=None):
        model = _mlp(backend)
        rate = isozoo.optimizers.schedules.CosineDecay(0.05, 20)
        model.compile(isozoo.optimizers.Adam(rate), "mse", metrics=["mae"])
        if folder is not None:
            backup = isozoo.callbacks.BackupAndRestore(folder, save_freq=2)
            callbacks = (backup, *callbacks)
        history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[*callbacks])
        return model, history.history

    whole, history = run()
    with pytest.raises(Died):
        run(StopsAt(steps, Died()), folder=tmp_path)
    model, resumed = run(folder=tmp_path)
    for one, two in zip(model.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    for one, two in zip(model.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    assert {name: values[-1] for name, values in resumed.items()} == {
        name: values[-1] for name, values in history.items()
    }


def test_a_real_signal_ends_a_fit_cleanly():
    class Signals(isozoo.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    model = _mlp("jax")
    model.compile("sgd", "mse")
    # A process that a shell started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.warns(UserWarning, match="was interrupted"):
            model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[Signals()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert model.interrupted and np.isfinite(model.predict(X, verbose=0)).all()


@pytest.mark.parametrize("backend", TRAINING)
def test_single_batches_begin_their_metrics_anew_and_settings_can_be_set(backend):
    with isozoo.use_backend(backend):
        x = layers.Input((6,))
        y = layers.Dense(2, kernel_initializer="ones")(x)
        model = isozoo.Model(x, [y, y])
    model.run_eagerly = True
    assert model.run_eagerly and not model.compiled
    assert model.predict(X, verbose=0)[0].shape == (40, 2)
    with pytest.raises(ValueError, match="must call `compile"):
        model.fit(X, Y, verbose=0)
    # One target, for the one output that has a loss.
    model.compile("sgd", ["mse", None], run_eagerly=True)
    model.jit_compile = False
    assert model.compiled and not model.jit_compile
    kernel = np.ones((6, 2), "float32")
    for rows in (slice(0, 16), slice(16, 40)):
        expected = np.mean((X[rows] @ kernel - Y[rows]) ** 2)
        np.testing.assert_allclose(model.test_on_batch(X[rows], Y[rows]), expected, rtol=1e-5)
    for rows in (slice(0, 16), slice(16, 40)):
        kernel, bias = (v.numpy() for v in model.weights)
        expected = np.mean((X[rows] @ kernel + bias - Y[rows]) ** 2)
        np.testing.assert_allclose(model.train_on_batch(X[rows], Y[rows]), expected, rtol=1e-5)


@pytest.mark.parametrize("backend", ALL)
def test_what_draws_in_inference_draws_anew_in_each_batch(backend):
    class Noisy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.draws = isozoo.random.SeedGenerator(3)

        def call(self, x):
            return isozoo.random.dropout(x, 0.5, seed=self.draws)

    with isozoo.use_backend(backend):
        model = isozoo.Sequential([layers.Input((20,)), Noisy()])
        again = isozoo.Sequential([layers.Input((20,)), Noisy()])
    found = model.predict(np.ones((4, 20), "float32"), batch_size=2, verbose=0)
    assert set(np.unique(found)) == {0.0, 2.0}
    assert (found[:2] != found[2:]).any()
    ones = np.ones((2, 20), "float32")
    np.testing.assert_array_equal(found[:2], again.predict_on_batch(ones))
    np.testing.assert_array_equal(found[2:], again.predict_on_batch(ones))
