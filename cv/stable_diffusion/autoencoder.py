"""Stable Diffusion's autoencoder: pictures to small latents, and back.

Rombach et al. 2022, arXiv:2112.10752. Definition: diffusers' `AutoencoderKL`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...framework import ops
from ...framework.core.layer import Layer
from ...framework.ops.joining import split
from ...framework.typing import Tensor
from .layers import Downsample, MapAttention, ResnetBlock, Upsample, conv, dense, group_norm

EPSILON = 1e-6


class Stage(Layer):
    """Resnet blocks of one size of feature maps, and what halves or doubles it behind them."""

    def __init__(
        self, inputs: int, outputs: int, count: int, groups: int, resampler: Layer | None
    ) -> None:
        super().__init__()
        self.resnets = [
            ResnetBlock(outputs if index else inputs, outputs, None, groups, EPSILON)
            for index in range(count)
        ]
        self.resampler = resampler
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the stage's output for x, (batch, height, width, inputs)."""
        for block in self.resnets:
            x = block(x)
        return x if self.resampler is None else self.resampler(x)


class Middle(Layer):
    """A resnet block, attention, and another resnet block."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = [ResnetBlock(channels, channels, None, groups, EPSILON) for _ in range(2)]
        self.attention = MapAttention(channels, groups, EPSILON)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the output for x, (batch, height, width, channels)."""
        return self.resnets[1](self.attention(self.resnets[0](x)))


class Encoder(Layer):
    """Pictures (batch, height, width, 3) to the numbers that describe latents."""

    def __init__(
        self, channels: Sequence[int], layers_per_block: int, latents: int, groups: int
    ) -> None:
        super().__init__()
        last = len(channels) - 1
        self.conv_in = conv(3, channels[0])
        self.down_blocks = [
            Stage(
                channels[max(index - 1, 0)],
                size,
                layers_per_block,
                groups,
                Downsample(size, 0) if index < last else None,
            )
            for index, size in enumerate(channels)
        ]
        self.middle = Middle(channels[-1], groups)
        self.conv_norm_out = group_norm(channels[-1], groups, EPSILON)
        self.conv_out = conv(channels[-1], 2 * latents)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (batch, height / 8, width / 8, 2 * latents) for pictures of four levels."""
        x = self.conv_in(x)
        for stage in self.down_blocks:
            x = stage(x)
        return self.conv_out(ops.silu(self.conv_norm_out(self.middle(x))))


class Decoder(Layer):
    """Latents to pictures (batch, height, width, 3)."""

    def __init__(
        self, channels: Sequence[int], layers_per_block: int, latents: int, groups: int
    ) -> None:
        super().__init__()
        sizes = [*reversed(channels)]
        self.conv_in = conv(latents, sizes[0])
        self.middle = Middle(sizes[0], groups)
        self.up_blocks = [
            Stage(
                sizes[max(index - 1, 0)],
                size,
                layers_per_block + 1,
                groups,
                Upsample(size) if index < len(sizes) - 1 else None,
            )
            for index, size in enumerate(sizes)
        ]
        self.conv_norm_out = group_norm(sizes[-1], groups, EPSILON)
        self.conv_out = conv(sizes[-1], 3)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (batch, 8 * height, 8 * width, 3) for latents of four levels."""
        x = self.middle(self.conv_in(x))
        for stage in self.up_blocks:
            x = stage(x)
        return self.conv_out(ops.silu(self.conv_norm_out(x)))


class Autoencoder(Layer):
    """Pictures to latents and back.

    Args:
        block_channels: channels of the feature maps of each level, the largest map first.
        layers_per_block: resnet blocks of each level of the encoder; the decoder has one more.
        latent_channels: channels of the latents.
        groups: groups of channels of the norms.
        scaling_factor: what latents are multiplied by, so that they spread like the noise.
    """

    def __init__(
        self,
        block_channels: Sequence[int] = (128, 256, 512, 512),
        layers_per_block: int = 2,
        latent_channels: int = 4,
        groups: int = 32,
        scaling_factor: float = 0.18215,
    ) -> None:
        super().__init__()
        sizes = (block_channels, layers_per_block, latent_channels, groups)
        self.encoder, self.decoder = Encoder(*sizes), Decoder(*sizes)
        self.quant_conv = dense(2 * latent_channels, 2 * latent_channels)
        self.post_quant_conv = dense(latent_channels, latent_channels)
        self.latent_channels, self.scaling_factor = latent_channels, scaling_factor
        self.factor = 2 ** (len(block_channels) - 1)
        self.built = True

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and standard deviation of the scaled latents of pictures.

        Args:
            images: (batch, height, width, 3), from -1 to 1.

        Returns:
            Two tensors (batch, height / factor, width / factor, latent_channels).
        """
        found = self.quant_conv(self.encoder(images))
        mean, logarithm = split(found, 2, -1)
        spread = ops.exp(ops.multiply(ops.clip(logarithm, -30.0, 20.0), 0.5))
        scale = self.scaling_factor
        return ops.multiply(mean, scale), ops.multiply(spread, scale)

    def decode(self, latents: Tensor) -> Tensor:
        """Returns the pictures of scaled latents, (batch, height, width, 3), about -1 to 1."""
        latents = ops.multiply(latents, 1 / self.scaling_factor)
        return self.decoder(self.post_quant_conv(latents))

    def call(self, images: Tensor) -> Tensor:
        """Returns pictures (batch, height, width, 3) as the means of their latents tell them."""
        return self.decode(self.encode(images)[0])
