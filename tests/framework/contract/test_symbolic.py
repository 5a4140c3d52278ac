"""Rows: symbolic calls foresee shapes and dtypes, and change nothing."""

from __future__ import annotations

from isozoo import Input

from .cases import ACTIVE, ALL, STATEFUL, over
from .helpers import built, fresh, plain_attributes, run, same, specs, symbols, unchanged, values
from .user_layers import Counting


@over(ALL)
def test_symbolic_shape_and_dtype_equal_the_eager_ones(case, backend):
    layer = fresh(case)
    unknown = specs(layer(*symbols(case)))
    known = specs(layer(*symbols(case, batch=3)))
    eager = specs(layer(*case.inputs))
    assert known == eager
    assert unknown == {key: ((None, *shape[1:]), dtype) for key, (shape, dtype) in eager.items()}


@over(STATEFUL)
def test_layer_built_by_a_symbolic_call_is_the_one_built_by_tensors(case, backend):
    first, second = fresh(case), fresh(case)
    first(*symbols(case))
    eager = run(second, case)
    first.set_weights(second.get_weights())
    assert list(first.weights_by_path()) == list(second.weights_by_path())
    same(run(first, case), eager)


@over(STATEFUL)
def test_symbolic_call_changes_no_state(case, backend):
    layer = built(case)
    before, attributes = values(layer), plain_attributes(layer)
    layer(*symbols(case))
    layer(*symbols(case), training=True)
    unchanged(layer, before)
    after = plain_attributes(layer)
    assert after.keys() == attributes.keys()
    for name, value in attributes.items():
        assert after[name] is value or after[name] == value, name


@over(ACTIVE)
def test_layer_trains_as_before_after_a_symbolic_call(case, backend):
    layer, other = built(case), built(case)
    layer(*symbols(case), training=True)
    same(run(layer, case, training=True), run(other, case, training=True))
    unchanged(layer, values(other))


def test_attributes_of_a_users_layer_stay(backend):
    layer = Counting()
    layer(Input((4,)), training=True)
    assert (layer.calls, layer.seen) == (0, [])
    assert layer.compute_output_shape((None, 4)) == (None, 4)
    assert (layer.calls, layer.seen) == (0, [])
