"""Shaping, moments and simple arithmetic from primitives."""

import math

from .primitives import Primitives


class Arrays(Primitives):
    """Array kernels that follow from others."""

    def full_like(self, x, value, dtype):
        return self.full(self.shape(x), value, dtype)

    def get_item(self, x, key):
        return x[key]

    def overwrite(self, x, start, updates):
        return self.slice_update(x, start, updates)

    # Derived arithmetic -----------------------------------------------------------------------

    def mean(self, x, axis=None, keepdims=False):
        x, back = self.in_single(x)
        total = self.sum(x, axis, keepdims)
        return back(self.divide(total, self._count(x, axis)))

    def var(self, x, axis=None, keepdims=False):
        x, back = self.in_single(x)
        centred = self.subtract(x, self.mean(x, axis, True))
        if self.dtype(x).startswith("complex"):
            centred = self.absolute(centred)
        return back(self.mean(self.square(centred), axis, keepdims))

    def std(self, x, axis=None, keepdims=False):
        return self.sqrt(self.var(x, axis, keepdims))

    def _count(self, x, axis):
        shape = self.shape(x)
        axes = range(len(shape)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        sizes = [shape[a] for a in axes]
        if all(isinstance(size, int) for size in sizes):
            return math.prod(sizes)
        count = self.cast(self.asarray(1, "int32"), self.dtype(x))
        for size in sizes:
            count = self.multiply(count, self.cast(self.asarray(size), self.dtype(x)))
        return count

    def reciprocal(self, x):
        return self.divide(1.0, x)

    def clip(self, x, x_min, x_max):
        return self.minimum(self.maximum(x, x_min), x_max)

    def logical_xor(self, x1, x2):
        return self.not_equal(x1, x2)

    def logsumexp(self, x, axis=None, keepdims=False):
        x, back = self.in_single(x)
        top = self.max(x, axis, True)
        # An infinite maximum would give inf - inf.
        top = self.stop_gradient(self.where(self.isfinite(top), top, 0.0))
        total = self.log(self.sum(self.exp(self.subtract(x, top)), axis, True))
        total = self.add(total, top)
        return back(total if keepdims else self.squeeze(total, axis))

    def expand_dims(self, x, axis):
        axes = axis if isinstance(axis, tuple) else (axis,)
        rank = len(self.shape(x)) + len(axes)
        places = {a % rank for a in axes}
        rest = iter(self.shape(x))
        return self.reshape(x, tuple(1 if i in places else next(rest) for i in range(rank)))

    def squeeze(self, x, axis=None):
        shape, known = self.shape(x), self.static_shape(x)
        if axis is None:
            places = {i for i, n in enumerate(known) if n == 1}
        else:
            axes = axis if isinstance(axis, tuple) else (axis,)
            places = {a % len(shape) for a in axes}
        return self.reshape(x, tuple(n for i, n in enumerate(shape) if i not in places))

    def swapaxes(self, x, axis1, axis2):
        order = list(range(len(self.static_shape(x))))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(x, tuple(order))

    def moveaxis(self, x, source, destination):
        rank = len(self.static_shape(x))
        source = [s % rank for s in ((source,) if isinstance(source, int) else source)]
        target = [
            d % rank for d in ((destination,) if isinstance(destination, int) else destination)
        ]
        order = [a for a in range(rank) if a not in source]
        for place, axis in sorted(zip(target, source, strict=True)):
            order.insert(place, axis)
        return self.transpose(x, tuple(order))

    def one_hot(self, x, num_classes, axis, dtype):
        classes = self.arange(0, num_classes, 1, self.dtype(x))
        hot = self.cast(self.equal(self.expand_dims(x, -1), classes), dtype)
        return hot if axis == -1 else self.moveaxis(hot, -1, axis)
