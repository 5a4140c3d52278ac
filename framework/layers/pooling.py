"""Pooling layers."""

from .. import config, ops
from ..core.layer import Layer


class _Pooling(Layer):
    """A window of `pool_size` moved by `strides` (its own size unless given)."""

    kind = staticmethod(ops.max_pool)

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size, self.strides = pool_size, strides
        self.padding = padding
        self.data_format = data_format or config.image_data_format()

    def call(self, inputs):
        return self.kind(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(_Pooling):
    """The largest element of each window over (batch, length, channels)."""


class MaxPooling2D(_Pooling):
    """The largest element of each window over (batch, height, width, channels)."""


class AveragePooling1D(_Pooling):
    """The mean of each window over (batch, length, channels); padding does not count."""

    kind = staticmethod(ops.average_pool)


class AveragePooling2D(_Pooling):
    """The mean of each window over (batch, height, width, channels); padding does not count."""

    kind = staticmethod(ops.average_pool)


class _GlobalPooling(Layer):
    """One value for each channel, from all spatial positions."""

    kind = staticmethod(ops.mean)

    def __init__(self, data_format=None, keepdims: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = data_format or config.image_data_format()
        self.keepdims = keepdims

    def call(self, inputs):
        first = self.data_format == "channels_first"
        rank = len(inputs.shape)
        axes = tuple(range(2, rank)) if first else tuple(range(1, rank - 1))
        return self.kind(inputs, axes, self.keepdims)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over the length of (batch, length, channels)."""


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean over height and width of (batch, height, width, channels)."""


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest element over the length of (batch, length, channels)."""

    kind = staticmethod(ops.max)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest element over height and width of (batch, height, width, channels)."""

    kind = staticmethod(ops.max)
