"""The unit that convolutional networks are made of."""

from __future__ import annotations

from typing import Any

from ..framework import layers
from ..framework.models.fused import conv_norm
from ..framework.typing import Tensor


class ConvNorm(layers.Layer):
    """activation(batch normalization(convolution(x)) + shortcut).

    Shapes: x (batch, height, width, in), shortcut like the result (batch, height', width', out).

    Args:
        inputs: number of channels of x.
        filters: number of channels of the result; None for a depthwise convolution.
        kernel_size: side of the kernel.
        strides: step of the kernel.
        padding: "same", "valid", or the number of zeros on each side.
        activation: "relu", "relu6", "silu" or None.
        use_bias: whether the convolution has a bias of its own.
        epsilon: of the normalization.
        momentum: of the normalization's moving averages.
    """

    def __init__(
        self,
        inputs: int,
        filters: int | None,
        kernel_size: int,
        strides: int = 1,
        padding: str | int = "same",
        activation: str | None = "relu",
        use_bias: bool = False,
        epsilon: float = 1e-3,
        momentum: float = 0.99,
    ) -> None:
        super().__init__()
        sides = padding if isinstance(padding, str) else ((padding, padding),) * 2
        settings: dict[str, Any] = {"strides": strides, "padding": sides, "use_bias": use_bias}
        settings["input_shape"] = (None, None, inputs)
        if filters is None:
            self.conv = layers.DepthwiseConv2D(kernel_size, **settings)
        else:
            self.conv = layers.Conv2D(filters, kernel_size, **settings)
        self.norm = layers.BatchNormalization(
            epsilon=epsilon, momentum=momentum, input_shape=(None, None, filters or inputs)
        )
        self.activation = activation
        self.built = True

    def call(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """Returns activation(normalization(convolution(x)) + shortcut).

        Args:
            x: (batch, height, width, in).
            shortcut: (batch, height', width', out), like the result; nothing is added if None.
        """
        return conv_norm(self.conv, self.norm, x, self.activation, shortcut)
