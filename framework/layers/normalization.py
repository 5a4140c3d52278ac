"""Normalization layers, and a convolution fused with the one behind it."""

from .. import ops
from ..configs import plain_class
from ..core.layer import Layer
from .convolution import Conv1D, Conv2D, DepthwiseConv2D, _Conv


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


_FUSIBLE = (Conv1D, Conv2D, DepthwiseConv2D, BatchNormalization)


def _is_fusible(layer: Layer) -> bool:
    """Whether a layer is one of ours with nothing around its call: what a kernel may stand for."""
    return layer.built and plain_class(type(layer)) in _FUSIBLE and not layer._native_hooks()


def conv_norm(conv: _Conv, norm: BatchNormalization, x, activation=None, shortcut=None):
    """`activation(norm(conv(x)) + shortcut)`; at inference in one kernel where the backend has it.

    The convolution must be linear (no activation) and channels last. Layers of other classes, and
    layers with hooks of the framework, are called one after the other. `activation` is "relu",
    "relu6" or None, `shortcut` a tensor like the result or None.
    """
    if conv.resolve_training(None) or not (_is_fusible(conv) and _is_fusible(norm)):
        y = norm(conv(x))
        y = y if shortcut is None else ops.add(y, shortcut)
        return y if activation is None else getattr(ops, activation)(y)
    return ops.conv_batch_norm(
        x,
        conv.kernel,
        conv.bias,
        norm.moving_mean,
        norm.moving_variance,
        norm.gamma,
        norm.beta,
        norm.epsilon,
        conv.strides,
        conv.padding,
        conv.dilation_rate,
        conv.depthwise,
        activation,
        shortcut,
    )
