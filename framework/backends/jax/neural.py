"""Convolution, pooling and random bits in JAX, channels last."""

import jax.numpy as jnp
from jax import lax

from .. import philox
from ..base import explicit_pads

_AXES = {1: "W", 2: "HW", 3: "DHW"}


def conv(x, kernel, strides, padding, dilation, groups):
    """Convolution of (batch, *spatial, channels) with a kernel of (*size, in / groups, out)."""
    rank = kernel.ndim - 2
    spatial = _AXES[rank]
    pads = explicit_pads(padding, x.shape[1:-1], kernel.shape[:rank], strides, dilation)
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        feature_group_count=groups,
    )


def depthwise_conv(x, kernel, strides, padding, dilation):
    """Each channel with its own kernels: (*size, channels, multiplier)."""
    *size, channels, multiplier = kernel.shape
    kernel = kernel.reshape(*size, 1, channels * multiplier)
    return conv(x, kernel, strides, padding, dilation, channels)


def pool(x, size, strides, padding, kind):
    """Window "max", "average" (padding does not count) or "sum"."""
    pads = ((0, 0), *explicit_pads(padding, x.shape[1:-1], size, strides), (0, 0))
    window, steps = (1, *size, 1), (1, *strides, 1)
    if kind == "max":
        real = jnp.issubdtype(x.dtype, jnp.inexact)
        low = -jnp.inf if real else jnp.iinfo(x.dtype).min
        return lax.reduce_window(x, jnp.asarray(low, x.dtype), lax.max, window, steps, pads)
    zero = jnp.asarray(0, x.dtype)
    total = lax.reduce_window(x, zero, lax.add, window, steps, pads)
    if kind == "sum":
        return total
    ones = jnp.ones((1, *x.shape[1:-1], 1), x.dtype)
    return total / lax.reduce_window(ones, zero, lax.add, window, steps, pads)


def _product(a: int, b):
    """High and low words of the 64-bit product of a constant and a uint32 array."""
    a0, a1 = jnp.uint32(a & 0xFFFF), jnp.uint32(a >> 16)
    b0, b1 = b & 0xFFFF, b >> 16
    low, middle, other = a0 * b0, a1 * b0, a0 * b1
    carry = (low >> 16) + (middle & 0xFFFF) + (other & 0xFFFF)
    high = a1 * b1 + (middle >> 16) + (other >> 16) + (carry >> 16)
    return high, jnp.uint32(a) * b


def random_bits(seed, shape, bits):
    """The top `bits` bits of Philox words, as float32. JAX has no 64-bit integers by default."""
    count = 1
    for n in shape:
        count *= n
    keys = seed.astype(jnp.uint32)
    k0, k1 = keys[0], keys[1]
    # Each lane is computed where it ends up: XLA fuses this, and is slow at interleaving lanes.
    index = lax.iota(jnp.uint32, count)
    c0 = index >> 2
    c1 = c2 = c3 = jnp.zeros_like(index)
    for _ in range(philox.ROUNDS):
        h0, l0 = _product(philox.MULTIPLIERS[0], c0)
        h1, l1 = _product(philox.MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0, k1 = k0 + jnp.uint32(philox.WEYL[0]), k1 + jnp.uint32(philox.WEYL[1])
    lane = index & 3
    words = jnp.where(lane < 2, jnp.where(lane == 0, c0, c1), jnp.where(lane == 2, c2, c3))
    return (words >> (32 - bits)).astype(jnp.float32).reshape(shape)
