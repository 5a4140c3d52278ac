"""Rows of layers whose code is another one's: numbers, shapes without values, and configs."""

from __future__ import annotations

import numpy as np

from isozoo import KerasTensor, use_backend

from .cases import RELATIVES, over
from .helpers import BACKENDS, SUMS, arrays, built, fresh, run, same


@over(RELATIVES)
def test_every_backend_gives_the_numbers_of_float64(case):
    with use_backend("numpy"):
        layer = built(case)
        weights = layer.get_weights()
        wide = layer.to_backend("numpy", dtype="float64")
        wide.set_weights(weights)
        inputs = [x.astype(np.float64) for x in case.inputs]
        expected = arrays(wide(*inputs))
    expected = {key: x.astype(np.float32) for key, x in expected.items()}
    for name in BACKENDS:
        with use_backend(name):
            same(run(built(case), case), expected, SUMS)


@over(RELATIVES)
def test_shapes_of_symbolic_calls_with_an_unknown_batch(case):
    with use_backend("numpy"):
        layer = fresh(case)
        symbols = [KerasTensor((None, *x.shape[1:])) for x in case.inputs]
        found = layer(*symbols)
        expected = run(layer, case)
    leaves = found if isinstance(found, tuple) else (found,)
    assert leaves[0].shape == (None, *next(iter(expected.values())).shape[1:])


@over(RELATIVES)
def test_config_makes_the_same_layer(case):
    with use_backend("numpy"):
        layer = built(case)
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        again(*case.inputs)
        again.set_weights(layer.get_weights())
        same(run(again, case), run(layer, case))
