"""Convolution layers, channels last unless told otherwise."""

from typing import Any

from .. import activations, config, ops
from ..core.layer import Layer


class _Conv(Layer):
    """What all convolutions share."""

    rank = 0
    depthwise = False
    kernel: Any
    bias: Any

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = self._sizes(kernel_size, "kernel_size")
        self.strides = self._sizes(strides, "strides")
        self.dilation_rate = self._sizes(dilation_rate, "dilation_rate")
        self.padding = padding if isinstance(padding, str) else tuple(map(tuple, padding))
        self.data_format = data_format or config.image_data_format()
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def _sizes(self, value, name: str) -> tuple[int, ...]:
        sizes = (value,) * self.rank if isinstance(value, int) else tuple(value)
        if len(sizes) != self.rank or min(sizes) < 1:
            raise ValueError(
                f"{type(self).__name__}: `{name}` needs {self.rank} positive integers; "
                f"got {value!r}."
            )
        return sizes

    def _channels(self, input_shape) -> int:
        if len(input_shape) != self.rank + 2:
            raise ValueError(
                f"{self.name}: expected inputs with {self.rank + 2} axes (batch, {self.rank} "
                f"spatial, channels); got shape {tuple(input_shape)}."
            )
        return input_shape[-1 if self.data_format == "channels_last" else 1]

    def _settings(self):
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    def call(self, inputs):
        convolve = ops.depthwise_conv if self.depthwise else ops.conv
        y = convolve(inputs, self.kernel, **self._settings())
        if self.bias is not None:
            last = self.data_format == "channels_last"
            y = ops.add(y, self.bias if last else ops.reshape(self.bias, (-1,) + (1,) * self.rank))
        return y if self.activation is activations.linear else self.activation(y)


class _FilterConv(_Conv):
    """Convolution with kernels over all channels (of a group)."""

    def __init__(self, filters: int, kernel_size, groups: int = 1, **kwargs):
        super().__init__(kernel_size, **kwargs)
        if filters < 1 or filters % groups:
            raise ValueError(
                f"{type(self).__name__}: `filters` must be a positive multiple of `groups`; got "
                f"{filters} and {groups}."
            )
        self.filters, self.groups = filters, groups

    def build(self, input_shape):
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape, self.kernel_initializer, memory_format="conv")
        self.bias = (
            self.add_weight((self.filters,), self.bias_initializer) if self.use_bias else None
        )


class Conv1D(_FilterConv):
    """Convolution over (batch, length, channels) with a kernel of (size, in / groups, filters)."""

    rank = 1

    def __init__(self, filters, kernel_size, strides=1, padding="valid", **kwargs):
        super().__init__(filters, kernel_size, strides=strides, padding=padding, **kwargs)


class Conv2D(_FilterConv):
    """Convolution over (batch, height, width, channels), kernel (h, w, in / groups, filters)."""

    rank = 2

    def __init__(self, filters, kernel_size, strides=1, padding="valid", **kwargs):
        super().__init__(filters, kernel_size, strides=strides, padding=padding, **kwargs)


class DepthwiseConv2D(_Conv):
    """Each channel of (batch, height, width, channels) with kernels of its own.

    The kernel is (h, w, channels, depth_multiplier).
    """

    rank = 2
    depthwise = True

    def __init__(
        self, kernel_size, strides=1, padding="valid", depth_multiplier: int = 1, **kwargs
    ):
        super().__init__(kernel_size, strides=strides, padding=padding, **kwargs)
        self.depth_multiplier = depth_multiplier

    def build(self, input_shape):
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(shape, self.kernel_initializer, memory_format="depthwise")
        outputs = channels * self.depth_multiplier
        self.bias = self.add_weight((outputs,), self.bias_initializer) if self.use_bias else None
