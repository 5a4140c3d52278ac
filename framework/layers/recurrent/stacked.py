"""Cells on top of each other, as one cell."""

from typing import Any

from ... import nested, ops
from ...core.layer import Layer
from .cell import RecurrentCell, call_cell, dropout_masks_of, initial_state_of, output_size_of


class StackedRNNCells(Layer):
    """Cells on top of each other, as one cell: each takes the output of the one below.

    With Keras's arguments. The states are a list with those of each cell.

    Args:
        cells: the cells, the lowest first.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: a cell without `call` or without `state_size`.
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            for name in ("call", "state_size"):
                if not hasattr(cell, name):
                    what = "method" if name == "call" else "attribute"
                    raise ValueError(
                        f"All cells must have a `{name}` {what}. Received cell without a `{name}`"
                        f"{' method' if name == 'call' else ''}: {cell}"
                    )
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the states of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the outputs: that of the last cell's."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Returns the states of each cell before the first step."""
        return [initial_state_of(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        """Builds the cells, each for the outputs of the one below."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size_of(cell))

    def make_dropout_masks(self, inputs: Any, states: Any) -> list[Any]:
        """Draws masks that hold for all steps of a run: for each cell what it makes of the inputs
        and states of one step; see `LSTMCell.make_dropout_masks`."""
        made = []
        for cell, state in zip(self.cells, states, strict=True):
            made.append(dropout_masks_of(cell, inputs, state))
            first = state[0] if isinstance(state, list | tuple) else state
            # What the cell above gets has the shape of the outputs of this one.
            if isinstance(cell, RecurrentCell):
                inputs = first
            else:
                shape = (ops.shape(first)[0], output_size_of(cell))
                inputs = ops.zeros(shape, dtype=ops.dtype(first))
        return made

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> tuple[Any, Any]:
        """Takes one step of each cell.

        Args:
            inputs: (batch, in).
            states: a list with the states of each cell.
            training: whether to drop elements.
            dropout_masks: what `make_dropout_masks` gave; drawn anew if None.

        Returns: the output of the last cell, and the new states, a list as `states`.
        """
        made = []
        masks = dropout_masks or [None] * len(self.cells)
        for cell, state, mask in zip(self.cells, states, masks, strict=True):
            nested = isinstance(state, list | tuple)
            given = list(state) if nested else [state]
            inputs, new = call_cell(cell, inputs, given, training, mask)
            single = isinstance(new, list | tuple) and len(new) == 1 and not nested
            made.append(new[0] if single else new)
        return inputs, made


def states_in_dtypes(cell: Any, states: Any, dtype: str) -> Any:
    """Returns states in the compute dtype of their cell, in a stack each in its own cell's.

    A cell that is no layer has none, and gets `dtype`.
    """
    if isinstance(cell, StackedRNNCells):
        pairs = zip(cell.cells, states, strict=True)
        return [states_in_dtypes(one, state, dtype) for one, state in pairs]
    dtype = getattr(cell, "compute_dtype", dtype)
    return nested.map_structure(lambda x: ops.cast(x, dtype), states)
