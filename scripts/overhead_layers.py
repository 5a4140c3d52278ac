"""Calls of whole layers that `measure_overhead` times: ours, Keras's, and what a framework has.

NumPy has no layers, so its bare calls are its own functions, like JAX's and TensorFlow's: written
by hand, op by op.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

Calls = dict[str, Callable[[], Any]]
HEADS, WIDTH, HIDDEN = 4, 64, 128


def inputs() -> dict[str, np.ndarray]:
    """Small arrays: rows, images (rows, height, width, channels) and sequences."""
    draws = np.random.default_rng(0)
    return {
        "rows": draws.standard_normal((8, WIDTH)).astype("float32"),
        "images": draws.standard_normal((2, 16, 16, 8)).astype("float32"),
        "sequences": draws.standard_normal((2, 16, WIDTH)).astype("float32"),
    }


def of_keras_api(keras: Any, convert: Callable[[np.ndarray], Any]) -> Calls:
    """The calls in the form that our layers and Keras's share."""
    layers = keras.layers
    x = {name: convert(array) for name, array in inputs().items()}
    attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    made = {
        "Dense": (layers.Dense(WIDTH), x["rows"]),
        "Conv2D": (layers.Conv2D(16, 3, padding="same"), x["images"]),
        "LayerNormalization": (layers.LayerNormalization(), x["sequences"]),
        "LSTM": (layers.LSTM(WIDTH, return_sequences=True), x["sequences"]),
        "transformer": (_transformer(keras), x["sequences"]),
    }
    calls = {name: partial(layer, tensor) for name, (layer, tensor) in made.items()}
    words = x["sequences"]
    calls["MultiHeadAttention"] = lambda: attention(words, words)
    return calls


def _transformer(keras: Any) -> Any:
    """Two layers of a transformer, norms first, as one would write them by hand."""
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.LayerNormalization(), layers.LayerNormalization()
            self.attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
            self.up = layers.Dense(HIDDEN, activation="relu")
            self.down = layers.Dense(WIDTH)

        def call(self, x: Any) -> Any:
            y = self.first(x)
            x = x + self.attention(y, y)
            return x + self.down(self.up(self.second(x)))

    class Transformer(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [Block(), Block()]

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return x

    return Transformer()


def of_torch() -> Calls:
    """The modules of PyTorch."""
    import torch
    from torch import nn

    x = SimpleNamespace(**{name: torch.from_numpy(array) for name, array in inputs().items()})
    images = x.images.permute(0, 3, 1, 2)
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    dense, conv = nn.Linear(WIDTH, WIDTH), nn.Conv2d(8, 16, 3, padding=1)
    norm, lstm = nn.LayerNorm(WIDTH), nn.LSTM(WIDTH, WIDTH, batch_first=True)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
            self.out = nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

        def forward(self, x: Any) -> Any:
            y = self.first(x)
            heads = (*y.shape[:-1], HEADS, WIDTH // HEADS)
            parts = [f(y).view(heads).transpose(1, 2) for f in (self.query, self.key, self.value)]
            y = nn.functional.scaled_dot_product_attention(*parts)
            x = x + self.out(y.transpose(1, 2).reshape(x.shape))
            return x + self.down(nn.functional.relu(self.up(self.second(x))))

    transformer = nn.Sequential(Block(), Block())
    return {
        "Dense": lambda: dense(x.rows),
        "Conv2D": lambda: conv(images),
        "LayerNormalization": lambda: norm(x.sequences),
        "LSTM": lambda: lstm(x.sequences),
        "transformer": lambda: transformer(x.sequences),
        "MultiHeadAttention": lambda: attention(
            x.sequences, x.sequences, x.sequences, need_weights=False
        ),
    }


def of_functions(backend: str) -> Calls:
    """The same, written by hand in the functions of a framework that looks like NumPy."""
    f = _functions(backend)
    x = SimpleNamespace(**{name: f.array(array) for name, array in inputs().items()})
    draws = np.random.default_rng(1)

    def weight(*shape: int) -> Any:
        return f.array(draws.standard_normal(shape).astype("float32") * 0.1)

    def dense(width: int = WIDTH, hidden: int = WIDTH) -> Callable[[Any], Any]:
        kernel, bias = weight(width, hidden), weight(hidden)
        return lambda y: f.matmul(y, kernel) + bias

    def norm() -> Callable[[Any], Any]:
        scale, shift = weight(WIDTH), weight(WIDTH)

        def run(y: Any) -> Any:
            centered = y - f.mean(y)
            return centered / f.sqrt(f.mean(centered * centered) + 1e-3) * scale + shift

        return run

    def attention() -> Callable[[Any], Any]:
        query, key, value, out = dense(), dense(), dense(), dense()

        def heads(y: Any) -> Any:
            return f.transpose(f.reshape(y, (2, 16, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))

        def run(y: Any) -> Any:
            q, k, v = heads(query(y)), heads(key(y)), heads(value(y))
            scores = f.matmul(q, f.transpose(k, (0, 1, 3, 2))) * (WIDTH // HEADS) ** -0.5
            mixed = f.transpose(f.matmul(f.softmax(scores), v), (0, 2, 1, 3))
            return out(f.reshape(mixed, (2, 16, WIDTH)))

        return run

    def block() -> Callable[[Any], Any]:
        first, second, mix = norm(), norm(), attention()
        up, down = dense(WIDTH, HIDDEN), dense(HIDDEN, WIDTH)

        def run(y: Any) -> Any:
            y = y + mix(first(y))
            return y + down(f.relu(up(second(y))))

        return run

    def lstm() -> Callable[[Any], Any]:
        kernel, recurrent, bias = weight(WIDTH, 4 * WIDTH), weight(WIDTH, 4 * WIDTH), weight(1)

        def run(y: Any) -> Any:
            given, found = f.matmul(y, kernel) + bias, []
            state = carry = f.array(np.zeros((2, WIDTH), "float32"))
            for step in range(16):
                gates = f.split(given[:, step] + f.matmul(state, recurrent))
                carry = f.sigmoid(gates[1]) * carry + f.sigmoid(gates[0]) * f.tanh(gates[2])
                state = f.sigmoid(gates[3]) * f.tanh(carry)
                found.append(state)
            return f.stack(found)

        return run

    calls = {
        "Dense": partial(dense(), x.rows),
        "LayerNormalization": partial(norm(), x.sequences),
        "LSTM": partial(lstm(), x.sequences),
        "MultiHeadAttention": partial(attention(), x.sequences),
    }
    one, two = block(), block()
    calls["transformer"] = lambda: two(one(x.sequences))
    if f.conv is not None:
        kernel, bias = weight(3, 3, 8, 16), weight(16)
        calls["Conv2D"] = lambda: f.conv(x.images, kernel) + bias
    return calls


def _functions(backend: str) -> SimpleNamespace:
    if backend == "tensorflow":
        import tensorflow as tf

        return SimpleNamespace(
            array=tf.constant,
            matmul=tf.matmul,
            mean=lambda y: tf.reduce_mean(y, -1, keepdims=True),
            sqrt=tf.sqrt,
            transpose=tf.transpose,
            reshape=tf.reshape,
            softmax=tf.nn.softmax,
            relu=tf.nn.relu,
            sigmoid=tf.sigmoid,
            tanh=tf.tanh,
            split=lambda y: tf.split(y, 4, -1),
            stack=lambda ys: tf.stack(ys, 1),
            conv=lambda y, kernel: tf.nn.conv2d(y, kernel, 1, "SAME"),
        )
    if backend == "jax":
        import jax
        import jax.numpy as jnp

        softmax, relu, sigmoid, numbers = jax.nn.softmax, jax.nn.relu, jax.nn.sigmoid, jnp
        named = ("NHWC", "HWIO", "NHWC")
        conv = lambda y, k: jax.lax.conv_general_dilated(  # noqa: E731
            y, k, (1, 1), "SAME", dimension_numbers=named
        )
    else:
        from scipy import special

        numbers, conv, sigmoid = np, None, special.expit
        softmax, relu = partial(special.softmax, axis=-1), partial(np.maximum, 0)
    return SimpleNamespace(
        array=numbers.asarray,
        matmul=numbers.matmul,
        mean=lambda y: numbers.mean(y, -1, keepdims=True),
        sqrt=numbers.sqrt,
        transpose=numbers.transpose,
        reshape=numbers.reshape,
        softmax=softmax,
        relu=relu,
        sigmoid=sigmoid,
        tanh=numbers.tanh,
        split=lambda y: numbers.split(y, 4, -1),
        stack=lambda ys: numbers.stack(ys, 1),
        conv=conv,
    )


def bare_layers(backend: str) -> Calls:
    """The bare calls of a backend's framework."""
    return of_torch() if backend == "torch" else of_functions(backend)
