"""Convolutions whose kernels go over all channels, or over those of a group."""

from typing import Any

from ... import ops
from ...quantization.adaptable import Adaptable
from .base import Convolution, check_positive


class _Conv(Adaptable, Convolution):
    """Base of the convolutions by filters: what `ops.conv` computes, with Keras's arguments."""

    kernel: Any
    _adds_bias = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings.

        Args:
            filters: number of output channels; a multiple of `groups`.
            kernel_size: size of the window, one number or one for each spatial axis.
            strides: step of the window, likewise.
            padding: "valid" (none), "same" (outputs of size / strides), a pair (before, behind) for
                each axis, and with one axis "causal" (all before: no output sees what follows).
            data_format: "channels_last" or "channels_first"; the configured one if None.
            dilation_rate: distance of neighbours in the window, one number or one for each axis.
            groups: number of groups of channels that do not see each other.
            activation: what the result goes through: a name, a callable or None.
            use_bias: whether one number for each filter is added.
            kernel_initializer: the first values of the kernel.
            bias_initializer: the first values of the bias.
            kernel_regularizer: a loss for the kernel.
            bias_regularizer: a loss for the bias.
            activity_regularizer: a loss for the outputs.
            kernel_constraint: what is applied to the kernel after each training step.
            bias_constraint: what is applied to the bias after each training step.
            **kwargs: the arguments of `Layer` and `Adaptable`.

        Raises:
            ValueError: sizes or numbers below 1, filters that `groups` does not divide, another
                word, or strides together with dilation.
        """
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_outcome(activation, use_bias)
        self._describe_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        check_positive(filters, "filters")
        if groups <= 0:
            raise ValueError(
                f"The number of groups must be a positive integer. Received: groups={groups}."
            )
        if filters % groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={groups}, filters={filters}."
            )
        self._refuse_steps_with_holes()
        self.filters, self.groups = filters, groups

    def _paddings(self) -> tuple[str, ...]:
        return ("valid", "same", "causal") if self.rank == 1 else ("valid", "same")

    def build(self, input_shape: Any) -> None:
        """Makes kernel (*size, channels / groups, filters) and bias (filters,)."""
        channels = self._known_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full "
                f"input shape is {input_shape})."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._make_weight("kernel", shape, memory_format="conv")
        self._make_bias(self.filters)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A class's own convolution has no bias yet.
        cls._adds_bias = cls.convolution_op is _Conv.convolution_op

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Returns the convolution of inputs with a kernel, without bias and activation.

        A subclass may override it, for example to standardize the kernel.
        """
        return ops.conv(inputs, kernel, **self._window_settings())

    def _result_channels(self, channels: Any) -> int | None:
        return self.filters

    def _convolve(self, inputs: Any) -> Any:
        if self._adds_bias:
            return ops.conv(inputs, self.kernel, **self._window_settings(), bias=self.bias)
        return self.convolution_op(inputs, self.kernel)


class Conv1D(_Conv):
    """Convolution of (batch, length, channels), as Keras's layer of the name computes it.

    The kernel is (size, channels / groups, filters), the result (batch, length', filters); with
    `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 1


class Conv2D(_Conv):
    """Convolution of (batch, height, width, channels), as Keras's layer of the name computes it.

    The kernel is (rows, columns, channels / groups, filters), the result (batch, height', width',
    filters); with `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 2


class Conv3D(_Conv):
    """Convolution of (batch, depth, height, width, channels), as in Keras's layer of the name.

    The kernel is (planes, rows, columns, channels / groups, filters), the result (batch, depth',
    height', width', filters); with `data_format` "channels_first" the channels stand behind the
    batch.
    """

    rank = 3
