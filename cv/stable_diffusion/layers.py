"""What the denoising network and the autoencoder of Stable Diffusion are made of.

Attributes bear the names that diffusers gives to the same parts. Feature maps are (batch, height,
width, channels).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.layer import Layer
from ...framework.layers import Conv2D, Dense, GroupNormalization, LayerNormalization
from ...framework.ops.joining import split
from ...framework.typing import Tensor


def conv(inputs: int, outputs: int, kernel: int = 3, strides: int = 1, pads: Any = None) -> Conv2D:
    """Makes a convolution.

    Args:
        inputs: channels of its inputs.
        outputs: channels of its outputs.
        kernel: side of the kernel.
        strides: step of the kernel.
        pads: zeros before and behind rows and columns; half of a kernel on each side if None.
    """
    half = kernel // 2
    padding = ((half, half),) * 2 if pads is None else (pads, pads)
    return Conv2D(
        outputs, kernel, strides=strides, padding=padding, input_shape=(None, None, inputs)
    )


def group_norm(channels: int, groups: int, epsilon: float) -> GroupNormalization:
    """Makes a normalization of `groups` groups of channels."""
    return GroupNormalization(groups, epsilon=epsilon, input_shape=(None, None, channels))


def dense(outputs: int, inputs: int, use_bias: bool = True) -> Dense:
    """Makes a dense layer."""
    return Dense(outputs, use_bias=use_bias, input_dim=inputs)


class ResnetBlock(Layer):
    """Two convolutions behind norms, added to their input (Ho et al. 2020).

    Args:
        inputs: channels of the inputs.
        outputs: channels of the outputs.
        time_dim: size of the vector that tells the time; there is none if None.
        groups: groups of channels of the norms.
        epsilon: of the norms.
    """

    def __init__(
        self, inputs: int, outputs: int, time_dim: int | None, groups: int, epsilon: float
    ) -> None:
        super().__init__()
        self.norm1 = group_norm(inputs, groups, epsilon)
        self.conv1 = conv(inputs, outputs)
        self.time_emb_proj = None if time_dim is None else dense(outputs, time_dim)
        self.norm2 = group_norm(outputs, groups, epsilon)
        self.conv2 = conv(outputs, outputs)
        self.conv_shortcut = None if inputs == outputs else dense(outputs, inputs)
        self.built = True

    def call(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Returns (batch, height, width, outputs).

        Args:
            x: (batch, height, width, inputs).
            time: (batch, time_dim), behind its activation.
        """
        y = self.conv1(ops.silu(self.norm1(x)))
        if self.time_emb_proj is not None and time is not None:
            y = ops.add(y, ops.expand_dims(self.time_emb_proj(time), (1, 2)))
        y = self.conv2(ops.silu(self.norm2(y)))
        return ops.add(x if self.conv_shortcut is None else self.conv_shortcut(x), y)


class Attention(Layer):
    """Attention whose queries, keys and values have no bias, unless `use_bias`.

    Args:
        num_heads: number of heads.
        dim: size of a token, in and out.
        context_dim: size of a token that is attended to; `dim` if None.
        use_bias: whether queries, keys and values have biases.
    """

    def __init__(
        self, num_heads: int, dim: int, context_dim: int | None = None, use_bias: bool = False
    ) -> None:
        super().__init__()
        self.num_heads, self.dim = num_heads, dim
        self.to_q = dense(dim, dim, use_bias)
        self.to_k = dense(dim, context_dim or dim, use_bias)
        self.to_v = dense(dim, context_dim or dim, use_bias)
        self.to_out = dense(dim, dim)
        self.built = True

    def call(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Returns (batch, target, dim).

        Args:
            x: (batch, target, dim).
            context: what is attended to, (batch, source, context_dim); x itself if None.
        """
        context = x if context is None else context
        batch, target = ops.shape(x)[:2]
        size = (self.num_heads, self.dim // self.num_heads)
        source = ops.shape(context)[1]
        query = ops.reshape(self.to_q(x), (batch, target, *size))
        key, value = (
            ops.reshape(layer(context), (batch, source, *size)) for layer in (self.to_k, self.to_v)
        )
        y = ops.dot_product_attention(query, key, value)
        return self.to_out(ops.reshape(y, (batch, target, self.dim)))


class TransformerBlock(Layer):
    """Attention to itself, attention to the text, and a gated feed-forward layer."""

    def __init__(self, num_heads: int, dim: int, context_dim: int) -> None:
        super().__init__()
        self.norm1 = LayerNormalization(epsilon=1e-5, input_dim=dim)
        self.attn1 = Attention(num_heads, dim)
        self.norm2 = LayerNormalization(epsilon=1e-5, input_dim=dim)
        self.attn2 = Attention(num_heads, dim, context_dim)
        self.norm3 = LayerNormalization(epsilon=1e-5, input_dim=dim)
        # Values and gates side by side (Shazeer 2020, arXiv:2002.05202: GEGLU).
        self.inner = dense(8 * dim, dim)
        self.outer = dense(dim, 4 * dim)
        self.built = True

    def call(self, x: Tensor, context: Tensor) -> Tensor:
        """Returns the block's output for x, (batch, tokens, dim), and the text's vectors."""
        x = ops.add(x, self.attn1(self.norm1(x)))
        x = ops.add(x, self.attn2(self.norm2(x), context))
        value, gate = split(self.inner(self.norm3(x)), 2, -1)
        return ops.add(x, self.outer(ops.multiply(value, ops.gelu(gate, approximate=False))))


class SpatialTransformer(Layer):
    """Transformer blocks over the places of a feature map, added to their input.

    Args:
        num_heads: heads of each attention.
        channels: of the feature map.
        context_dim: size of a text token's vector.
        groups: groups of channels of the norm.
    """

    def __init__(self, num_heads: int, channels: int, context_dim: int, groups: int) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(
                f"The heads must divide the channels of their block; got {num_heads} heads and "
                f"{channels} channels."
            )
        self.channels = channels
        self.norm = group_norm(channels, groups, 1e-6)
        self.proj_in = dense(channels, channels)
        self.transformer_blocks = [TransformerBlock(num_heads, channels, context_dim)]
        self.proj_out = dense(channels, channels)
        self.built = True

    def call(self, x: Tensor, context: Tensor) -> Tensor:
        """Returns (batch, height, width, channels).

        Args:
            x: (batch, height, width, channels).
            context: (batch, tokens, context_dim).
        """
        shape = ops.shape(x)
        y = self.proj_in(ops.reshape(self.norm(x), (shape[0], -1, self.channels)))
        for block in self.transformer_blocks:
            y = block(y, context)
        return ops.add(x, ops.reshape(self.proj_out(y), shape))


class MapAttention(Layer):
    """Attention of the places of a feature map to each other, in one head, added to the input."""

    def __init__(self, channels: int, groups: int, epsilon: float) -> None:
        super().__init__()
        self.channels = channels
        self.group_norm = group_norm(channels, groups, epsilon)
        self.attention = Attention(1, channels, use_bias=True)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the output for x, (batch, height, width, channels)."""
        shape = ops.shape(x)
        y = self.attention(ops.reshape(self.group_norm(x), (shape[0], -1, self.channels)))
        return ops.add(x, ops.reshape(y, shape))


class Upsample(Layer):
    """Repeats rows and columns to another size, and convolves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels)
        self.built = True

    def call(self, x: Tensor, height: int | None = None, width: int | None = None) -> Tensor:
        """Returns (batch, height, width, channels) of x, (batch, rows, columns, channels).

        Args:
            x: the feature map.
            height: rows of the result; twice as many as x has if None.
            width: columns of the result; twice as many as x has if None.
        """
        for axis, wanted in ((1, height), (2, width)):
            size = x.shape[axis]
            if wanted is None or size is None or wanted == 2 * size:
                x = ops.repeat(x, 2, axis=axis)
            else:
                x = ops.take(x, np.arange(wanted) * size // wanted, axis=axis)
        return self.conv(x)


class Downsample(Layer):
    """Convolves by steps of two.

    Args:
        channels: in and out.
        before: how many zeros stand before rows and columns; one stands behind them.
    """

    def __init__(self, channels: int, before: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels, strides=2, pads=(before, 1))
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns half of the rows and columns of x, (batch, height, width, channels)."""
        return self.conv(x)


def frequencies(count: int) -> np.ndarray:
    """Returns 10000^(-i / count), i = 0 … count - 1, float32: how fast the waves of a time go."""
    return np.exp(-np.log(10000.0) * np.arange(count) / count).astype(np.float32)


def waves(time: Tensor, count: int) -> Tensor:
    """Returns cosines, then sines, of times: (batch,) becomes float32 (batch, 2 * count).

    Vaswani et al. 2017, with the cosines first as in Ho et al. 2020's networks.
    """
    time = ops.expand_dims(ops.cast(time, "float32"), 1)
    angles = ops.multiply(time, ops.convert_to_tensor(frequencies(count), "float32"))
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=1)
