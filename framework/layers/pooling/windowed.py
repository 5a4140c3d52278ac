"""Pooling by windows that move."""

from typing import Any

from ... import ops
from .. import windows
from .base import Pooling


class _WindowPooling(Pooling):
    """Base of the layers that take one value of each window."""

    _spec_settings = ("pool_size", "strides", "padding", "data_format")

    _standardized = ("pool_size", "strides", "padding", "data_format")

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings.

        Args:
            pool_size: size of the window, one number or one for each spatial axis.
            strides: step of the window, likewise; its size if None.
            padding: "valid" (none), "same" (outputs of size / strides), or a pair (before, behind)
                for each axis.
            data_format: "channels_last" or "channels_first"; the configured one if None.
            name: of the layer.
            **kwargs: the arguments of `Layer`.

        Raises:
            ValueError: sizes below 1, or another word.
        """
        super().__init__(name=name, **kwargs)
        self.pool_size = windows.sizes(pool_size, self.rank, "pool_size")
        strides = pool_size if strides is None else strides
        self.strides = windows.sizes(strides, self.rank, "strides")
        self.padding = windows.padding_of(padding)
        self._set_format(data_format)

    def call(self, inputs: Any) -> Any:
        """Computes one value of each window."""
        settings = self.pool_size, self.strides, self.padding, self.data_format
        return type(self).pool(inputs, *settings)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape: Any = getattr(inputs, "shape", ())
        last = self.data_format == "channels_last"
        if len(shape) != self.rank + 2 or self.padding not in ("valid", "same"):
            return None
        axes = range(1, self.rank + 1) if last else range(2, self.rank + 2)
        places = windows.moved_over(shape, axes, self.pool_size, self.strides, self.padding)
        if places is None:
            return None
        return (shape[0], *places, shape[-1]) if last else (*shape[:2], *places)


class _MaxPooling(_WindowPooling):
    pool = staticmethod(ops.max_pool)


class _AveragePooling(_WindowPooling):
    pool = staticmethod(ops.average_pool)


class MaxPooling1D(_MaxPooling):
    """The largest element of each window over (batch, length, channels), as in Keras; padding never
    wins. The result is (batch, length', channels)."""

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest element of each window over (batch, height, width, channels), as in Keras;
    padding never wins. The result is (batch, height', width', channels)."""

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest element of each window over (batch, depth, height, width, channels), as in Keras;
    padding never wins. The result is (batch, depth', height', width', channels)."""

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each window over (batch, length, channels), as in Keras; padding does not count.
    The result is (batch, length', channels)."""

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of each window over (batch, height, width, channels), as in Keras; padding does not
    count. The result is (batch, height', width', channels)."""

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each window over (batch, depth, height, width, channels), as in Keras; padding
    does not count. The result is (batch, depth', height', width', channels)."""

    rank = 3
