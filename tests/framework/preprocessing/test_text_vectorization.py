"""TextVectorization against Keras's on TensorFlow."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import isozoo
from isozoo import layers

from .helpers import host, mapped

TEXTS = ["The cat, the DOG!", "  a\tdog's\n tail ", "", "ÄÖ é-x"]
OPTIONS: list[dict] = [
    {},
    {"standardize": None, "split": "character", "max_tokens": 9},
    {"standardize": "lower", "ngrams": 2, "output_sequence_length": 4},
    {"standardize": "strip_punctuation", "ngrams": (1, 3)},
    {"split": None},
    {"split": None, "output_mode": "multi_hot"},
    {"output_mode": "multi_hot", "max_tokens": 6, "pad_to_max_tokens": True},
    {"output_mode": "count", "ngrams": (2,)},
    {"output_mode": "tf_idf"},
]


@functools.cache
def expected() -> list[tuple[list[str], np.ndarray]]:
    found = []
    for options in OPTIONS:
        layer = keras.layers.TextVectorization(**options)
        layer.adapt(TEXTS)
        found.append((layer.get_vocabulary(), layer(np.array(TEXTS)).numpy()))
    return found


def test_calls(backend):
    for options, (vocabulary, wanted) in zip(OPTIONS, expected(), strict=True):
        layer = layers.TextVectorization(**options)
        layer.adapt(TEXTS)
        assert layer.get_vocabulary() == vocabulary, options
        for texts in (TEXTS, np.array(TEXTS)[:, None]):
            found = host(layer(texts))
            # A column of whole texts keeps its axis, as in Keras.
            if options.get("split", 1) is None and np.ndim(texts) == 2:
                found = found[:, 0] if "output_mode" not in options else found
                if "output_mode" in options:
                    continue
            np.testing.assert_allclose(
                found, wanted, rtol=4 * np.finfo("float32").eps, err_msg=str(options)
            )
        again = layers.TextVectorization.from_config(layer.get_config())
        again.set_vocabulary(
            *(
                [vocabulary, host(layer._lookup_layer.idf_weights)]
                if options.get("output_mode") == "tf_idf"
                else [vocabulary]
            )
        )
        np.testing.assert_array_equal(host(again(TEXTS)), host(layer(TEXTS)))


def test_in_tf_data(backend):
    for place in (2, 1, 8):
        layer = layers.TextVectorization(**OPTIONS[place])
        layer.adapt(tf.data.Dataset.from_tensor_slices(TEXTS).batch(2))
        if OPTIONS[place].get("output_mode") != "tf_idf":  # whose documents are other ones then
            np.testing.assert_array_equal(mapped(layer, TEXTS), expected()[place][1])
        else:
            np.testing.assert_allclose(mapped(layer, TEXTS), host(layer(TEXTS)), rtol=1e-6)


def swapped(texts):
    """Letters in the other case, on NumPy's strings."""
    return np.strings.swapcase(texts)


def by_commas(texts):
    return [text.split(",") for text in texts]


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"], indirect=True)
def test_functions_of_arrays(backend):
    layer = layers.TextVectorization(standardize=swapped, split=by_commas)
    layer.adapt(["a,b,a", "c"])
    assert layer.get_vocabulary() == ["", "[UNK]", "A", "C", "B"]
    wanted = [[4, 1], [2, 0]]
    np.testing.assert_array_equal(host(layer(["b,Z", "a"])), wanted)
    np.testing.assert_array_equal(mapped(layer, ["b,Z", "a"]), wanted)


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_functions_of_tensors_and_ragged_rows(backend):
    layer = layers.TextVectorization(
        standardize=tf.strings.upper, split=lambda x: tf.strings.split(x, ","), ragged=True
    )
    layer.adapt(["a,b,a", "c"])
    found = layer(["b,z", "a", "a,b,c"])
    assert isinstance(found, tf.RaggedTensor)
    assert found.to_list() == [[4, 1], [2], [2, 4, 3]]
    sparse = layers.TextVectorization(output_mode="count", sparse=True, vocabulary=["a", "b"])
    np.testing.assert_array_equal(
        isozoo.ops.convert_to_numpy(sparse(["a a b", "z"])), [[0, 2, 1], [1, 0, 0]]
    )


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_wrong_arguments(backend):
    for options, words in (
        ({"ragged": True}, "TensorFlow backend"),
        ({"sparse": True, "output_mode": "count"}, "TensorFlow backend"),
        ({"standardize": "other"}, "standardize"),
        ({"split": "other"}, "split"),
        ({"ngrams": "2"}, "ngrams"),
        ({"output_mode": "count", "output_sequence_length": 3}, "must not be set"),
        ({"output_sequence_length": 3.5}, "None or an integer"),
    ):
        with pytest.raises(ValueError, match=words):
            layers.TextVectorization(**options)
    with pytest.raises(ValueError, match="input rank must be 1"):
        layers.TextVectorization(vocabulary=["a"])([["a", "b"]])
    config = {**layers.TextVectorization().get_config(), "vocabulary": "/some/file"}
    with pytest.raises(ValueError, match="outside of the model archive"):
        layers.TextVectorization.from_config(config)
