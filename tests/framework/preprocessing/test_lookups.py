"""StringLookup and IntegerLookup against Keras's on TensorFlow."""

from __future__ import annotations

import copy
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import isozoo
from isozoo import layers

from .helpers import host, mapped

WORDS = [["cat", "dog", "", "emu"], ["dog", "cow", "ape", "dog"]]
NUMBERS = np.array([[3, 5, 0, 8], [5, -7, 11, 5]])
STRINGS: list[dict] = [
    {"vocabulary": ["dog", "cat"]},
    {"vocabulary": ["dog", "cat"], "mask_token": "", "num_oov_indices": 3},
    {"vocabulary": ["", "U", "dog", "cat"], "mask_token": "", "oov_token": "U"},
    {"vocabulary": ["dog", "cat"], "num_oov_indices": 5, "salt": [3, 9]},
    {"vocabulary": ["dog", "cat", "emu", "cow", "ape", ""], "num_oov_indices": 0},
    {"vocabulary": ["dog", "cat"], "output_mode": "multi_hot", "mask_token": ""},
    {"vocabulary": ["dog", "cat"], "output_mode": "one_hot", "num_oov_indices": 2},
    {
        "vocabulary": ["dog", "cat"],
        "output_mode": "count",
        "pad_to_max_tokens": True,
        "max_tokens": 6,
    },
    {"vocabulary": ["dog", "cat"], "output_mode": "tf_idf", "idf_weights": [0.25, 0.75]},
    {
        "vocabulary": ["[UNK]", "dog", "cat"],
        "output_mode": "tf_idf",
        "idf_weights": [1.0, 0.25, 0.75],
        "pad_to_max_tokens": True,
        "max_tokens": 5,
    },
]
INTEGERS: list[dict] = [
    {"vocabulary": [5, 3], "mask_token": 0},
    {"vocabulary": [5, 3], "num_oov_indices": 3},
    {"vocabulary": [5, 3], "num_oov_indices": 3, "oov_method": "farmhash"},
    {"vocabulary": [5, 3], "num_oov_indices": 3, "oov_method": "farmhash", "salt": 7},
    {"vocabulary": [5, 3], "output_mode": "count", "mask_token": 0},
]


@functools.cache
def expected() -> list[tuple[str, dict, np.ndarray]]:
    """What Keras gives, once for all backends."""
    return [
        (name, options, getattr(keras.layers, name)(**options)(data).numpy())
        for name, cases, data in (
            ("StringLookup", STRINGS, np.array(WORDS)),
            ("IntegerLookup", INTEGERS, NUMBERS),
        )
        for options in cases
    ]


def test_calls(backend):
    for name, options, wanted in expected():
        layer = getattr(layers, name)(**options)
        data = WORDS if name == "StringLookup" else NUMBERS
        found = layer(data)
        assert isozoo.ops.is_tensor(found), options
        np.testing.assert_array_equal(host(found), wanted, err_msg=str(options))
        whole = options.get("output_mode", "int") == "int"
        assert isozoo.backend.standardize_dtype(found.dtype) == ("int64" if whole else "float32")
        symbol = layer(isozoo.Input((4,), dtype="string" if data is WORDS else "int64"))
        assert symbol.shape == (None, *wanted.shape[1:]), options
        assert symbol.dtype == ("int64" if whole else "float32")


def test_in_tf_data(backend):
    for name, options, wanted in expected()[1::3]:
        data = np.array(WORDS) if name == "StringLookup" else NUMBERS
        found = mapped(getattr(layers, name)(**options), data)
        np.testing.assert_array_equal(found, wanted, err_msg=str(options))


def test_all_forms_of_text(backend):
    import pandas

    layer = layers.StringLookup(vocabulary=["é", "b"])
    wanted = [1, 2, 0]
    for text in (
        ["é", "b", "?"],
        [b"\xc3\xa9", b"b", b"?"],
        np.array(["é", "b", "?"]),
        np.array(["é", b"b", "?"], object),
        np.array(["é", "b", "?"], np.dtypes.StringDType()),
        pandas.Series(["é", "b", "?"]),
        tf.constant(["é", "b", "?"]),
    ):
        np.testing.assert_array_equal(host(layer(text)), wanted, err_msg=str(type(text)))
    assert host(layer("é")).shape == ()
    for wrong, words in (
        ([["a"], ["b", "c"]], "different lengths"),
        (np.ones(2), "expected strings"),
        (["a", 1], "expected strings"),
    ):
        with pytest.raises(ValueError, match=words):
            layer(wrong)


def test_invert(backend):
    layer = layers.StringLookup(vocabulary=["a", "b"], invert=True, mask_token="")
    found = layer(np.array([[2, 3], [0, 9]]))
    texts = [x.decode() if isinstance(x, bytes) else x for x in np.array(found).ravel()]
    assert texts == ["a", "b", "", "[UNK]"]
    numbers = layers.IntegerLookup(vocabulary=[7, 8], invert=True)
    np.testing.assert_array_equal(host(numbers([2, 1, 0, 5])), [8, 7, -1, -1])


class Loader:
    """Batches of text, again and again."""

    def __iter__(self):
        yield ["b", "a", "b"]
        yield ["c", "a", "b"]


def test_adapt(backend):
    """By how often; of equals the greater first. In tf_idf each row is a document."""
    rows = [["b", "a", "b"], ["c", "a", "b"]]
    sources = (
        rows,
        np.array(rows),
        tf.data.Dataset.from_tensor_slices(rows),
        Loader(),
        (row for row in rows),
    )
    for source in sources:
        layer = layers.StringLookup()
        layer.adapt(source)
        assert layer.get_vocabulary() == ["[UNK]", "b", "a", "c"], type(source)
    layer.adapt(Loader(), steps=1)
    assert layer.get_vocabulary(include_special_tokens=False) == ["b", "a"]
    # The special tokens are not learned.
    special = layers.IntegerLookup(mask_token=0, max_tokens=4)
    special.adapt(np.array([0, 0, 0, -1, 4, 4, 6, 6, 2]))
    assert special.get_vocabulary() == [0, -1, 6, 4]
    theirs, ours = (m.layers.StringLookup(output_mode="tf_idf") for m in (keras, isozoo))
    theirs.adapt(np.array(rows))
    ours.adapt(np.array(rows))
    np.testing.assert_allclose(
        host(ours(rows)), theirs(np.array(rows)).numpy(), rtol=4 * np.finfo("float32").eps
    )
    with pytest.raises(ValueError, match="Cannot adapt"):
        layers.StringLookup(vocabulary=["a"]).adapt(rows)


def test_vocabulary_of_a_file(backend, tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("é\nb c\n".encode())
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "é", "b c"]
    assert layer.get_config()["vocabulary"] is None
    with pytest.raises(ValueError, match="does not exist"):
        layer.set_vocabulary(str(tmp_path / "none.txt"))
    # A config that names a file opens none, whoever reads it.
    config = {**layer.get_config(), "vocabulary": str(path)}
    with pytest.raises(ValueError, match="outside of the model archive"):
        layers.StringLookup.from_config(config)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_wrong_arguments(backend):
    for options, words in (
        ({"max_tokens": 1}, "greater than 1"),
        ({"pad_to_max_tokens": True}, "must set `max_tokens`"),
        ({"num_oov_indices": -1}, "greater than or equal to 0"),
        ({"invert": True, "output_mode": "count"}, "must be `'int'`"),
        ({"sparse": True}, "may only be true"),
        ({"sparse": True, "output_mode": "count"}, "TensorFlow backend"),
        ({"idf_weights": [1.0], "vocabulary": ["a"]}, "only be set if"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "must also be provided"),
        ({"vocabulary": []}, "empty vocabulary"),
        ({"vocabulary": ["a", "b", "a"]}, "repeated term"),
        ({"vocabulary": ["a", ""], "mask_token": ""}, "reserved mask token"),
        ({"vocabulary": ["a", "[UNK]"], "invert": True}, "reserved OOV token"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "larger than the maximum"),
        ({"output_mode": "other"}, "output_mode"),
        ({"salt": "x"}, "2 integers"),
        ({"wrong": 1}, "Unrecognized"),
    ):
        with pytest.raises(ValueError, match=words):
            layers.StringLookup(**options)
    fixed = layers.StringLookup(vocabulary=["a"], output_mode="count")
    with pytest.raises(RuntimeError, match="vocabulary size cannot be changed"):
        fixed.set_vocabulary(["a", "b"])
    assert fixed.get_vocabulary() == ["[UNK]", "a"]
    with pytest.raises(RuntimeError, match="set the layer's vocabulary"):
        layers.StringLookup(output_mode="count")(["a"])
    with pytest.raises(ValueError, match="found OOV values"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "z"])


def test_configs_and_copies(backend):
    layer = layers.StringLookup(vocabulary=["a", "b"], mask_token="", num_oov_indices=2)
    other = layers.StringLookup.from_config(layer.get_config())
    learned = layers.IntegerLookup()
    learned.adapt([4, 4, 2])
    copies = (layer, other, copy.deepcopy(layer), layer.to_backend("numpy"))
    for found in copies:
        np.testing.assert_array_equal(host(found(["b", "a", ""])), [4, 3, 0])
    np.testing.assert_array_equal(host(copy.deepcopy(learned)([2, 4, 9])), [2, 1, 0])


def test_compiled_programs_say_what_to_do():
    with isozoo.use_backend("jax"):
        import jax

        layer = layers.IntegerLookup(vocabulary=[1, 2])
        with pytest.raises(ValueError, match="on the host"):
            jax.jit(layer)(np.array([1]))


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_sparse(backend):
    layer = layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot", sparse=True)
    found = layer([["a", "z"], ["b", "b"]])
    assert isozoo.ops.is_tensor(found) and type(found).__name__ in ("BCOO", "SparseTensor")
    np.testing.assert_array_equal(
        isozoo.ops.convert_to_numpy(found), [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    )


def test_a_model_of_tensorflow_is_compiled_and_exported(tmp_path):
    """The table is a part of the program, in fit's graph and in a SavedModel."""
    with isozoo.use_backend("tensorflow"):
        lookup = layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")
        inputs = isozoo.Input((2,), dtype="string")
        model = isozoo.Model(inputs, layers.Dense(1, kernel_initializer="ones")(lookup(inputs)))
        data = tf.constant([["a", "b"], ["z", "z"]])
        model.compile("sgd", "mse")
        model.fit(data, np.zeros((2, 1)), verbose=0)
        before = model(data).numpy()
        np.testing.assert_allclose(model.predict(data, verbose=0), before, rtol=1e-6)
        folder = str(tmp_path / "saved")
        signature = tf.function(model, input_signature=[tf.TensorSpec((None, 2), tf.string)])
        tf.saved_model.save(model, folder, signatures=signature)
        served = tf.saved_model.load(folder).signatures["serving_default"](data)
        np.testing.assert_allclose(*served.values(), before, rtol=1e-6)


def test_inside_a_layer_of_the_users(backend):
    """Its shapes are inferred by its call, in which there are no values to look up."""

    class Counting(isozoo.Layer):
        def __init__(self):
            super().__init__()
            self.lookup = layers.IntegerLookup(vocabulary=[4, 7], output_mode="count")
            self.cross = layers.HashedCrossing(5)

        def call(self, x):
            return self.lookup(x), self.cross([x, x])

    inputs = isozoo.Input((1,), dtype="int64")
    counted, crossed = layer_outputs = Counting()(inputs)
    assert counted.shape == (None, 3) and crossed.shape == (None, 1)
    found = isozoo.Model(inputs, layer_outputs)(np.array([[7], [1]]))
    np.testing.assert_array_equal(host(found[0]), [[0, 0, 1], [1, 0, 0]])
