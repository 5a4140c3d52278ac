"""Normalization layers."""

from ... import ops
from ...core.layer import Layer


class LayerNormalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over the axis `axis`."""

    def __init__(self, axis: int = -1, epsilon: float = 1e-3, center=True, scale=True, **kwargs):
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self.supports_masking = True
        self.center, self.scale = center, scale

    def build(self, input_shape):
        shape = (input_shape[self.axis],)
        self.gamma = self.add_weight(shape, "ones") if self.scale else None
        self.beta = self.add_weight(shape, "zeros") if self.center else None

    def call(self, inputs):
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)


class RMSNormalization(Layer):
    """x / sqrt(mean(x^2) + epsilon) * scale over the axis `axis`."""

    def __init__(self, axis: int = -1, epsilon: float = 1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self.supports_masking = True

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[self.axis],), "ones")

    def call(self, inputs):
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)


class BatchNormalization(Layer):
    """Normalization of each channel by the batch (training) or by moving statistics (inference).

    Ioffe & Szegedy 2015. While training, moving statistics become
    momentum * moving + (1 - momentum) * batch.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum=0.99,
        epsilon: float = 1e-3,
        center=True,
        scale=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon
        self.supports_masking = True
        self.center, self.scale = center, scale

    def build(self, input_shape):
        shape = (input_shape[self.axis],)
        self.gamma = self.add_weight(shape, "ones") if self.scale else None
        self.beta = self.add_weight(shape, "zeros") if self.center else None
        self.moving_mean = self.add_weight(shape, "zeros", trainable=False)
        self.moving_variance = self.add_weight(shape, "ones", trainable=False)

    def call(self, inputs, training=False):
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            rank = len(inputs.shape)
            axes = tuple(i for i in range(rank) if i != self.axis % rank)
            mean, variance = ops.mean(inputs, axes), ops.var(inputs, axes)
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                kept = ops.multiply(moving, self.momentum)
                moving.assign(
                    ops.add(kept, ops.multiply(ops.stop_gradient(batch), 1 - self.momentum))
                )
        return ops.batch_normalization(
            inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon
        )
