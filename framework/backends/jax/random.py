"""Random draws in JAX: Philox in 64-bit products, which XLA fuses with what the words become."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import philox
from ..derived.random import LOW, STEP, TINY, threshold

_HALF = np.uint64(32)


def _lanes(key, count, stream=0):
    """The four lanes of the blocks that hold `count` words: uint32 of shape (blocks,) each."""
    total = -(-count // 4)
    return _block(lax.iota(jnp.uint64 if total >> 32 else jnp.uint32, total), key, stream)


def _block(index, key, stream=0):
    """The four words, uint32, of the blocks that `index` counts."""
    c0, c2 = index.astype(jnp.uint32), jnp.full_like(index, stream, jnp.uint32)
    wide = index.dtype == jnp.uint64
    c1 = (index >> _HALF).astype(jnp.uint32) if wide else jnp.zeros_like(index)
    c3 = jnp.zeros_like(c0)
    k0, k1 = key[0], key[1]
    for _ in range(philox.ROUNDS):
        p0, p1 = (
            c.astype(jnp.uint64) * np.uint64(m)
            for c, m in zip((c0, c2), philox.MULTIPLIERS, strict=True)
        )
        (high0, low0), (high1, low1) = (
            ((p >> _HALF).astype(jnp.uint32), p.astype(jnp.uint32)) for p in (p0, p1)
        )
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + np.uint32(philox.WEYL[0]), k1 + np.uint32(philox.WEYL[1])
    return c0, c1, c2, c3


def _joined(lanes, shape):
    """Lanes side by side, cut to `shape`."""
    return jnp.stack(lanes, -1).reshape(-1)[: math.prod(shape)].reshape(shape)


def _key(key):
    """A key as uint32 of shape (2,)."""
    if isinstance(key, tuple):
        return np.array(key, np.uint32)
    return key.astype(jnp.uint32)


@partial(jax.jit, static_argnums=(1,))
def _words(key, shape, stream):
    return _joined(_lanes(key, math.prod(shape), stream), shape)


def _share(word):
    """The low 23 bits of words, times 2^-23: float32."""
    return (word & np.uint32(LOW)).astype(jnp.float32) * np.float32(STEP)


@partial(jax.jit, static_argnums=(1,))
def _uniform(key, shape):
    return _joined([_share(lane) for lane in _lanes(key, math.prod(shape))], shape)


@partial(jax.jit, static_argnums=(1,))
def _normal(key, shape):
    # Two draws stand in one uint64, since XLA is slow at interleaving what is costly to compute;
    # each block is computed twice.
    count = math.prod(shape)
    index = lax.iota(jnp.uint64 if count >> 33 else jnp.uint32, -(-count // 2))
    c0, c1, c2, c3 = _block(index >> index.dtype.type(1), key)
    odd = (index & index.dtype.type(1)) == 1
    u, v = (_share(jnp.where(odd, b, a)) for a, b in ((c0, c2), (c1, c3)))
    radius = jnp.sqrt(np.float32(-2.0) * jnp.log(jnp.maximum(u, np.float32(TINY))))
    low, high = (
        lax.bitcast_convert_type(radius * wave, jnp.uint32).astype(jnp.uint64)
        for wave in _sine_and_cosine(v)
    )
    pairs = lax.bitcast_convert_type(low | high << _HALF, jnp.float32)
    return pairs.reshape(-1)[:count].reshape(shape)


def _sine_and_cosine(v):
    """sin(2 pi v) and cos(2 pi v), float32, by the polynomials of Moshier's Cephes (sinf, cosf).

    XLA does not vectorize its own on the CPU. The turns are exact, since v has 23 bits.
    """
    number = np.float32
    turn = jnp.floor(v * number(4) + number(0.5))
    x = (v - turn * number(0.25)) * number(2 * math.pi)
    z = x * x
    sine = number(8.3321608736e-3) - z * number(1.9515295891e-4)
    sine = x + x * z * (number(-1.6666654611e-1) + z * sine)
    cosine = number(-1.388731625493765e-3) + z * number(2.443315711809948e-5)
    cosine = number(1) - z * number(0.5) + z * z * (number(4.166664568298827e-2) + z * cosine)
    turn = turn.astype(jnp.int32)
    swapped, down, left = (turn & 1) == 1, (turn & 2) == 2, ((turn + 1) & 2) == 2
    first, second = jnp.where(swapped, cosine, sine), jnp.where(swapped, sine, cosine)
    return jnp.where(down, -first, first), jnp.where(left, -second, second)


@partial(jax.jit, static_argnums=(1,))
def _wide_normal(key, shape):
    def number(value):
        # JAX would read the number itself in 32 bits.
        return jnp.asarray(np.asarray(value, np.float64), jnp.float64)

    u0, v0, u1, v1 = (
        (c & np.uint32(LOW)).astype(jnp.float64) * number(STEP)
        for c in _lanes(key, math.prod(shape))
    )
    lanes = []
    for u, v in ((u0, v0), (u1, v1)):
        radius = jnp.sqrt(number(-2.0) * jnp.log(jnp.maximum(u, number(TINY))))
        angle = v * number(2 * math.pi)
        lanes += [radius * jnp.sin(angle), radius * jnp.cos(angle)]
    return _joined(lanes, shape)


@partial(jax.jit, static_argnums=(2, 3))
def _dropout(x, key, shape, rate):
    kept = _words(key, shape, np.uint32(0)) >= np.uint32(threshold(rate))
    scale = jnp.asarray(np.asarray(1.0 / (1.0 - rate), x.dtype), x.dtype)
    return jnp.where(kept, x * scale, jnp.zeros((), x.dtype))


def random_words(key, shape, stream=0):
    """Words of a stream of `key`, as int64."""
    # A stream is data: draws by rejection read many, and each would be compiled anew.
    return _words(_key(key), tuple(shape), np.uint32(stream)).astype(jnp.int64)


def random_uniform(key, shape):
    """Uniform float32 in [0, 1), see `derived.random`."""
    return _uniform(_key(key), tuple(shape))


def random_normal(key, shape, dtype):
    """Standard normal draws, see `derived.random`."""
    return (_wide_normal if dtype == "float64" else _normal)(_key(key), tuple(shape))


def random_dropout(x, key, shape, rate):
    """x / (1 - rate) or 0, see `derived.random`."""
    return _dropout(x, _key(key), tuple(shape), rate)
