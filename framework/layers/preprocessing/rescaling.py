"""Rescaling: numbers brought to another range."""

from typing import Any

from ... import config, ops
from ...typing import Tensor
from .data_layer import DataLayer


class Rescaling(DataLayer):
    """Computes inputs * scale + offset, in training and inference alike.

    Args:
        scale: a number, or one for each channel.
        offset: likewise.
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        plain = all(isinstance(x, int | float) for x in (self.scale, self.offset))
        return getattr(inputs, "shape", None) if plain else None

    def call(self, inputs: Tensor) -> Tensor:
        """Returns inputs of any shape, integers made the compute dtype."""
        scale, offset = (ops.cast(x, self.compute_dtype) for x in (self.scale, self.offset))
        rank = len(scale.shape)
        if rank and config.image_data_format() == "channels_first":
            scale = ops.reshape(scale, (*scale.shape, *(1,) * (3 - rank)))
        return ops.add(ops.multiply(ops.cast(inputs, self.compute_dtype), scale), offset)
