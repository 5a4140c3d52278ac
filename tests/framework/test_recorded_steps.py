"""Steps of training on torch and a CPU: replayed, they compute what they do eagerly."""

import numpy as np
import pytest

import isozoo as keras
from isozoo import layers

pytestmark = pytest.mark.parametrize("backend", ["torch"], indirect=True)
ROWS, BATCH = 48, 4  # twelve steps, of which the last ones are replays


def _data(shape=(12,), high=None):
    draws = np.random.default_rng(0)
    if high is None:
        x = draws.standard_normal((ROWS, *shape)).astype("float32")
    else:
        x = draws.integers(0, high, (ROWS, *shape))
    return x, draws.integers(0, 4, ROWS)


def _fitted(stack, optimizer, data, eager, **options):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Input(data[0].shape[1:]), *stack()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(), loss, metrics=["accuracy"], run_eagerly=eager)
    history = model.fit(*data, batch_size=BATCH, epochs=2, verbose=0, **options).history
    return model, history


def _graphed(model):
    """What records the step of training."""
    return next(
        cell.cell_contents
        for cell in model.make_train_function().__closure__
        if hasattr(cell.cell_contents, "_graphs")
    )


def _attention():
    tokens = layers.Input((6,))
    x = layers.Embedding(30, 8)(tokens)
    x = layers.LayerNormalization()(
        x + layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True)
    )
    x = layers.GlobalAveragePooling1D()(layers.Dense(8, activation="gelu")(x))
    return [keras.Model(tokens, layers.Dense(4)(x))]


STACKS = {
    "dense": (lambda: [layers.Dense(8, activation="relu"), layers.Dense(4)], ((12,),)),
    "noise": (
        lambda: [
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(4),
        ],
        ((12,),),
    ),
    "convolutions": (
        lambda: [
            layers.RandomFlip(),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(4, 3, padding="same"),
            layers.Conv2DTranspose(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ],
        ((6, 6, 3),),
    ),
    "recurrent": (
        lambda: [
            layers.Embedding(30, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(4)),
            layers.Dense(4),
        ],
        ((6,), 30),
    ),
    "attention": (_attention, ((6,), 30)),
}
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2, global_clipnorm=1.0, use_ema=True),
    "adamw": lambda: keras.optimizers.AdamW(1e-2),
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9, clipnorm=1.0
    ),
    "lion": lambda: keras.optimizers.Lion(1e-3),
    "adafactor": lambda: keras.optimizers.Adafactor(1e-2),
}
CASES = [(stack, "adam") for stack in STACKS] + [("dense", name) for name in list(OPTIMIZERS)[1:]]


@pytest.mark.parametrize(("stack", "optimizer"), CASES)
def test_replays_are_the_eager_step_bit_for_bit(backend, stack, optimizer):
    make, form = STACKS[stack]
    data = _data(*form)
    eager, wanted = _fitted(make, OPTIMIZERS[optimizer], data, True)
    model, history = _fitted(make, OPTIMIZERS[optimizer], data, False)
    graphed = _graphed(model)
    assert len(graphed._graphs) == 1
    assert not graphed.failures
    assert history == wanted
    for mine, theirs in zip(model.variables, eager.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy(), err_msg=mine.path)


def test_a_step_that_asks_python_runs_as_it_is(backend):
    make, form = STACKS["dense"]
    optimizer = lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2)  # noqa: E731
    eager, wanted = _fitted(make, optimizer, _data(*form), True)
    model, history = _fitted(make, optimizer, _data(*form), False)
    graphed = _graphed(model)
    assert graphed.failures
    assert not graphed._graphs
    assert history == wanted


def test_a_rate_that_a_callback_changes_holds_from_the_next_step_on(backend):
    class Ends(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model.optimizer.iterations == 18:
                self.model.layers[2].rate = 0.0  # it draws no more

    _, form = STACKS["noise"]
    make = lambda: [layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.3)]  # noqa: E731
    model, _ = _fitted(
        lambda: [*make(), layers.Dense(4)],
        OPTIMIZERS["sgd"],
        _data(*form),
        False,
        callbacks=[Ends()],
    )
    assert int(model.layers[2].seed_generator.state.numpy()[1]) == 18


def test_freezing_and_a_new_learning_rate_are_heeded(backend):
    make, form = STACKS["dense"]
    data = _data(*form)
    model, _ = _fitted(make, OPTIMIZERS["sgd"], data, False)
    model.optimizer.learning_rate = 0.0
    before = [np.array(w) for w in model.get_weights()]
    model.fit(*data, batch_size=BATCH, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.optimizer.learning_rate = 0.1
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="has changed since"):
        model.fit(*data, batch_size=BATCH, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert abs(model.get_weights()[2] - before[2]).max() > 0


def test_a_replay_refuses_what_the_eager_step_refuses(backend):
    make, form = STACKS["dense"]
    x, y = _data(*form)
    model, _ = _fitted(make, OPTIMIZERS["sgd"], (x, y), False)
    before = [np.array(w) for w in model.get_weights()]
    with pytest.raises(ValueError, match="name class 7"):
        model.fit(x, np.full_like(y, 7), batch_size=BATCH, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    make, form = STACKS["recurrent"]
    x, y = _data(*form)
    model, _ = _fitted(make, OPTIMIZERS["sgd"], (x, y), False)
    with pytest.raises(Exception, match=r"embeddings.*out of range"):
        model.fit(x + 50, y, batch_size=BATCH, verbose=0)
