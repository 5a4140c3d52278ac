"""Transposed convolutions: what the derivative of a convolution by its inputs does to outputs."""

from typing import Any

from ... import ops
from .. import windows
from .base import Convolution, check_positive


class _ConvTranspose(Convolution):
    """Base of the transposed convolutions: what `ops.conv_transpose` computes."""

    kernel: Any

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
            filters: number of output channels.
            kernel_size: size of the window, one number or one for each spatial axis.
            strides: how far the outputs of neighbouring inputs stand apart, likewise.
            padding: "valid" (nothing is cut off), or "same" (outputs of size * strides).
            output_padding: elements to add behind, one number or one for each axis, each less than
                the stride; None for as many as make the sizes above.
            data_format: "channels_last" or "channels_first"; the configured one if None.
            dilation_rate: distance of neighbours in the window, one number or one for each axis.
            activation: what the result goes through: a name, a callable or None.
            use_bias: whether one number for each filter is added.
            kernel_initializer: the first values of the kernel.
            bias_initializer: the first values of the bias.
            kernel_regularizer: a loss for the kernel.
            bias_regularizer: a loss for the bias.
            activity_regularizer: a loss for the outputs.
            kernel_constraint: what is applied to the kernel after each training step.
            bias_constraint: what is applied to the bias after each training step.
            **kwargs: the arguments of `Layer`.

        Raises:
            ValueError: sizes or numbers below 1, another word, an `output_padding` that is not less
                than the stride, or strides together with dilation.
        """
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_outcome(activation, use_bias)
        self._describe_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        check_positive(filters, "filters")
        self._refuse_steps_with_holes()
        self.filters = filters
        self.output_padding = self._checked_output_padding(output_padding)

    def _checked_output_padding(self, value: Any) -> Any:
        if value is None:
            return None
        found = windows.sizes(value, self.rank, "output_padding", least=0)
        for axis, (more, stride) in enumerate(zip(found, self.strides, strict=True)):
            if more >= stride:
                raise ValueError(
                    "`output_padding` must be strictly less than `strides` for all dimensions. At "
                    f"dimension {axis}, `output_padding` is {more} but `strides` is {stride}. "
                    f"Received: output_padding={value}, strides={self.strides}"
                )
        return found

    def build(self, input_shape: Any) -> None:
        """Makes kernel (*size, filters, channels) and bias (filters,)."""
        channels = self._known_channels(input_shape)
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self._make_weight("kernel", shape, memory_format="conv")
        self._make_bias(self.filters)

    def _convolve(self, inputs: Any) -> Any:
        settings = self._window_settings()
        return ops.conv_transpose(
            inputs, self.kernel, output_padding=self.output_padding, **settings
        )


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of (batch, length, channels), as in Keras's layer of the name.

    The kernel is (size, filters, channels), the result (batch, length', filters); with
    `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of (batch, height, width, channels), as in Keras's layer of the name.

    The kernel is (rows, columns, filters, channels), the result (batch, height', width', filters);
    with `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of (batch, depth, height, width, channels), as in Keras's layer.

    The kernel is (planes, rows, columns, filters, channels), the result (batch, depth', height',
    width', filters); with `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings: those of Conv2DTranspose, of which two by position are swapped.

        Args:
            filters: see Conv2DTranspose.
            kernel_size: see there.
            strides: see there.
            padding: see there.
            data_format: see there; it stands before `output_padding`, as in Keras.
            output_padding: see there.
            dilation_rate: see there.
            activation: see there.
            **kwargs: the rest of them by name.
        """
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            **kwargs,
        )
