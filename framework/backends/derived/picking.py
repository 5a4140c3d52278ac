"""Casts that saturate, and telling elements apart, from primitives."""

import math

from ... import dtypes
from .primitives import Primitives


class Picking(Primitives):
    """Array kernels that follow from others: second part."""

    def size(self, x):
        shape = self.shape(x)
        if all(isinstance(n, int) for n in shape):
            return math.prod(shape)
        total = self.asarray(1, "int32")
        for n in shape:
            total = self.multiply(total, self.cast(self.asarray(n), "int32"))
        return total

    def rows_at(self, x, indices):
        """Rows of the matrix `x`; NaN, or 0 of integers, for numbers of rows that there are not.

        Where the host has the numbers, a backend may raise for those instead.
        """
        inside = self.maximum(self.minimum(indices, self.shape(x)[0] - 1), 0)
        there = self.expand_dims(self.equal(inside, indices), -1)
        dtype = self.dtype(x)
        none = self.asarray(math.nan if dtypes.is_float(dtype) else 0, dtype)
        return self.where(there, self.take(x, inside, 0), none)

    def saturated(self, x, dtype):
        """Floats as integers; those beyond the dtype become its ends, NaN becomes 0."""
        x = self.cast(x, "float32") if dtypes.ITEMSIZES[self.dtype(x)] < 4 else x
        low, high = dtypes.LIMITS[dtype]
        below = self.less(x, float(low))
        above = self.greater_equal(x, float(high + 1))  # a power of two, which floats hold
        outside = self.logical_or(self.logical_or(below, above), self.not_equal(x, x))
        y = self.cast(self.where(outside, self.full_like(x, 0, self.dtype(x)), x), dtype)
        y = self.where(below, self.full_like(y, low, dtype), y)
        return self.where(above, self.full_like(y, high, dtype), y)

    def cast_to_storage(self, x, dtype):
        """Numbers of float32 in a dtype of `dtypes.STORED`; those beyond it become inf or NaN."""
        return self.cast(x, dtype)

    def listed(self, x):
        """The numbers of a tensor as a list; in a graph the tensor."""
        return self.to_numpy(x).tolist()

    def scatter_add(self, x, indices, updates):
        return self.scatter(x, indices, updates, "add")

    def signbit(self, x):
        dtype = self.dtype(x)
        if dtype == "bool" or dtype.startswith("u"):
            return self.full_like(x, False, "bool")
        if dtype in dtypes.FLOATS:
            x = self.bitcast(x, f"int{8 * dtypes.ITEMSIZES[dtype]}")
        return self.less(x, 0)

    def count_length(self, x, least: int):
        """How many numbers from 0 on `bincount` counts: an int, or a scalar in a graph."""
        if 0 in self.static_shape(x):
            return least
        if int(self.min(x)) < 0:
            raise ValueError("bincount counts numbers from 0 on; `x` has negative ones.")
        return max(int(self.max(x)) + 1, least)

    # Unique -----------------------------------------------------------------------------------

    def unique(self, x, axis, size, fill):
        """Ascending elements (slices along `axis`), first places, inverse and counts."""
        lines = self.reshape(x, (-1,)) if axis is None else self.moveaxis(x, axis, 0)
        count = self.shape(lines)[0]
        if self.static_shape(lines)[0] == 0:
            return self._unique_of_nothing(x, lines, axis, size, fill)
        order = self._order(lines)
        ranked = self.take(lines, order, 0)
        starts = self._starts(self._differs(ranked), count, size)
        first = self.get_item(starts, slice(None, -1))
        # Where fewer are found than asked for, the rest starts behind the end.
        real = self.less(first, self._int32(count))
        place = self.where(real, first, self.full_like(first, 0, "int32"))
        values = self.take(ranked, place, 0)
        index = self.take(order, place, 0)
        if size is not None:
            tall = self.reshape(real, (-1, *(1,) * (len(self.static_shape(lines)) - 1)))
            values = self.where(tall, values, self.full_like(values, fill, self.dtype(x)))
        counts = self.subtract(self.get_item(starts, slice(1, None)), first)
        values = values if axis is None else self.moveaxis(values, 0, axis)
        return values, index, self._inverse(x, ranked, order, axis), counts

    def _int32(self, n):
        return self.cast(self.asarray(n), "int32")

    def _order(self, lines):
        """Positions that sort a vector, or the slices of a tensor by their elements in order."""
        if len(self.static_shape(lines)) == 1:
            return self.argsort(lines, 0)
        count, *sizes = self.shape(lines)
        rows = self.reshape(lines, (count, math.prod(sizes)))
        order = self.arange(0, count, 1, "int32")
        columns = self.static_shape(rows)[1]
        if columns is None:
            last = self.shape(rows)[1] - 1
            step = lambda i, order: [self._ordered_by(rows, last - i, order)]  # noqa: E731
            looped = self.fori_loop(0, last + 1, step, [order])  # pyright: ignore
            return looped[0]
        for column in reversed(range(columns)):
            order = self._ordered_by(rows, column, order)
        return order

    def _ordered_by(self, rows, column, order):
        keys = self.take(self.take(rows, column, 1), order, 0)
        return self.take(order, self.argsort(keys, 0), 0)

    def _differs(self, ranked):
        """Whether each element, or slice, differs from the one before; true for the first."""
        behind = self.get_item(ranked, slice(1, None))
        before = self.get_item(ranked, slice(None, -1))
        new = self.not_equal(behind, before)
        if len(self.static_shape(ranked)) > 1:
            new = self.any(new, tuple(range(1, len(self.static_shape(ranked)))), False)
        new = self.concatenate([self.full((1,), True, "bool"), new], 0)
        if self.static_shape(ranked)[0] is not None:
            return new
        return self.get_item(new, slice(None, self.shape(ranked)[0]))  # nothing, of nothing

    def _starts(self, new, count, size):
        """Where runs of equal elements begin, and where the last one that is told ends."""
        end = self.reshape(self._int32(count), (1,))
        if size is None:
            return self.concatenate([self.cast(self.nonzero(new)[0], "int32"), end], 0)
        places = self.where(new, self.arange(0, count, 1, "int32"), end)
        places = self.sort(places, 0)
        behind = self.broadcast_to(end, (size + 1,))
        return self.get_item(self.concatenate([places, behind], 0), slice(None, size + 1))

    def _inverse(self, x, ranked, order, axis):
        rank = self.subtract(self.cumsum(self.cast(self._differs(ranked), "int32"), 0), 1)
        inverse = self.take(rank, self.argsort(order, 0), 0)
        return self.reshape(inverse, self.shape(x)) if axis is None else inverse

    def _unique_of_nothing(self, x, lines, axis, size, fill):
        shape = (size or 0, *self.shape(lines)[1:])
        values = self.full(shape, fill, self.dtype(x))
        values = values if axis is None else self.moveaxis(values, 0, axis)
        none = self.zeros((size or 0,), "int32")
        inverse = self.zeros(self.shape(x) if axis is None else (0,), "int32")
        return values, none, inverse, none
