"""CTC's scans, compiled: JAX would trace them anew at each eager call."""

from functools import partial

import jax

from ..derived.ctc import Ctc


@partial(jax.jit, static_argnums=(0, 5))
def ctc_loss(backend, target, logits, target_length, output_length, blank):
    """The derived form."""
    return Ctc.ctc_loss(backend, target, logits, target_length, output_length, blank)


@partial(jax.jit, static_argnums=(0, 3, 4, 5))
def ctc_beam_search(backend, logits, lengths, width, top_paths, blank):
    """The derived form."""
    return Ctc.ctc_beam_search(backend, logits, lengths, width, top_paths, blank)
