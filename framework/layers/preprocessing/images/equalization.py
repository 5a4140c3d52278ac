"""Layers that spread the values of pixels evenly."""

from typing import Any

from .... import ops
from ....ops import joining
from . import arguments
from .base import ColorLayer


class Equalization(ColorLayer):
    """Maps the values of each channel so that their histogram becomes flat, while training.

    The histogram is that of a channel in the whole batch. A channel of one value stays as it is.

    Args:
        value_range: where pixels lie.
        bins: the number of steps.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for another range.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = bins
        self.value_range = arguments.value_range(value_range)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images equalized, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        x = self._transform_value_range(images, self.value_range, (0, 255), "float32")
        x = ops.cast(x, "float32")
        count = images.shape[self.channel_axis]
        channels = [
            self._equalized(channel) for channel in joining.split(x, count, self.channel_axis)
        ]
        x = ops.concatenate(channels, axis=self.channel_axis)
        x = self._transform_value_range(x, (0, 255), self.value_range, "float32")
        return ops.cast(x, self.compute_dtype)

    def _equalized(self, x: Any) -> Any:
        """A channel of values from 0 to 255, float32."""
        last = self.bins - 1
        # One product: frameworks round several of them in their own ways.
        scaled = x if last == 255 else ops.multiply(x, last / 255.0)
        places = ops.cast(ops.clip(scaled, 0, last), "int32")
        flat = ops.reshape(places, (-1,))
        histogram = ops.segment_sum(ops.ones_like(flat), flat, num_segments=self.bins)
        # The distribution, whole numbers in float64.
        reached = ops.cast(ops.cumsum(histogram), "float64")
        total = reached[-1]
        first = ops.min(ops.where(ops.greater(reached, 0), reached, total))
        span = ops.subtract(total, first)
        table = _rounded_quotient(
            ops.multiply(ops.subtract(reached, first), 255.0), ops.maximum(span, 1.0)
        )
        table = ops.cast(ops.clip(table, 0, 255), "float32")
        uniform = ops.less_equal(ops.count_nonzero(histogram), 1)
        return ops.where(uniform, x, ops.take(table, places))


def _rounded_quotient(x: Any, y: Any) -> Any:
    """x / y of whole numbers, rounded to the nearest whole number, halves to the even one.

    By what is left over: XLA multiplies by 1 / y, which misses a half by a rounding.
    """
    whole = ops.floor(ops.divide(x, y))
    twice = ops.multiply(ops.subtract(x, ops.multiply(whole, y)), 2.0)
    odd = ops.not_equal(ops.mod(whole, 2.0), 0.0)
    up = ops.logical_or(ops.greater(twice, y), ops.logical_and(ops.equal(twice, y), odd))
    return ops.add(whole, ops.cast(up, ops.dtype(whole)))


class ContrastLimitedAdaptiveHistogramEqualization(ColorLayer):
    """Equalizes parts of each image by themselves, with limited contrast, and blends the parts.

    CLAHE (Zuiderveld 1994). Training and inference are alike.

    Args:
        value_range: where pixels lie.
        clip_limit: how many times the mean a step of the histogram may hold; what lies above goes
            to all steps alike. 0 for no limit.
        tile_grid_size: (rows, columns) of parts.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = arguments.value_range(value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = tuple(tile_grid_size)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images equalized, in their dtype."""
        images = ops.convert_to_tensor(images)
        dtype = ops.dtype(images)
        x = self._transform_value_range(images, self.value_range, (0, 255), "float32")
        x = ops.cast(x, "float32")
        channels = images.shape[self.channel_axis]
        x = ops.moveaxis(x, self.channel_axis, 1)  # (batch, channels, height, width)
        batch, _, height, width = ops.shape(x)
        planes = ops.reshape(x, (-1, height, width))
        planes = self._equalized(planes, height, width)
        x = ops.reshape(planes, (batch, channels, height, width))
        x = ops.moveaxis(x, 1, self.channel_axis)
        x = self._transform_value_range(x, (0, 255), self.value_range, "float32")
        return ops.cast(x, dtype)

    def _equalized(self, planes: Any, height: Any, width: Any) -> Any:
        """(planes, height, width) float32, from 0 to 255."""
        rows, columns = self.tile_grid_size
        tall, wide = (height + rows - 1) // rows, (width + columns - 1) // columns
        margins = [(0, 0), (0, tall * rows - height), (0, wide * columns - width)]
        padded = ops.pad(planes, margins, mode="symmetric")
        pixels = ops.cast(ops.clip(padded, 0, 255), "int32")
        tiles = ops.reshape(pixels, (-1, rows, tall, columns, wide))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4)), (-1, tall * wide))
        tables = ops.reshape(self._tables(tiles, tall * wide), (-1, rows, columns, 256))
        # A row and a column of parts around, each like its neighbour.
        tables = ops.pad(tables, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
        flat = ops.reshape(tables, (-1,))
        (above, below, down), (left, right, across) = (
            _between(tall, rows, 1), _between(wide, columns, 2)
        )  # fmt: skip
        planes_before = ops.reshape(ops.arange(0, ops.shape(pixels)[0], dtype="int32"), (-1, 1, 1))
        begin = planes_before * ((rows + 2) * (columns + 2) * 256) + pixels

        def at(row: Any, column: Any) -> Any:
            return ops.take(flat, ops.add(begin, (row * (columns + 2) + column) * 256))

        top = at(above, left) * (1.0 - across) + at(above, right) * across
        bottom = at(below, left) * (1.0 - across) + at(below, right) * across
        return (top * (1.0 - down) + bottom * down)[:, :height, :width]

    def _tables(self, tiles: Any, size: Any) -> Any:
        """What each of 256 values becomes in each part (parts, pixels): (parts, 256)."""
        parts = ops.shape(tiles)[0]
        offsets = ops.reshape(ops.arange(0, parts, dtype="int32"), (-1, 1)) * 256
        places = ops.reshape(ops.add(tiles, offsets), (-1,))
        counts = ops.scatter(
            ops.expand_dims(places, -1),
            ops.ones_like(places, dtype="float32"),
            (parts * 256,),
        )
        counts = ops.reshape(counts, (-1, 256))
        area = ops.cast(size, "float32")
        if self.clip_limit > 0:
            kept = ops.minimum(counts, ops.multiply(area, self.clip_limit / 256.0))
            spare = ops.sum(counts - kept, axis=-1, keepdims=True)
            counts = kept + spare / 256.0
        reached = ops.cumsum(counts, axis=-1)
        first = ops.min(reached, axis=-1, keepdims=True)
        span = ops.subtract(area, first)
        span = ops.where(ops.equal(span, 0), ops.ones_like(span), span)
        return ops.clip((reached - first) * 255.0 / span, 0, 255)


def _between(size: Any, count: int, axis: int) -> tuple[Any, Any, Any]:
    """For each place along an axis of `count` parts of a size: the two parts between whose middles
    it lies, counted from a part in front of all, and how far it is from the first to the second."""
    places = ops.arange(0, size * count, dtype="float32")
    length = ops.cast(size, "float32")
    at = ops.add(ops.divide(ops.subtract(places, length / 2.0), length), 1.0)
    first = ops.floor(at)
    shape = (-1, 1) if axis == 1 else (1, -1)
    low, high = (
        ops.reshape(ops.cast(ops.clip(x, 0, count + 1), "int32"), shape)
        for x in (first, first + 1.0)
    )
    return low, high, ops.reshape(at - first, shape)
