"""The calls that `measure_overhead` times: ours and Keras's, and those of each framework."""

from collections.abc import Callable
from typing import Any

import numpy as np

Calls = dict[str, Callable[[], Any]]


def make_tensors(
    convert: Callable[[np.ndarray], Any], variable: Callable[[np.ndarray], Any]
) -> dict[str, Any]:
    """Small tensors and a variable, so that what is timed is the call and not the arithmetic."""
    random = np.random.default_rng(0)
    x = random.uniform(0.1, 0.9, (8, 8)).astype(np.float32)
    return {
        "x": convert(x),
        "y": convert(x.T.copy()),
        "cube": convert(random.uniform(0.1, 0.9, (2, 4, 8)).astype(np.float32)),
        "row": convert(x[:1].copy()),
        "mask": convert(x > 0.5),
        "places": convert(np.array([0, 3, 5], np.int32)),
        "held": variable(x.T.copy()),
    }


def of_numpy_api(ops: Any, t: dict[str, Any]) -> Calls:
    """The calls in the form that our ops and Keras's share."""
    x, y, cube, row, mask, places, held = t.values()
    return {
        "add": lambda: ops.add(x, y),
        "add variable": lambda: ops.add(x, held),
        "add 1.0": lambda: ops.add(x, 1.0),
        "multiply": lambda: ops.multiply(x, y),
        "divide": lambda: ops.divide(x, y),
        "power 2.0": lambda: ops.power(x, 2.0),
        "maximum": lambda: ops.maximum(x, y),
        "less": lambda: ops.less(x, y),
        "where": lambda: ops.where(mask, x, y),
        "clip": lambda: ops.clip(x, 0.2, 0.8),
        "exp": lambda: ops.exp(x),
        "log": lambda: ops.log(x),
        "sqrt": lambda: ops.sqrt(x),
        "square": lambda: ops.square(x),
        "tanh": lambda: ops.tanh(x),
        "sigmoid": lambda: ops.sigmoid(x),
        "relu": lambda: ops.relu(x),
        "gelu": lambda: ops.gelu(x),
        "softmax": lambda: ops.softmax(x),
        "sum": lambda: ops.sum(x, axis=1),
        "mean": lambda: ops.mean(x, axis=1),
        "max": lambda: ops.max(x, axis=1),
        "argmax": lambda: ops.argmax(x, axis=1),
        "matmul": lambda: ops.matmul(x, y),
        "einsum": lambda: ops.einsum("ij,jk->ik", x, y),
        "reshape": lambda: ops.reshape(x, (4, 16)),
        "transpose": lambda: ops.transpose(cube, (0, 2, 1)),
        "concatenate": lambda: ops.concatenate([x, y], axis=0),
        "stack": lambda: ops.stack([x, y], axis=0),
        "expand_dims": lambda: ops.expand_dims(x, 1),
        "squeeze": lambda: ops.squeeze(row, 0),
        "take": lambda: ops.take(x, places, axis=0),
        "cast": lambda: ops.cast(x, "float16"),
    }


def of_torch(t: dict[str, Any]) -> Calls:
    """The bare calls of PyTorch."""
    import torch

    x, y, cube, row, mask, places, held = t.values()
    return {
        "add": lambda: torch.add(x, y),
        "add variable": lambda: torch.add(x, held),
        "add 1.0": lambda: torch.add(x, 1.0),
        "multiply": lambda: torch.mul(x, y),
        "divide": lambda: torch.div(x, y),
        "power 2.0": lambda: torch.pow(x, 2.0),
        "maximum": lambda: torch.maximum(x, y),
        "less": lambda: torch.lt(x, y),
        "where": lambda: torch.where(mask, x, y),
        "clip": lambda: torch.clamp(x, 0.2, 0.8),
        "exp": lambda: torch.exp(x),
        "log": lambda: torch.log(x),
        "sqrt": lambda: torch.sqrt(x),
        "square": lambda: torch.square(x),
        "tanh": lambda: torch.tanh(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "relu": lambda: torch.relu(x),
        "gelu": lambda: torch.nn.functional.gelu(x, approximate="tanh"),
        "softmax": lambda: torch.softmax(x, -1),
        "sum": lambda: torch.sum(x, 1),
        "mean": lambda: torch.mean(x, 1),
        "max": lambda: torch.amax(x, 1),
        "argmax": lambda: torch.argmax(x, 1).to(torch.int32),
        "matmul": lambda: torch.matmul(x, y),
        "einsum": lambda: torch.einsum("ij,jk->ik", x, y),
        "reshape": lambda: torch.reshape(x, (4, 16)),
        "transpose": lambda: torch.permute(cube, (0, 2, 1)),
        "concatenate": lambda: torch.cat([x, y], 0),
        "stack": lambda: torch.stack([x, y], 0),
        "expand_dims": lambda: torch.unsqueeze(x, 1),
        "squeeze": lambda: torch.squeeze(row, 0),
        "take": lambda: torch.index_select(x, 0, places),
        "cast": lambda: x.to(torch.float16),
    }


def of_jax(t: dict[str, Any]) -> Calls:
    """The bare calls of JAX, op by op."""
    import jax
    import jax.numpy as jnp

    x, y, cube, row, mask, places, held = t.values()
    return {
        "add": lambda: jnp.add(x, y),
        "add variable": lambda: jnp.add(x, held),
        "add 1.0": lambda: jnp.add(x, 1.0),
        "multiply": lambda: jnp.multiply(x, y),
        "divide": lambda: jnp.true_divide(x, y),
        "power 2.0": lambda: jnp.power(x, 2.0),
        "maximum": lambda: jnp.maximum(x, y),
        "less": lambda: jnp.less(x, y),
        "where": lambda: jnp.where(mask, x, y),
        "clip": lambda: jnp.clip(x, 0.2, 0.8),
        "exp": lambda: jnp.exp(x),
        "log": lambda: jnp.log(x),
        "sqrt": lambda: jnp.sqrt(x),
        "square": lambda: jnp.square(x),
        "tanh": lambda: jnp.tanh(x),
        "sigmoid": lambda: jax.nn.sigmoid(x),
        "relu": lambda: jax.nn.relu(x),
        "gelu": lambda: jax.nn.gelu(x),
        "softmax": lambda: jax.nn.softmax(x),
        "sum": lambda: jnp.sum(x, 1),
        "mean": lambda: jnp.mean(x, 1),
        "max": lambda: jnp.max(x, 1),
        "argmax": lambda: jnp.argmax(x, 1).astype(jnp.int32),
        "matmul": lambda: jnp.matmul(x, y),
        "einsum": lambda: jnp.einsum("ij,jk->ik", x, y),
        "reshape": lambda: jnp.reshape(x, (4, 16)),
        "transpose": lambda: jnp.transpose(cube, (0, 2, 1)),
        "concatenate": lambda: jnp.concatenate([x, y], 0),
        "stack": lambda: jnp.stack([x, y], 0),
        "expand_dims": lambda: jnp.expand_dims(x, 1),
        "squeeze": lambda: jnp.squeeze(row, 0),
        "take": lambda: jnp.take(x, places, 0),
        "cast": lambda: x.astype(jnp.float16),
    }


def of_tensorflow(t: dict[str, Any]) -> Calls:
    """The bare calls of TensorFlow, op by op."""
    import tensorflow as tf

    x, y, cube, row, mask, places, held = t.values()
    return {
        "add": lambda: tf.add(x, y),
        "add variable": lambda: tf.add(x, held),
        "add 1.0": lambda: tf.add(x, 1.0),
        "multiply": lambda: tf.multiply(x, y),
        "divide": lambda: tf.divide(x, y),
        "power 2.0": lambda: tf.pow(x, 2.0),
        "maximum": lambda: tf.maximum(x, y),
        "less": lambda: tf.less(x, y),
        "where": lambda: tf.where(mask, x, y),
        "clip": lambda: tf.clip_by_value(x, 0.2, 0.8),
        "exp": lambda: tf.exp(x),
        "log": lambda: tf.math.log(x),
        "sqrt": lambda: tf.sqrt(x),
        "square": lambda: tf.square(x),
        "tanh": lambda: tf.tanh(x),
        "sigmoid": lambda: tf.sigmoid(x),
        "relu": lambda: tf.nn.relu(x),
        "gelu": lambda: tf.nn.gelu(x, True),
        "softmax": lambda: tf.nn.softmax(x),
        "sum": lambda: tf.reduce_sum(x, 1),
        "mean": lambda: tf.reduce_mean(x, 1),
        "max": lambda: tf.reduce_max(x, 1),
        "argmax": lambda: tf.argmax(x, 1, tf.int32),
        "matmul": lambda: tf.matmul(x, y),
        "einsum": lambda: tf.einsum("ij,jk->ik", x, y),
        "reshape": lambda: tf.reshape(x, (4, 16)),
        "transpose": lambda: tf.transpose(cube, (0, 2, 1)),
        "concatenate": lambda: tf.concat([x, y], 0),
        "stack": lambda: tf.stack([x, y], 0),
        "expand_dims": lambda: tf.expand_dims(x, 1),
        "squeeze": lambda: tf.squeeze(row, 0),
        "take": lambda: tf.gather(x, places, axis=0),
        "cast": lambda: tf.cast(x, tf.float16),
    }


def of_numpy(t: dict[str, Any]) -> Calls:
    """The bare calls of NumPy (and of SciPy where NumPy has none)."""
    from scipy import special

    x, y, cube, row, mask, places, held = t.values()
    return {
        "add": lambda: np.add(x, y),
        "add variable": lambda: np.add(x, held),
        "add 1.0": lambda: np.add(x, 1.0),
        "multiply": lambda: np.multiply(x, y),
        "divide": lambda: np.divide(x, y),
        "power 2.0": lambda: np.power(x, 2.0),
        "maximum": lambda: np.maximum(x, y),
        "less": lambda: np.less(x, y),
        "where": lambda: np.where(mask, x, y),
        "clip": lambda: np.clip(x, 0.2, 0.8),
        "exp": lambda: np.exp(x),
        "log": lambda: np.log(x),
        "sqrt": lambda: np.sqrt(x),
        "square": lambda: np.square(x),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: special.expit(x),
        "relu": lambda: np.maximum(x, 0),
        "gelu": lambda: 0.5 * x * (1 + np.tanh(0.7978846 * (x + 0.044715 * x * x * x))),
        "softmax": lambda: special.softmax(x, -1),
        "sum": lambda: np.sum(x, 1),
        "mean": lambda: np.mean(x, 1),
        "max": lambda: np.max(x, 1),
        "argmax": lambda: np.argmax(x, 1).astype(np.int32),
        "matmul": lambda: np.matmul(x, y),
        "einsum": lambda: np.einsum("ij,jk->ik", x, y),
        "reshape": lambda: np.reshape(x, (4, 16)),
        "transpose": lambda: np.transpose(cube, (0, 2, 1)),
        "concatenate": lambda: np.concatenate([x, y], 0),
        "stack": lambda: np.stack([x, y], 0),
        "expand_dims": lambda: np.expand_dims(x, 1),
        "squeeze": lambda: np.squeeze(row, 0),
        "take": lambda: np.take(x, places, 0),
        "cast": lambda: x.astype(np.float16),
    }


NATIVE = {"torch": of_torch, "jax": of_jax, "tensorflow": of_tensorflow, "numpy": of_numpy}
