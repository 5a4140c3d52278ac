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


def _draw(kernel, key, shape, dtype, stream=0):
    return kernel(
        shape=shape,
        key=_key(key),
        counter=tf.constant([0, stream], tf.uint64),
        alg=_PHILOX,
        dtype=dtype,
    )


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
