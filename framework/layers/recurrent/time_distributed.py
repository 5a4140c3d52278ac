"""TimeDistributed: a layer for each step of a sequence."""

from typing import Any

from ... import nested, ops
from ...core.layer import Layer
from ...core.variable import SeedState
from ..wrapper import Wrapper


class TimeDistributed(Wrapper):
    """A layer that is called on each step of (batch, steps, ...), with Keras's arguments.

    The steps are folded into the batch, so that the layer runs once. One that changes its weights
    while it trains (statistics of a batch), or keeps states, runs step by step instead, as in
    Keras.

    Args:
        layer: the layer, which takes (batch, ...).
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: what is no layer; later, inputs with fewer than three axes, or a mask that does
            not begin with the axes of the inputs.
    """

    supports_masking = True

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        super().__init__(layer, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer inside for one step of the inputs."""
        if not isinstance(input_shape, tuple | list) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 "
                f"dimensions, received: {input_shape}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Computes the layer's outputs for each step: (batch, steps, ...).

        `mask` (batch, steps, ...) is handed to a layer that takes one.
        """
        if mask is not None:
            _check_mask(mask, inputs)
        if self._is_stateful(training) and inputs.shape[1] is not None:
            return self._one_by_one(inputs, training, mask)
        batch, steps = ops.shape(inputs)[:2]
        folded = ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))
        if mask is not None:
            mask = ops.reshape(mask, (-1, *ops.shape(mask)[2:]))
        outputs = self._inner(folded, training, mask)

        def unfold(y: Any) -> Any:
            return ops.reshape(y, (batch, steps, *ops.shape(y)[1:]))

        return nested.map_structure(unfold, outputs)

    def _is_stateful(self, training: bool) -> bool:
        """Whether the layer inside changes with each call, or has a place for one batch alone."""
        own = [v for v in self.layer.variables if not v.trainable]
        if any(isinstance(v, SeedState) and v.name == "rnn_state" for v in own):
            return True
        changes = any(not isinstance(v, SeedState) for v in own)
        return training and self.layer.trainable and changes

    def _one_by_one(self, inputs: Any, training: bool, mask: Any) -> Any:
        found = [
            self._inner(inputs[:, i], training, None if mask is None else mask[:, i])
            for i in range(inputs.shape[1])
        ]
        leaves = zip(*(nested.flatten(y) for y in found), strict=True)
        stacked = iter([ops.stack(list(ys), 1) for ys in leaves])
        return nested.map_structure(lambda _: next(stacked), found[0])

    def _inner(self, x: Any, training: bool, mask: Any) -> Any:
        signature = self.layer._call_signature
        options: dict[str, Any] = {"training": training} if signature.takes_training else {}
        if mask is not None and "mask" in signature.mask_names:
            options["mask"] = mask
        return self.layer(x, **options)


def _check_mask(mask: Any, inputs: Any) -> None:
    given, wanted = tuple(mask.shape), tuple(inputs.shape)
    if len(given) < 2:
        raise ValueError(
            "The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., "
            f"`(batch_size, timesteps)`), but it has {len(given)} dimension(s) with shape {given}."
        )
    pairs = zip(given[:2], wanted[:2], strict=True)
    if any(m != n and None not in (m, n) for m, n in pairs):
        raise ValueError(
            f"The `mask` passed to the `TimeDistributed` layer has a shape {given} that is "
            f"incompatible with the input shape {wanted}. The first two dimensions of the mask "
            "(batch size and timesteps) must match the input's first two dimensions. Expected mask "
            f"shape prefix: ({wanted[0]}, {wanted[1]})."
        )
