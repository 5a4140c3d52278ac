"""CTC's scans as graphs: eager loops of Python would run one operation at a time."""

import tensorflow as tf

from ..derived.ctc import Ctc


def _as_graph(name, fixed):
    """The derived form, eager calls too as one graph; all but the first `fixed` are numbers."""
    function = getattr(Ctc, name)
    made = {}

    def call(backend, *args):
        if not tf.executing_eagerly():
            return function(backend, *args)
        tensors, numbers = args[:fixed], args[fixed:]
        if numbers not in made:
            made[numbers] = tf.function(
                lambda *xs: function(backend, *xs, *numbers), autograph=False, reduce_retracing=True
            )
        return made[numbers](*tensors)

    return call


ctc_loss = _as_graph("ctc_loss", 4)
ctc_beam_search = _as_graph("ctc_beam_search", 2)
