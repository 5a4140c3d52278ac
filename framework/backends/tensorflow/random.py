"""Random draws in TensorFlow, whose stateless Philox kernels give the same words."""

import math
from typing import Any

import tensorflow as tf

from ..derived.random import LOW, STEP, TINY, threshold
from .distribution import on_each_device, spread

_PHILOX = 1  # TensorFlow's number for the algorithm


def _key(key):
    """A key as uint64 of shape (1,), the first word below."""
    if isinstance(key, tuple):
        return tf.constant([key[0] | key[1] << 32], tf.uint64)
    if spread() is None:
        return tf.bitcast(key, tf.uint64)[None]
    # DTensor cannot join two words to one by a cast.
    words = tf.cast(tf.bitcast(key, tf.uint32), tf.uint64)
    return tf.reduce_sum(words * tf.constant([1, 1 << 32], tf.uint64), 0, keepdims=True)


def _draw(kernel, key, shape, dtype, stream=0):
    drawn = kernel(
        shape=shape,
        key=_key(key),
        counter=tf.constant([0, stream], tf.uint64),
        alg=_PHILOX,
        dtype=dtype,
    )
    # Else each device would draw for itself.
    return on_each_device(drawn)


def _words(key, shape, stream=0):
    return _draw(tf.raw_ops.StatelessRandomUniformFullIntV2, key, shape, tf.uint32, stream)


def _shares(key, shape, dtype):
    """The low 23 bits of the words, times 2^-23."""
    # As int32, which TensorFlow vectorizes.
    words = _draw(tf.raw_ops.StatelessRandomUniformFullIntV2, key, shape, tf.int32)
    return tf.cast(words & tf.constant(LOW, tf.int32), dtype) * STEP


def random_words(key, shape, stream=0):
    """Words of a stream of `key`, as int64."""
    return tf.cast(_words(key, shape, stream), tf.int64)


# The float kernels give the same draws at once. But XLA has another definition of them, and a
# graph cannot tell whether XLA will compile it.


def random_uniform(key, shape):
    """Uniform float32 in [0, 1), see `derived.random`."""
    if tf.executing_eagerly():
        return _draw(tf.raw_ops.StatelessRandomUniformV2, key, shape, tf.float32)
    return _shares(key, shape, tf.float32)


def random_normal(key, shape, dtype):
    """Standard normal draws, see `derived.random`."""
    if dtype == "float32" and tf.executing_eagerly():
        return _draw(tf.raw_ops.StatelessRandomNormalV2, key, shape, tf.float32)
    count = tf.reduce_prod(shape)
    u, v = tf.unstack(_shares(key, [(count + 1) // 2, 2], dtype), axis=-1)
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(u, tf.constant(TINY, dtype))))
    angle = v * (2 * math.pi)
    both = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], -1)
    return tf.reshape(tf.reshape(both, [-1])[:count], shape)


def random_dropout(x, key, shape, rate):
    """x / (1 - rate) or 0, see `derived.random`."""
    kept = _words(key, shape) >= tf.constant(threshold(rate), tf.uint32)
    return tf.where(kept, x * tf.constant(1.0 / (1.0 - rate), x.dtype), tf.zeros([], x.dtype))


class GraphKeys:
    """Keys for a graph that may run many times at once, such as the function of a parallel map.

    A number that is read and then assigned would be read twice before it changes; this op does both
    under one lock. XLA does not know it.
    """

    def __init__(self, seed: int) -> None:
        with tf.init_scope():
            # Counter (2 words) and key of TensorFlow's Philox generator; the key is ours to use.
            self.state = tf.Variable(tf.constant([0, 0, seed], tf.int64), trainable=False)

    def next(self):
        """Returns the next key, int32 of shape (2,): the seed's 32 bits, and the draw's number."""
        before = tf.raw_ops.RngReadAndSkip(
            resource=self.state.handle, alg=_PHILOX, delta=tf.constant(1, tf.uint64)
        )
        # The op counts in steps of 256.
        return tf.cast(tf.stack([before[2], before[0] // 256]), tf.int32)


def in_data_pipeline() -> bool:
    """Tells whether a function of a `tf.data.Dataset` is being traced."""
    if tf.executing_eagerly():
        return False
    graph: Any = tf.compat.v1.get_default_graph()
    while graph is not None:
        # The names that `tf.data` gives its functions: Dataset_map_..., Dataset_filter_...
        if getattr(graph, "name", "").startswith("Dataset_"):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False
