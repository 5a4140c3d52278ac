"""Model.summary prints what Keras prints."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import isozoo


def _models(package):
    """Models of each kind, with the same names in both packages."""
    layers = package.layers
    a, b = package.Input((3,), name="a"), package.Input((3,), name="b")
    inner = package.Sequential(
        [layers.Dense(4, name="i1"), layers.Dropout(0.5, name="i2")], name="inner"
    )
    total = layers.Add(name="total")([inner(a), layers.Dense(4, name="d2")(b)])
    shared = layers.Dense(4, name="a_shared_layer_with_a_name_that_fits_on_no_line_at_all")
    graph = package.Model([a, b], package.ops.tanh(shared(shared(total))), name="graph")

    rows = package.Input((4, 3), name="rows")
    states = package.Model(rows, layers.LSTM(2, return_state=True, name="l")(rows), name="states")

    late = package.Sequential([layers.Dense(4, name="x"), layers.BatchNormalization(name="y")])
    late.name = "late"
    return graph, states, late


def _printed(model, **options) -> str:
    found: list[str] = []
    model.summary(print_fn=found.append, **options)
    return "\n".join(found)


def test_as_keras_prints_it(monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")
    with isozoo.use_backend("numpy"):
        mine = _models(isozoo)
    theirs = _models(keras)
    both = list(zip(mine, theirs, strict=True))
    nested = {"expand_nested": True, "show_trainable": True}
    for options in (
        {},
        nested,
        {"line_length": 66},
        {"layer_range": ["inner", "to"]},
        {"positions": [0.4, 0.6, 0.8, 1.0]},
    ):
        assert _printed(mine[0], **options) == _printed(theirs[0], **options)
    assert _printed(mine[1]) == _printed(theirs[1])
    late = both[2]
    assert _printed(late[0]) == _printed(late[1])
    for model in late:
        model.build((None, 5))
        model.layers[0].trainable = False
    assert _printed(late[0], show_trainable=True) == _printed(late[1], show_trainable=True)


def test_of_a_subclass_and_with_an_optimizer(backend, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    class Net(isozoo.Model):
        def __init__(self) -> None:
            super().__init__(name="net")
            self.first = isozoo.layers.Dense(3, name="first")

        def call(self, x):
            return self.first(x)

    net = Net()
    assert "first (Dense)" in _printed(net) and "0 (unbuilt)" in _printed(net)
    net(np.zeros((2, 4), "float32"))
    text = _printed(net)
    assert "│ (2, 3) " in text and " Total params: 15 (60.00 B)" in text
    if backend == "numpy":
        return
    net.compile("adam", "mse")
    net.optimizer.build(net.trainable_variables)
    # Two moments of each weight, the step (int64 or int32) and the rate.
    assert " Optimizer params: 32 (" in _printed(net)
    assert " Total params: 47 (" in _printed(net)


def test_what_does_not_fit_is_refused():
    with isozoo.use_backend("numpy"):
        graph, _, late = _models(isozoo)
    with pytest.raises(ValueError, match="Insufficient console width"):
        graph.summary(line_length=12)
    with pytest.raises(ValueError, match="do not match the layer names.*inner"):
        graph.summary(layer_range=["nothing", "total"])
    with pytest.raises(ValueError, match="length 2"):
        graph.summary(layer_range=["a"])
    with pytest.raises(ValueError, match="string type only"):
        graph.summary(layer_range=[0, 1])
    with pytest.raises(ValueError, match="one number for each of the 3 columns"):
        late.summary(positions=[0.5, 1.0])
