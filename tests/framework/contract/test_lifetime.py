"""Rows: what is deleted is gone."""

from __future__ import annotations

import gc
import weakref

import numpy as np

from isozoo import Input, Layer, Model, Variable, layers, ops

from .cases import ALL, over
from .helpers import fresh, symbols
from .user_layers import Net, functional


def _watch(layer):
    inner = [*layer._flatten_layers(), *layer.variables]
    return [weakref.ref(x) for x in inner]


def _alive(links):
    gc.collect()
    return [x for link in links if (x := link()) is not None]


@over(ALL)
def test_deleted_layer_leaves_nothing_behind(case, backend):
    layer = fresh(case)
    layer(*case.inputs)
    layer(*case.inputs, training=True)
    layer(*symbols(case))
    layer.to_backend("numpy")
    links = _watch(layer)
    del layer
    assert _alive(links) == []


def _count(kind):
    gc.collect()
    return sum(isinstance(x, kind) for x in gc.get_objects())


def test_a_hundred_models_leave_nothing_behind(backend):
    def one():
        net = Net()
        net.build((None, 4))
        functional().infer(np.ones((1, 4), np.float32)) if backend == "numpy" else functional()

    one()
    before = _count((Layer, Variable))
    for _ in range(100 if backend == "numpy" else 10):
        one()
    assert _count((Layer, Variable)) == before


def test_shared_layer_keeps_no_dead_model_alive(backend):
    """Nor what lies before it in those models."""
    shared = layers.Dense(2, input_dim=3)
    links = []
    for _ in range(100 if backend == "numpy" else 10):
        inputs = Input((4,))
        before = layers.Dense(3)
        model = Model(inputs, shared(before(inputs)))
        links += [weakref.ref(x) for x in (before, model, inputs)]
    del inputs, before, model
    assert _alive(links) == []
    model = Model(x := Input((3,)), ops.relu(shared(x)))
    assert model(np.ones((1, 3), np.float32)).shape == (1, 2)
    assert len(shared._inbound) == len(shared._owners) == 1


def test_compiled_model_is_gone_with_its_function(backend):
    model = functional()
    model.infer(np.ones((1, 4), np.float32))
    links = _watch(model)
    del model
    assert _alive(links) == []


def test_class_made_in_a_function_is_gone(backend):
    def one():
        class Local(Layer):
            def call(self, x):
                return x

        Local()(np.ones(2, np.float32))
        return weakref.ref(Local)

    assert _alive([one(), one()]) == []


def test_variable_keeps_nothing_of_the_array_it_was_made_from(backend):
    source = np.ones(1000, np.float32)
    variable = Variable(source)
    link = weakref.ref(source)
    del source
    gc.collect()
    assert link() is None
    assert variable.numpy().all()
