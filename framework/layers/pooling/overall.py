"""Pooling over all places at once."""

from typing import Any

from ... import ops
from .base import Pooling


class _GlobalPooling(Pooling):
    """Base of the layers that take one value of each channel."""

    _spec_settings = ("keepdims", "data_format")

    _standardized = ("data_format",)

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        """Keeps the settings.

        Args:
            data_format: "channels_last" or "channels_first"; the configured one if None.
            keepdims: whether the spatial axes stay, with one element each.
            **kwargs: the arguments of `Layer`.

        Raises:
            ValueError: another word.
        """
        super().__init__(**kwargs)
        self._set_format(data_format)
        self.keepdims = keepdims

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def call(self, inputs: Any) -> Any:
        """Computes one value of each channel: (batch, channels), or with `keepdims` as many axes
        as `inputs` has."""
        return type(self).pool(inputs, self._axes(), self.keepdims)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape, axes = getattr(inputs, "shape", ()), self._axes()
        if len(shape) != self.rank + 2 or any(shape[axis] == 0 for axis in axes):
            return None
        if self.keepdims:
            return tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in axes)


class _GlobalMaxPooling(_GlobalPooling):
    pool = staticmethod(ops.max)


class _GlobalAveragePooling(_GlobalPooling):
    pool = staticmethod(ops.mean)


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean over the length of (batch, length, channels), of the steps in the mask if there is
    one (batch, length), as in Keras."""

    rank = 1
    supports_masking = True
    _begins_masks = False

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Computes the mean of each channel; that of no steps at all is not a number."""
        if mask is None:
            return super().call(inputs)
        mask = ops.expand_dims(ops.cast(mask, "bool"), -self._axes()[0])
        total = ops.sum(ops.where(mask, inputs, 0), self._axes(), self.keepdims)
        count = ops.sum(ops.cast(mask, ops.dtype(inputs)), self._axes(), self.keepdims)
        return ops.divide(total, count)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns None: there are no steps any more."""
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean over height and width of (batch, height, width, channels), as in Keras."""

    rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean over depth, height and width of (batch, depth, height, width, channels)."""

    rank = 3


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest element over the length of (batch, length, channels), as in Keras."""

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest element over height and width of (batch, height, width, channels)."""

    rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest element over depth, height and width of (batch, depth, height, width,
    channels)."""

    rank = 3
