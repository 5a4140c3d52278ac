"""Attention of many places to each other on a CPU, head by head, a block of queries at a time."""

import tensorflow as tf

from .distribution import on_a_mesh
from .precision import has_gpu

# Scores of one head from which on blocks pay, and those of a block: 8 MB. Milliseconds on one
# thread, all scores at a time and so: 383 and 192 for 4096 places of 8 heads of 20, 29 and 19 for
# 1024 of 8 of 40; but 23 and 28 for 197 places of 12 heads of 8 pictures.
LARGE = 1 << 20
BLOCK = 1 << 21


def suits(query, key, value):
    """Whether these tensors of a graph have so many scores a head that they go in blocks."""
    if tf.executing_eagerly() or has_gpu() or on_a_mesh():
        return False
    if any(None in x.shape.as_list() or x.dtype != tf.float32 for x in (query, key, value)):
        return False
    return query.shape[1] * key.shape[1] >= LARGE and query.shape[2] == key.shape[2]


def in_blocks(query, key, value, scale):
    """softmax(q k^T * scale) v over (batch, length, heads, dim) tensors of float32."""
    batch, length, heads, size = query.shape
    source, out = key.shape[1], value.shape[-1]
    q, k, v = (tf.transpose(x, (0, 2, 1, 3)) for x in (query * scale, key, value))
    rows = max(1, min(length, BLOCK // source))
    count = -(-length // rows)
    q = tf.pad(q, ((0, 0), (0, 0), (0, count * rows - length), (0, 0)))
    q = tf.reshape(q, (batch * heads * count, rows, size))
    k = tf.reshape(k, (batch * heads, source, size))
    v = tf.reshape(v, (batch * heads, source, out))

    def block(place):
        head = place // count
        scores = tf.matmul(q[place], k[head], transpose_b=True)
        return tf.matmul(tf.nn.softmax(scores, -1), v[head])

    places = tf.range(batch * heads * count)
    y = tf.map_fn(block, places, parallel_iterations=1, fn_output_signature=tf.float32)
    y = tf.reshape(y, (batch, heads, count * rows, out))[:, :, :length]
    return tf.transpose(y, (0, 2, 1, 3))
