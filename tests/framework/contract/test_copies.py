"""Rows: a copy computes the same, and shares nothing that can change with its original."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from isozoo import Layer, layers, ops, random

from .cases import ACTIVE, ALL, STATEFUL, over
from .helpers import BACKENDS, SUMS, all_layers, built, changeable, run, same, unchanged, values

WAYS = {
    "deepcopy": lambda layer: copy.deepcopy(layer),
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
    "same_backend": lambda layer: layer.to_backend(layer.backend),
    **{name: (lambda layer, name=name: layer.to_backend(name)) for name in BACKENDS},
}


def _ways(backend):
    return [way for way in WAYS if way != backend]


def _copies(layer):
    return [(way, WAYS[way](layer)) for way in _ways(layer.backend)]


@over(ALL)
def test_copy_computes_the_same(case, backend):
    layer = built(case)
    layer.trainable = False
    layer.trainable = True
    expected, names = run(layer, case), [v.path for v in layer.trainable_variables]
    for way, made in _copies(layer):
        within = SUMS if way in BACKENDS else 0.0
        same(run(made, case), expected, within)
        assert made.backend == (way if way in BACKENDS else backend)
        assert {inner.backend for inner in all_layers(made)} == {made.backend}
        assert list(made.weights_by_path()) == list(layer.weights_by_path())
        assert [v.path for v in made.trainable_variables] == names
        assert made.name == layer.name
        assert made.get_config() == layer.get_config()


@over(STATEFUL)
def test_copy_shares_nothing(case, backend):
    layer = built(case)
    before = values(layer)
    mine = changeable(layer)
    for way, made in _copies(layer):
        shared = [x for key, x in changeable(made).items() if key in mine]
        assert shared == [], way
        for variable in made.variables:
            variable.assign(np.zeros(variable.shape))
        unchanged(layer, before)
    other = copy.deepcopy(layer)
    for variable in layer.variables:
        variable.assign(np.ones(variable.shape))
    unchanged(other, before)


@over(ACTIVE)
def test_copy_trains_alike_and_apart(case, backend):
    """The same seeds give the same draws; the original's state does not move."""
    layer, other = built(case), built(case)
    before, expected = values(layer), run(other, case, training=True)
    for way, made in _copies(layer):
        within = SUMS if way in BACKENDS else 0.0
        same(run(made, case, training=True), expected, within)
        unchanged(layer, before)


class Holding(Layer):
    """Holds what copies must not share: a generator, lists, arrays, and functions."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.draws = random.SeedGenerator(3)
        self.sizes = [1, [2, 3]]
        self.table = np.arange(3.0)
        self.w = self.add_weight((2,), "ones")
        self.inner = layers.Dense(2, input_dim=2)
        self.alias = self.inner
        self.method = self.inner.call

    def call(self, x):
        return ops.multiply(self.method(x), self.w)


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "numpy", "jax"])
def test_copy_of_attributes_of_every_kind(way, backend):
    layer = Holding()
    made = WAYS[way](layer)
    assert made.alias is made.inner
    assert made.method.__self__ is made.inner
    assert made.draws is not layer.draws
    assert made.sizes == [1, [2, 3]]
    made.sizes[1].append(4)
    made.table[0] = 7
    made.inner.kernel.assign(np.zeros((2, 2)))
    assert layer.sizes == [1, [2, 3]]
    assert layer.table[0] == 0
    x = np.ones((1, 2), np.float32)
    assert ops.convert_to_numpy(layer(x)).all()
    assert not ops.convert_to_numpy(made(x)).any()


@pytest.mark.parametrize("way", ["deepcopy", "numpy", "torch"])
def test_function_over_a_weight_is_refused(way, backend):
    layer = Holding()
    layer.scaled = lambda x: ops.multiply(x, layer.w)
    with pytest.raises(TypeError, match="closes over"):
        WAYS[way](layer)


def test_parts_shared_between_two_models_are_copied_with_each(backend):
    from isozoo import Sequential

    shared = layers.Dense(2, input_dim=2)
    first, second = Sequential([shared]), Sequential([shared, layers.Dense(1)])
    made, again = copy.deepcopy((first, second))
    assert made.layers[0] is again.layers[0]
    assert made.layers[0] is not shared


def test_copy_of_a_variable(backend):
    from isozoo import Variable

    variable = Variable(np.ones(3, np.float32), trainable=False, name="v")
    for made in (copy.deepcopy(variable), pickle.loads(pickle.dumps(variable))):
        made.assign(np.zeros(3))
        assert made.name == "v"
        assert made.trainable is False
        assert made.backend.name == backend
    np.testing.assert_array_equal(variable.numpy(), np.ones(3))
