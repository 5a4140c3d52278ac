"""Bidirectional: two recurrent layers, which run in opposite directions."""

from typing import Any

from ... import ops
from ...configs import deserialize, serialize
from ...core.layer import Layer

_MODES = ("sum", "mul", "ave", "concat", None)
_COMMON = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """A recurrent layer over time, and one like it in the opposite direction (Schuster & Paliwal
    1997).

    With Keras's arguments. Inputs are those of the layer; its outputs and those of the other one,
    put in the order of time, are joined. With `return_state` the states of both follow.

    Args:
        layer: a recurrent layer, which is described by its config and made anew from it, as
            `forward_layer`; its weights, if it has any already, are not taken over.
        merge_mode: how outputs are joined: "concat" (along the last axis), "sum", "ave" (the mean),
            "mul" or None (a tuple of both).
        weights: arrays for the weights, those of the forward layer first.
        backward_layer: the layer for the opposite direction; made from the config of `layer` if
            None.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: what is no layer, another `merge_mode`, or two layers that do not fit.
    """

    supports_masking = True
    _begins_masks = False

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(
                "`backward_layer` need to be a `keras.layers.Layer` instance. Received: "
                f"{backward_layer}"
            )
        if merge_mode not in _MODES:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        super().__init__(**kwargs)
        self.forward_layer: Any = _like(layer, "forward_")
        if backward_layer is None:
            backward_layer = _like(layer, "backward_", go_backwards=not _direction(layer))
        self.backward_layer: Any = backward_layer
        self._check_layers()
        for part in (self.forward_layer, self.backward_layer):
            # Where nothing counts, there is nothing to join.
            if getattr(part, "zero_output_for_mask", None) is not None:
                part.zero_output_for_mask = part.return_sequences
        self.merge_mode = merge_mode
        self.stateful = self.forward_layer.stateful
        self.return_state = self.forward_layer.return_state
        self.return_sequences = self.forward_layer.return_sequences
        self.input_spec = layer.input_spec
        self._first_weights = weights

    def _check_layers(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if _direction(forward) == _direction(backward):
            raise ValueError(
                "Forward layer and backward layer should have different `go_backwards` value. "
                f"Received: forward_layer.go_backwards={_direction(forward)}, "
                f"backward_layer.go_backwards={_direction(backward)}"
            )
        for name in _COMMON:
            ours, theirs = getattr(forward, name), getattr(backward, name)
            if ours != theirs:
                raise ValueError(
                    "Forward layer and backward layer are expected to have the same value for "
                    f'attribute "{name}", got "{ours}" for forward layer and "{theirs}" for '
                    "backward layer"
                )

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> None:
        """Builds both layers for the inputs."""
        for part in (self.forward_layer, self.backward_layer):
            if not part.built:
                part.build(sequences_shape)
        if self._first_weights is not None:
            half = len(self._first_weights) // 2
            self.forward_layer.set_weights(self._first_weights[:half])
            self.backward_layer.set_weights(self._first_weights[half:])
            self._first_weights = None

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Runs both layers over `sequences` (batch, steps, ...).

        `initial_state` is a list of the states of the forward layer, then of the backward layer.
        """
        first: tuple[Any, Any] = (None, None)
        if initial_state is not None:
            half = len(initial_state) // 2
            first = list(initial_state[:half]), list(initial_state[half:])
        outputs, states = [], []
        for part, state in zip((self.forward_layer, self.backward_layer), first, strict=True):
            found = part(sequences, initial_state=state, mask=mask, training=training)
            if self.return_state:
                found, *last = found
                states += last
            outputs.append(ops.cast(found, self.compute_dtype))
        if self.return_sequences:
            late = 1 if self.backward_layer.go_backwards else 0
            outputs[late] = ops.flip(outputs[late], 1)
        joined = self._joined(*outputs)
        if not self.return_state:
            return joined
        return (*(joined if self.merge_mode is None else (joined,)), *states)

    def _joined(self, y: Any, reverse: Any) -> Any:
        if self.merge_mode is None:
            return y, reverse
        if self.merge_mode == "concat":
            return ops.concatenate([y, reverse], -1)
        if self.merge_mode == "mul":
            return ops.multiply(y, reverse)
        total = ops.add(y, reverse)
        return total if self.merge_mode == "sum" else ops.divide(total, 2)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks of the outputs: that of the inputs for outputs of all steps."""
        if isinstance(previous_mask, list | tuple):
            previous_mask = previous_mask[0]
        mask = previous_mask if self.return_sequences else None
        masks = (mask, mask) if self.merge_mode is None else (mask,)
        if self.return_state:
            sizes = *self.forward_layer.state_size, *self.backward_layer.state_size
            return (*masks, *[None] * len(sizes))
        return masks if self.merge_mode is None else mask

    # States -----------------------------------------------------------------------------------

    @property
    def states(self) -> Any:
        """The states that stay between calls, of the forward layer first; None without."""
        if self.forward_layer.states and self.backward_layer.states:
            return (*self.forward_layer.states, *self.backward_layer.states)
        return None

    def reset_state(self) -> None:
        """Sets the states that stay between calls to zeros. AttributeError where none do."""
        if not self.stateful:
            raise AttributeError("Layer must be stateful.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """Sets the states that stay between calls to zeros; the same as `reset_state`."""
        self.reset_state()


def _direction(layer: Any) -> bool:
    return getattr(layer, "go_backwards", False)


def _like(layer: Layer, prefix: str, **changes: Any) -> Any:
    """A layer made from the config of another one, with a name that says which it is."""
    config = serialize(layer)
    name = prefix + layer.name.removeprefix(prefix)
    config.pop("build_config", None)
    return deserialize({**config, "config": {**config["config"], "name": name, **changes}})
