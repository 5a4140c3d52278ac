"""Rows: a layer is described by plain JSON, and what is made from that computes the same."""

from __future__ import annotations

import json
import re

from isozoo import DTypePolicy, Layer, layers, use_backend

from .cases import ALL, LAYERS, RELATIVES, STATEFUL, over
from .helpers import all_layers, built, fresh, run, same


def test_every_layer_has_a_line_in_the_table():
    """Whoever adds a layer adds its line to `cases.LAYERS`, and has all rows for it."""
    public = {
        cls.__name__  # some have two names
        for cls in vars(layers).values()
        if isinstance(cls, type)
        and issubclass(cls, Layer)
        and cls is not Layer
        # What prepares data, and what calls other frameworks' programs, has tests of its own.
        and not re.search(r"\.(preprocessing|bridges)\.", cls.__module__)
    }
    with use_backend("numpy"):
        listed = {type(case.make()).__name__ for case in (*LAYERS, *RELATIVES)}
    # Nothing calls an InputLayer, and Wrapper has no `call` of its own; cells, which take states,
    # are in the lines of the layers that run them.
    cells = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}
    assert public - listed == {"InputLayer", "Wrapper", *cells}


@over(ALL)
def test_json_config_makes_an_equal_layer(case, backend):
    layer = built(case)
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    again(*case.inputs)
    assert again is not layer
    assert list(again.weights_by_path()) == list(layer.weights_by_path())
    again.set_weights(layer.get_weights())
    same(run(again, case), run(layer, case))
    assert _settings(json.loads(json.dumps(again.get_config()))) == _settings(config)


def _settings(config):
    """A config without the shapes that layers inside happen to have been built for."""
    if isinstance(config, dict):
        return {k: _settings(v) for k, v in config.items() if k != "build_config"}
    return [_settings(x) for x in config] if isinstance(config, list) else config


@over(ALL)
def test_config_keeps_name_dtype_and_trainable(case, backend):
    layer = fresh(case, name="of_ours", trainable=False, dtype="mixed_bfloat16")
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert again.name == "of_ours"
    assert again.trainable is False
    assert not any(inner.trainable for inner in all_layers(again))
    assert again.dtype_policy == DTypePolicy("mixed_bfloat16")
    policies = [inner.dtype_policy.name for inner in all_layers(layer)[1:]]
    assert [x.dtype_policy.name for x in all_layers(again)[1:]] == policies


@over(STATEFUL)
def test_build_config_builds_a_layer_without_a_call(case, backend):
    """As `keras.Layer.build_from_config` does when a model is loaded."""
    layer = built(case)
    shapes = json.loads(json.dumps(layer.get_build_config()))
    again = fresh(case)
    if shapes is not None:  # else it was built by its constructor
        again.build_from_config(shapes)
    assert again.built
    assert [v.shape for v in again.weights] == [v.shape for v in layer.weights]
    again.set_weights(layer.get_weights())
    same(run(again, case), run(layer, case))
