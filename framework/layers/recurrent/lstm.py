"""Long short-term memory."""

from typing import Any

import numpy as np

from ... import activations, initializers, ops
from ...core.variable import as_array
from ...ops.dispatch import Tensor, together
from ...ops.joining import split
from ...ops.op import op
from .cell import OfCell, RecurrentCell, is_activation
from .rnn import FusedRNN


class LSTMCell(RecurrentCell):
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997, Gers et al. 2000).

    With Keras's arguments and order of gates. Of x @ kernel + h @ recurrent_kernel + bias, in four
    parts i, f, g, o of the units' size: c' = gate(f) c + gate(i) activation(g) and
    h' = gate(o) activation(c'). Inputs are (batch, in), the states h and c (batch, units).

    Args:
        units: size of each state.
        activation: what the candidate and the carry go through.
        recurrent_activation: what the gates go through.
        use_bias: whether there is a bias.
        kernel_initializer: the first values of the inputs' kernel.
        recurrent_initializer: the first values of the states' kernel.
        bias_initializer: the first values of the bias.
        unit_forget_bias: whether the bias of the forget gate begins as 1 (Jozefowicz et al. 2015).
        kernel_regularizer: a loss for the inputs' kernel.
        recurrent_regularizer: a loss for the states' kernel.
        bias_regularizer: a loss for the bias.
        kernel_constraint: what is applied to the inputs' kernel after each training step.
        recurrent_constraint: what is applied to the states' kernel, likewise.
        bias_constraint: what is applied to the bias, likewise.
        dropout: share of the inputs' elements to drop while training.
        recurrent_dropout: share of the elements of h to drop while training.
        seed: seed of the draws.
        implementation: 1 for masks of dropout for each gate, 2 for one for all.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `units` below 1.
    """

    gates, num_states = 4, 2

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_units(units)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._set_weights(
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self.unit_forget_bias = unit_forget_bias
        self._set_dropout(dropout, recurrent_dropout, seed, implementation)

    def _make_bias(self) -> Any:
        wide = (4 * self.units,)
        if not self.unit_forget_bias:
            return self._make_weight("bias", wide)
        first = self.bias_initializer  # pyright: ignore[reportAttributeAccessIssue]
        return self._make_weight("bias", wide, initializer=ForgetBias(first, self.units))

    def step(
        self, projected: Any, states: list[Any], masks: list[Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """Returns the new h, and the new h and c."""
        z = ops.add(projected, self._product(states[0], self.recurrent_kernel, masks))
        return remember(z, states[1], self.activation, self.recurrent_activation)

    def run_fused(self, sequences: Any, states: list[Any]) -> tuple[Any, list[Any]] | None:
        """Returns the outputs (batch, steps, units) and last states by one kernel of the backend,
        where it has one for the activations of this cell; else None."""
        usual = is_activation(self.activation, "tanh")
        if not usual or not is_activation(self.recurrent_activation, "sigmoid"):
            return None
        return _lstm(sequences, states, self.kernel, self.recurrent_kernel, self.bias)


class ForgetBias(initializers.Initializer):
    """The bias of four gates, which begins as 1 for the second one and as another initializer's
    values for the others.

    Args:
        initializer: what gives the other values.
        size: the size of one gate.
    """

    def __init__(self, initializer: Any, size: int) -> None:
        self.initializer, self.size = initializers.get(initializer), size

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the values (4 * size,)."""
        draw, one = initializers.values_of(self.initializer), np.ones(self.size)
        first, rest = (as_array(draw((n,), dtype)) for n in (self.size, 2 * self.size))
        return np.concatenate([first, one, rest]).astype(first.dtype)


def remember(z: Any, c: Any, activation: Any, gate: Any, axis: int = -1) -> tuple[Any, list[Any]]:
    """Returns (h', [h', c']) of the sums `z` of four gates, which lie side by side along `axis`,
    and the carry `c`."""
    i, f, g, o = split(z, 4, axis)
    c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), activation(g)))
    h = ops.multiply(gate(o), activation(c))
    return h, [h, c]


@op
def _lstm(x: Tensor, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """An LSTM over (batch, steps, in) by a kernel of the backend; None where it has none."""
    backend, (x, h, c, *weights) = together(x, *states, kernel, recurrent_kernel, bias)
    found = backend.lstm(x, h, c, *weights)
    return None if found is None else (found[0], list(found[1:]))


class LSTM(FusedRNN):
    """An LSTMCell run over time, with Keras's arguments.

    Where the backend has a kernel for all steps at once (PyTorch), it is used for cells with the
    usual activations, without a mask and without dropout of states.

    Args:
        units: size of each state.
        activation: what the candidate and the carry go through.
        recurrent_activation: what the gates go through.
        use_bias: whether there is a bias.
        kernel_initializer: the first values of the inputs' kernel.
        recurrent_initializer: the first values of the states' kernel.
        bias_initializer: the first values of the bias.
        unit_forget_bias: whether the bias of the forget gate begins as 1.
        kernel_regularizer: a loss for the inputs' kernel.
        recurrent_regularizer: a loss for the states' kernel.
        bias_regularizer: a loss for the bias.
        activity_regularizer: a loss for the outputs.
        kernel_constraint: what is applied to the inputs' kernel after each training step.
        recurrent_constraint: what is applied to the states' kernel, likewise.
        bias_constraint: what is applied to the bias, likewise.
        dropout: share of the inputs' elements to drop while training, the same at each step.
        recurrent_dropout: share of the elements of h to drop while training, likewise.
        seed: seed of the draws.
        return_sequences: see RNN, as for the rest.
        return_state: see RNN.
        go_backwards: see RNN.
        stateful: see RNN.
        unroll: see RNN.
        use_cudnn: whether to use a kernel for all steps at once: "auto" where there is one, False
            never, True or else raise.
        implementation: 1 for masks of dropout for each gate, 2 for one for all.
        **kwargs: the arguments of `RNN` and of `Layer`.

    Raises:
        ValueError: `units` below 1, another `use_cudnn`; later, True where no kernel will do.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, implementation=implementation,
            name="lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self._set_use_cudnn(use_cudnn)

    unit_forget_bias = OfCell("Whether the bias of the forget gate begins as 1.")
