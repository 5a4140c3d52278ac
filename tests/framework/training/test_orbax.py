"""Checkpoints of Orbax: written in training, read back, and exchanged with Keras."""

from __future__ import annotations

import os

import numpy as np
import pytest

import isozoo
from isozoo import layers

pytestmark = pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"], indirect=True)


def _data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((16, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


def _model(last: int = 1):
    isozoo.utils.set_random_seed(1)
    model = isozoo.Sequential(
        [
            isozoo.Input((3,)),
            layers.Dense(4, "relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(last, name="last"),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def _equal(model, other) -> None:
    for x, y in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_training_goes_on_from_a_checkpoint(tmp_path, backend):
    x, y = _data()
    model = _model()
    saves = isozoo.callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=2)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[saves])
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]
    read = isozoo.models.load_model(tmp_path)
    _equal(model, read)
    runs = [m.fit(x, y, epochs=2, verbose=0, shuffle=False).history for m in (model, read)]
    assert runs[0] == runs[1]  # the optimizer's state is there, too


def test_the_best_by_batches(tmp_path, backend):
    x, y = _data()
    model = _model()
    saves = isozoo.callbacks.OrbaxCheckpoint(
        tmp_path, monitor="loss", save_best_only=True, save_freq=2, initial_value_threshold=0.0
    )
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[saves])
    assert os.listdir(tmp_path) == []  # no loss is below 0
    weights = isozoo.callbacks.OrbaxCheckpoint(
        tmp_path, save_freq=3, save_weights_only=True, save_on_background=False, max_to_keep=None
    )
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[weights])
    assert os.listdir(tmp_path) == ["11"]
    with pytest.raises(ValueError, match="weights alone"):
        isozoo.models.load_model(tmp_path)
    other = _model()
    other.load_weights(tmp_path / "11")
    with pytest.raises(ValueError, match="first/kernel") as error:
        isozoo.Sequential([isozoo.Input((3,)), layers.Dense(2, name="last")]).load_weights(tmp_path)
    assert "last/kernel: (4, 1) in the file, (3, 2) in the model" in str(error.value)


def test_files_of_layers_travel(tmp_path, backend):
    words = layers.StringLookup(vocabulary=["a", "b"], name="words")
    model = isozoo.Sequential([isozoo.Input((2,), dtype="int64"), layers.Embedding(4, 2)])
    model.words = words
    model.compile("sgd", "mse")
    ids = np.array([[1, 2], [3, 0]])
    saves = isozoo.callbacks.OrbaxCheckpoint(tmp_path)
    model.fit(ids, np.zeros((2, 2, 2)), verbose=0, callbacks=[saves])
    _equal(model, isozoo.models.load_model(tmp_path))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path, backend):
    with pytest.raises(ValueError, match="not supported"):
        isozoo.models.load_model(tmp_path)
    (tmp_path / "3" / "pytree").mkdir(parents=True)
    (tmp_path / "3" / "_CHECKPOINT_METADATA").write_text("{}")
    with pytest.raises(ValueError, match="Orbax cannot read it"):
        _model().load_weights(tmp_path)


def _functional(module):
    x = module.Input((3,), name="x")
    y = module.layers.Dense(4, "relu", name="first")(x)
    y = module.layers.BatchNormalization(name="norm")(y)
    made = module.Model(x, module.layers.Dense(1, name="last")(y))
    made.compile("adam", "mse")
    return made


def test_checkpoints_of_keras(tmp_path, backend):
    # (Of a Sequential Keras reads nothing back, without a word: paths change when it is read.)
    import keras

    x, y = _data()
    for one, other in ((keras, isozoo), (isozoo, keras)):
        path = str(tmp_path / one.__name__)
        model = _functional(one)
        saves = one.callbacks.OrbaxCheckpoint(path)
        model.fit(x, y, epochs=1, verbose=0, callbacks=[saves])
        found = other.saving.load_model(path).predict(x, verbose=0)
        # Sums of at most 4 products in float32, in another order.
        wanted = model.predict(x, verbose=0)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_weights_of_a_sequential_of_keras(tmp_path, backend):
    import keras

    x, y = _data()
    inner = [keras.layers.Dense(4, "relu", name="first"), keras.layers.Dropout(0.1)]
    theirs = keras.Sequential([keras.layers.Input((3,)), *inner])
    theirs.compile("adam", "mse")
    saves = keras.callbacks.OrbaxCheckpoint(str(tmp_path), save_weights_only=True)
    theirs.fit(x, np.repeat(y, 4, 1), epochs=1, verbose=0, callbacks=[saves])
    ours = isozoo.Sequential([isozoo.Input((3,)), layers.Dense(4, "relu", name="first")])
    ours.load_weights(tmp_path)
    for found, wanted in zip(ours.get_weights(), theirs.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
