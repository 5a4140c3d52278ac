"""Rows: compiled steps draw anew, and leave no trace of the compiler in the layer."""

from __future__ import annotations

import pytest

from .cases import ACTIVE, over
from .helpers import SUMS, arrays, built, differ, run, same, unchanged, values

NAMES = "Dropout DenseAttention user_Noisy subclassed".split()
RANDOM = [case for case in ACTIVE if case.name in NAMES]


def _jax_step(layer):
    import jax

    step = jax.jit(lambda t, o, *x: layer.stateless_call(t, o, *x, training=True))
    trainable, others = layer.state_values()

    def call(*inputs):
        nonlocal others
        outputs, others = step(trainable, others, *inputs)
        return outputs

    return call


def _tensorflow_step(layer):
    import tensorflow as tf

    return tf.function(lambda *x: layer(*x, training=True), autograph=False)


def _torch_step(layer):
    import torch

    return torch.compile(lambda *x: layer(*x, training=True), backend="eager", fullgraph=True)


STEPS = {"jax": _jax_step, "tensorflow": _tensorflow_step, "torch": _torch_step}


@over(RANDOM)
@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_compiled_steps_draw_the_masks_of_eager_ones(case, backend):
    _check(case, backend)


@over([case for case in RANDOM if case.name != "DenseAttention"])
@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_steps_compiled_by_torch_draw_the_masks_of_eager_ones(case, backend):
    _check(case, backend)


def _check(case, backend):
    layer, other = built(case), built(case)
    step, before = STEPS[backend](layer), values(layer)
    inputs = case.mapped(layer._backend.asarray)
    got = [arrays(step(*inputs)) for _ in range(3)]
    expected = [run(other, case, training=True) for _ in range(3)]
    for mine, theirs in zip(got, expected, strict=True):
        same(mine, theirs, SUMS)
    assert differ(got[0], got[1])
    assert differ(got[1], got[2])
    if backend == "jax":  # the state went through the function, and none of it into the layer
        unchanged(layer, before)
    else:
        unchanged(layer, values(other))
    run(layer, case, training=True)
