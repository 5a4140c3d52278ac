"""Rows on JAX: a layer is a pure function of its variables, which JAX transforms."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import layers, ops

from .cases import ALL, ROWS, over
from .helpers import SUMS, arrays, built, is_float, run, same, unchanged, values
from .user_layers import Counting

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.parametrize("backend", ["jax"], indirect=True)


def _pure(layer):
    def call(trainable, others, *inputs):
        return layer.stateless_call(trainable, others, *inputs)[0]

    return call


@over(ALL)
def test_jit_grad_and_vmap_over_stateless_call(case, backend):
    """All three in one: two copies of the inputs give two of outputs and of gradients."""
    layer = built(case)
    trainable, others = layer.state_values()
    expected, before = run(layer, case), values(layer)
    floats = case.inputs if is_float(case.arrays()[0]) else ()

    def loss(weights, inputs):
        outputs = _pure(layer)(weights, others, *(inputs or case.inputs))
        return sum(jax.numpy.sum(jax.numpy.sin(y)) for y in jax.tree.leaves(outputs)), outputs

    grad = jax.grad(loss, argnums=(0, 1), has_aux=True)
    stacked = jax.tree.map(lambda x: np.stack([x, x]), floats)
    both = jax.jit(jax.vmap(grad, (None, 0), axis_size=2))(trainable, stacked)
    for number in range(2):
        gradients, outputs = jax.tree.map(lambda x: x[number], both)  # noqa: B023
        outputs = arrays(outputs)
        same({key: outputs[key] for key in expected}, expected, SUMS)
        _check_gradients(layer, case, floats, gradients)
    unchanged(layer, before)


def _check_gradients(layer, case, floats, gradients):
    """The slope along a direction is the quotient of differences on NumPy in float64."""
    draws = np.random.default_rng(4)
    along = jax.tree.map(lambda x: draws.standard_normal(x.shape), gradients)
    products = jax.tree.map(lambda g, t: np.asarray(g, np.float64) * t, gradients, along)
    slope = sum(x.sum() for x in jax.tree.leaves(products))
    size = sum(np.abs(x).sum() for x in jax.tree.leaves(products))
    wide = layer.to_backend("numpy", dtype="float64")
    weights = [v.numpy() for v in wide.trainable_variables]

    def moved(step):
        for v, w, t in zip(wide.trainable_variables, weights, along[0], strict=True):
            v.assign(w + step * t)
        inputs = jax.tree.map(lambda x, t: x + step * t, floats, along[1])
        return sum(np.sin(y).sum() for y in arrays(wide(*(inputs or case.inputs))).values())

    # A step of 1e-6 leaves 1e-12 of the third derivative, and 1e-10 of rounding.
    quotient = (moved(1e-6) - moved(-1e-6)) / 2e-6
    assert abs(slope - quotient) <= 10 * SUMS * (1 + size)


@pytest.mark.parametrize("make", [layers.BatchNormalization, Counting])
def test_tracer_that_would_be_kept_is_refused_and_explained(make, backend):
    layer = make()
    layer(ROWS[0])
    before = values(layer)
    with pytest.raises(RuntimeError, match="(?s)mean.*stateless_call"):
        jax.jit(lambda x: layer(x, training=True))(ROWS[0])
    unchanged(layer, before)
    assert np.isfinite(ops.convert_to_numpy(layer(ROWS[0]))).all()
    layer(ROWS[0], training=True)
    assert (values(layer)[layer.non_trainable_variables[0].path] != 0).any()
    # Where nothing would be kept, plain `jit` is right.
    same(arrays(jax.jit(lambda x: layer(x))(ROWS[0])), arrays(layer(ROWS[0])), SUMS)


def test_draws_under_plain_jit_are_refused_and_explained(backend):
    layer = layers.Dropout(0.5)
    with pytest.raises(ValueError, match="(?s)SeedGenerator.*keep it in your layer"):
        jax.jit(lambda x: layer(x, training=True))(ROWS[0])
    assert (ops.convert_to_numpy(layer(ROWS[0], training=True)) == 0).any()
