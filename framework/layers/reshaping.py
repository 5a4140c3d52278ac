"""Layers that move elements about."""

from .. import ops
from ..core.layer import Layer


class Flatten(Layer):
    """All axes but the first in one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        return ops.reshape(inputs, (ops.shape(inputs)[0], -1))


class Reshape(Layer):
    """The axes behind the first in another shape; one size may be -1."""

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)

    def call(self, inputs):
        return ops.reshape(inputs, (ops.shape(inputs)[0], *self.target_shape))


class Permute(Layer):
    """The axes behind the first in another order; `dims` counts from 1."""

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))


class ZeroPadding2D(Layer):
    """Zeros around (batch, height, width, channels).

    `padding` is an int, a pair (height, width), or pairs ((top, bottom), (left, right)).
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        sides = (padding, padding) if isinstance(padding, int) else tuple(padding)
        self.padding = tuple((p, p) if isinstance(p, int) else tuple(p) for p in sides)

    def call(self, inputs):
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)))
