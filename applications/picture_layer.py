"""A classifier's preparation of pictures as a layer, for models that are exported with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..framework import layers, ops
from ..framework.typing import Tensor

# Name -> how far from a sample's centre others count, in samples, or in pixels of a smaller result.
_REACH = {"box": 0.5, "bilinear": 1.0, "hamming": 1.0, "bicubic": 2.0, "lanczos": 3.0}


class PictureLayer(layers.Layer):
    """Pictures of any size, as pixels, to what `ImageClassifierPreprocessor` makes of them.

    Computes on pixels (batch, height, width, 3), uint8 in red, green and blue, the float32 tensor
    (batch, *image_size, 3): resized, cut and normalised. As in Pillow 13's `Image.resize`, whose
    kernels these are, rows are stretched before columns, columns before rows where a picture loses
    more than two rows for each column, and each result is rounded to whole numbers. Pillow's
    weights have fewer bits than float32, so a value near the middle of two whole numbers may be
    one step of 255 off.

    Args:
        image_size: height and width of the result, in pixels.
        crop: see `ImageClassifierPreprocessor`, as for all others.
        crop_ratio: share of the shorter side that is kept.
        interpolation: the name of Pillow's kernel.
        scale: what pixels are multiplied by first.
        mean: subtracted then.
        std: divided by then.
        channel_order: "rgb" or "bgr".
    """

    def __init__(
        self,
        image_size: Sequence[int],
        crop: str,
        crop_ratio: float,
        interpolation: str,
        scale: float,
        mean: Sequence[float],
        std: Sequence[float],
        channel_order: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.crop, self.crop_ratio, self.interpolation = crop, crop_ratio, interpolation
        self.scale, self.mean, self.std = scale, tuple(mean), tuple(std)
        self.channel_order = channel_order
        self.built = True

    @classmethod
    def of(cls, preprocessor: Any) -> PictureLayer:
        """Returns the layer that does what an `ImageClassifierPreprocessor` does."""
        names = "image_size crop crop_ratio interpolation scale mean std channel_order".split()
        return cls(**{name: getattr(preprocessor, name) for name in names}, dtype="float32")

    def call(self, images: Tensor) -> Tensor:
        """Returns pictures for the network, float32 (batch, *image_size, 3).

        Args:
            images: uint8 (batch, height, width, 3).
        """
        x = ops.cast(images, "float32")
        # Counted, so that the sizes are numbers of the graph, whatever it is written by.
        height = ops.sum(ops.ones_like(x[0, :, 0, 0]))
        width = ops.sum(ops.ones_like(x[0, 0, :, 0]))
        down, across = self._samples(height, width)
        across = self._weights(x[0, 0, :, 0], *across)
        down = self._weights(x[0, :, 0, 0], *down)
        tall, wide = images.shape[1:3]
        if type(tall) is int and type(wide) is int:
            rows, columns = self._resized_whole(tall, wide)
            columns_first = rows < tall and tall - rows > 2 * (wide - columns)
            x = _stretched(x, across, down, columns_first)
        else:
            columns, rows = self._resized(width, height)
            lost = ops.subtract(height, rows)
            more = ops.greater(lost, ops.multiply(ops.subtract(width, columns), 2.0))
            columns_first = ops.logical_and(ops.greater(lost, 0.0), more)
            pair = [_stretched(x, across, down, first) for first in (True, False)]
            x = ops.where(columns_first, *pair)
        if self.channel_order == "bgr":
            x = ops.flip(x, axis=-1)
        factor = np.float32(self.scale) / np.asarray(self.std, np.float32)
        shift = np.asarray(self.mean, np.float64) / np.asarray(self.std, np.float64)
        return ops.subtract(ops.multiply(x, factor), shift.astype("float32"))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns (batch, *image_size, 3)."""
        return (input_shape[0], *self.image_size, 3)

    def _samples(self, height: Tensor, width: Tensor) -> list[tuple[int, Tensor, Tensor]]:
        """For rows and columns: how many, the step between them, and where the first begins.

        Steps and places are in pixels of the given picture.
        """
        rows, columns = self.image_size
        if self.crop == "none":
            zero = ops.zeros_like(height)
            return [
                (rows, ops.divide(height, rows), zero),
                (columns, ops.divide(width, columns), zero),
            ]
        if self.crop == "crop_first":
            side = ops.minimum(ops.divide(ops.multiply(width, rows), columns), height)
            side = ops.multiply(side, self.crop_ratio)
            inside = ops.round(ops.divide(ops.multiply(side, columns), rows)), ops.round(side)
            found = []
            for whole, part, count in ((height, inside[1], rows), (width, inside[0], columns)):
                begin = ops.floor(ops.divide(ops.subtract(whole, part), 2.0))
                found.append((count, ops.divide(part, count), begin))
            return found
        sizes = self._resized(width, height)
        found = []
        for whole, size, count in ((height, sizes[1], rows), (width, sizes[0], columns)):
            step = ops.divide(whole, size)
            begin = ops.floor(ops.divide(ops.subtract(size, count), 2.0))
            found.append((count, step, ops.multiply(begin, step)))
        return found

    def _target(self) -> tuple[int, int]:
        """Width and height that a picture is resized to, or that it is to cover then."""
        rows, columns = self.image_size
        if self.crop in ("none", "crop_first"):
            return columns, rows
        return int(columns / self.crop_ratio), int(rows / self.crop_ratio)

    def _resized_whole(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture of known sizes when it is resized."""
        to, down = self._target()
        if self.crop != "resize_first":
            return down, to
        if width * down <= height * to:
            return height * to // width, to
        return down, width * down // height

    def _resized(self, width: Tensor, height: Tensor) -> tuple[Any, Any]:
        """Width and height of the whole picture when it is resized."""
        to, down = self._target()
        whole, tall = ops.full_like(width, to), ops.full_like(height, down)
        if self.crop != "resize_first":
            return whole, tall
        # A quotient's rounding must not take it below a whole number.
        other = ops.floor(ops.add(ops.divide(ops.multiply(height, to), width), 1e-4))
        broad = ops.floor(ops.add(ops.divide(ops.multiply(width, down), height), 1e-4))
        narrow = ops.less_equal(ops.multiply(width, down), ops.multiply(height, to))
        return ops.where(narrow, whole, broad), ops.where(narrow, other, tall)

    def _weights(self, line: Tensor, count: int, step: Tensor, begin: Tensor) -> Tensor:
        """The matrix (count, pixels) that stretches a line of pixels to `count` samples."""
        pixels = ops.expand_dims(ops.subtract(ops.cumsum(ops.ones_like(line)), 0.5), 0)
        centres = np.arange(count, dtype="float32")[:, None] + np.float32(0.5)
        centres = ops.add(ops.multiply(centres, step), begin)
        if self.interpolation == "nearest":
            chosen = ops.add(ops.floor(centres), 0.5)
            return ops.cast(ops.less(ops.abs(ops.subtract(pixels, chosen)), 0.25), "float32")
        wide = ops.maximum(step, 1.0)
        far = ops.divide(ops.subtract(pixels, centres), wide)
        if self.interpolation == "box":
            # What lies on an edge is told from what lies next to it by half of the least distance.
            far = ops.subtract(far, ops.divide(0.25, ops.sum(ops.ones_like(line))))
        weights = _kernel(self.interpolation, far)
        return ops.divide(weights, ops.sum(weights, axis=1, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        names = "image_size crop crop_ratio interpolation scale mean std channel_order".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _stretched(x: Tensor, across: Tensor, down: Tensor, columns_first: bool) -> Tensor:
    """Pictures (batch, height, width, 3) of whole numbers by the weights of columns and rows."""
    if columns_first:
        x = _whole(ops.einsum("oh,bhwc->bowc", down, x))
        return _whole(ops.einsum("ow,bhwc->bhoc", across, x))
    x = _whole(ops.einsum("ow,bhwc->bhoc", across, x))
    return _whole(ops.einsum("oh,bhwc->bowc", down, x))


def _whole(x: Tensor) -> Tensor:
    """Pixels as whole numbers from 0 to 255; halves go up."""
    return ops.clip(ops.floor(ops.add(x, 0.5)), 0.0, 255.0)


def _kernel(name: str, x: Tensor) -> Tensor:
    """Pillow's resampling kernels at distances `x`; see `Resample.c`."""
    far = ops.abs(x)
    inside = ops.cast(ops.less(far, _REACH[name]), "float32")
    if name == "box":
        # -0.5 does not count, and 0.5 does.
        return ops.cast(ops.logical_and(ops.greater(x, -0.5), ops.less_equal(x, 0.5)), "float32")
    if name == "bilinear":
        return ops.maximum(ops.subtract(1.0, far), 0.0)
    if name == "hamming":
        wave = ops.add(0.54, ops.multiply(0.46, ops.cos(ops.multiply(far, math.pi))))
        return ops.multiply(ops.multiply(_sinc(far), wave), inside)
    if name == "lanczos":
        return ops.multiply(ops.multiply(_sinc(far), _sinc(ops.divide(far, 3.0))), inside)
    # Keys 1981 with a = -0.5.
    near = ops.add(ops.multiply(ops.square(far), ops.subtract(ops.multiply(far, 1.5), 2.5)), 1.0)
    rest = ops.add(ops.multiply(ops.add(ops.multiply(far, -0.5), 2.5), far), -4.0)
    rest = ops.add(ops.multiply(rest, far), 2.0)
    return ops.multiply(ops.where(ops.less(far, 1.0), near, rest), inside)


def _sinc(x: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    angle = ops.multiply(x, math.pi)
    zero = ops.equal(angle, 0.0)
    safe = ops.where(zero, ops.ones_like(angle), angle)
    return ops.where(zero, ops.ones_like(angle), ops.divide(ops.sin(safe), safe))
