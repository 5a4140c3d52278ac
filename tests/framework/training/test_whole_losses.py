"""Losses of several outputs: by the names of the layers, and of whole structures."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.framework.training.compiled_loss import CompiledLoss

RNG = np.random.default_rng(0)


def whole(y_true, y_pred):
    """The mean distance over all outputs of a structure."""
    pairs = zip(isozoo.tree.flatten(y_true), isozoo.tree.flatten(y_pred), strict=True)
    return sum(ops.mean(ops.abs(a - b), axis=-1) for a, b in pairs)


def square(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def arrays(*names):
    return {name: RNG.normal(size=(4, 2)) for name in names}


def test_of_a_structure_and_of_its_parts(backend):
    p, t = arrays("a", "b", "c"), arrays("a", "b", "c")
    distance = {n: np.abs(p[n] - t[n]).mean() for n in p}
    squares = {n: np.square(p[n] - t[n]).mean() for n in p}
    pred = {"x": (p["a"], p["b"]), "y": p["c"]}
    true = {"x": (t["a"], t["b"]), "y": t["c"]}
    both = distance["a"] + distance["b"]
    cases = [
        # a list in the place of a tuple or dict holds several losses
        ({"x": [whole, (None, square)], "y": square}, None, both + squares["b"] + squares["c"]),
        ({"x": whole}, None, both),
        ([whole, {"y": square}], [0.5, 2.0], 0.5 * (both + distance["c"]) + 2 * squares["c"]),
    ]
    convert = lambda x: isozoo.tree.map_structure(ops.convert_to_tensor, x)  # noqa: E731
    with isozoo.use_backend(backend):
        for loss, weights, expected in cases:
            made = CompiledLoss(loss, weights, ["a", "b", "c"])
            found = made(convert(true), convert(pred))
            np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
        names = [metric.name for metric in made.metrics]
        assert names == ["x_y_loss", "y_loss"]
        made = CompiledLoss({"x": [whole, (None, square)]}, None, ["a", "b", "c"])
        made(convert(true), convert(pred))
        assert [metric.name for metric in made.metrics] == ["x_loss", "x/b_loss"]
        with pytest.raises(ValueError, match="2 losses and 1 weights"):
            CompiledLoss([whole, {"y": square}], [1.0], None)(convert(true), convert(pred))


def test_lists_go_by_the_names_of_the_layers():
    with isozoo.use_backend("torch"):
        x = isozoo.Input((3,))
        outputs = [layers.Dense(1, name=name)(x) for name in ("first", "second")]
        model = isozoo.Model(x, outputs)
        rows = RNG.normal(size=(8, 3)), [RNG.normal(size=(8, 1))] * 2
        model.compile("sgd", {"second": "mse", "first": "mae"}, metrics={"second": ["mae"]})
        logs = model.fit(*rows, epochs=1, verbose=0).history
        assert sorted(logs) == ["first_loss", "loss", "second_loss", "second_mae"]
        model.compile("sgd", {"first": "mse", "third": "mae"})
        with pytest.raises(ValueError, match="Expected keys.*second.*third"):
            model.fit(*rows, verbose=0)


def test_a_list_in_a_list_of_outputs_belongs_to_one_of_them(backend):
    """As tuples in a tuple do; the loss, which is kept as a list of the layer's own, is a list."""

    def single(y_true, y_pred):
        assert not isinstance(y_true, list | tuple)
        return square(y_true, y_pred)

    p, t = arrays("a", "b"), arrays("a", "b")
    squares = {n: np.square(p[n] - t[n]).mean() for n in p}
    for kind in (list, tuple):
        loss = CompiledLoss(kind([single, kind([single, single])]))
        found = loss(kind(t.values()), kind(p.values()))
        expected = squares["a"] + 2 * squares["b"]
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)
