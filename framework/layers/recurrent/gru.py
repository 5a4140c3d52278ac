"""Gated recurrent units."""

from typing import Any

from ... import activations, ops
from ...ops.dispatch import Tensor, together
from ...ops.joining import split
from ...ops.op import op
from .cell import OfCell, RecurrentCell, is_activation
from .rnn import FusedRNN


class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit (Cho et al. 2014).

    With Keras's arguments and order of gates. Of x @ kernel + bias and h @ recurrent_kernel + bias,
    in three parts z, r, g of the units' size: z = gate(z_x + z_h), r = gate(r_x + r_h),
    h' = z h + (1 - z) activation(g_x + r g_h). Without `reset_after`, r is multiplied with h before
    the product, and there is one bias. Inputs are (batch, in), the state h (batch, units).

    Args:
        units: size of the state.
        activation: what the candidate goes through.
        recurrent_activation: what the gates go through.
        use_bias: whether there are biases.
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
        recurrent_dropout: share of the elements of h to drop while training.
        reset_after: whether the reset gate follows the product with the states' kernel.
        seed: seed of the draws.
        implementation: 1 for masks of dropout for each gate, 2 for one for all.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `units` below 1.
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        reset_after: bool = True,
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
        self.reset_after = reset_after
        self._set_dropout(dropout, recurrent_dropout, seed, implementation)

    def _make_bias(self) -> Any:
        wide = 3 * self.units
        return self._make_weight("bias", (2, wide) if self.reset_after else (wide,))

    def _input_bias(self) -> Any:
        return self.bias[0] if self.reset_after else self.bias

    def step(
        self, projected: Any, states: list[Any], masks: list[Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """Returns the new state, twice."""
        h, gate = states[0], self.recurrent_activation
        x_z, x_r, x_g = split(projected, 3, -1)
        if self.reset_after:
            inner = self._product(h, self.recurrent_kernel, masks)
            inner = inner if self.bias is None else ops.add(inner, self.bias[1])
            h_z, h_r, h_g = split(inner, 3, -1)
            z, r = gate(ops.add(x_z, h_z)), gate(ops.add(x_r, h_r))
            h_g = ops.multiply(r, h_g)
        else:
            of_z, of_r, of_g = self._dropped(h, masks)
            k_z, k_r, k_g = split(self.recurrent_kernel, 3, -1)
            z = gate(ops.add(x_z, ops.matmul(of_z, k_z)))
            r = gate(ops.add(x_r, ops.matmul(of_r, k_r)))
            h_g = ops.matmul(ops.multiply(r, of_g), k_g)
        candidate = self.activation(ops.add(x_g, h_g))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), candidate))
        return h, [h]

    def _dropped(self, h: Any, masks: list[Any] | None) -> list[Any]:
        """h for each gate."""
        if masks is None:
            return [h] * 3
        masks = masks * 3 if len(masks) == 1 else masks
        return [ops.multiply(h, mask) for mask in masks]

    def run_fused(self, sequences: Any, states: list[Any]) -> tuple[Any, list[Any]] | None:
        """Returns the outputs (batch, steps, units) and last states by one kernel of the backend,
        where it has one for the activations of this cell; else None."""
        usual = is_activation(self.activation, "tanh") and self.reset_after
        if not usual or not is_activation(self.recurrent_activation, "sigmoid"):
            return None
        return _gru(sequences, states, self.kernel, self.recurrent_kernel, self.bias)


@op
def _gru(x: Tensor, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """A GRU over (batch, steps, in) by a kernel of the backend; None where it has none."""
    backend, (x, h, *weights) = together(x, *states, kernel, recurrent_kernel, bias)
    found = backend.gru(x, h, *weights)
    return None if found is None else (found[0], list(found[1:]))


class GRU(FusedRNN):
    """A GRUCell run over time, with Keras's arguments.

    Where the backend has a kernel for all steps at once (PyTorch), it is used for cells with the
    usual activations and `reset_after`, without a mask and without dropout of states.

    Args:
        units: size of the state.
        activation: what the candidate goes through.
        recurrent_activation: what the gates go through.
        use_bias: whether there are biases.
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
        recurrent_dropout: share of the elements of h to drop while training, likewise.
        seed: seed of the draws.
        return_sequences: see RNN, as for the rest.
        return_state: see RNN.
        go_backwards: see RNN.
        stateful: see RNN.
        unroll: see RNN.
        reset_after: whether the reset gate follows the product with the states' kernel.
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        *,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, reset_after, seed, implementation=implementation, name="gru_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self._set_use_cudnn(use_cudnn)

    reset_after = OfCell("Whether the reset gate follows the product with the states' kernel.")
