"""Transforms on TensorFlow: tapes, accumulators and `tf.vectorized_map`."""

import tensorflow as tf

from ..derived.transforms import Transforms
from . import precision
from .distribution import on_mesh_of, sharded_program

_ZERO = tf.UnconnectedGradients.ZERO


def _dense(gradients):
    """Gradients of gathers come as slices."""
    return [tf.convert_to_tensor(g) for g in gradients]


class TensorflowTransforms(Transforms):
    """A tape inside of another's reach is recorded by it: so they nest."""

    def value_and_grad(self, function, leaves):
        # Copies: a tape cannot tell two arguments from each other that are the same tensor.
        leaves = [tf.identity(x) for x in leaves]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(leaves)
            value, others = function(*leaves)
        gradients = tape.gradient(value, leaves, unconnected_gradients=_ZERO)
        return value, others, _dense(gradients)

    def loss_and_gradients(self, function, variables, states=()):
        natives = [v.value for v in variables]
        with precision.arithmetic():
            with tf.GradientTape() as tape:
                tape.watch(natives)
                loss, others = function()
            gradients = tape.gradient(loss, natives, unconnected_gradients=_ZERO)
        return loss, others, _dense(gradients)

    def vjp(self, function, leaves):
        leaves = [tf.identity(x) for x in leaves]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(leaves)
            results, others = function(*leaves)

        def pull(*cotangents):
            return _dense(tape.gradient(results, leaves, list(cotangents), _ZERO))

        return results, others, pull

    def jvp(self, function, leaves, tangents):
        leaves = [tf.identity(x) for x in leaves]
        with tf.autodiff.ForwardAccumulator(leaves, list(tangents)) as accumulator:
            results, others = function(*leaves)
        moved = [accumulator.jvp(y, unconnected_gradients=_ZERO) for y in results]
        return results, others, moved

    def custom_gradient(self, function, leaves):
        @tf.custom_gradient
        def flat(*leaves):
            results, pull = function(*leaves)

            def pulled(*cotangents, variables=None):
                gradients = pull(*cotangents)
                return gradients if variables is None else (gradients, [None] * len(variables))

            return results, pulled

        return list(flat(*leaves))

    def recomputed(self, function, given, held):
        """Only floats go through TensorFlow's function, which would differentiate all."""
        places = [i for i, x in enumerate(given) if x.dtype.is_floating]
        keys = [key for key, x in held.items() if tf.is_tensor(x) and x.dtype.is_floating]
        first = []

        def run(*floats):
            leaves = list(given)
            for i, x in zip(places, floats, strict=False):
                leaves[i] = x
            stand_ins = {**held, **dict(zip(keys, floats[len(places) :], strict=True))}
            results = function(leaves, stand_ins)
            if not first:
                first.extend(results)
            return [x for x in results if x.dtype.is_floating]

        inputs = [*(given[i] for i in places), *(held[key] for key in keys)]
        floats = iter(tf.recompute_grad(run)(*inputs))
        return [next(floats) if x.dtype.is_floating else x for x in first]

    def vmap(self, function, leaves):
        raised = []

        @tf.autograph.experimental.do_not_convert
        def run(rows):
            try:
                return function(*rows)
            except Exception as error:
                raised.append(error)
                raise

        try:
            return list(tf.vectorized_map(run, list(leaves)))
        except Exception:
            if raised:  # of which TensorFlow makes an error of its own kind
                raise raised[0] from None
            raise

    def jit(self, function):
        return tf.function(function, autograph=False, jit_compile=True)

    def step(self, function, variables, compiled):
        # The graph of a second batch size takes all further ones; XLA compiles for each.
        if (mesh := on_mesh_of(variables)) is not None:
            return sharded_program(function, variables, mesh)
        return tf.function(
            function, autograph=False, jit_compile=compiled, reduce_retracing=not compiled
        )
