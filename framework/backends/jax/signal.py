"""Segments on JAX."""

import jax
import jax.numpy as jnp
import numpy as np

from ..derived.signal import Signal


class JaxSignal:
    """Kernels of signals and segments."""

    overlap_add = jax.jit(Signal.overlap_add, static_argnums=(0, 2))  # one program for many steps

    def count_segments(self, ids):
        return max(int(np.asarray(ids).max(initial=-1)) + 1, 0)

    def segment_reduce(self, kind, data, ids, number, sorted):
        if kind == "prod" and jnp.issubdtype(data.dtype, jnp.inexact):
            return _product(data, ids, number, sorted)
        return _REDUCTIONS[kind](data, ids, number, indices_are_sorted=sorted)


_REDUCTIONS = {
    "sum": jax.ops.segment_sum,
    "prod": jax.ops.segment_prod,
    "max": jax.ops.segment_max,
    "min": jax.ops.segment_min,
}


def _product(data, ids, number, sorted):
    """JAX's own product of segments has no derivative."""

    def multiply(x):
        return jax.ops.segment_prod(x, ids, number, indices_are_sorted=sorted)

    product = jax.custom_jvp(multiply)

    @product.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        zero = x == 0
        zeros = jax.ops.segment_sum(zero.astype(jnp.int32), ids, number)
        # Rows outside of all segments look up any segment: their tangents reach none.
        rest = product(jnp.where(zero, 1, x))[jnp.clip(ids, 0, number - 1)]
        others = zeros[jnp.clip(ids, 0, number - 1)] - zero
        factor = jnp.where(others > 0, 0, jnp.where(zero, rest, rest / jnp.where(zero, 1, x)))
        tangent = jax.ops.segment_sum(t * factor, ids, number, indices_are_sorted=sorted)
        return product(x), tangent

    return product(data)
