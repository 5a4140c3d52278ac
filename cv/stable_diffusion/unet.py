"""Stable Diffusion's denoising network: a U of feature maps that looks at a text.

Rombach et al. 2022, arXiv:2112.10752. Definition: diffusers' `UNet2DConditionModel`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.core.layer import Layer
from ...framework.typing import Tensor
from .layers import (
    Downsample,
    ResnetBlock,
    SpatialTransformer,
    Upsample,
    conv,
    dense,
    group_norm,
    waves,
)

EPSILON = 1e-5


class Level(Layer):
    """One size of feature maps, on the way down or up.

    Args:
        inputs: channels of the inputs of each resnet block.
        channels: channels of the outputs.
        time_dim: size of the vector that tells the time.
        num_heads: heads of attention; there is none if None.
        context_dim: size of a text token's vector.
        groups: groups of channels of the norms.
        resampler: what halves or doubles the size behind the blocks; None for nothing.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        channels: int,
        time_dim: int,
        num_heads: int | None,
        context_dim: int,
        groups: int,
        resampler: Layer | None,
    ) -> None:
        super().__init__()
        self.resnets = [ResnetBlock(size, channels, time_dim, groups, EPSILON) for size in inputs]
        self.attentions = [
            SpatialTransformer(num_heads, channels, context_dim, groups)
            for _ in (inputs if num_heads is not None else ())
        ]
        self.resampler = resampler
        self.built = True

    def call(self, x: Tensor, time: Tensor, context: Tensor, index: int) -> Tensor:
        """Returns the output of the resnet block `index`, and of the attention behind it.

        Args:
            x: (batch, height, width, inputs[index]).
            time: (batch, time_dim), behind its activation.
            context: (batch, tokens, context_dim).
            index: which block.
        """
        x = self.resnets[index](x, time)
        return self.attentions[index](x, context) if self.attentions else x


class UNet(Layer):
    """Predicts what was added to latents, from the time and the vectors of a text.

    Args:
        in_channels: channels of its inputs.
        out_channels: channels of its outputs.
        block_channels: channels of the feature maps of each level, the largest map first.
        attention: whether each level has attention; all but the last if None.
        num_heads: heads of attention, one number for all levels or one for each.
        layers_per_block: resnet blocks of each level on the way down; one more on the way up.
        context_dim: size of a text token's vector.
        groups: groups of channels of the norms.
        linear_projection: whether files hold the layers around attention as matrices, else as
            convolutions of one pixel; what is computed is the same.

    Raises:
        ValueError: lists of another length than `block_channels`, or heads or groups that do not
            divide the channels.
    """

    def __init__(
        self,
        in_channels: int = 4,
        out_channels: int = 4,
        block_channels: Sequence[int] = (320, 640, 1280, 1280),
        attention: Sequence[bool] | None = None,
        num_heads: int | Sequence[int] = 8,
        layers_per_block: int = 2,
        context_dim: int = 768,
        groups: int = 32,
        linear_projection: bool = False,
    ) -> None:
        super().__init__()
        depth = len(block_channels)
        attends = [True] * (depth - 1) + [False] if attention is None else [*attention]
        heads = [num_heads] * depth if isinstance(num_heads, int) else [*num_heads]
        if not len(attends) == len(heads) == depth > 0:
            raise ValueError(
                f"`block_channels`, `attention` and `num_heads` must name the same levels; got "
                f"{depth}, {len(attends)} and {len(heads)}."
            )
        first, last = block_channels[0], block_channels[-1]
        time_dim = 4 * first
        self.in_channels, self.first, self.layers_per_block = in_channels, first, layers_per_block
        self.context_dim, self.sample_size = context_dim, 64
        self.conv_in = conv(in_channels, first)
        self.linear_1, self.linear_2 = dense(time_dim, first), dense(time_dim, time_dim)
        common = {"time_dim": time_dim, "context_dim": context_dim, "groups": groups}
        self.down_blocks: list[Level] = []
        # Channels of what each step down leaves for the way up.
        left, channels = [first], first
        for index, size in enumerate(block_channels):
            inputs = [channels] + [size] * (layers_per_block - 1)
            sampler = Downsample(size, 1) if index < depth - 1 else None
            self.down_blocks.append(
                Level(
                    inputs,
                    size,
                    num_heads=heads[index] if attends[index] else None,
                    resampler=sampler,
                    **common,
                )  # fmt: skip
            )
            left += [size] * (layers_per_block + (sampler is not None))
            channels = size
        self.mid_resnets = [ResnetBlock(last, last, time_dim, groups, EPSILON) for _ in range(2)]
        self.mid_attention = SpatialTransformer(heads[-1], last, context_dim, groups)
        self.up_blocks: list[Level] = []
        for index in reversed(range(depth)):
            size = block_channels[index]
            inputs = []
            for _ in range(layers_per_block + 1):
                inputs.append(channels + left.pop())
                channels = size
            sampler = Upsample(size) if index else None
            self.up_blocks.append(
                Level(
                    inputs,
                    size,
                    num_heads=heads[index] if attends[index] else None,
                    resampler=sampler,
                    **common,
                )  # fmt: skip
            )
        self.conv_norm_out = group_norm(first, groups, EPSILON)
        self.conv_out = conv(first, out_channels)
        self.built = True

    def export_signature(self) -> list[InputSpec]:
        """Returns the inputs of the call for latents of `sample_size`; other sizes stay open."""
        side = self.sample_size
        return [
            InputSpec("float32", (None, side, side, self.in_channels), name="x"),
            InputSpec("float32", (None,), name="time"),
            InputSpec("float32", (None, None, self.context_dim), name="context"),
        ]

    def call(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """Returns the prediction, (batch, height, width, out_channels).

        Args:
            x: noisy latents, (batch, height, width, in_channels).
            time: steps of the training's 1,000, (batch,), floats or integers.
            context: vectors of the tokens of texts, (batch, tokens, context_dim).
        """
        signal = ops.cast(waves(time, self.first // 2), x.dtype)
        signal = self.linear_2(ops.silu(self.linear_1(signal)))
        signal = ops.silu(signal)
        x = self.conv_in(x)
        left = [x]
        for level in self.down_blocks:
            for index in range(self.layers_per_block):
                x = level(x, signal, context, index)
                left.append(x)
            if level.resampler is not None:
                x = level.resampler(x)
                left.append(x)
        x = self.mid_resnets[0](x, signal)
        x = self.mid_attention(x, context)
        x = self.mid_resnets[1](x, signal)
        for level in self.up_blocks:
            for index in range(self.layers_per_block + 1):
                x = ops.concatenate([x, left.pop()], axis=-1)
                x = level(x, signal, context, index)
            if level.resampler is not None:
                x = level.resampler(x, *left[-1].shape[1:3])
        return self.conv_out(ops.silu(self.conv_norm_out(x)))
