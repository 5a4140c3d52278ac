"""The loop over time: steps, masks, and what of the outputs is kept."""

from collections.abc import Callable, Iterator
from typing import Any

from ... import nested, ops


def run(
    layer: Any,
    step: Callable[[Any, Any], tuple[Any, Any]],
    sequences: Any,
    states: list[Any],
    mask: Any,
    state_is_output: bool,
) -> tuple[Any, list[Any]]:
    """Takes a step for each of `sequences` (batch, steps, ...), as the settings of an RNN say.

    Args:
        layer: the RNN: `return_sequences`, `go_backwards`, `unroll`, `zero_output_for_mask`.
        step: function of the inputs and states of one step, which gives (output, new states).
        sequences: the inputs.
        states: the states before the first step.
        mask: (batch, steps, ...) of what counts, or None. A step counts where any of its mask does.
        state_is_output: whether the first state has the shape of the outputs, and equals them.

    Returns: the outputs of all steps or of the last one, and the last states.
    """
    rows = [_by_steps(sequences, layer.go_backwards)]
    if mask is not None:
        mask = ops.cast(mask, "bool")
        if len(mask.shape) > 2:
            mask = ops.any(mask, tuple(range(2, len(mask.shape))))
        rows.append(_by_steps(mask, layer.go_backwards))
    holds = mask is not None and not layer.zero_output_for_mask
    # Without a mask, the last state of our own cells is the last output: it needs no keeping.
    in_state = state_is_output and mask is None
    keeps_all = layer.return_sequences or not (in_state or holds)
    before: list[Any] = []
    if holds:
        like = states[0] if state_is_output else step(rows[0][0], states)[0]
        before = [ops.zeros_like(like)]

    def turn(carry: list[Any], rows: list[Any]) -> tuple[list[Any], Any]:
        held, states = carry
        output, new = step(rows[0], states)
        new = _in_form(states, iter(nested.flatten(new)))
        if len(rows) > 1:
            counts = rows[1]
            old = held[0] if holds else ops.zeros_like(output)
            output = _chosen(counts, output, old)
            pairs = zip(nested.flatten(new), nested.flatten(states), strict=True)
            new = _in_form(states, iter([_chosen(counts, a, b) for a, b in pairs]))
        return [[output] if holds else [], new], output if keeps_all else None

    (held, states), outputs = ops.scan(turn, [before, states], rows, unroll=layer.unroll or 1)
    if layer.return_sequences:
        return ops.swapaxes(outputs, 0, 1), states
    if holds:
        return held[0], states
    if keeps_all:
        return outputs[-1], states
    return states[0], states


def _by_steps(x: Any, backwards: bool) -> Any:
    """(batch, steps, ...) as (steps, batch, ...)."""
    x = ops.swapaxes(x, 0, 1)
    return ops.flip(x, 0) if backwards else x


def _chosen(counts: Any, new: Any, old: Any) -> Any:
    """`new` for the examples (batch,) that count, `old` for the others."""
    shape = (-1,) + (1,) * (len(new.shape) - 1)
    return ops.where(ops.reshape(counts, shape), new, old)


def _in_form(form: Any, leaves: Iterator[Any]) -> Any:
    """The leaves as nested lists in the form of `form`."""
    if isinstance(form, list | tuple):
        return type(form)(_in_form(part, leaves) for part in form)
    return next(leaves)
