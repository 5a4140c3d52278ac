"""Differentiation and compilation."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops

differentiable = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


@differentiable
def test_value_and_grad(backend):
    x, y = np.array([1.0, 2.0, 3.0], np.float32), np.array([4.0, 5.0, 6.0], np.float32)
    value, (gx, gy) = ops.value_and_grad(lambda a, b: ops.sum(a * a * b))(x, y)
    np.testing.assert_allclose(ops.convert_to_numpy(value), (x * x * y).sum())
    np.testing.assert_allclose(ops.convert_to_numpy(gx), 2 * x * y)
    np.testing.assert_allclose(ops.convert_to_numpy(gy), x * x)


@differentiable
def test_grad_of_what_does_not_matter_is_zero(backend):
    x = np.ones(3, np.float32)
    gx, gy = ops.grad(lambda a, b: ops.sum(a))(x, x)
    np.testing.assert_array_equal(ops.convert_to_numpy(gx), x)
    np.testing.assert_array_equal(ops.convert_to_numpy(gy), 0 * x)


@differentiable
def test_stop_gradient(backend):
    (g,) = ops.grad(lambda a: ops.sum(ops.multiply(ops.stop_gradient(a), a)))(np.full(2, 3.0))
    np.testing.assert_array_equal(ops.convert_to_numpy(g), [3.0, 3.0])


@differentiable
def test_gradients_are_finite_at_edges(backend):
    """Where the value is finite the gradient is: padding tokens must not poison a batch."""
    x = np.array([[0.0, -1e4, 1e4], [50.0, -50.0, 0.0]], np.float32)
    for function in (ops.softmax, ops.log_softmax, ops.sigmoid, ops.softplus, ops.gelu, ops.silu,
                     lambda x: ops.logsumexp(x, -1), ops.tanh, ops.elu):  # fmt: skip
        (g,) = ops.grad(lambda a, f=function: ops.sum(f(a)))(x)
        assert np.isfinite(ops.convert_to_numpy(g)).all(), function


def test_jit(backend):
    compiled = ops.jit(lambda x, y: ops.matmul(x, y) + 1)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for rows in (2, 3, 2):
        a, b = ops.ones((rows, 2)), ops.convert_to_tensor(x)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(compiled(a, b)), np.ones((rows, 2)) @ x + 1
        )
