"""Windows of images from primitives: adaptive pools, patches, transposed convolution."""

import functools
import itertools
import math

import numpy as np

from ..pads import explicit_pads
from .primitives import Primitives


class Windows(Primitives):
    """Kernels over windows that follow from others. Channels are last but in fold and unfold."""

    # Adaptive pools: window i of an axis goes from floor(i n / o) to ceil((i + 1) n / o).

    def adaptive_pool(self, x, size, kind):
        """The "max" or "average" of `size` windows that cover (batch, *spatial, channels)."""
        for axis, count in enumerate(size, 1):
            if x.shape[axis] == count:
                continue
            if x.shape[axis] % count == 0:
                x = self._even_pool(x, axis, count, kind)
            else:
                x = self._uneven_pool(x, axis, count, kind)
        return x

    def _even_pool(self, x, axis, count, kind):
        shape = self.shape(x)
        split = (*shape[:axis], count, shape[axis] // count, *shape[axis + 1 :])
        x = self.reshape(x, split)
        return self.max(x, axis + 1) if kind == "max" else self.mean(x, axis + 1)

    def _uneven_pool(self, x, axis, count, kind):
        n = x.shape[axis]
        # In plain numbers: torch.compile would take NumPy's for ones that it does not know.
        ends = [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
        length = max(last - first for first, last in ends)
        # Short windows see their last element twice, which no maximum minds.
        index = [min(first + i, last - 1) for first, last in ends for i in range(length)]
        index = self.asarray(index, "int32")
        shape = self.shape(x)
        windows = (*shape[:axis], count, length, *shape[axis + 1 :])
        x = self.reshape(self.take(x, index, axis), windows)
        if kind == "max":
            return self.max(x, axis + 1)
        ones = (1,) * (len(shape) - axis - 1)
        real = [[first + i < last for i in range(length)] for first, last in ends]
        real = self.reshape(self.asarray(real, "bool"), (count, length, *ones))
        counts = self.asarray([last - first for first, last in ends], self.dtype(x))
        counts = self.reshape(counts, (count, *ones))
        return self.divide(self.sum(self.where(real, x, 0), axis + 1), counts)

    def integer_max_pool(self, x, size, strides, padding):
        """A "max" pool of the integers that frameworks have none for, one tap after the other."""
        ones = (1,) * len(size)
        pads = explicit_pads(padding, self.static_shape(x)[1:-1], size, strides)
        if any(map(any, pads)):
            # A window that reaches over the edge has the element there, and may have it twice.
            x = self.pad(x, ((0, 0), *pads, (0, 0)), "edge", 0)
        counts = _places(self.shape(x)[1:-1], size, ones, strides)
        parts = (
            x[(slice(None), *_taps(tap, ones, strides, counts))]
            for tap in itertools.product(*map(range, size))
        )
        return functools.reduce(self.maximum, parts)

    # Patches of (batch, channels, height, width)

    def unfold(self, x, size, dilation, padding, stride):
        """Windows as columns: (batch, channels * cells, places)."""
        if any(padding):
            x = self.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), "constant", 0)
        batch, channels, *sizes = self.shape(x)
        counts = _places(sizes, size, dilation, stride)
        patches = [
            x[(slice(None), slice(None), *_taps(tap, dilation, stride, counts))]
            for tap in itertools.product(*map(range, size))
        ]
        stacked = self.stack(patches, 2)
        return self.reshape(stacked, (batch, channels * math.prod(size), math.prod(counts)))

    def fold(self, x, output, size, dilation, padding, stride):
        """The sum of columns at the places that `unfold` took them from."""
        sizes = [n + 2 * p for n, p in zip(output, padding, strict=True)]
        counts = _places(sizes, size, dilation, stride)
        rows = np.arange(size[0])[:, None] * dilation[0] + np.arange(counts[0]) * stride[0]
        columns = np.arange(size[1])[:, None] * dilation[1] + np.arange(counts[1]) * stride[1]
        flat = rows[:, None, :, None] * sizes[1] + columns[None, :, None, :]
        index = self.asarray(flat.reshape(-1, 1).astype(np.int32))
        batch, columns, places = self.shape(x)
        cells = math.prod(size)
        channels = columns // cells
        x = self.reshape(x, (batch * channels, cells * places))
        total = self.zeros((math.prod(sizes), batch * channels), self.dtype(x))
        total = self.scatter_add(total, index, self.transpose(x, (1, 0)))
        image = self.reshape(self.transpose(total, (1, 0)), (batch, channels, *sizes))
        inner = (slice(p, n - p) for p, n in zip(padding, sizes, strict=True))
        return image[(slice(None), slice(None), *inner)] if any(padding) else image

    # Transposed convolution

    def cropped(self, x, crops):
        """(batch, *spatial, channels) without (front, back) elements; zeros where negative."""
        if any(cut > 0 for pair in crops for cut in pair):
            cuts = (slice(max(a, 0), -b if b > 0 else None) for a, b in crops)
            x = x[(slice(None), *cuts)]
        if any(cut < 0 for pair in crops for cut in pair):
            pads = (tuple(max(-cut, 0) for cut in pair) for pair in crops)
            x = self.pad(x, ((0, 0), *pads, (0, 0)), "constant", 0)
        return x


def _places(sizes, size, dilation, stride):
    """How many windows fit on each axis."""
    axes = zip(sizes, size, dilation, stride, strict=True)
    return [(n - d * (k - 1) - 1) // s + 1 for n, k, d, s in axes]


def _taps(tap, dilation, stride, counts):
    """Slices of the elements that all windows have at one place of the kernel."""
    axes = zip(tap, dilation, stride, counts, strict=True)
    return tuple(slice(t * d, t * d + (c - 1) * s + 1, s) for t, d, s, c in axes)
