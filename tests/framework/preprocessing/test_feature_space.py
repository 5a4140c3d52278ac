"""FeatureSpace against Keras's on TensorFlow; files of both with learned state."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import isozoo
from isozoo import layers
from isozoo.utils import FeatureSpace

from .helpers import host

DATA = {
    "plain": [0.0, 0.1, 0.2, 0.3],
    "normal": [0.0, 1.0, 2.0, 5.0],
    "bins": [0.0, 1.0, 2.0, 3.0],
    "word": ["a", "b", "a", "c"],
    "number": [1, 2, 3, 1],
    "hashed": ["x", "y", "z", "x"],
}
CLOSE = {"rtol": 8 * np.finfo("float32").eps, "atol": 8 * np.finfo("float32").eps}


def space(library):
    return library.utils.FeatureSpace(
        {
            "plain": "float",
            "normal": "float_normalized",
            "bins": "float_discretized",
            "word": "string_categorical",
            "number": "integer_categorical",
            "hashed": "string_hashed",
        },
        crosses=[("word", "number")],
        crossing_dim=7,
        hashing_dim=5,
        num_discretization_bins=3,
    )


@functools.cache
def expected():
    theirs = space(keras)
    theirs.adapt(DATA)
    return theirs, theirs(DATA).numpy()


def test_space(backend, tmp_path):
    wanted = expected()[1]
    ours = space(isozoo)
    with pytest.raises(ValueError, match="need to call"):
        ours(DATA)
    ours.adapt(tf.data.Dataset.from_tensor_slices(DATA) if backend == "torch" else DATA)
    np.testing.assert_allclose(host(ours(DATA)), wanted, **CLOSE)
    row = {name: values[1] for name, values in DATA.items()}
    np.testing.assert_allclose(host(ours(row)), wanted[1], **CLOSE)
    rows = tf.data.Dataset.from_tensor_slices(DATA)
    np.testing.assert_allclose(next(iter(rows.batch(4).map(ours))).numpy(), wanted, **CLOSE)
    np.testing.assert_allclose(next(iter(rows.map(ours))).numpy(), wanted[0], **CLOSE)
    # In a file of ours, opened here and by Keras; and in one of Keras's.
    path = str(tmp_path / "ours.keras")
    ours.save(path)
    np.testing.assert_allclose(host(isozoo.models.load_model(path)(DATA)), wanted, **CLOSE)
    np.testing.assert_allclose(keras.models.load_model(path)(DATA).numpy(), wanted, **CLOSE)
    expected()[0].save(path)
    np.testing.assert_allclose(host(isozoo.models.load_model(path)(DATA)), wanted, **CLOSE)


def test_in_a_model(backend):
    ours = space(isozoo)
    ours.adapt(DATA)
    vectors = ours.get_encoded_features()
    assert vectors.shape == (None, expected()[1].shape[1]) and vectors.dtype == "float32"
    total = layers.Dense(1, kernel_initializer="ones")(vectors)
    model = isozoo.Model(ours.get_inputs(), total)
    columns = {name: np.array(values)[:, None] for name, values in DATA.items()}
    wanted = expected()[1].sum(1, keepdims=True)
    np.testing.assert_allclose(host(model(columns)), wanted, rtol=1e-5)


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_dict_and_errors(backend):
    cross = FeatureSpace.cross(("a", "b"), 5, output_mode="int")
    ints = FeatureSpace(
        {
            "a": FeatureSpace.integer_categorical(output_mode="int"),
            "b": FeatureSpace.integer_hashed(4, output_mode="int"),
        },
        output_mode="dict",
        crosses=[cross],
    )
    ints.adapt({"a": [3, 3, 5], "b": [1, 2, 3]})
    found = ints({"a": [3, 5, 9], "b": [1, 2, 3]})
    assert sorted(found) == ["a", "a_X_b", "b"]
    np.testing.assert_array_equal(found["a"], [[1], [2], [0]])
    for make, words in (
        (lambda: FeatureSpace({}), "cannot be None or empty"),
        (lambda: FeatureSpace({"a": "other"}), "Invalid feature type"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "z")]), "unknown features"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="x"), "output_mode"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "called with a dict"),
        (lambda: ints.adapt([1, 2]), "can only be called on"),
        (lambda: FeatureSpace({"a": ints.features["b"]})({"a": [1]}), "Cannot concatenate"),
    ):
        with pytest.raises(ValueError, match=words):
            make()


@pytest.mark.parametrize("backend", ["torch", "tensorflow"], indirect=True)
def test_learned_vocabularies_in_files_of_both(backend, tmp_path):
    """Text with tf_idf, whose weights are in the file; strings and numbers in its assets."""
    texts = np.array(["the cat", "the dog sat", "é"])
    numbers = np.array([4, 4, 9])

    def model(library):
        layer = library.layers.TextVectorization(output_mode="tf_idf", ngrams=2)
        layer.adapt(texts)
        lookup = library.layers.IntegerLookup(output_mode="count")
        lookup.adapt(numbers)
        a, b = library.Input((), dtype="string"), library.Input((1,), dtype="int64")
        return library.Model([a, b], library.layers.Concatenate()([layer(a), lookup(b)]))

    inputs = [texts, numbers[:, None]]
    path = str(tmp_path / "model.keras")
    theirs = model(keras)
    wanted = theirs([tf.constant(x) for x in inputs]).numpy()
    theirs.save(path)
    np.testing.assert_allclose(host(isozoo.models.load_model(path)(inputs)), wanted, **CLOSE)
    ours = model(isozoo)
    np.testing.assert_allclose(host(ours(inputs)), wanted, **CLOSE)
    ours.save(path)
    reopened = keras.models.load_model(path)([tf.constant(x) for x in inputs])
    np.testing.assert_allclose(reopened.numpy(), wanted, **CLOSE)
    np.testing.assert_allclose(host(isozoo.models.load_model(path)(inputs)), wanted, **CLOSE)
