"""ResNet: the architecture.

He, Zhang, Ren, Sun, "Deep Residual Learning" (2015). Two forms are in use. Keras has the paper's
own: a bottleneck steps at its first 1x1, convolutions have biases. torchvision, timm and
transformers have "v1.5": it steps at the 3x3, and the normalization's offset is the only bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...framework import layers
from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from ..blocks import ConvNorm

EXPANSION = 4  # of a bottleneck's channels by its last convolution


class ResNetBackbone(Backbone):
    """Images to feature maps.

    Shapes: images (batch, height, width, 3); the result is (batch, height / 32, width / 32,
    channels), the channels being the last of `stackwise_num_filters`, four times that with
    bottlenecks.

    Args:
        stackwise_num_filters: channels inside the blocks of each stage.
        stackwise_num_blocks: blocks of each stage.
        stackwise_num_strides: step of the first block of each stage.
        block_type: "bottleneck_block" (1x1, 3x3, 1x1) or "basic_block" (3x3, 3x3).
        input_conv_filters: channels of the stem.
        stride_on_first_conv: whether a bottleneck steps at its first 1x1 (Keras), not at the 3x3.
        use_bias: whether convolutions have biases (Keras).
        epsilon: of the normalizations; 1.001e-5 in Keras.
        dtype: dtype of the weights.

    Raises:
        ValueError: an unknown `block_type`, or the stages' lists differ in length.
    """

    def __init__(
        self,
        stackwise_num_filters: Sequence[int] = (64, 128, 256, 512),
        stackwise_num_blocks: Sequence[int] = (3, 4, 6, 3),
        stackwise_num_strides: Sequence[int] = (1, 2, 2, 2),
        block_type: str = "bottleneck_block",
        input_conv_filters: int = 64,
        stride_on_first_conv: bool = False,
        use_bias: bool = False,
        epsilon: float = 1e-5,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if block_type not in ("bottleneck_block", "basic_block"):
            raise ValueError(
                f"`block_type` must be 'bottleneck_block' or 'basic_block'; got {block_type!r}."
            )
        stages = (stackwise_num_filters, stackwise_num_blocks, stackwise_num_strides)
        if len(set(map(len, stages))) != 1:
            raise ValueError(
                "`stackwise_num_filters`, `stackwise_num_blocks` and `stackwise_num_strides` have "
                f"an entry for each stage; got {', '.join(str(len(stage)) for stage in stages)}."
            )
        settings = {"use_bias": use_bias, "epsilon": epsilon}
        self.stem = ConvNorm(3, input_conv_filters, 7, 2, padding=3, **settings)
        self.pool = layers.MaxPooling2D(3, 2, padding=((1, 1), (1, 1)))
        self.stages = []
        inputs = input_conv_filters
        for filters, blocks, stride in zip(*stages, strict=True):
            if block_type == "basic_block":
                plan = [(filters, 3, stride), (filters, 3, 1)]
            else:
                first, second = (stride, 1) if stride_on_first_conv else (1, stride)
                plan = [(filters, 1, first), (filters, 3, second), (filters * EXPANSION, 1, 1)]
            self.stages.append(Stage(inputs, plan, blocks, stride, settings))
            inputs = plan[-1][0]
        self.output_channels = inputs
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, height, width, 3); all three sizes open."""
        return [InputSpec("float32", (None, None, None, 3), name="images")]

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> Tensor:
        """Returns the feature map of images, (batch, height / 32, width / 32, output_channels).

        Args:
            images: (batch, height, width, 3), as the preprocessor gives them.
        """
        x = self.pool(self.stem(images))  # (batch, height / 4, width / 4, input_conv_filters)
        for stage in self.stages:
            x = stage(x)
        return x


Plan = list[tuple[int, int, int]]  # (filters, kernel size, stride) of each convolution of a block


class Stage(layers.Layer):
    """Blocks of one width, of which the first one steps."""

    def __init__(
        self, inputs: int, plan: Plan, blocks: int, stride: int, settings: dict[str, Any]
    ) -> None:
        super().__init__()
        outputs = plan[-1][0]
        rest = [(filters, kernel, 1) for filters, kernel, _ in plan]
        self.blocks = [Residual(inputs, plan, stride, settings)]
        self.blocks += [Residual(outputs, rest, 1, settings) for _ in range(blocks - 1)]
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the output of the last block, (batch, height / stride, width / stride, outputs).

        Args:
            x: (batch, height, width, inputs).
        """
        for block in self.blocks:
            x = block(x)
        return x


class Residual(layers.Layer):
    """relu(convolutions(x) + x), x brought to their shape by a 1x1 convolution where it differs."""

    def __init__(self, inputs: int, plan: Plan, stride: int, settings: dict[str, Any]) -> None:
        super().__init__()
        outputs = plan[-1][0]
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = ConvNorm(
                inputs, outputs, 1, stride, padding=0, activation=None, **settings
            )
        self.units = []
        for filters, kernel, step in plan:
            padding = kernel // 2
            self.units.append(ConvNorm(inputs, filters, kernel, step, padding, **settings))
            inputs = filters
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns relu(convolutions(x) + shortcut).

        Args:
            x: (batch, height, width, inputs).

        Returns:
            (batch, height / stride, width / stride, outputs).
        """
        shortcut = x if self.shortcut is None else self.shortcut(x)
        *inner, last = self.units
        for unit in inner:
            x = unit(x)
        return last(x, shortcut)
