"""RNN: any cell run over time."""

from typing import Any

import numpy as np

from ... import dtypes, nested, ops
from ...configs import plain_class
from ...context import state
from ...core.input_spec import InputSpec
from ...core.layer import Layer
from ...core.variable import SeedState
from . import loop
from .cell import OfCell, RecurrentCell, call_cell, dropout_masks_of, initial_state_of
from .stacked import StackedRNNCells, states_in_dtypes


class RNN(Layer):
    """A cell run over time, with Keras's arguments.

    Inputs are (batch, steps, ...); the outputs are those of the last step (batch, ...), or of all
    steps (batch, steps, ...). Where the mask (batch, steps) is false, a step leaves the states as
    they are, and its output is that of the step before it; zeros if there was none.

    A cell is a layer, or any object, with `state_size` (a size, or a list of them) and
    `call(inputs, states)`, which gives (output, new states); it may have `output_size` and
    `get_initial_state(batch_size=)`. A list of cells counts as StackedRNNCells.

    Args:
        cell: the cell, or a list of cells.
        return_sequences: whether to return the outputs of all steps.
        return_state: whether to return the last states, too: (outputs, *states).
        go_backwards: whether to run from the last step to the first; outputs are in the order in
            which they were computed.
        stateful: whether a call starts with the states of the one before it. The batch must then be
            of known size, and always the same.
        unroll: whether compiled programs have each step by itself, rather than a loop.
        zero_output_for_mask: whether outputs are zeros where the mask is false.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: a cell without `call` or `state_size`; later, inputs whose number of steps is
            unknown with `unroll`, or whose batch does not fit with `stateful`.
    """

    supports_masking = True
    _begins_masks = False
    states: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, list | tuple):
            # In the dtypes of its cells, which are made already.
            cell = StackedRNNCells(cell, dtype=getattr(cell[0], "dtype_policy", None))
        if not hasattr(cell, "call"):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if getattr(cell, "state_size", None) is None:
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (single integer or list of "
                f"integers, one integer per RNN state). Received: cell={cell}"
            )
        if not isinstance(cell.state_size, int | list | tuple):
            raise ValueError(
                "state_size must be an integer, or a list/tuple of integers (one for each state "
                f"tensor). Received: {cell.state_size}"
            )
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.states = None

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the states."""
        found = self.cell.state_size
        return [found] if isinstance(found, int) else list(found)

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> None:
        """Builds the cell for one step, and makes the states that stay between calls."""
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if self.states is not None:
                self.reset_state()
                return
            if sequences_shape[0] is None:
                raise ValueError(
                    "When using `stateful=True` in a RNN, the batch size must be static. Found "
                    f"dynamic batch size: sequence.shape={tuple(sequences_shape)}"
                )
            made = self.get_initial_state(sequences_shape[0])
            self.states = nested.map_structure(self._state_variable, made)

    def _state_variable(self, value: Any) -> Any:
        # Like the state of a seed generator it is a variable, but no weight, and in no file.
        zeros = np.zeros(tuple(value.shape), np.float32)
        return SeedState(zeros, dtype=self.variable_dtype, trainable=False, name="rnn_state")

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Returns the states before the first step."""
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        made = initial_state_of(self.cell, batch_size, dtype)
        return list(made) if isinstance(made, list | tuple) else [made]

    def reset_state(self) -> None:
        """Sets the states that stay between calls to zeros."""
        for variable in nested.flatten(self.states or []):
            variable.assign(np.zeros(variable.shape, np.float32))

    def reset_states(self) -> None:
        """Sets the states that stay between calls to zeros; the same as `reset_state`."""
        self.reset_state()

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the mask of the outputs of all steps; there is none for one step, nor for
        states."""
        mask = nested.flatten(previous_mask)[0] if previous_mask is not None else None
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Runs the cell over `sequences` (batch, steps, ...), from `initial_state` on if given.

        `mask` (batch, steps) says which steps count.
        """
        if self.unroll and sequences.shape[1] is None:
            raise ValueError(
                "Cannot unroll a RNN if the time dimension is undefined. Give the number of steps "
                "in the shape of `Input`, or leave `unroll` out."
            )
        states = self._first_states(sequences, initial_state)
        if isinstance(mask, list | tuple):
            mask = mask[0]
        # Cells see no masks: a step either counts or does not.
        before, state.masks = state.masks, None
        try:
            outputs, states = self._run(sequences, states, mask, training)
        finally:
            state.masks = before
        if self.stateful:
            kept, came = nested.flatten(self.states), nested.flatten(states)
            for variable, value in zip(kept, came, strict=True):
                variable.assign(ops.stop_gradient(value))
        if self._backend.dtype(outputs) != self.compute_dtype:
            outputs = self._in_compute_dtype(outputs)
        if not self.return_state:
            return outputs
        return (outputs, *nested.map_structure(self._in_compute_dtype, states))

    def _in_compute_dtype(self, x: Any) -> Any:
        return ops.cast(x, self.compute_dtype)

    def _first_states(self, sequences: Any, initial_state: Any) -> list[Any]:
        """The states to start with, a list, in the compute dtypes of their cells."""
        states = initial_state
        if self.stateful and self.states is not None:
            batch, kept = sequences.shape[0], nested.flatten(self.states)[0].shape[0]
            if batch not in (kept, None):
                raise ValueError(
                    "If an RNN is stateful, the batch size of the input sequences must be the "
                    "same as the batch size of the initial state. \n- Expected batch size: "
                    f"{kept}\n- Received batch size: {batch}"
                )
            if states is None:
                # Copies: the variables are written to before derivatives are taken.
                states = nested.map_structure(ops.copy, list(self.states))
        if states is None:
            states = self.get_initial_state(ops.shape(sequences)[0])
            if isinstance(self.cell, RecurrentCell):
                return states  # made in the dtype that is wanted
        states = list(states) if isinstance(states, list | tuple) else [states]
        return states_in_dtypes(self.cell, states, self.compute_dtype)

    def _run(
        self, sequences: Any, states: list[Any], mask: Any, training: bool
    ) -> tuple[Any, list[Any]]:
        """The outputs that were asked for, and the last states."""
        sequences = self._as_the_cell_takes(sequences)
        masks = None
        if training:
            masks = dropout_masks_of(self.cell, sequences[:, 0], states)
        if _is_ours(self.cell):
            return self._run_ours(sequences, states, mask, masks)

        def step(inputs: Any, states: Any) -> tuple[Any, Any]:
            return call_cell(self.cell, inputs, states, training, masks)

        return loop.run(self, step, sequences, states, mask, False)

    def _as_the_cell_takes(self, sequences: Any) -> Any:
        # A cell that was made in another dtype than the layer around it would cast each step.
        if not isinstance(self.cell, Layer) or not self.cell.autocast:
            return sequences
        dtype = self._backend.dtype(sequences)
        if dtype == self.cell.compute_dtype or not dtypes.is_float(dtype):
            return sequences
        return ops.cast(sequences, self.cell.compute_dtype)

    def _run_ours(
        self, sequences: Any, states: list[Any], mask: Any, masks: Any
    ) -> tuple[Any, list[Any]]:
        """Like `_run`, with the inputs' share of all steps computed at once."""
        ours, theirs = masks or (None, None)
        if ours is not None:
            ours = [ops.expand_dims(m, 1) for m in ours]  # the same at each step
        found = self._run_fused(sequences, states, mask, ours, theirs)
        if found is not None:
            return found
        projected = self.cell.project(sequences, ours)

        def step(inputs: Any, states: Any) -> tuple[Any, Any]:
            return self.cell.step(inputs, states, theirs)

        return loop.run(self, step, projected, states, mask, True)

    def _run_fused(
        self, sequences: Any, states: list[Any], mask: Any, ours: Any, theirs: Any
    ) -> tuple[Any, list[Any]] | None:
        return None


def _is_ours(cell: Any) -> bool:
    """Whether calling a cell is nothing but to project and to step."""
    if not isinstance(cell, RecurrentCell) or state.observer is not None:
        return False
    return plain_class(type(cell)).call is RecurrentCell.call and not cell._native_hooks()


class CellRNN(RNN):
    """Base of the layers that make their cell themselves, and have its settings as attributes."""

    # The number of axes of the inputs.
    rank: int = 3

    def __init__(self, cell: RecurrentCell, *args: Any, **kwargs: Any) -> None:
        super().__init__(cell, *args, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank)

    def _settings_in_effect(self, given: dict[str, Any]) -> dict[str, Any]:
        found = super()._settings_in_effect(given)
        return {**found, **self.cell._settings_in_effect({**given, **found})}

    units = OfCell("The size of the state.")
    activation = OfCell("What the candidate of a step goes through.")
    recurrent_activation = OfCell("What the gates go through.")
    use_bias = OfCell("Whether there is a bias.")
    kernel_initializer = OfCell("The first values of the inputs' kernel.")
    recurrent_initializer = OfCell("The first values of the states' kernel.")
    bias_initializer = OfCell("The first values of the bias.")
    kernel_regularizer = OfCell("The loss for the inputs' kernel.")
    recurrent_regularizer = OfCell("The loss for the states' kernel.")
    bias_regularizer = OfCell("The loss for the bias.")
    kernel_constraint = OfCell("What is applied to the inputs' kernel after training steps.")
    recurrent_constraint = OfCell("What is applied to the states' kernel after training steps.")
    bias_constraint = OfCell("What is applied to the bias after training steps.")
    dropout = OfCell("The share of the inputs' elements that is dropped while training.")
    recurrent_dropout = OfCell("The share of the state's elements that is dropped while training.")


class FusedRNN(CellRNN):
    """Base of the layers for which a backend may have a kernel that runs all steps at once."""

    use_cudnn: Any = "auto"

    def _set_use_cudnn(self, value: Any) -> None:
        if value not in ("auto", True, False):
            raise ValueError(
                "Invalid value received for argument `use_cudnn`. Expected one of {'auto', True, "
                f"False}}. Received: use_cudnn={value}"
            )
        self.use_cudnn = value

    def _run_fused(
        self, sequences: Any, states: list[Any], mask: Any, ours: Any, theirs: Any
    ) -> tuple[Any, list[Any]] | None:
        single = ours is None or len(ours) == 1
        if self.use_cudnn and mask is None and theirs is None and single:
            x = sequences if ours is None else ops.multiply(sequences, ours[0])
            x = ops.flip(x, 1) if self.go_backwards else x
            found = self.cell.run_fused(x, states)
            if found is not None:
                outputs, states = found
                return outputs if self.return_sequences else states[0], states
        if self.use_cudnn is True:
            raise ValueError(
                "use_cudnn=True was specified, but cuDNN is not supported for this layer "
                "configuration with this backend. Pass use_cudnn='auto' to fallback to a "
                "non-cuDNN implementation."
            )
        return None
