"""Rows: whether a call trains is said once, by context, keyword, position, or the module's mode."""

from __future__ import annotations

import inspect

import pytest

from .cases import ACTIVE, over
from .helpers import SUMS, arrays, built, differ, run, same, unchanged, values
from .user_layers import Noisy, Outer, PassesOn


def _places(layer):
    return [p.name for p in inspect.signature(layer.call).parameters.values()]


@over(ACTIVE)
def test_flag_reaches_inner_layers(case, backend):
    ways = ["context", "keyword", "none"]
    if _places(built(case))[len(case.inputs) :][:1] == ["training"]:
        ways.append("position")
    for way in ways:
        # New ones each time: what training goes on changing may come to rest.
        part, other = built(case), built(case)
        outer = Outer(part, way)
        inferred = run(other, case, training=False)
        same(run(outer, case, training=False), inferred)
        expected = run(other, case, training=True)
        same(run(outer, case, training=True), expected)
        unchanged(part, values(other))
        assert differ(inferred, expected)


@over(ACTIVE)
def test_none_passed_on_means_as_around_me(case, backend):
    part, other = built(case), built(case)
    outer = Outer(PassesOn(part)) if len(case.inputs) == 1 else Outer(part, "none")
    same(run(outer, case, training=True), run(other, case, training=True))
    before = values(part)
    same(run(outer, case, training=False), run(other, case, training=False))
    same(run(outer, case), run(other, case))
    unchanged(part, before)


@over(ACTIVE)
def test_inner_flag_wins_and_ends_with_its_call(case, backend):
    class Both(Outer):
        def call(self, *args):
            trained = self.inner(*args, training=True)
            return {"trained": trained, "inferred": self.after(self.sum(trained))}

        def sum(self, x):
            return x["a"] if isinstance(x, dict) else x

    part, after, other = built(case), Noisy(), built(case)
    both = Both(part)
    both.after = after
    outputs = both(*case.inputs, training=False)
    trained = outputs["trained"]
    got = {f"{k}": v for k, v in trained.items()} if isinstance(trained, dict) else {"": trained}
    same(arrays(got), run(other, case, training=True))
    same(arrays(outputs["inferred"]), arrays(both.sum(trained)))


@over([case for case in ACTIVE if len(case.inputs) == 1])
def test_predict_and_infer_never_train(case, backend):
    model, other = Outer(built(case)), built(case)
    expected = run(other, case)
    before = values(model)
    if backend == "torch":
        model.train()
    same(arrays(model.infer(*case.inputs)), expected, SUMS)
    same(arrays(model.predict(case.inputs[0])), expected, SUMS)
    unchanged(model, before)


@over(ACTIVE)
@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_modes_of_parts_count_under_their_parents(case, backend):
    outer, other = Outer(built(case)), built(case)
    inferred = run(other, case)
    assert not outer.training
    same(run(outer, case), inferred)
    outer.train()
    outer.inner.eval()
    same(run(outer, case), inferred)
    outer.eval()
    outer.inner.train()
    same(run(outer, case), run(other, case, training=True))
    # What the caller says goes before any mode.
    same(run(outer, case, training=False), run(other, case, training=False))
    outer.eval()
    same(run(outer, case, training=True), run(other, case, training=True))
