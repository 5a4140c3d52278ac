"""Random draws in TensorFlow, whose stateless Philox kernels give the same words."""

import math

import tensorflow as tf

from ..derived.random import LOW, STEP, TINY, threshold

_PHILOX = 1  # TensorFlow's number for the algorithm


def _key(key):
    """A key as uint64 of shape (1,), the first word below."""
    if isinstance(key, tuple):
        return tf.constant([key[0] | key[1] << 32], tf.uint64)
    return tf.bitcast(key, tf.uint64)[None]


def _words(key, shape, stream=0):
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape,
        key=_key(key),
        counter=tf.constant([0, stream], tf.uint64),
        alg=_PHILOX,
        dtype=tf.uint32,
    )


def random_words(key, shape, stream=0):
    """Words of a stream of `key`, as int64."""
    return tf.cast(_words(key, shape, stream), tf.int64)


def random_uniform(key, shape, bits=24):
    """Uniform float32 in [0, 1), see `derived.random`."""
    kept = tf.bitwise.right_shift(_words(key, shape), tf.constant(32 - bits, tf.uint32))
    return tf.cast(kept, tf.float32) * 2.0**-bits


def random_normal(key, shape, dtype):
    """Standard normal draws, see `derived.random`."""
    if dtype == "float32" and tf.executing_eagerly():
        # The same draws in one kernel. XLA has another definition of it, and a graph cannot tell
        # whether XLA will compile it.
        return tf.raw_ops.StatelessRandomNormalV2(
            shape=shape,
            key=_key(key),
            counter=tf.constant([0, 0], tf.uint64),
            alg=_PHILOX,
            dtype=tf.float32,
        )
    count = tf.reduce_prod(shape)
    words = _words(key, [(count + 1) // 2, 2]) & tf.constant(LOW, tf.uint32)
    u, v = tf.unstack(tf.cast(words, dtype) * STEP, axis=-1)
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(u, tf.constant(TINY, dtype))))
    angle = v * (2 * math.pi)
    both = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], -1)
    return tf.reshape(tf.reshape(both, [-1])[:count], shape)


def random_dropout(x, key, shape, rate):
    """x / (1 - rate) or 0, see `derived.random`."""
    kept = _words(key, shape) >= tf.constant(threshold(rate), tf.uint32)
    return tf.where(kept, x * tf.constant(1.0 / (1.0 - rate), x.dtype), tf.zeros([], x.dtype))
