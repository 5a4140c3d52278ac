"""Attention of many places to each other on a CPU, a block of queries after the other."""

import jax
import jax.core
import jax.numpy as jnp
from jax import lax

from . import precision

# Scores from which on blocks pay; scores of heads that go together; scores of a block of one head,
# 16 MB. Milliseconds on one thread, all scores at a time, blocks of all heads, and as here:
# 1,256, 241 and 203 for 4096 places of 8 heads of 20; 339, 209 and 137 for 8 x 577 of 12 of 64;
# 28.2, 22.2 and 20.4 for 8 x 197. On two threads blocks of all heads took 191 for the first, and
# these 106.
LARGE = 1 << 20
TOGETHER = 1 << 21
BLOCK = 1 << 22


def suits(query, key, value):
    """Whether these tensors of a trace have so many scores that they go in blocks."""
    tensors = (query, key, value)
    batch, length, heads = query.shape[:3]
    sizes = (batch, length, heads, key.shape[1])
    if not all(isinstance(n, int) for n in sizes):
        return False
    scores = batch * length * heads * key.shape[1]
    return (
        scores > LARGE
        and any(isinstance(x, jax.core.Tracer) for x in tensors)
        and all(x.dtype == jnp.float32 for x in tensors)
    )


def in_blocks(query, key, value, scale):
    """softmax(q k^T * scale) v over (batch, length, heads, dim) tensors of float32.

    Large heads go one after the other, each a block of queries after the other, as plain products
    of two matrices; small ones some at a time. A column of ones behind the values gives the sums
    that softmax divides by, so that the scores are written twice and read three times.
    """
    exact = precision.of_product(query, key)
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (query * scale, key, value))
    batch, heads, length, size = q.shape
    v = jnp.concatenate([v, jnp.ones((*v.shape[:-1], 1), v.dtype)], -1)
    k = k.swapaxes(2, 3)
    together = _together(batch * heads, length * key.shape[1])
    groups = (batch * heads // together, *([together] if together > 1 else []))
    rows = length if together > 1 else max(1, min(length, BLOCK // key.shape[1]))
    count = -(-length // rows)

    def block(q, k, v):
        scores = jnp.matmul(q, k, precision=exact)
        scores = jnp.exp(scores - scores.max(-1, keepdims=True))
        y = jnp.matmul(scores, v, precision=exact)
        return y[..., :-1] / y[..., -1:]

    def group(tensors):
        q, k, v = tensors
        if count == 1:
            return block(q, k, v)
        q = jnp.pad(q, ((0, count * rows - length), (0, 0))).reshape(count, rows, size)
        y = lax.map(lambda q: block(q, k, v), q)
        return y.reshape(count * rows, -1)[:length]

    y = lax.map(group, tuple(x.reshape(*groups, *x.shape[2:]) for x in (q, k, v)))
    return y.reshape(batch, heads, length, -1).transpose(0, 2, 1, 3)


def _together(heads, scores):
    """How many heads of so many scores each go together: a divisor of their number."""
    most = min(heads, max(1, TOGETHER // scores))
    return next(n for n in range(most, 0, -1) if heads % n == 0)
