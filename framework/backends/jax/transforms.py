"""JAX's own transforms."""

from contextlib import nullcontext

import jax
import jax.core
import jax.numpy as jnp

from ...context import entered, state
from ..derived.transforms import Transforms
from .distribution import spread, with_others
from .kept import keep_compiled

_UNKNOWN_STATE = (
    "loss_and_gradients: the function assigned a variable that is neither among `variables` nor "
    "among `states`; on JAX its new value would be lost. Add it to `states`."
)

_UNKNOWN_IN_STEP = (
    "The step assigned a variable that is neither the model's nor its optimizer's nor that of one "
    "of its metrics; on JAX its new value would be lost. Make it an attribute of the model or of a "
    "layer in it, and a metric an attribute of the model."
)


def _uphill(x):
    """JAX gives the gradient by a complex number conjugate to what torch and TensorFlow give."""
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def _wide(leaves):
    """A context in which JAX differentiates 64-bit numbers through all of its operations."""
    wide = any(x.dtype.itemsize == 8 + 8 * jnp.iscomplexobj(x) for x in leaves)
    return jax.enable_x64(True) if wide else nullcontext()


class JaxTransforms(Transforms):
    """`jax.vjp` and its like; all of them nest."""

    def value_and_grad(self, function, leaves):
        places = tuple(range(len(leaves)))
        made = jax.value_and_grad(function, argnums=places, has_aux=True)
        with _wide(leaves):
            (value, others), gradients = made(*leaves)
        return value, others, [_uphill(g) for g in gradients]

    def loss_and_gradients(self, function, variables, states=()):
        outer = state.substitutes

        def stateless(values):
            # The scope's own dict: what is assigned in it comes out as a result.
            inner = {**(outer or {}), **{id(v): x for v, x in zip(variables, values, strict=True)}}
            before = dict(inner)
            with entered(substitutes=inner):
                loss, others = function()
            known = {id(v) for v in (*variables, *states)}
            if any(key not in known and x is not before.get(key) for key, x in inner.items()):
                raise ValueError(_UNKNOWN_STATE)
            assigned = [inner.get(id(v)) for v in states]
            return loss, (others, assigned)

        values = [v.value for v in variables]
        # Seeds and statistics are read in the scope, where they are known to be carried.
        carried = {id(v): v.value for v in states}
        with entered(substitutes={**(outer or {}), **carried}):
            outer = state.substitutes
            made = jax.value_and_grad(stateless, has_aux=True)
            with _wide(values):
                (loss, (others, assigned)), gradients = made(values)
        for variable, value in zip(states, assigned, strict=True):
            if value is not None and value is not carried[id(variable)]:
                variable.assign(value)
        return loss, others, [_uphill(g) for g in gradients]

    def vjp(self, function, leaves):
        with _wide(leaves):
            results, pull, others = jax.vjp(function, *leaves, has_aux=True)

        def pulled(*cotangents):
            with _wide(leaves):
                return [_uphill(g) for g in pull([_uphill(c) for c in cotangents])]

        return results, others, pulled

    def jvp(self, function, leaves, tangents):
        with _wide(leaves):
            results, moved, others = jax.jvp(function, leaves, tangents, has_aux=True)
        return results, others, moved

    def custom_gradient(self, function, leaves):
        def flat(*leaves):
            results, pull = function(*leaves)

            def pulled(cotangents):
                return tuple(_uphill(g) for g in pull(*(_uphill(c) for c in cotangents)))

            return results, pulled

        return jax.custom_gradient(flat)(*leaves)

    def recomputed(self, function, given, held):
        if not any(isinstance(x, jax.core.Tracer) for x in (*given, *held.values())):
            return function(given, held)  # nothing is differentiated
        return jax.checkpoint(lambda given: function(given, held))(given)

    def vmap(self, function, leaves):
        return jax.vmap(function)(*leaves)

    def jit(self, function):
        return jax.jit(function)

    def feed(self, x):
        # A compiled program takes arrays itself: 0.02 ms, where `jnp.asarray` takes 0.3. But it
        # would narrow those of 64 bits.
        return self.asarray(x) if x.dtype.itemsize == 8 or not x.dtype.isnative else x

    def step(self, function, variables, compiled):
        keep_compiled()
        keys = [id(v) for v in variables]
        layouts = None

        def pure(values, args):
            # The scope's own dict: what is assigned in it comes out as a result.
            held = dict(zip(keys, values, strict=True))
            with entered(substitutes=held):
                out = function(*args)
            if len(held) > len(keys):
                raise ValueError(_UNKNOWN_IN_STEP)
            return out, [held[key] for key in keys]

        # The values that go in are given up, so that new ones may take their memory.
        program = jax.jit(pure, donate_argnums=0)

        def run(*args):
            nonlocal program, layouts
            values = [v.native for v in variables]
            if any(map(spread, values)) and layouts != (found := [x.sharding for x in values]):
                # What lies on several devices stays as it lies.
                layouts = found
                program = jax.jit(pure, donate_argnums=0, out_shardings=(None, layouts))
            out, values = program(values, args)
            for variable, value in zip(variables, values, strict=True):
                variable.replace_native(value)
            return out

        return with_others(run)
