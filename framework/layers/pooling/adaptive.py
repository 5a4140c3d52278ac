"""Pooling into as many windows as are asked for."""

from typing import Any

from ... import ops
from .. import windows
from .base import Pooling


class _AdaptivePooling(Pooling):
    """Base of the layers whose windows follow from the sizes of their inputs and outputs."""

    _standardized = ("output_size", "data_format")

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        """Keeps the settings.

        Args:
            output_size: number of windows, one number or one for each spatial axis. Window i of o
                on an axis of n elements goes from floor(i n / o) to ceil((i + 1) n / o).
            data_format: "channels_last" or "channels_first"; the configured one if None.
            **kwargs: the arguments of `Layer`.

        Raises:
            TypeError: an `output_size` that is neither a number nor numbers.
            ValueError: sizes below 1, another count of them, or another word.
        """
        super().__init__(**kwargs)
        if not isinstance(output_size, int | list | tuple):
            raise TypeError(
                f"`output_size` must be an integer or (list or tuple) of {self.rank} integers. "
                f"Received: {output_size} of type {type(output_size)}"
            )
        self.output_size = windows.sizes(output_size, self.rank, "output_size")
        self._set_format(data_format)

    def call(self, inputs: Any) -> Any:
        """Computes one value of each window."""
        return type(self).pool(inputs, self.output_size, self.data_format)


class _AdaptiveMaxPooling(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_max_pool)


class _AdaptiveAveragePooling(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest element of each of `output_size` windows that cover (batch, length, channels)."""

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest element of each of `output_size` windows that cover (batch, height, width,
    channels)."""

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """The largest element of each of `output_size` windows that cover (batch, depth, height, width,
    channels)."""

    rank = 3


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """The mean of each of `output_size` windows that cover (batch, length, channels)."""

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """The mean of each of `output_size` windows that cover (batch, height, width, channels)."""

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """The mean of each of `output_size` windows that cover (batch, depth, height, width,
    channels)."""

    rank = 3
