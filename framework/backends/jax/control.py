"""Control flow on JAX: `jax.lax`'s, where a value is traced."""

import jax.core
from jax import lax

from ..derived.control import Control


class JaxControl(Control):
    """Loops are compiled, eager ones too: JAX runs one operation at a time slowly."""

    def static_value(self, x, imagined):
        return None if isinstance(x, jax.core.Tracer) else x.item()

    def cond(self, pred, true_fn, false_fn):
        return lax.cond(pred, true_fn, false_fn)

    def switch(self, index, branches):
        return lax.switch(index, branches)

    def while_loop(self, test, step, leaves, limit):
        if limit is None:
            return lax.while_loop(lambda c: test(*c), lambda c: step(*c), leaves)
        # Counted down to zero, in the dtype that the number has by itself.
        state = (lax.convert_element_type(limit, "int32"), leaves)
        return lax.while_loop(
            lambda c: (c[0] > 0) & test(*c[1]), lambda c: (c[0] - 1, step(*c[1])), state
        )[1]

    def fori_loop(self, lower, upper, step, leaves):
        return lax.fori_loop(lower, upper, lambda i, c: step(i, *c), leaves)

    def scan(self, step, carry, items, length, reverse, unroll):
        return lax.scan(
            lambda c, rows: step(c, rows), carry, items, length, reverse=reverse, unroll=unroll
        )
