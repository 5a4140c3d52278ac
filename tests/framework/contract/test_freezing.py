"""Rows: freezing and unfreezing leaves what never trains as it was declared."""

from __future__ import annotations

import pytest

from .cases import ALL, MODELS, STATEFUL, over
from .helpers import SUMS, all_layers, built, fresh, run, same


def _trainable(layer):
    """Paths of the variables that train, by each of the ways to ask."""
    paths = {id(v): path for path, v in layer.named_variables()}
    found = [paths[id(v)] for v in layer.trainable_variables]
    rest = [paths[id(v)] for v in layer.non_trainable_variables]
    assert sorted(found + rest) == sorted(paths.values())
    assert [v.trainable for v in layer.trainable_variables] == [True] * len(found)
    if layer.backend == "torch":
        native = {name for name, p in layer.named_parameters() if p.requires_grad}
        assert native == set(found)
    return found


@over(STATEFUL)
def test_unfrozen_layer_trains_what_it_trained_before(case, backend):
    layer = built(case)
    before, expected = _trainable(layer), run(layer, case)
    assert not any("moving" in path or "table" in path or "state" in path for path in before)
    layer.trainable = False
    assert _trainable(layer) == []
    assert not any(inner.trainable for inner in all_layers(layer))
    # With and without gradients a framework may take another kernel (torch's GRU), or order.
    same(run(layer, case), expected, SUMS)
    layer.trainable = True
    assert _trainable(layer) == before
    same(run(layer, case), expected, SUMS)


@over(STATEFUL)
def test_layer_made_frozen_trains_once_unfrozen(case, backend):
    layer, other = fresh(case, trainable=False), built(case)
    layer(*case.inputs)
    assert _trainable(layer) == []
    layer.trainable = True
    assert _trainable(layer) == _trainable(other)


@over(MODELS)
def test_part_of_a_frozen_model(case, backend):
    """As keras 3.15 has it: the model trains nothing, the part by itself what it declares."""
    model = built(case)
    part = next(layer for layer in model.sublayers() if layer.trainable_variables)
    alone = [v.path for v in part.trainable_variables]
    model.trainable = False
    part.trainable = True
    assert model.trainable_variables == []
    assert [v.path for v in part.trainable_variables] == alone
    model.trainable = True
    part.trainable = False
    inside = {id(v) for v in part.variables}
    assert model.trainable_variables
    assert not inside & {id(v) for v in model.trainable_variables}


@over(ALL[:1])
def test_a_variables_own_wish_outlives_its_owners(case, backend):
    layer = built(case)
    layer.kernel.trainable = False
    layer.trainable = False
    layer.trainable = True
    assert [v.path for v in layer.trainable_variables] == ["bias"]
    layer.kernel.trainable = True
    assert [v.path for v in layer.trainable_variables] == ["kernel", "bias"]


@over(MODELS)
@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_parameters_exist_before_the_first_unfreezing(case, backend):
    """An optimizer made of all parameters of a frozen model finds them."""
    model = fresh(case, trainable=False)
    model(*case.inputs)
    declared = len(built(case).trainable_variables)
    assert len(list(model.parameters())) == declared
    assert not any(p.requires_grad for p in model.parameters())
