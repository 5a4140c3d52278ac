"""Quotients that are rounded once, as IEEE 754 has them.

XLA turns a division by something that is broadcast into a product with its reciprocal, which is
rounded twice: 82 / 41 gives 1.9999999, and floor(82 / 41) is 1. Every other backend, and XLA itself
for operands of one shape, gives 2.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax


def true_divide(x1, x2):
    """`jax.numpy.true_divide`, rounded once on CPUs whatever is broadcast."""
    if _is_plain(x1, x2):
        return jnp.true_divide(x1, x2)
    return _rounded_once(x1, x2)


def _is_plain(x1, x2):
    """Whether XLA sees two operands of one shape, or one that has an exact reciprocal."""
    if isinstance(x2, int | float):
        return x2 == 0 or not math.isfinite(x2) or abs(math.frexp(x2)[0]) == 0.5
    return jnp.shape(x2) == jnp.broadcast_shapes(jnp.shape(x1), jnp.shape(x2))


@jax.jit
def _rounded_once(x1, x2):
    wanted = jax.eval_shape(jnp.true_divide, x1, x2)
    if not jnp.issubdtype(wanted.dtype, jnp.floating):
        return jnp.true_divide(x1, x2)

    def behind_a_barrier(x1, x2):
        # The barrier is gone before loops are fused: no array of denominators is ever written. On
        # 8 million elements in a chain of four operations 13.6 ms, and 17.0 ms without it.
        return lax.div(x1, lax.optimization_barrier(x2))

    both = [jnp.broadcast_to(jnp.asarray(x, wanted.dtype), wanted.shape) for x in (x1, x2)]
    return lax.platform_dependent(*both, cpu=behind_a_barrier, default=lax.div)
