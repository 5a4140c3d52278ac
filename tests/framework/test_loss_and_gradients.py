"""Losses and gradients by a model's own variables: what a training step is made of."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.framework.backends import registry

_random = np.random.default_rng(11)
X = _random.standard_normal((6, 4)).astype(np.float32)
Y = _random.standard_normal((6, 2)).astype(np.float32)
DIFFERENTIABLE = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


def _model(*behind):
    isozoo.random.set_random_seed(1)
    return isozoo.Sequential(
        [isozoo.Input((4,)), layers.Dense(3, "tanh"), *behind, layers.Dense(2)]
    )


def _loss(model, training=False):
    outputs = model(X, training=training)
    return ops.mean(ops.square(ops.subtract(outputs, Y))), outputs


def _run(model, backend, training=False, **options):
    states = model.non_trainable_variables
    step = registry.get(backend).loss_and_gradients
    return step(lambda: _loss(model, training), model.trainable_variables, states, **options)


def _closed_form(model):
    """Loss and gradients of mean((tanh(x a + b) c + d - y)^2), in float64."""
    a, b, c, d = (v.numpy().astype(np.float64) for v in model.trainable_variables)
    hidden = np.tanh(X @ a + b)
    off = hidden @ c + d - Y
    up = 2 * off / off.size
    inner = (up @ c.T) * (1 - hidden**2)
    return np.mean(off**2), [X.T @ inner, inner.sum(0), hidden.T @ up, up.sum(0)]


@DIFFERENTIABLE
def test_they_are_those_of_the_closed_form(backend):
    model = _model()
    loss, outputs, gradients = _run(model, backend)
    expected_loss, expected = _closed_form(model)
    # Sums of at most 6 products of numbers near 1, four layers deep: some tens of roundings.
    np.testing.assert_allclose(float(loss), expected_loss, rtol=1e-5)
    for found, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), wanted, rtol=1e-5, atol=1e-5)
    assert tuple(outputs.shape) == (6, 2)


@DIFFERENTIABLE
def test_states_that_the_step_assigns_have_their_new_values(backend):
    model = _model(layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5, seed=3))
    norm, drop = model.layers[1:3]
    hidden = ops.convert_to_numpy(model.layers[0](X)).astype(np.float64)
    seed = drop.seed_generator.state.numpy().copy()
    losses = [float(_run(model, backend, training=True)[0]) for _ in range(2)]
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.75 * hidden.mean(0), atol=1e-6)
    assert losses[0] != losses[1], "each step draws another mask"
    assert (drop.seed_generator.state.numpy() == seed + [0, 2]).all()
    assert isinstance(norm.moving_mean.numpy(), np.ndarray)


@DIFFERENTIABLE
def test_a_variable_without_influence_has_a_gradient_of_zero(backend):
    model = _model()
    unused = layers.Dense(1, input_dim=1)
    variables = [*model.trainable_variables, unused.kernel]
    step = registry.get(backend).loss_and_gradients
    *_, gradients = step(lambda: _loss(model), variables, [])
    np.testing.assert_array_equal(ops.convert_to_numpy(gradients[-1]), np.zeros((1, 1)))


def test_hooks_of_torch_fire_and_old_gradients_stay():
    torch = pytest.importorskip("torch")
    with isozoo.use_backend("torch"):
        model = _model()
        kernel = model.trainable_variables[0].value
        kernel.grad = torch.full_like(kernel, 7.0)
        seen = []
        kernel.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        *_, gradients = _run(model, "torch")
    assert len(seen) == 1 and torch.equal(seen[0], gradients[0])
    assert (kernel.grad == 7).all()
    assert all(p.grad is None for p in list(model.parameters())[1:])


def test_on_jax_a_step_is_compiled_whole():
    jax = pytest.importorskip("jax")
    with isozoo.use_backend("jax"):
        model = _model(layers.Dropout(0.5, seed=3))
        trainable, others = model.state_values()
        step = registry.get("jax").loss_and_gradients

        @jax.jit
        def run(trainable, others):
            pairs = [
                *zip(model.trainable_variables, trainable, strict=True),
                *zip(model.non_trainable_variables, others, strict=True),
            ]
            with isozoo.StatelessScope(pairs) as scope:
                states = model.non_trainable_variables
                loss, _, gradients = step(
                    lambda: _loss(model, True), model.trainable_variables, states
                )
                return loss, gradients, [scope.get_current_value(v) for v in states]

        first, gradients, after = run(trainable, others)
        eager, _, expected = _run(model, "jax", training=True)
    np.testing.assert_allclose(first, eager, rtol=1e-5)
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(after[0], model.non_trainable_variables[0].numpy())


def test_on_jax_a_state_that_nobody_carries_is_an_error():
    with isozoo.use_backend("jax"):
        model = _model(layers.BatchNormalization())
        step = registry.get("jax").loss_and_gradients
        with pytest.raises(ValueError, match="Add it to `states`"):
            step(lambda: _loss(model, True), model.trainable_variables, [])


def test_numpy_says_where_gradients_are():
    with isozoo.use_backend("numpy"):
        model = _model()
        with pytest.raises(RuntimeError, match="gives no gradients.*to_backend"):
            _run(model, "numpy")
