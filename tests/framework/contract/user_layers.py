"""Layers and models as users write them, which the contract is tested on beside the library's."""

from __future__ import annotations

from isozoo import Input, Layer, Model, Sequential, layers, ops, random
from isozoo.framework.configs import register_keras_serializable

register = register_keras_serializable(package="contract")


@register
class Scale(Layer):
    """A weight made in `__init__`, a table that never trains, and one that is made in `build`."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.table = self.add_weight((4,), "ones", trainable=False)

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, x):
        return ops.multiply(ops.multiply(x, self.scale), ops.multiply(self.table, self.factor))


@register
class Noisy(Layer):
    """Multiplies by draws of a SeedGenerator of its own while training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.draws = random.SeedGenerator()
        self.supports_masking = True

    def call(self, x, training=False):
        if not training:
            return x
        noise = random.uniform(ops.shape(x), 0.5, 1.5, seed=self.draws, dtype=self.compute_dtype)
        return ops.multiply(x, noise)


@register
class Counting(Layer):
    """Counts its calls in a plain attribute, and averages its inputs in a weight."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0
        self.seen = []

    def build(self, input_shape):
        self.mean = self.add_weight((input_shape[-1],), "zeros", trainable=False)

    def call(self, x, training=False):
        self.calls += 1
        self.seen = [*self.seen, len(x.shape)]
        if training:
            self.mean.assign(ops.multiply(ops.add(self.mean, ops.mean(x, 0)), 0.5))
        return ops.subtract(x, self.mean)


@register
class Mixing(Layer):
    """Takes two tensors, and builds for the shape of each by the arguments' names."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_shape, value_shape):
        self.query_kernel = self.add_weight((query_shape[-1], self.units))
        self.value_kernel = self.add_weight((value_shape[-1], self.units))

    def call(self, query, value):
        mixed = ops.matmul(value, self.value_kernel)
        return ops.add(ops.matmul(query, self.query_kernel), mixed)


@register
class MaskSource(Layer):
    """Says that time steps whose first feature is 0 do not count."""

    def call(self, x):
        return ops.multiply(x, 1)

    def compute_mask(self, inputs, previous_mask=None):
        return ops.not_equal(inputs[..., 0], 0)


@register
class MaskedMean(Layer):
    """Averages over the time steps that count; counts those that do, where there is a mask."""

    def call(self, x, mask=None):
        if mask is None:
            return ops.full((1,), -1.0)
        return ops.sum(ops.cast(mask, "float32"), -1)


@register
def doubled(x, plus=0):
    """A function for Lambda."""
    return ops.add(ops.multiply(x, 2), plus)


@register
class Wrapping(layers.Wrapper):
    """Calls the layer inside, and adds its inputs' mean."""

    def call(self, x):
        return ops.add(self.layer(x), ops.mean(x, -1, keepdims=True))


@register
class PassesOn(Layer):
    """Hands its own argument `training` on to a layer inside, as Keras users write it."""

    def __init__(self, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dropout(0.5) if inner is None else inner

    def call(self, x, training=None):
        return self.inner(x, training=training)


@register
class Outer(Model):
    """Calls the layer inside in one of the ways in which a flag `training` may reach it."""

    def __init__(self, inner=None, way="context", **kwargs):
        super().__init__(**kwargs)
        self.inner, self.way = inner, way

    def call(self, *args, training=None):
        if self.way == "keyword":
            return self.inner(*args, training=training)
        if self.way == "position":
            return self.inner(*args, training)
        if self.way == "none":
            return self.inner(*args, training=None)
        return self.inner(*args)


@register
class Net(Model):
    """A subclassed model: layers as attributes, in a list, in a dict and in a tuple."""

    def __init__(self, width=5, **kwargs):
        super().__init__(**kwargs)
        self.stem = layers.Dense(width)
        self._blocks = [layers.Dense(width, "tanh"), layers.BatchNormalization()]
        self._blocks.append(layers.Dropout(0.5))
        self.heads = {"b": layers.Dense(2), "a": layers.Dense(3)}
        self.pair = (layers.LayerNormalization(), [Scale()])
        self.sizes = [width, {"inner": [1, 2]}]

    def call(self, x):
        x = self.stem(x)
        for block in self._blocks:
            x = block(x)
        x = ops.concatenate([self.heads["b"](x), self.heads["a"](x)[..., :2]], -1)
        return self.pair[1][0](self.pair[0](x))


@register
class Sharing(Model):
    """One layer under two names, called twice."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(4)
        self.second = self.first
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.second(self.norm(self.first(x)))


@register
class Described(Model):
    """The style of KerasHub: the graph is given to `super().__init__` by a subclass."""

    def __init__(self, width=4, dtype=None, **kwargs):
        inputs = Input((4,))
        projection = layers.Dense(width, name="projection", dtype=dtype)
        dropout = layers.Dropout(0.5, dtype=dtype)
        outputs = layers.Dense(2, dtype=dtype)(dropout(projection(inputs)))
        super().__init__(inputs=inputs, outputs=outputs, dtype=dtype, **kwargs)
        self.width = width
        self.projection = projection


def functional(dtype=None, **kwargs):
    """A model of symbolic tensors: two branches, one layer called twice, dropout, statistics."""
    inputs = Input((4,), name="features")
    shared = layers.Dense(4, name="shared", dtype=dtype)
    left = layers.BatchNormalization(dtype=dtype)(shared(inputs))
    right = layers.Dropout(0.5, dtype=dtype)(shared(left))
    outputs = layers.Dense(3, dtype=dtype)(ops.add(left, right))
    return Model(inputs, outputs, dtype=dtype, **kwargs)


def nested_functional(dtype=None, **kwargs):
    """A model of symbolic tensors with a Sequential in it and a dict of outputs."""
    inputs = Input((4,))
    inside = [layers.Dense(4, dtype=dtype), layers.Dropout(0.5, dtype=dtype)]
    inner = Sequential(inside, dtype=dtype)
    x = inner(inputs)
    outputs = {"z": layers.Dense(2, dtype=dtype)(x), "a": Scale(dtype=dtype)(x)}
    return Model(inputs, outputs, dtype=dtype, **kwargs)


def sequential(dtype=None, **kwargs):
    """A Sequential that is not built until it is called."""
    return Sequential(
        [
            layers.Dense(5, "relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dropout(0.5, dtype=dtype),
            layers.Dense(2, dtype=dtype),
        ],
        dtype=dtype,
        **kwargs,
    )
