"""Long short-term memories whose products are convolutions."""

from typing import Any

from ... import activations, ops
from ...core.input_spec import InputSpec
from ...ops.joining import split
from .. import windows
from .cell import OfCell, RecurrentCell
from .lstm import ForgetBias, remember
from .rnn import CellRNN


class ConvLSTMCell(RecurrentCell):
    """One step of a convolutional long short-term memory (Shi et al. 2015), with Keras's arguments.

    An LSTM whose inputs (batch, *spatial, channels) and states (batch, *spatial', filters) are
    convolved with the kernels, the states with "same" padding.

    Args:
        rank: the number of spatial axes.
        filters: number of channels of the states and outputs.
        kernel_size: size of both windows, one number or one for each spatial axis.
        strides: step of the inputs' window, likewise.
        padding: of the inputs: "valid", "same", or a pair (before, behind) for each axis.
        data_format: "channels_last" or "channels_first"; the configured one if None.
        dilation_rate: distance of neighbours in the inputs' window.
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
        kernel_constraint: what is applied to the inputs' kernel after each training step.
        recurrent_constraint: what is applied to the states' kernel, likewise.
        bias_constraint: what is applied to the bias, likewise.
        dropout: share of the inputs' elements to drop while training.
        recurrent_dropout: share of the elements of h to drop while training.
        seed: seed of the draws.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: sizes below 1, or strides together with dilation; later, inputs with spatial
            sizes or channels that are unknown.
    """

    gates, num_states = 4, 2
    _standardized = ("kernel_size", "strides", "padding", "data_format", "dilation_rate")

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self._set_units(filters)
        self.filters = filters
        self.kernel_size = windows.sizes(kernel_size, rank, "kernel_size")
        self.strides = windows.sizes(strides, rank, "strides")
        self.dilation_rate = windows.sizes(dilation_rate, rank, "dilation_rate")
        self.padding = windows.padding_of(padding)
        self.data_format = windows.data_format_of(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please "
                f"provide `strides=1` or `dilation_rate=1`. Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}"
            )
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._set_weights(
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self.unit_forget_bias = unit_forget_bias
        # Keras has a mask for each gate here, always.
        self._set_dropout(dropout, recurrent_dropout, seed, implementation=1)
        self.input_spec = InputSpec(ndim=rank + 2)

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs_shape: Any, states_shape: Any = None
    ) -> None:
        """Makes kernel (*size, channels, 4 filters), recurrent_kernel (*size, filters, 4 filters)
        and bias (4 filters,)."""
        axis = windows.channel_axis(self.data_format)
        channels = inputs_shape[axis]
        spatial = inputs_shape[1:-1] if axis == -1 else inputs_shape[2:]
        if None in spatial:
            raise ValueError(
                "ConvLSTM layers only support static input shapes for the spatial dimension. "
                f"Received invalid input shape: input_shape={tuple(inputs_shape)}"
            )
        if channels is None:
            raise ValueError(
                "The channel dimension of the inputs (last axis) should be defined. Found None. "
                f"Full input shape received: input_shape={tuple(inputs_shape)}"
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, shape=(None, *inputs_shape[1:]))
        self.spatial_dims = tuple(spatial)
        wide = 4 * self.filters
        self.kernel = self._make_weight(
            "kernel", (*self.kernel_size, channels, wide), memory_format="conv"
        )
        self.recurrent_kernel = self._make_weight(
            "recurrent", (*self.kernel_size, self.filters, wide), memory_format="conv"
        )
        self.bias = self._make_bias() if self.use_bias else None

    def _make_bias(self) -> Any:
        wide = (4 * self.filters,)
        if not self.unit_forget_bias:
            return self._make_weight("bias", wide)
        first = self.bias_initializer  # pyright: ignore[reportAttributeAccessIssue]
        return self._make_weight("bias", wide, initializer=ForgetBias(first, self.filters))

    def project(self, inputs: Any, masks: list[Any] | None = None) -> Any:
        """Returns the inputs (batch, *spatial, channels), or (batch, steps, *spatial, channels),
        convolved with their kernel, with the bias: (..., *spatial', 4 filters)."""
        shape = ops.shape(inputs)
        several = len(shape) == self.rank + 3
        if several:
            inputs = ops.reshape(inputs, (-1, *shape[2:]))
            masks = masks and [
                ops.reshape(ops.broadcast_to(m, shape), (-1, *shape[2:])) for m in masks
            ]
        settings = {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }
        y = self._convolved(inputs, self.kernel, masks, settings)
        if self.bias is not None:
            last = self.data_format == "channels_last"
            y = ops.add(y, self.bias if last else ops.reshape(self.bias, (-1,) + (1,) * self.rank))
        return ops.reshape(y, (*shape[:2], *ops.shape(y)[1:])) if several else y

    def step(
        self, projected: Any, states: list[Any], masks: list[Any] | None = None
    ) -> tuple[Any, list[Any]]:
        """Returns the new h, and the new h and c."""
        settings = {"padding": "same", "data_format": self.data_format}
        inner = self._convolved(states[0], self.recurrent_kernel, masks, settings)
        z, axis = ops.add(projected, inner), windows.channel_axis(self.data_format)
        return remember(z, states[1], self.activation, self.recurrent_activation, axis)

    def _convolved(
        self, x: Any, kernel: Any, masks: list[Any] | None, settings: dict[str, Any]
    ) -> Any:
        """x convolved with a kernel, with a mask on x for each gate."""
        if masks is None:
            return ops.conv(x, kernel, **settings)
        parts = zip(masks, split(kernel, 4, -1), strict=True)
        axis = windows.channel_axis(self.data_format)
        found = [ops.conv(ops.multiply(x, m), part, **settings) for m, part in parts]
        return ops.concatenate(found, axis)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Returns the states before the first step: zeros (batch, *spatial', filters)."""
        sizes = (_size(*axis) for axis in zip(
            self.spatial_dims, self.kernel_size, self.strides, self.dilation_rate,
            self._paddings(), strict=True,
        ))  # fmt: skip
        last = self.data_format == "channels_last"
        shape = (*sizes, self.filters) if last else (self.filters, *sizes)
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for _ in range(2)]

    def _paddings(self) -> Any:
        return (self.padding,) * self.rank if isinstance(self.padding, str) else self.padding


def _size(n: int, size: int, stride: int, dilation: int, padding: Any) -> int:
    """How many places a window has on an axis of n elements."""
    if padding == "same":
        return -(-n // stride)
    more = 0 if padding == "valid" else sum(padding)
    return (n + more - (size - 1) * dilation - 1) // stride + 1


class _ConvLSTM(CellRNN):
    """Base of the convolutional long short-term memories: a ConvLSTMCell run over time."""

    spatial_rank: int = 0

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        """Keeps the settings.

        Args:
            filters: number of channels of the states and outputs.
            kernel_size: size of both windows, one number or one for each spatial axis.
            strides: step of the inputs' window, likewise.
            padding: of the inputs: "valid", "same", or a pair (before, behind) for each axis.
            data_format: "channels_last" or "channels_first"; the configured one if None.
            dilation_rate: distance of neighbours in the inputs' window.
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
            **kwargs: the arguments of `RNN` and of `Layer`.

        Raises:
            ValueError: sizes below 1, or strides together with dilation; later, inputs with spatial
                sizes or channels that are unknown.
        """
        cell = ConvLSTMCell(
            self.spatial_rank, filters, kernel_size, strides, padding, data_format, dilation_rate,
            activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, name="conv_lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.spatial_rank + 3)

    filters = OfCell("The number of channels of the states and outputs.")
    kernel_size = OfCell("The size of both windows.")
    strides = OfCell("The step of the inputs' window.")
    padding = OfCell("The padding of the inputs.")
    data_format = OfCell("Where the channels stand.")
    dilation_rate = OfCell("The distance of neighbours in the inputs' window.")
    unit_forget_bias = OfCell("Whether the bias of the forget gate begins as 1.")


class ConvLSTM1D(_ConvLSTM):
    """A convolutional LSTM over (batch, steps, length, channels), as in Keras (Shi et al. 2015).

    The result is (batch, length', filters), or (batch, steps, length', filters) with
    `return_sequences`; with `data_format` "channels_first" the channels stand before the length.
    """

    spatial_rank = 1


class ConvLSTM2D(_ConvLSTM):
    """A convolutional LSTM over (batch, steps, height, width, channels), as in Keras (Shi et al.
    2015).

    The result is (batch, height', width', filters), or (batch, steps, height', width', filters)
    with `return_sequences`; with `data_format` "channels_first" the channels stand before the
    height.
    """

    spatial_rank = 2


class ConvLSTM3D(_ConvLSTM):
    """A convolutional LSTM over (batch, steps, depth, height, width, channels), as in Keras (Shi et
    al. 2015).

    The result is (batch, depth', height', width', filters), or (batch, steps, depth', height',
    width', filters) with `return_sequences`; with `data_format` "channels_first" the channels stand
    before the depth.
    """

    spatial_rank = 3
