"""What the cells of the library share: weights, dropout, and how one step is taken."""

from abc import abstractmethod
from typing import Any

from ... import activations, ops, random
from ...core.layer import Layer
from ...ops.joining import split
from ..weighted import WeightedLayer


class RecurrentCell(WeightedLayer):
    """Base of the cells. A step is what `project` makes of the inputs, then `step` of the states.

    The inputs' share does not depend on the states, so that layers compute it for all steps at
    once. Subclasses define `build` (unless their weights are the usual ones) and `step`.
    """

    # How many blocks of the units' size lie side by side in the kernels.
    gates: int = 1
    # How many states there are, all of the shape of the outputs; the first one is the outputs.
    num_states: int = 1
    units: int
    kernel: Any
    recurrent_kernel: Any
    bias: Any

    def _set_units(self, units: int) -> None:
        if units <= 0:
            raise ValueError(
                "Received an invalid value for argument `units`, expected a positive integer, got "
                f"{units}."
            )
        self.units = self.output_size = units
        self.state_size = units if self.num_states == 1 else [units] * self.num_states

    def _set_weights(
        self,
        use_bias: bool,
        kernel: tuple[Any, Any, Any],
        recurrent: tuple[Any, Any, Any],
        bias: tuple[Any, Any, Any],
    ) -> None:
        """Keep what was said of the weights: (initializer, regularizer, constraint) of each."""
        self.use_bias = use_bias
        self._describe_weight("kernel", *kernel)
        self._describe_weight("recurrent", *recurrent)
        self._describe_weight("bias", *bias)

    def _set_dropout(
        self, dropout: float, recurrent_dropout: float, seed: Any, implementation: int = 2
    ) -> None:
        """Keep the shares to drop, between 0 and 1."""
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        # A mask for each gate, as Keras has it, where states are dropped or it was asked for.
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Makes kernel (in, gates * units), recurrent_kernel (units, gates * units) and bias."""
        inputs, wide = input_shape[-1], self.gates * self.units
        if inputs is None:
            raise ValueError(
                f"{self.name}: the last size of the inputs must be known; got {input_shape}."
            )
        self.kernel = self._make_weight("kernel", (inputs, wide), memory_format="dense")
        self.recurrent_kernel = self._make_weight(
            "recurrent", (self.units, wide), memory_format="dense"
        )
        self.bias = self._make_bias() if self.use_bias else None

    def _make_bias(self) -> Any:
        return self._make_weight("bias", (self.gates * self.units,))

    # Steps ------------------------------------------------------------------------------------

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropout_masks: Any = None
    ) -> tuple[Any, Any]:
        """Takes one step.

        Args:
            inputs: (batch, in).
            states: a list of the states (batch, units), or the one there is.
            training: whether to drop elements.
            dropout_masks: what `make_dropout_masks` gave, for the same masks at each step; drawn
                anew if None.

        Returns: the output (batch, units), and the new states in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        states = list(states) if nested else [states]
        if training and dropout_masks is None:
            dropout_masks = self.make_dropout_masks(inputs, states)
        ours, theirs = dropout_masks if training else (None, None)
        output, states = self.step(self.project(inputs, ours), states, theirs)
        return output, states if nested else states[0]

    def project(self, inputs: Any, masks: list[Any] | None = None) -> Any:
        """Returns what the inputs (…, in) contribute to a step: (…, gates * units).

        `masks`, one or one for each gate, are multiplied with the inputs before.
        """
        y = self._product(inputs, self.kernel, masks)
        return y if self.bias is None else ops.add(y, self._input_bias())

    @abstractmethod
    def step(
        self, projected: Any, states: list[Any], masks: list[Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """Returns the output and the new states, of what `project` gave and the states.

        `masks`, one or one for each gate, are multiplied with the first state before.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step`.")

    def run_fused(self, sequences: Any, states: list[Any]) -> tuple[Any, list[Any]] | None:
        """Returns the outputs (batch, steps, units) and last states by one kernel of the backend,
        where it has one that computes what this cell does; else None."""
        return None

    def _input_bias(self) -> Any:
        return self.bias

    def _product(self, x: Any, kernel: Any, masks: list[Any] | None) -> Any:
        """x @ kernel, with the masks on x: one for all gates or one for each."""
        if masks is None:
            return ops.matmul(x, kernel)
        if len(masks) == 1:
            return ops.matmul(ops.multiply(x, masks[0]), kernel)
        parts = zip(masks, split(kernel, self.gates, -1), strict=True)
        return ops.concatenate([ops.matmul(ops.multiply(x, m), part) for m, part in parts], -1)

    # States and masks -------------------------------------------------------------------------

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Returns the states before the first step: zeros (batch, units)."""
        zeros = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [zeros] * self.num_states

    def make_dropout_masks(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        """Draws masks that hold for all steps of a run (Gal & Ghahramani 2016).

        Args:
            inputs: the inputs of one step.
            states: the states of one step.

        Returns: masks of the inputs and of the first state, each a list of one or of one for each
            gate, or None where nothing is dropped. What stays is divided by 1 - share.
        """
        state = states[0] if isinstance(states, list | tuple) else states
        return self._masks(inputs, self.dropout), self._masks(state, self.recurrent_dropout)

    def _masks(self, x: Any, rate: float) -> list[Any] | None:
        if not rate:
            return None
        ones = ops.ones_like(x)
        count = self.gates if self.implementation == 1 else 1
        return [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]


class OfCell:
    """An attribute of a layer that is its cell's, and is read there."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self._name)


def is_activation(function: Any, name: str) -> bool:
    """Whether an activation is the library's of that name, which kernels know."""
    return function is getattr(activations, name)


def call_cell(
    cell: Any, inputs: Any, states: Any, training: bool, dropout_masks: Any = None
) -> tuple[Any, Any]:
    """Returns (output, new states) of one step of any cell, which gets what its `call` takes."""
    options: dict[str, Any] = {}
    if isinstance(cell, Layer):
        if cell._call_signature.takes_training:
            options["training"] = training
        if dropout_masks is not None:
            options["dropout_masks"] = dropout_masks
    run: Any = cell if callable(cell) else cell.call
    return run(inputs, states, **options)


def dropout_masks_of(cell: Any, inputs: Any, states: Any) -> Any:
    """Returns masks for a run of any cell over time; None for one that takes none."""
    takes = isinstance(cell, Layer) and "dropout_masks" in cell._call_signature.names
    return cell.make_dropout_masks(inputs, states) if takes else None  # pyright: ignore


def initial_state_of(cell: Any, batch_size: Any, dtype: str) -> Any:
    """Returns the states of any cell before the first step: its own, else zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch_size)
    sizes = cell.state_size
    if isinstance(sizes, int):
        return ops.zeros((batch_size, sizes), dtype=dtype)
    return [ops.zeros((batch_size, size), dtype=dtype) for size in sizes]


def output_size_of(cell: Any) -> Any:
    """Returns the size of any cell's outputs: what it says, else that of its first state."""
    found = getattr(cell, "output_size", None)
    if found is not None:
        return found
    sizes = cell.state_size
    return sizes if isinstance(sizes, int) else sizes[0]
