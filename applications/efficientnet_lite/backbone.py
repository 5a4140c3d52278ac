"""EfficientNet-Lite: the architecture.

Tan & Le, "EfficientNet" (2019); the Lite variant (2020) leaves out squeeze-and-excitation, uses
ReLU6 instead of swish, and does not scale the stem, the head, and the depth of the first and the
last stage.
"""

from __future__ import annotations

import math
from typing import Any

from ...framework import layers
from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from ..blocks import ConvNorm

# (kernel, repeats, channels, expansion, stride) of each stage of B0
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280


class EfficientNetLiteBackbone(Backbone):
    """Images to feature maps.

    Shapes: images (batch, height, width, 3); the result is (batch, height / 32, width / 32, 1280).

    Args:
        width_coefficient: by which the numbers of channels are multiplied.
        depth_coefficient: by which the numbers of blocks are multiplied.
        depth_divisor: the numbers of channels are rounded to multiples of it.
        epsilon: of the normalizations.
        dtype: dtype of the weights.
    """

    output_channels = HEAD_CHANNELS

    def __init__(
        self,
        width_coefficient: float = 1.0,
        depth_coefficient: float = 1.0,
        depth_divisor: int = 8,
        epsilon: float = 1e-3,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, 2, activation="relu6", epsilon=epsilon)
        self.blocks = []
        inputs = STEM_CHANNELS
        for stage, (kernel, repeats, channels, expansion, stride) in enumerate(STAGES):
            outputs = round_channels(channels * width_coefficient, depth_divisor)
            if 0 < stage < len(STAGES) - 1:
                repeats = math.ceil(repeats * depth_coefficient)
            for index in range(repeats):
                step = stride if index == 0 else 1
                block = InvertedResidual(inputs, outputs, kernel, expansion, step, epsilon)
                self.blocks.append(block)
                inputs = outputs
        self.head = ConvNorm(inputs, HEAD_CHANNELS, 1, activation="relu6", epsilon=epsilon)
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, height, width, 3); all three sizes open."""
        return [InputSpec("float32", (None, None, None, 3), name="images")]

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> Tensor:
        """Returns the feature map (batch, height / 32, width / 32, 1280) of images.

        Args:
            images: (batch, height, width, 3), as the preprocessor gives them.
        """
        x = self.stem(images)  # (batch, height / 2, width / 2, 32)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class InvertedResidual(layers.Layer):
    """Expansion by 1x1, a depthwise convolution, projection by 1x1 (MobileNetV2), and a shortcut
    around them where the shape stays."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, expansion: int, stride: int, epsilon: float
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = None
        if expansion > 1:
            self.expand = ConvNorm(inputs, inner, 1, activation="relu6", epsilon=epsilon)
        self.depthwise = ConvNorm(inner, None, kernel, stride, activation="relu6", epsilon=epsilon)
        self.project = ConvNorm(inner, outputs, 1, activation=None, epsilon=epsilon)
        self.has_shortcut = stride == 1 and inputs == outputs
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the block's output, (batch, height / stride, width / stride, outputs).

        Args:
            x: (batch, height, width, inputs).
        """
        y = x if self.expand is None else self.expand(x)
        return self.project(self.depthwise(y), x if self.has_shortcut else None)


def round_channels(channels: float, divisor: int) -> int:
    """Returns the multiple of `divisor` next to `channels`: at least `divisor`, and at most a tenth
    below `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
