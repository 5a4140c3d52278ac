"""Wrong inputs are errors that name the layer by its path, and say what came."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import Input, layers, ops


class Block(layers.Layer):
    def __init__(self, *parts):
        super().__init__()
        self.parts_in_turn = list(parts)

    def call(self, x):
        for part in self.parts_in_turn:
            x = part(x)
        return x


class Net(isozoo.Model):
    def __init__(self, *parts):
        super().__init__()
        self.block = Block(*parts)

    def call(self, x):
        return self.block(x)


class Refusing(layers.Layer):
    def call(self, x):
        raise RuntimeError("not today")


ROWS = np.ones((2, 4), "float32")
WRONG = {
    "rank": (lambda: [layers.Dense(3), layers.Conv1D(2, 3)], ROWS, "1", "Conv1D", "min_ndim=3"),
    "window": (lambda: [layers.Conv2D(1, 9)], np.ones((1, 4, 4, 1)), "0", "Conv2D", "(1, 4, 4, 1)"),
    "size": (lambda: [layers.Reshape((5,))], ROWS, "0", "Reshape", "(2, 4)"),
    "text": (lambda: [layers.Embedding(3, 2)], np.array(["a"]), "0", "Embedding", "text, <U1 (1,)"),
    "own": (lambda: [layers.Dense(3), Refusing()], ROWS, "1", "Refusing", "not today"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_the_layer_inside(name, backend):
    make, x, place, kind, words = WRONG[name]
    with pytest.raises((ValueError, RuntimeError)) as caught:
        Net(*make())(x)
    message = str(caught.value)
    assert f"layer 'block.parts_in_turn.{place}' ({kind})" in message
    assert words in message
    assert message.lower().count("the layer '") == 1


def test_a_symbolic_call_names_the_layer(backend):
    inner = isozoo.Sequential([layers.Conv2D(1, 3, name="wide")], name="inner")
    with pytest.raises(ValueError, match=r"'wide' .*found ndim=2|In the layer .*wide"):
        inner(Input((4,)))
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(4,\)\nIn the layer 'sum' \(Add\)"):
        layers.Add(name="sum")([Input((3,)), Input((4,))])


def test_errors_of_other_kinds_stay(backend):
    class Own(Exception):
        pass

    class Failing(layers.Layer):
        def call(self, x):
            raise Own("as it is")

    with pytest.raises(Own) as caught:
        Net(Failing())(ROWS)
    assert str(caught.value) == "as it is"


def test_layers_that_pass_text_on_take_it():
    with isozoo.use_backend("numpy"):
        words = np.array([["b", "a"]])
        passed = layers.Identity()(words)
        found = layers.StringLookup(vocabulary=["a", "b"])(passed)
        np.testing.assert_array_equal(ops.convert_to_numpy(found), [[2, 1]])
