"""Memory and traffic of a training step of a decoder-only transformer, by formulas.

Sources: Shoeybi et al., "Megatron-LM", arXiv:1909.08053 (what is summed over the model's axis);
Rajbhandari et al., "ZeRO", arXiv:1910.02054 (states of the optimizer, weights along the batch);
Korthikanti et al., arXiv:2205.05198 (activations of a layer; here without the matrix of attention,
which fused kernels do not keep).
"""

from __future__ import annotations

from dataclasses import dataclass

FLOAT = 4  # bytes of weights, gradients and the optimizer's two slots


@dataclass(frozen=True)
class Model:
    """Sizes of a decoder-only transformer with a gated feed-forward layer and its own head."""

    name: str
    hidden: int
    layers: int
    heads: int
    shared_heads: int
    intermediate: int
    vocabulary: int
    length: int

    @property
    def layer_weights(self) -> int:
        """Weights of the matrices of a layer."""
        shared = self.hidden * self.shared_heads // self.heads
        attention = 2 * self.hidden * (self.hidden + shared)
        return attention + 3 * self.hidden * self.intermediate

    @property
    def weights(self) -> int:
        """All weights: layers, norms, table of tokens, head."""
        norms = (2 * self.layers + 1) * self.hidden
        return self.layers * self.layer_weights + 2 * self.vocabulary * self.hidden + norms


@dataclass(frozen=True)
class Traffic:
    """Bytes that one device sends in a step.

    Attributes:
        activations: sums over the model's axis.
        gradients: sums over the batch's axis.
        gathered: weights that are gathered along the batch's axis.
    """

    activations: float
    gradients: float
    gathered: float

    @property
    def total(self) -> float:
        """All bytes."""
        return self.activations + self.gradients + self.gathered


def traffic(
    model: Model, tokens: int, batch: int, parts: int, along: bool, activation_bytes: int = 2
) -> Traffic:
    """Returns what a device sends in a step, by algorithms of rings.

    Args:
        model: the model.
        tokens: of the whole batch.
        batch: devices along the batch.
        parts: devices along the model.
        along: whether weights are cut along the batch, too, and gathered forwards and backwards.
        activation_bytes: of a number between layers.
    """
    # Two sums a layer forwards, and backwards one for each product whose outputs are cut: five,
    # which XLA does not add up before. One more for the table and one for the head.
    sums = 7 * model.layers + 2
    state = tokens / batch * model.hidden * activation_bytes
    activations = sums * state * 2 * (parts - 1) / parts
    mine = model.weights / parts * FLOAT
    share = (batch - 1) / batch
    if along:
        return Traffic(activations, mine * share, 2 * mine * share)
    return Traffic(activations, 2 * mine * share, 0.0)


@dataclass(frozen=True)
class Memory:
    """Bytes on one device.

    Attributes:
        states: weights, gradients and the optimizer's slots.
        activations: what the way back needs, layers recomputed.
        working: the weights and activations of the layer under way.
    """

    states: float
    activations: float
    working: float

    @property
    def total(self) -> float:
        """All bytes."""
        return self.states + self.activations + self.working


def memory(model: Model, tokens: int, batch: int, parts: int, along: bool) -> Memory:
    """Returns what lies on a device: Adam in float32, activations in bfloat16, layers recomputed.

    Args:
        model: the model.
        tokens: of the whole batch.
        batch: devices along the batch.
        parts: devices along the model.
        along: whether weights are cut along the batch, too.
    """
    states = 4 * FLOAT * model.weights / parts / (batch if along else 1)
    here = tokens / batch
    kept = here * model.hidden * 2 * model.layers
    inside = here * model.hidden * (10 + 24 / parts)
    logits = here * model.vocabulary * FLOAT / parts * 2
    gathered = 2 * FLOAT * model.layer_weights / parts if along else 0.0
    return Memory(states, kept, inside + logits + gathered)
