"""Image kernels from primitives: resizing, and sampling at any place."""

import itertools
import math
from typing import Any

import numpy as np

from . import resampling
from .primitives import Primitives

# Axes behind the resized one that have no more elements than this are spelled out in weights.
_NARROW = 64


class Images(Primitives):
    """Image kernels that follow from others."""

    # So many input pixels of an output pixel are gathered one by one; more make a matrix product.
    few_taps = 4

    # Resizing ---------------------------------------------------------------------------------

    def resize(self, x, axes, size, method, antialias):
        """`x`, of floats, with `axes` resized to `size`."""
        known, shape = self.static_shape(x), self.shape(x)
        growth = [
            1.0 if known[a] is None else n / max(known[a], 1)
            for a, n in zip(axes, size, strict=True)
        ]
        for _, axis, n in sorted(zip(growth, axes, size, strict=True)):  # what shrinks goes first
            if known[axis] is None:
                x = self._resize_unknown(x, axis, shape[axis], n, method, antialias)
            elif known[axis] != n:
                x = self._resize_axis(x, axis, known[axis], n, method, antialias)
        return x

    def resize_nearest(self, x, axes, size):
        """`x` with `axes` resized: output pixel i is input pixel floor((i + 1/2) * size / out)."""
        for axis, n in zip(axes, size, strict=True):
            m = self.shape(x)[axis]
            if isinstance(m, int) and m == n:
                continue
            twice = self.arange(1, 2 * n, 2, "int32")
            x = self.take(x, (twice * m) // (2 * n), axis)
        return x

    def _resize_axis(self, x, axis, m, n, method, antialias):
        dtype, columns = self.dtype(x), self.resize_taps(m, n, method, antialias)
        if columns is None:
            return self.resample(x, axis, self.resize_matrix(m, n, method, antialias, dtype))
        total: Any = None
        for place, weight in columns:
            part = self.take(x, place, axis) * self._beside(x, axis, weight, dtype)
            total = part if total is None else total + part
        return total

    def _beside(self, x, axis, weight, dtype):
        """Weights of an axis in a shape that broadcasts against `x`."""
        after = self.static_shape(x)[axis:][1:]
        sizes = [n for n in after if n is not None]
        known = len(sizes) == len(after)
        if isinstance(weight, np.ndarray) and known and math.prod(sizes) <= _NARROW:
            # A factor that changes with every few elements keeps loops short; this one does not.
            weight = np.repeat(weight, math.prod(sizes)).reshape(-1, *sizes)
            return self.asarray(weight, dtype)
        return self.reshape(self.asarray(weight, dtype), (-1,) + (1,) * len(after))

    def resize_taps(self, m, n, method, antialias):
        """Pairs (places, weights), each (n,), whose sum is an axis in another size.

        None where there are so many that a product with a matrix is better.
        """
        places, weights = resampling.fixed_taps(m, n, method, antialias)
        if places.shape[1] > self.few_taps:
            return None
        return [(self.asarray(p, "int32"), w) for p, w in zip(places.T, weights.T, strict=True)]

    def resize_matrix(self, m, n, method, antialias, dtype):
        """Weights (n, m) of an axis in another size."""
        places, weights = resampling.fixed_taps(m, n, method, antialias)
        return self.asarray(resampling.dense(places, weights, m), dtype)

    def _resize_unknown(self, x, axis, m, n, method, antialias):
        """By a matrix that is made when the size of the axis is known."""
        dtype = self.dtype(x)
        scale = n / self.cast(m, dtype)
        full = resampling.matrix(self, m, n, scale, 0.0, method, antialias, dtype)
        return self.resample(x, axis, full)

    def resample_matrix(self, size, out, scale, shift, method, antialias, dtype):
        """Weights (out, size) for output pixels at scale * input + shift; see `resampling`."""
        return resampling.matrix(self, size, out, scale, shift, method, antialias, dtype)

    def resample(self, x, axis, weights):
        """The product of `weights` (out, size) with an axis of `x`."""
        names = "abcdefgh"[: len(self.static_shape(x))]
        before, after = names.replace(names[axis], "y"), names.replace(names[axis], "z")
        return self.einsum(f"{before},zy->{after}", x, weights)

    # Sampling ---------------------------------------------------------------------------------

    def sample(self, x, coordinates, order, mode, value):
        """`x` (batch, *sizes, depth) at places between its cells: (batch, *places, depth).

        `coordinates` are floats, one tensor (batch or 1, *places) for each of `sizes`. `order` is
        0 (the nearest cell) or 1 (linear between cells); `mode` says what lies outside, `value`
        what is there with "constant". With order 1, `x` has the dtype of the coordinates.
        """
        shape = self.shape(x)
        batch, sizes, depth = shape[0], shape[1:-1], shape[-1]
        if 0 in self.static_shape(x):  # nothing to gather from
            places = self.shape(coordinates[0])[1:]
            return self.full((batch, *places, depth), value, self.dtype(x))
        flat = self.reshape(x, (batch * math.prod(sizes), depth))
        value = self.asarray(value, self.dtype(x))
        ranks = len(self.static_shape(coordinates[0]))
        start = self.reshape(self.arange(0, batch, 1, "int32"), (-1,) + (1,) * (ranks - 1))
        nodes = [self._nodes(c, n, order, mode) for c, n in zip(coordinates, sizes, strict=True)]
        total: Any = None
        for corner in itertools.product(*nodes):
            place, inside, weight = start, None, None
            for (index, real, share), n in zip(corner, sizes, strict=True):
                place = place * n + index
                inside = real if inside is None else inside & real
                weight = share if weight is None else weight * share
            part = self.take(flat, place, 0)
            if mode == "constant":
                part = self.where(self.expand_dims(inside, -1), part, value)
            if weight is not None:
                part = part * self.expand_dims(weight, -1)
            total = part if total is None else total + part
        return total

    def _nodes(self, c, n, order, mode):
        """(index, whether it is inside, weight) of the cells that a coordinate lies between."""
        if mode in ("constant", "nearest"):
            # All that is farther out looks the same from here, infinity too.
            top = n if isinstance(n, int) else self.cast(n, self.dtype(c))
            c = self.minimum(self.maximum(c, -1.0), top * 1.0)
        low = self.floor(c)
        share = c - low
        # A coordinate that is no number has an index all the same, and a weight that is none.
        index = self.cast(self.where(self.isfinite(low), low, 0.0), "int32")
        if order == 0:
            found = [(index + self.cast(share >= 0.5, "int32"), None)]
        else:
            found = [(index, 1.0 - share), (index + 1, share)]
        return [(self._within(i, n, mode), (i >= 0) & (i < n), weight) for i, weight in found]

    def _within(self, index, n, mode):
        """The cell that stands for one outside."""
        if mode == "wrap":
            return index % n
        if mode in ("reflect", "mirror"):
            period = 2 * n if mode == "reflect" else 2 * n - 2
            if mode == "mirror":
                period = max(period, 1) if isinstance(period, int) else self.maximum(period, 1)
            last = period - 1 if mode == "reflect" else period
            index = index % period
            return self.where(index < n, index, last - index)
        return self.minimum(self.maximum(index, 0), n - 1)

    # Colours ----------------------------------------------------------------------------------

    def rgb_to_hsv(self, planes):
        """Hue, saturation and value of planes of red, green and blue."""
        red, green, blue = planes
        value = self.maximum(self.maximum(red, green), blue)
        spread = value - self.minimum(self.minimum(red, green), blue)
        # Gradients go through both branches of a `where`, and so would divisions by zero.
        some = spread > 0
        sixth = 1.0 / (6.0 * self.where(some, spread, 1.0))
        saturation = self.where(value > 0, spread / self.where(value > 0, value, 1.0), 0.0)
        # By the kernel: JAX reads a number beside a tensor of float64 in 32 bits.
        greenish = self.add(sixth * (blue - red), 2 / 6)
        cold = self.where(value == green, greenish, self.add(sixth * (red - green), 4 / 6))
        hue = self.where(value == red, sixth * (green - blue), cold)
        hue = self.where(some, hue, 0.0)
        hue = self.where(hue < 0, hue + 1.0, hue)
        return hue, saturation, value

    def hsv_to_rgb(self, planes):
        """Red, green and blue of planes of hue, saturation and value."""
        hue, saturation, value = planes
        place = (hue - self.floor(hue)) * 6.0
        shares = (
            self.clip(self.absolute(place - 3.0) - 1.0, 0.0, 1.0),
            self.clip(2.0 - self.absolute(place - 2.0), 0.0, 1.0),
            self.clip(2.0 - self.absolute(place - 4.0), 0.0, 1.0),
        )
        return [value * (1.0 - saturation + saturation * share) for share in shares]
