"""Convolutions of each channel by itself."""

from typing import Any

from ... import ops
from .base import Convolution, check_positive


class _DepthwiseConv(Convolution):
    """Base of the convolutions of single channels: what `ops.depthwise_conv` computes."""

    depthwise = True
    kernel: Any

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings.

        Args:
            kernel_size: size of the window, one number or one for each spatial axis.
            strides: step of the window, likewise.
            padding: "valid" (none), "same" (outputs of size / strides), or a pair (before, behind)
                for each axis.
            depth_multiplier: number of kernels, and so of outputs, of each channel.
            data_format: "channels_last" or "channels_first"; the configured one if None.
            dilation_rate: distance of neighbours in the window, one number or one for each axis.
            activation: what the result goes through: a name, a callable or None.
            use_bias: whether one number for each output channel is added.
            depthwise_initializer: the first values of the kernel.
            bias_initializer: the first values of the bias.
            depthwise_regularizer: a loss for the kernel.
            bias_regularizer: a loss for the bias.
            activity_regularizer: a loss for the outputs.
            depthwise_constraint: what is applied to the kernel after each training step.
            bias_constraint: what is applied to the bias after each training step.
            **kwargs: the arguments of `Layer`.

        Raises:
            ValueError: sizes or numbers below 1, or another word.
        """
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_outcome(activation, use_bias)
        self._describe_weight(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        check_positive(depth_multiplier, "depth_multiplier")
        self.depth_multiplier = depth_multiplier

    def build(self, input_shape: Any) -> None:
        """Makes kernel (*size, channels, multiplier) and bias (channels * multiplier,)."""
        channels = self._known_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._make_weight("depthwise", shape, memory_format="depthwise")
        self._make_bias(channels * self.depth_multiplier)

    def _result_channels(self, channels: Any) -> int | None:
        return channels * self.depth_multiplier

    def _convolve(self, inputs: Any) -> Any:
        return ops.depthwise_conv(inputs, self.kernel, **self._window_settings())


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel of (batch, length, channels) with kernels of its own.

    The kernel is (size, channels, multiplier), the result (batch, length', channels * multiplier),
    as in Keras's layer of the name; with `data_format` "channels_first" the channels stand behind
    the batch.
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of (batch, height, width, channels) with kernels of its own.

    The kernel is (rows, columns, channels, multiplier), the result (batch, height', width',
    channels * multiplier), as in Keras's layer of the name; with `data_format` "channels_first" the
    channels stand behind the batch.
    """

    rank = 2
