"""Hashing and HashedCrossing against Keras's on TensorFlow."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest

import isozoo
from isozoo import layers

from .helpers import host, mapped

WORDS, NUMBERS = np.array([["a", "bee"], ["", "a"]]), np.array([[3, -5], [12, 3]])
HASHING: list[tuple[dict, np.ndarray]] = [
    ({"num_bins": 5}, WORDS),
    ({"num_bins": 5, "mask_value": "a", "salt": 7}, WORDS),
    ({"num_bins": 5, "mask_value": 3}, NUMBERS),
    ({"num_bins": 4, "salt": (1, 2), "dtype": "int32"}, NUMBERS + 0.75),
    ({"num_bins": 3, "output_mode": "multi_hot"}, WORDS),
    ({"num_bins": 3, "output_mode": "count"}, NUMBERS),
    ({"num_bins": 3, "output_mode": "one_hot"}, WORDS[:, :1]),
]


@functools.cache
def expected() -> list[np.ndarray]:
    return [keras.layers.Hashing(**options)(data).numpy() for options, data in HASHING]


def test_hashing(backend):
    for (options, data), wanted in zip(HASHING, expected(), strict=True):
        layer = layers.Hashing(**options)
        found = layer(data)
        np.testing.assert_array_equal(host(found), wanted, err_msg=str(options))
        assert isozoo.backend.standardize_dtype(found.dtype) == wanted.dtype.name
        kind = "string" if data.dtype.kind == "U" else "float32"
        symbol = layer(isozoo.Input(data.shape[1:], dtype=kind))
        assert symbol.shape == (None, *wanted.shape[1:]) and symbol.dtype == wanted.dtype.name
        assert layers.Hashing.from_config(layer.get_config()).get_config() == layer.get_config()
    options, data = HASHING[1]
    np.testing.assert_array_equal(mapped(layers.Hashing(**options), data), expected()[1])


def test_hashed_crossing(backend):
    first, second = np.array(["A", "B", "A", "B"]), np.array([101, 101, -7, 102])
    for mode in ("int", "one_hot"):
        theirs = keras.layers.HashedCrossing(5, mode)((first, second, first)).numpy()
        layer = layers.HashedCrossing(5, mode)
        np.testing.assert_array_equal(host(layer((first, second.tolist(), first))), theirs)
        np.testing.assert_array_equal(mapped(layer, first, second, first), theirs)
        inputs = [isozoo.Input((1,), dtype="string"), isozoo.Input((1,), dtype="int64")]
        assert layer(inputs).shape == ((None, 1) if mode == "int" else (None, 5))
    assert host(layers.HashedCrossing(5)((np.array("A"), np.array(101)))).shape == ()


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_wrong_arguments(backend):
    for options, words in (
        ({"num_bins": 0}, "non-positive"),
        ({"num_bins": 2, "output_mode": "x"}, "output_mode"),
        ({"num_bins": 2, "dtype": "float32"}, "integer type"),
        ({"num_bins": 2, "sparse": True}, "may only be true"),
        ({"num_bins": 2, "salt": "x"}, "size 2 integers"),
    ):
        with pytest.raises(ValueError, match=words):
            layers.Hashing(**options)
    cross, column = layers.HashedCrossing(3), np.array([1, 2])
    for inputs, words in (
        (column, "list or tuple"),
        ([column], "at least two"),
        ((column, column[:1]), "equal shape"),
        ((column[None], column[None]), "inputs should have shape"),
        ((column, column * 0.5), "integer or string"),
    ):
        with pytest.raises(ValueError, match=words):
            cross(inputs)
