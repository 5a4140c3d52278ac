"""Convolutions of each channel by itself, whose results are then mixed."""

from typing import Any

from ... import ops
from .base import Convolution, check_positive


class _SeparableConv(Convolution):
    """Base of the separable convolutions: what `ops.separable_conv` computes."""

    depthwise_kernel: Any
    pointwise_kernel: Any

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings.

        Args:
            filters: number of output channels.
            kernel_size: size of the window, one number or one for each spatial axis.
            strides: step of the window, likewise.
            padding: "valid" (none), "same" (outputs of size / strides), or a pair (before, behind)
                for each axis.
            data_format: "channels_last" or "channels_first"; the configured one if None.
            dilation_rate: distance of neighbours in the window, one number or one for each axis.
            depth_multiplier: number of kernels of each input channel.
            activation: what the result goes through: a name, a callable or None.
            use_bias: whether one number for each filter is added.
            depthwise_initializer: the first values of the kernels of single channels.
            pointwise_initializer: the first values of the kernel that mixes.
            bias_initializer: the first values of the bias.
            depthwise_regularizer: a loss for the kernels of single channels.
            pointwise_regularizer: a loss for the kernel that mixes.
            bias_regularizer: a loss for the bias.
            activity_regularizer: a loss for the outputs.
            depthwise_constraint: what is applied to the kernels of single channels after each
                training step.
            pointwise_constraint: what is applied to the kernel that mixes, likewise.
            bias_constraint: what is applied to the bias, likewise.
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
        self._describe_weight(
            "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        check_positive(depth_multiplier, "depth_multiplier")
        check_positive(filters, "filters")
        self.filters, self.depth_multiplier = filters, depth_multiplier

    def build(self, input_shape: Any) -> None:
        """Makes the kernels (*size, channels, multiplier) and (1, ..., channels * multiplier,
        filters), and the bias (filters,)."""
        channels = self._known_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._make_weight("depthwise", shape, memory_format="depthwise")
        mixing = ((1,) * self.rank) + (channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._make_weight("pointwise", mixing, memory_format="conv")
        self._make_bias(self.filters)

    def _result_channels(self, channels: Any) -> int | None:
        return self.filters

    def _convolve(self, inputs: Any) -> Any:
        kernels = self.depthwise_kernel, self.pointwise_kernel
        return ops.separable_conv(inputs, *kernels, **self._window_settings())


class SeparableConv1D(_SeparableConv):
    """Convolution of each channel of (batch, length, channels), then of all channels at each place.

    The result is (batch, length', filters), as in Keras's layer of the name; with `data_format`
    "channels_first" the channels stand behind the batch.
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """Convolution of each channel of (batch, height, width, channels), then of all channels at each
    place (Chollet 2017).

    The result is (batch, height', width', filters), as in Keras's layer of the name; with
    `data_format` "channels_first" the channels stand behind the batch.
    """

    rank = 2
