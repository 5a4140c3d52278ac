"""What all convolutions share."""

from abc import abstractmethod
from typing import Any

from ... import activations, ops
from ...configs import serialize
from ...core.input_spec import InputSpec
from .. import windows
from ..weighted import WeightedLayer


class Convolution(WeightedLayer):
    """Base of the convolutions: a window that moves over spatial axes, a bias and an activation.

    Subclasses say over how many axes (`rank`) and compute in `_convolve`.
    """

    rank: int = 0
    # Whether each channel has kernels of its own.
    depthwise: bool = False
    # Whether `_convolve` adds the bias, too.
    _adds_bias: bool = False
    bias: Any
    _spec_settings = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups"),
        *("depth_multiplier", "output_padding", "activation"),
    )
    _standardized = ("kernel_size", "strides", "padding", "data_format", "dilation_rate")

    def _set_window(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        """Keep the arguments that say how the window moves. ValueError where one is wrong."""
        self.kernel_size = windows.sizes(kernel_size, self.rank, "kernel_size")
        self.strides = windows.sizes(strides, self.rank, "strides")
        self.dilation_rate = windows.sizes(dilation_rate, self.rank, "dilation_rate")
        self.padding = windows.padding_of(padding, self._paddings())
        self.data_format = windows.data_format_of(data_format)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    def _paddings(self) -> tuple[str, ...]:
        return ("valid", "same")

    def _settings_in_effect(self, given: dict[str, Any]) -> dict[str, Any]:
        found = super()._settings_in_effect(given)
        return {**found, "activation": serialize(self.activation)}

    def _set_outcome(self, activation: Any, use_bias: bool) -> None:
        """Keep the arguments that say what follows the convolution."""
        self.activation = activations.get(activation)
        self.use_bias = use_bias

    def _refuse_steps_with_holes(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    @property
    def window_padding(self) -> Any:
        """The padding as ops take it: "valid", "same", or a pair (before, behind) for each axis."""
        if self.padding != "causal":
            return self.padding
        return ((self.dilation_rate[0] * (self.kernel_size[0] - 1), 0),)

    def _known_channels(self, input_shape: Any) -> int:
        """The number of channels of the inputs, which calls are then checked for."""
        if len(input_shape) != self.rank + 2:
            raise ValueError(
                f"{self.name}: expected inputs with {self.rank + 2} axes (batch, {self.rank} "
                f"spatial, channels); got shape {tuple(input_shape)}."
            )
        axis = windows.channel_axis(self.data_format)
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{self.name}: the number of channels must be known, and is None in the input "
                f"shape {tuple(input_shape)}, axis {axis} ({self.data_format})."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _make_bias(self, size: int) -> None:
        self.bias = self._make_weight("bias", (size,)) if self.use_bias else None

    def _window_settings(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.window_padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    @abstractmethod
    def _convolve(self, inputs: Any) -> Any:
        """The convolution itself, with the bias if `_adds_bias`. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define `_convolve`.")

    def call(self, inputs: Any) -> Any:
        """Computes activation(convolution of `inputs` + bias)."""
        y = self._convolve(inputs)
        if self.bias is not None and not self._adds_bias:
            last = self.data_format == "channels_last"
            y = ops.add(y, self.bias if last else ops.reshape(self.bias, (-1,) + (1,) * self.rank))
        return y if self.activation is activations.linear else self.activation(y)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape: Any = getattr(inputs, "shape", ())
        rank = self.rank
        if len(shape) != rank + 2 or not activations.keeps_shape(self.activation):
            return None
        first = 1 if self.data_format == "channels_last" else 2
        moves = self.kernel_size, self.strides, self.window_padding, self.dilation_rate
        places = windows.moved_over(shape, range(first, first + rank), *moves)
        channels = self._result_channels(shape[windows.channel_axis(self.data_format)])
        if places is None or channels is None:
            return None
        return (shape[0], *places, channels) if first == 1 else (shape[0], channels, *places)

    def _result_channels(self, channels: Any) -> int | None:
        """How many channels come out; None where the rule of places is another one."""
        return None


def check_positive(value: Any, name: str) -> None:
    """Raises ValueError where the argument `name` is given and below 1."""
    if value is not None and value <= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected a strictly positive value. Received "
            f"{name}={value}."
        )
