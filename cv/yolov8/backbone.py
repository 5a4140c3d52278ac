"""YOLOv8: the architecture, up to its three feature maps.

A CSP network (Wang et al. 2019, arXiv:1911.11929) whose blocks hand on all of their steps, a
pyramid of poolings, and a path aggregation network (Liu et al. 2018, arXiv:1803.01534). Definition:
the published description of the model (`yolov8.yaml`) and the shapes in its checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...applications.blocks import ConvNorm
from ...framework import layers, ops
from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ...hub.bases import Backbone

# What ultralytics trains with: 1 - 0.03 stays, of which PyTorch names the rest.
EPSILON, MOMENTUM = 1e-3, 0.97
STRIDES = (8, 16, 32)


def conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, activation: str | None = "silu"
) -> ConvNorm:
    """Returns a convolution with zeros around its input, a normalization and SiLU."""
    return ConvNorm(
        inputs,
        outputs,
        kernel,
        stride,
        padding=kernel // 2,
        activation=activation,
        epsilon=EPSILON,
        momentum=MOMENTUM,
    )


class YOLOv8Backbone(Backbone):
    """Images to three feature maps, at strides of 8, 16 and 32 pixels.

    Shapes: images (batch, height, width, 3), height and width multiples of 32; the result is a list
    of (batch, height / s, width / s, channels) for s in 8, 16, 32.

    Args:
        channels: of the stem and of the four stages, each with half the rows and columns of the one
            before.
        depths: numbers of bottlenecks in the blocks of the four stages.
        neck_depth: number of bottlenecks in each block behind the stages.
        pool_activation: whether SiLU follows the convolution before the poolings. What ultralytics
            8.4 trained has none there; its older versions, and so the published weights, have it.
        dtype: dtype of the weights.

    Raises:
        ValueError: other than five numbers of channels, all even, and four depths.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        depths: Sequence[int] = (1, 2, 2, 1),
        neck_depth: int = 1,
        pool_activation: bool = True,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if len(channels) != 5 or len(depths) != 4 or any(n < 2 or n % 2 for n in channels):
            raise ValueError(
                "`channels` must be five even numbers and `depths` four; got "
                f"{tuple(channels)} and {tuple(depths)}."
            )
        self.stem = conv(3, channels[0], 3, 2)
        self.stages = [
            Stage(inputs, outputs, depth)
            for inputs, outputs, depth in zip(channels[:-1], channels[1:], depths, strict=True)
        ]
        low, middle, high = channels[2:]
        self.pool = PyramidPool(high, pool_activation)
        self.upsample = layers.UpSampling2D(2, interpolation="nearest")
        self.down_blocks = [  # from the coarse maps to the fine ones
            SplitBlock(high + middle, middle, neck_depth, False),
            SplitBlock(middle + low, low, neck_depth, False),
        ]
        self.up_convs = [conv(low, low, 3, 2), conv(middle, middle, 3, 2)]
        self.up_blocks = [
            SplitBlock(low + middle, middle, neck_depth, False),
            SplitBlock(middle + high, high, neck_depth, False),
        ]
        self.output_channels = (low, middle, high)
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, 640, 640, 3); no program is traced for "a multiple of 32"."""
        return [InputSpec("float32", (None, 640, 640, 3), name="images")]

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> list[Tensor]:
        """Returns the three feature maps of images, the finest first.

        Args:
            images: (batch, height, width, 3), as the preprocessor gives them.

        Raises:
            ValueError: a height or width that is not a multiple of 32.
        """
        for size in images.shape[1:3]:
            if isinstance(size, int) and size % STRIDES[-1]:
                raise ValueError(
                    f"YOLOv8 got images of {images.shape[1]}x{images.shape[2]} pixels; multiples "
                    f"of {STRIDES[-1]} are expected: let the preprocessor frame them."
                )
        x = self.stem(images)  # (batch, height / 2, width / 2, channels)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        _, low, middle, _ = maps
        high = self.pool(x)
        middle = self.down_blocks[0](ops.concatenate([self.upsample(high), middle], axis=-1))
        low = self.down_blocks[1](ops.concatenate([self.upsample(middle), low], axis=-1))
        middle = self.up_blocks[0](ops.concatenate([self.up_convs[0](low), middle], axis=-1))
        high = self.up_blocks[1](ops.concatenate([self.up_convs[1](middle), high], axis=-1))
        return [low, middle, high]


class Stage(layers.Layer):
    """A convolution that halves rows and columns, and a block."""

    def __init__(self, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, 3, 2)
        self.block = SplitBlock(outputs, outputs, depth, True)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (batch, rows / 2, columns / 2, outputs) of x, (batch, rows, columns, inputs)."""
        return self.block(self.conv(x))


class SplitBlock(layers.Layer):
    """Half of the channels goes through bottlenecks; both halves and each step are joined (C2f)."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.enter = conv(inputs, 2 * half)
        self.bottlenecks = [Bottleneck(half, shortcut) for _ in range(depth)]
        self.leave = conv((2 + depth) * half, outputs)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (batch, rows, columns, outputs) of x, (batch, rows, columns, inputs)."""
        x = self.enter(x)
        parts = [x]
        x = x[..., x.shape[-1] // 2 :]
        for bottleneck in self.bottlenecks:
            x = bottleneck(x)
            parts.append(x)
        return self.leave(ops.concatenate(parts, axis=-1))


class Bottleneck(layers.Layer):
    """Two convolutions of 3x3, perhaps with a shortcut around them; the shape stays."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels, 3), conv(channels, channels, 3)
        self.shortcut = shortcut
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the block's output for x, (batch, rows, columns, channels)."""
        y = self.second(self.first(x))
        return ops.add(x, y) if self.shortcut else y


class PyramidPool(layers.Layer):
    """Largest values around each place, in windows of 5, 9 and 13, beside the input (SPPF)."""

    def __init__(self, channels: int, activation: bool) -> None:
        super().__init__()
        self.enter = conv(channels, channels // 2, activation="silu" if activation else None)
        self.pool = layers.MaxPooling2D(5, strides=1, padding="same")
        self.leave = conv(2 * channels, channels)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the block's output for x, (batch, rows, columns, channels)."""
        parts = [self.enter(x)]
        for _ in range(3):  # a window of 5 over one of 5 is one of 9
            parts.append(self.pool(parts[-1]))
        return self.leave(ops.concatenate(parts, axis=-1))
