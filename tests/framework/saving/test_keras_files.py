"""Files that Keras 3 and Keras 2 wrote open with the outputs that their models had there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo import layers, saving

FOLDER = Path(__file__).parents[2] / "data" / "keras"
EXPECTED = {
    name: entry
    for file in ("expected.json", "expected_keras2.json")
    for name, entry in json.loads((FOLDER / file).read_text()).items()
}
# Dense, convolution and tanh of a few numbers: some roundings of float32 at 1.
TOLERANCE = 32 * np.finfo("float32").eps


class Blocks(isozoo.Model):
    """The class of `subclassed` in make_keras_files.py."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(2)
        self.blocks = [layers.Dense(3), (layers.Dense(3), layers.Dropout(0.5))]
        self._hidden = layers.Dense(3)
        self.scale = self.add_weight(shape=(3,), name="scale")

    def call(self, x):
        x = self.blocks[1][0](self.blocks[0](x)) * self.scale
        return self.out(self._hidden(x))


def computes_the_same(model, name: str) -> None:
    inputs = [np.array(x, "float32") for x in EXPECTED[name]["inputs"]]
    outputs = model(inputs[0] if len(inputs) == 1 else inputs)
    expected = EXPECTED[name]["outputs"]
    if isinstance(expected, dict):
        pairs = [(outputs[key], expected[key]) for key in expected]
    else:
        pairs = zip(outputs, expected, strict=True) if isinstance(outputs, list) else []
        pairs = pairs or [(outputs, expected)]
    for found, wanted in pairs:
        found = isozoo.ops.convert_to_numpy(found)
        np.testing.assert_allclose(found, np.array(wanted), atol=TOLERANCE, rtol=TOLERANCE)


WHOLE = [
    ("sequential", "sequential.keras"),
    ("functional", "functional.keras"),
    ("keras2_sequential", "keras2_sequential.h5"),
    ("keras2_functional", "keras2_functional.h5"),
]


@pytest.mark.parametrize("name, file", WHOLE, ids=[file for _, file in WHOLE])
def test_a_whole_model_computes_what_it_did_in_keras(backend, name, file):
    computes_the_same(saving.load_model(FOLDER / file, compile=False), name)


@pytest.mark.parametrize("file", ["subclassed.weights.h5", "subclassed.weights.json"])
def test_weights_of_a_class_of_the_users(backend, file):
    model = Blocks()
    model.build((None, 4))
    model.load_weights(FOLDER / file)
    computes_the_same(model, "subclassed")


def test_the_optimizer_comes_back_with_its_state(backend):
    model = saving.load_model(FOLDER / "sequential.keras")
    assert (model.optimizer.beta_1, model.compiled) == (0.8, True)
    # make_keras_files.py gave each variable its number.
    assert [np.unique(v.numpy()).tolist() for v in model.optimizer.variables] == [
        [number] for number in range(len(model.optimizer.variables))
    ]
    assert not saving.load_model(FOLDER / "sequential.keras", compile=False).compiled


def test_settings_of_layers_come_back():
    model = saving.load_model(FOLDER / "sequential.keras", compile=False)
    assert [layer.name for layer in model.layers][0] == "first"
    assert model.name == "two_layers"
    assert model.layers[1].kernel_regularizer.get_config() == {"l2": 0.01}


@pytest.mark.parametrize("by_name", [False, True])
def test_keras_2_weights_by_order_and_by_name(by_name):
    with isozoo.use_backend("numpy"):
        names = ("conv2d", "batch_normalization", "flatten", "dense") if by_name else (None,) * 4
        model = isozoo.Sequential(
            [
                isozoo.Input((3, 3, 1)),
                layers.Conv2D(2, 2, activation="relu", name=names[0]),
                layers.BatchNormalization(name=names[1]),
                layers.Flatten(name=names[2]),
                layers.Dense(2, name=names[3]),
            ]
        )
        model.load_weights(FOLDER / "keras2_weights.h5", by_name=by_name or None)
        computes_the_same(model, "keras2_sequential")


def test_keras_2_weights_for_another_model_change_nothing():
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(2), layers.Dense(5)])
        before = model.get_weights()
        with pytest.raises(saving.MismatchError, match="Layer count mismatch") as caught:
            model.load_weights(FOLDER / "keras2_weights.h5")
        assert "Shape mismatch" in str(caught.value) or "Weight count" in str(caught.value)
        for was, now in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(was, now)


def test_names_where_keras_has_another_name_for_the_class(tmp_path):
    """GroupQueryAttention is GroupedQueryAttention in Keras's sources, and so in its files.

    The names are those that Keras 3.15 writes for this model.
    """
    with isozoo.use_backend("numpy"):
        x = isozoo.Input((5, 3))
        model = isozoo.Model(x, isozoo.layers.GroupQueryAttention(3, 4, 2)(x, x))
        model.save_weights(tmp_path / "one.weights.h5")
    h5py, found = pytest.importorskip("h5py"), []
    with h5py.File(tmp_path / "one.weights.h5") as file:
        file.visititems(lambda name, x: found.append(name) if isinstance(x, h5py.Dataset) else None)
    assert sorted(found) == [
        f"layers/grouped_query_attention/_{part}_dense/vars/{number}"
        for part in ("key", "output", "query", "value")
        for number in (0, 1)
    ]
