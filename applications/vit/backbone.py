"""ViT: the architecture (Dosovitskiy et al. 2020, arXiv:2010.11929)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.initializers import TruncatedNormal
from ...framework.layers import Conv2D, Dense, Dropout, Layer, LayerNormalization
from ...framework.typing import Tensor
from ...hub.bases import Backbone


def _dense(outputs: int, inputs: int, **settings: Any) -> Dense:
    initial = TruncatedNormal(stddev=0.02)
    return Dense(outputs, kernel_initializer=initial, input_dim=inputs, **settings)


class ViTBackbone(Backbone):
    """Images to tokens: one for the whole picture, and one for each of its patches.

    Shapes: images (batch, height, width, 3); the result is a dict of `sequence_output`,
    (batch, 1 + rows * columns, hidden_dim), where rows and columns are those of whole patches, and
    `pooled_output`, (batch, hidden_dim): the first token, through a dense layer and tanh where
    there is a pooler. Pictures of another size than `image_size` get position embeddings that are
    interpolated by cubic convolution.

    Args:
        image_size: height and width that the position embeddings are for.
        patch_size: height and width of a patch.
        num_layers: number of blocks.
        num_heads: number of attention heads.
        hidden_dim: size of a token.
        intermediate_dim: size inside of a block's dense part.
        use_qkv_bias: whether the projections of queries, keys and values have biases.
        dropout: share of what each half of a block gives that is dropped in training.
        layer_norm_epsilon: of the normalizations.
        pooler: whether there is a pooler.
        dtype: dtype of the weights.

    Raises:
        ValueError: heads that do not divide `hidden_dim`, or patches larger than the image.
    """

    def __init__(
        self,
        image_size: int = 224,
        patch_size: int = 16,
        num_layers: int = 12,
        num_heads: int = 12,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        use_qkv_bias: bool = True,
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-6,
        pooler: bool = False,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if hidden_dim % num_heads:
            raise ValueError(
                f"`hidden_dim` must be a multiple of `num_heads`; got {hidden_dim} and {num_heads}."
            )
        if image_size < patch_size:
            raise ValueError(
                f"`image_size` must be at least `patch_size`; got {image_size} and {patch_size}."
            )
        self.embeddings = Embeddings(image_size // patch_size, patch_size, hidden_dim, dropout)
        self.blocks = [
            Block(
                num_heads, hidden_dim, intermediate_dim, use_qkv_bias, dropout, layer_norm_epsilon
            )
            for _ in range(num_layers)
        ]
        self.norm = LayerNormalization(epsilon=layer_norm_epsilon, input_dim=hidden_dim)
        self.pooler = _dense(hidden_dim, hidden_dim, activation="tanh") if pooler else None
        self.output_channels = hidden_dim
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, height, width, 3) of the usual size, with an open batch."""
        side = self.embeddings.grid * self.embeddings.patch_size
        return [InputSpec("float32", (None, side, side, 3), name="images")]

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> dict[str, Tensor]:
        """Returns the tokens and the pooled output of images.

        Args:
            images: (batch, height, width, 3), as the preprocessor gives them.
        """
        x = self.embeddings(images)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)  # (batch, tokens, hidden_dim)
        first = x[:, 0]
        pooled = first if self.pooler is None else self.pooler(first)
        return {"sequence_output": x, "pooled_output": pooled}


class Embeddings(Layer):
    """Patches as tokens, a token for the whole picture before them, and the places of all."""

    def __init__(self, grid: int, patch_size: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self.grid, self.patch_size, self.hidden_dim = grid, patch_size, hidden_dim
        self.patches = Conv2D(
            hidden_dim, patch_size, strides=patch_size, input_shape=(None, None, 3)
        )
        initial = TruncatedNormal(stddev=0.02)
        self.class_token = self.add_weight((1, 1, hidden_dim), initial)
        self.position = self.add_weight((1, 1 + grid * grid, hidden_dim), initial)
        self.dropout = Dropout(dropout)
        self.built = True

    def call(self, images: Tensor) -> Tensor:
        """Returns tokens (batch, 1 + rows * columns, hidden_dim).

        Args:
            images: (batch, height, width, 3).

        Raises:
            ValueError: the images are smaller than a patch.
        """
        height, width = images.shape[1:3]
        if min(n or self.patch_size for n in (height, width)) < self.patch_size:
            raise ValueError(
                f"ViT got images of {height}x{width} pixels, and its patches have "
                f"{self.patch_size}x{self.patch_size}: resize the images."
            )
        x = self.patches(images)  # (batch, rows, columns, hidden_dim)
        batch = ops.shape(x)[0]
        x = ops.reshape(x, (batch, -1, self.hidden_dim))
        first = ops.broadcast_to(self.class_token, (batch, 1, self.hidden_dim))
        x = ops.concatenate([first, x], axis=1)
        return self.dropout(ops.add(x, self._places(height, width)))

    def _places(self, height: int | None, width: int | None) -> Tensor:
        """What is added to the tokens of a picture of a size, (1, tokens, hidden_dim)."""
        if height is None or width is None:
            return ops.convert_to_tensor(self.position)  # of the usual size, or adding fails
        rows, columns = height // self.patch_size, width // self.patch_size
        if rows == columns == self.grid:
            return ops.convert_to_tensor(self.position)
        first, rest = self.position[:, :1], self.position[:, 1:]
        grid = ops.reshape(rest, (self.grid, self.grid, self.hidden_dim))
        down, across = (
            ops.cast(cubic_weights(self.grid, n), self.compute_dtype) for n in (rows, columns)
        )
        grid = ops.einsum("ri,ijd->rjd", down, grid)
        grid = ops.einsum("cj,rjd->rcd", across, grid)
        rest = ops.reshape(grid, (1, rows * columns, self.hidden_dim))
        return ops.concatenate([first, rest], axis=1)


def cubic_weights(old: int, new: int) -> np.ndarray:
    """Returns the matrix (new, old) that stretches `old` samples to `new` by cubic convolution.

    Keys 1981 with a = -0.75, centres of samples half a step from the ends, samples beyond which
    the last one is repeated: what `torch.nn.functional.interpolate(mode="bicubic")` computes, by
    which transformers fits ViT to pictures of another size.
    """
    a = -0.75
    centre = (np.arange(new) + 0.5) * old / new - 0.5
    start = np.floor(centre).astype(int)
    weights = np.zeros((new, old))
    for step in (-1, 0, 1, 2):
        distance = np.abs(centre - (start + step))
        near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
        far = a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
        place = np.clip(start + step, 0, old - 1)
        np.add.at(weights, (np.arange(new), place), np.where(distance <= 1, near, far))
    return weights.astype("float32")


class Attention(Layer):
    """Attention of tokens to each other in `num_heads` heads, with one kernel for all that goes in.

    The columns of the kernel `qkv` are those of queries, keys and values, each by head.
    """

    def __init__(self, num_heads: int, hidden_dim: int, use_qkv_bias: bool) -> None:
        super().__init__()
        self.num_heads, self.hidden_dim = num_heads, hidden_dim
        self.qkv = _dense(3 * hidden_dim, hidden_dim, use_bias=use_qkv_bias)
        self.output_dense = _dense(hidden_dim, hidden_dim)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the attention of x, (batch, tokens, hidden_dim), to itself."""
        batch, tokens = ops.shape(x)[:2]
        size = self.hidden_dim // self.num_heads
        x = ops.reshape(self.qkv(x), (batch, tokens, 3, self.num_heads, size))
        x = ops.dot_product_attention(x[:, :, 0], x[:, :, 1], x[:, :, 2])
        return self.output_dense(ops.reshape(x, (batch, tokens, self.hidden_dim)))


class Block(Layer):
    """One Transformer block, with the norm before each half; (batch, tokens, hidden_dim) stays."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        use_qkv_bias: bool,
        dropout: float,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.attention_norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.attention = Attention(num_heads, hidden_dim, use_qkv_bias)
        self.norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.inner = _dense(intermediate_dim, hidden_dim, activation="gelu")
        self.outer = _dense(hidden_dim, intermediate_dim)
        self.dropout = Dropout(dropout)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the block's output for x, (batch, tokens, hidden_dim)."""
        x = ops.add(x, self.dropout(self.attention(self.attention_norm(x))))
        return ops.add(x, self.dropout(self.outer(self.inner(self.norm(x)))))
