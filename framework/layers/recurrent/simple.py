"""The simple recurrent layer."""

from typing import Any

from ... import activations, ops
from .cell import RecurrentCell
from .rnn import CellRNN


class SimpleRNNCell(RecurrentCell):
    """One step of a simple recurrent network: h' = activation(x @ kernel + bias + h @ recurrent).

    With Keras's arguments. Inputs are (batch, in), states and outputs (batch, units).

    Args:
        units: size of the state.
        activation: what the sum goes through.
        use_bias: whether there is a bias.
        kernel_initializer: the first values of the inputs' kernel.
        recurrent_initializer: the first values of the states' kernel.
        bias_initializer: the first values of the bias.
        kernel_regularizer: a loss for the inputs' kernel.
        recurrent_regularizer: a loss for the states' kernel.
        bias_regularizer: a loss for the bias.
        kernel_constraint: what is applied to the inputs' kernel after each training step.
        recurrent_constraint: what is applied to the states' kernel, likewise.
        bias_constraint: what is applied to the bias, likewise.
        dropout: share of the inputs' elements to drop while training.
        recurrent_dropout: share of the state's elements to drop while training.
        seed: seed of the draws.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `units` below 1.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_units(units)
        self.activation = activations.get(activation)
        self._set_weights(
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self._set_dropout(dropout, recurrent_dropout, seed)

    def step(
        self, projected: Any, states: list[Any], masks: list[Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """Returns the new state, twice."""
        inner = self._product(states[0], self.recurrent_kernel, masks)
        h = self.activation(ops.add(projected, inner))
        return h, [h]


class SimpleRNN(CellRNN):
    """A SimpleRNNCell run over time, with Keras's arguments.

    Args:
        units: size of the state.
        activation: what the sum of a step goes through.
        use_bias: whether there is a bias.
        kernel_initializer: the first values of the inputs' kernel.
        recurrent_initializer: the first values of the states' kernel.
        bias_initializer: the first values of the bias.
        kernel_regularizer: a loss for the inputs' kernel.
        recurrent_regularizer: a loss for the states' kernel.
        bias_regularizer: a loss for the bias.
        activity_regularizer: a loss for the outputs.
        kernel_constraint: what is applied to the inputs' kernel after each training step.
        recurrent_constraint: what is applied to the states' kernel, likewise.
        bias_constraint: what is applied to the bias, likewise.
        dropout: share of the inputs' elements to drop while training, the same at each step.
        recurrent_dropout: share of the state's elements to drop while training, likewise.
        return_sequences: see RNN, as for the rest.
        return_state: see RNN.
        go_backwards: see RNN.
        stateful: see RNN.
        unroll: see RNN.
        seed: seed of the draws.
        **kwargs: the arguments of `RNN` and of `Layer`.

    Raises:
        ValueError: `units` below 1.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
            seed, name="simple_rnn_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
