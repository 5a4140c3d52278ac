"""SAM's image encoder, a ViT with windowed attention, and SAM as a whole.

Kirillov et al. 2023, arXiv:2304.02643; the encoder: Li et al. 2022, arXiv:2203.16527.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.initializers import TruncatedNormal
from ...framework.layers import Conv2D, Dense, Layer, LayerNormalization
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from .decoder import MaskDecoder, PromptEncoder

PROMPTS = ("points", "labels", "boxes", "masks")
# Numbers of a bias that exist at a time. A global layer of ViT-B adds 201 million to its scores:
# its queries are taken in parts, so that neither they nor the scores need 0.8 GB at once.
_BIAS_ELEMENTS = 2**23


class SAMBackbone(Backbone):
    """Images and prompts to masks.

    `encode` computes an image's embedding, once; `decode` computes masks of it for prompts, and is
    quick. The call does both.

    Args:
        image_size: height and width of the images, in pixels.
        patch_size: height and width of a patch.
        num_layers: number of the image encoder's blocks.
        num_heads: number of its attention heads.
        hidden_dim: size of its tokens.
        intermediate_dim: size inside of its blocks' dense part.
        window_size: height and width, in patches, of the windows within which tokens attend.
        global_layers: the blocks whose tokens attend to the whole image.
        use_qkv_bias: whether its projections of queries, keys and values have biases.
        layer_norm_epsilon: of its normalizations.
        output_dim: size of an image's embedding and of prompts; a multiple of 8.
        mask_channels: channels inside of what reads masks; a multiple of 4.
        num_masks: number of masks for one prompt, beside the one that stands for all.
        decoder_layers: number of the mask decoder's blocks.
        decoder_heads: number of its attention heads.
        decoder_intermediate_dim: size inside of its blocks' dense part.
        decoder_downsample: by what the size inside of its attention to the image is smaller.
        decoder_layer_norm_epsilon: of its blocks' normalizations.
        iou_layers: dense layers of what predicts masks' quality.
        iou_dim: size inside of it.
        dtype: dtype of the weights.

    Raises:
        ValueError: sizes that do not divide each other.
    """

    def __init__(
        self,
        image_size: int = 1024,
        patch_size: int = 16,
        num_layers: int = 12,
        num_heads: int = 12,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        window_size: int = 14,
        global_layers: Sequence[int] = (2, 5, 8, 11),
        use_qkv_bias: bool = True,
        layer_norm_epsilon: float = 1e-6,
        output_dim: int = 256,
        mask_channels: int = 16,
        num_masks: int = 3,
        decoder_layers: int = 2,
        decoder_heads: int = 8,
        decoder_intermediate_dim: int = 2048,
        decoder_downsample: int = 2,
        decoder_layer_norm_epsilon: float = 1e-6,
        iou_layers: int = 3,
        iou_dim: int = 256,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        inner = decoder_heads * decoder_downsample
        for whole, part, names in (
            (image_size, patch_size, "`image_size` must be a multiple of `patch_size`"),
            (hidden_dim, num_heads, "`hidden_dim` must be a multiple of `num_heads`"),
            (output_dim, 8, "`output_dim` must be a multiple of 8"),
            (output_dim, inner, "`output_dim` must be a multiple of heads times downsample"),
            (mask_channels, 4, "`mask_channels` must be a multiple of 4"),
        ):
            if whole % part:
                raise ValueError(f"{names}; got {whole} and {part}.")
        self.image_size, self.grid = image_size, image_size // patch_size
        self.output_dim, self.num_masks = output_dim, num_masks
        self.image_encoder = ImageEncoder(
            image_size,
            patch_size,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            window_size,
            tuple(global_layers),
            output_dim,
            use_qkv_bias,
            layer_norm_epsilon,
        )
        self.prompt_encoder = PromptEncoder(image_size, self.grid, output_dim, mask_channels)
        self.mask_decoder = MaskDecoder(
            output_dim,
            num_masks,
            decoder_layers,
            decoder_heads,
            decoder_intermediate_dim,
            decoder_downsample,
            iou_layers,
            iou_dim,
            decoder_layer_norm_epsilon,
        )
        self.built = True

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Returns what `decode` does, for images instead of their embeddings.

        Args:
            inputs: a dict of `images`, (batch, image_size, image_size, 3), and of the arguments of
                `decode`.

        Raises:
            ValueError: as `decode`.
        """
        prompts = {name: inputs[name] for name in PROMPTS if name in inputs}
        return self.decode(self.encode(inputs["images"]), **prompts)

    def export_signature(self) -> list[Any]:
        """Returns `images`, `points` and `labels`; see `call`.

        Numbers of images, objects and points are open.
        """
        size = self.image_size
        return [
            {
                "images": InputSpec("float32", (None, size, size, 3)),
                "points": InputSpec("float32", (None, None, None, 2)),
                "labels": InputSpec("int32", (None, None, None)),
            }
        ]

    def encode(self, images: Tensor) -> Tensor:
        """Returns embeddings (batch, grid, grid, output_dim).

        Args:
            images: (batch, image_size, image_size, 3), as the preprocessor gives them.

        Raises:
            ValueError: images of another size.
        """
        return self.image_encoder(images)

    def decode(
        self,
        embeddings: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Returns masks of the objects that prompts show.

        Args:
            embeddings: (batch, grid, grid, output_dim), as `encode` gives them.
            points: (batch, objects, points, 2), x and y in pixels of the encoder's image.
            labels: int (batch, objects, points): 1 for a point of the object (all are, if None),
                0 for one that does not belong to it, -1 for none, -10 for one to be ignored.
            boxes: (batch, objects, 4), left, top, right and bottom in the same pixels.
            masks: (batch, objects or 1, 4 * grid, 4 * grid), logits such as `logits` below.

        Returns:
            A dict of `logits`, (batch, objects, 1 + num_masks, 4 * grid, 4 * grid), above 0 inside
            of the masks, and `scores`, (batch, objects, 1 + num_masks), their predicted
            intersections over union with the object. The first mask stands for all; the others are
            for prompts that may mean several things.

        Raises:
            ValueError: there is no prompt, or labels come without points.
        """
        if points is None and boxes is None and masks is None:
            raise ValueError("There is no prompt: give points, boxes or masks.")
        if points is None and labels is not None:
            raise ValueError("There are labels and no points that they belong to.")
        if points is not None and labels is None:
            labels = ops.ones(ops.shape(points)[:-1], dtype="int32")
        prompts, dense = self.prompt_encoder(points, labels, boxes, masks)
        places = self.prompt_encoder.grid_places()
        logits, scores = self.mask_decoder(embeddings, places, prompts, dense)
        return {"logits": logits, "scores": scores}


class ImageEncoder(Layer):
    """Images (batch, image_size, image_size, 3) to embeddings (batch, grid, grid, output_dim).

    The grid is `image_size / patch_size`. Layers attend within windows but for those in
    `global_layers`, which attend to the whole image; see `SAMBackbone` for the arguments.
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        window_size: int,
        global_layers: tuple[int, ...],
        output_dim: int,
        use_qkv_bias: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        grid = image_size // patch_size
        self.image_size = image_size
        self.patches = Conv2D(
            hidden_dim, patch_size, strides=patch_size, input_shape=(None, None, 3)
        )
        self.position = self.add_weight((1, grid, grid, hidden_dim), TruncatedNormal(stddev=0.02))
        self.blocks = [
            Block(
                num_heads,
                hidden_dim,
                intermediate_dim,
                grid,
                0 if place in global_layers else window_size,
                use_qkv_bias,
                epsilon,
            )
            for place in range(num_layers)
        ]
        self.neck = Neck(hidden_dim, output_dim)
        self.built = True

    def call(self, images: Tensor) -> Tensor:
        """Returns embeddings (batch, grid, grid, output_dim).

        Args:
            images: (batch, image_size, image_size, 3), as the preprocessor gives them.

        Raises:
            ValueError: images of another size.
        """
        height, width = images.shape[1:3]
        if (height or self.image_size, width or self.image_size) != (self.image_size,) * 2:
            raise ValueError(
                f"This SAM takes images of {self.image_size}x{self.image_size} pixels and got "
                f"{height}x{width}: its preprocessor resizes and pads them."
            )
        x = ops.add(self.patches(images), self.position)  # (batch, grid, grid, hidden_dim)
        for block in self.blocks:
            x = block(x)
        return self.neck(x)


class Block(Layer):
    """One Transformer block, with the norm before each half; (batch, grid, grid, hidden) stays."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        grid: int,
        window: int,
        use_qkv_bias: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.attention_norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.attention = WindowAttention(num_heads, hidden_dim, grid, window, use_qkv_bias)
        self.norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.inner = _dense(intermediate_dim, hidden_dim, activation="gelu")
        self.outer = _dense(hidden_dim, intermediate_dim)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the block's output for x, (batch, grid, grid, hidden)."""
        x = ops.add(x, self.attention(self.attention_norm(x)))
        return ops.add(x, self.outer(self.inner(self.norm(x))))


class WindowAttention(Layer):
    """Attention of places to those in their window, or to all, with relative positions.

    Where a key stands, seen from its query, adds to their score: the product of the query with a
    row for the distance down, and with another for the distance across (Li et al. 2021,
    arXiv:2112.01526, section 4.1). Windows that reach over the edge are filled up with zeros, and
    these take part.

    Args:
        num_heads: number of heads.
        hidden_dim: size of a place.
        grid: rows and columns of the image's embedding.
        window: rows and columns of a window; 0 for attention to the whole grid.
        use_qkv_bias: whether the projections of queries, keys and values have biases.
    """

    def __init__(
        self, num_heads: int, hidden_dim: int, grid: int, window: int, use_qkv_bias: bool
    ) -> None:
        super().__init__()
        self.num_heads, self.hidden_dim = num_heads, hidden_dim
        self.grid, self.window, self.size = grid, window, window or grid
        self.qkv = _dense(3 * hidden_dim, hidden_dim, use_bias=use_qkv_bias)
        self.output_dense = _dense(hidden_dim, hidden_dim)
        distances = 2 * self.size - 1, hidden_dim // num_heads
        initial = TruncatedNormal(stddev=0.02)
        self.down = self.add_weight(distances, initial)
        self.across = self.add_weight(distances, initial)
        places = np.arange(self.size)
        self._distance = (places[:, None] - places + self.size - 1).astype(np.int32)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns what each place of x, (batch, grid, grid, hidden), attends to; of x's shape."""
        size, dim = self.size, self.hidden_dim // self.num_heads
        qkv = self.qkv(self._cut(x) if self.window else x)
        batch = ops.shape(qkv)[0]  # windows of all images, or images
        qkv = ops.reshape(qkv, (batch, size * size, 3, self.num_heads, dim))
        query, key, value = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        down, across = (
            ops.take(table, ops.convert_to_tensor(self._distance), axis=0)
            for table in (self.down, self.across)
        )  # (query, key, dim)
        count = self._heads_at_once(batch)
        parts = []
        for head in range(0, self.num_heads, count):
            some = slice(head, head + count)
            q, k, v = (x if count == self.num_heads else x[:, :, some] for x in (query, key, value))
            parts.append(ops.dot_product_attention(q, k, v, self._bias(q, down, across)))
        y = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=2)
        y = ops.reshape(y, (batch, size, size, self.hidden_dim))
        return self.output_dense(self._joined(y) if self.window else y)

    def _heads_at_once(self, batch: Any) -> int:
        """How many heads are computed at a time."""
        count = batch if isinstance(batch, int) else 1  # else only the graph will know
        of_a_head = count * self.size**4
        return (
            self.num_heads
            if self.window
            else max(1, min(self.num_heads, _BIAS_ELEMENTS // of_a_head))
        )

    def _bias(self, query: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """What is added to scores, (batch, heads, size * size, size * size).

        Args:
            query: (batch, size * size, heads, dim).
            down: (size, size, dim), by rows of the query and of the key.
            across: (size, size, dim), by columns.
        """
        (batch, places), size = ops.shape(query)[:2], self.size
        heads, dim = query.shape[2:]
        query = ops.reshape(query, (batch, size, size, heads, dim))
        of_rows = ops.einsum("brcnd,rkd->bnrck", query, down)
        of_columns = ops.einsum("brcnd,ckd->bnrck", query, across)
        bias = ops.add(ops.expand_dims(of_rows, -1), ops.expand_dims(of_columns, -2))
        return ops.reshape(bias, (batch, heads, places, places))

    def _cut(self, x: Tensor) -> Tensor:
        """(batch, grid, grid, hidden) to (batch * windows, window, window, hidden)."""
        size, count = self.window, -(-self.grid // self.window)
        batch, missing = ops.shape(x)[0], count * self.window - self.grid
        if missing:
            x = ops.pad(x, ((0, 0), (0, missing), (0, missing), (0, 0)))
        x = ops.reshape(x, (batch, count, size, count, size, self.hidden_dim))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (batch * count * count, size, size, self.hidden_dim))

    def _joined(self, x: Tensor) -> Tensor:
        """(batch * windows, window, window, hidden) to (batch, grid, grid, hidden)."""
        size, count = self.window, -(-self.grid // self.window)
        x = ops.reshape(x, (-1, count, count, size, size, self.hidden_dim))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        x = ops.reshape(x, (-1, count * size, count * size, self.hidden_dim))
        return x if count * size == self.grid else x[:, : self.grid, : self.grid]


class Neck(Layer):
    """Two convolutions, each with a norm over channels: (…, hidden) to (…, output_dim)."""

    def __init__(self, hidden_dim: int, output_dim: int) -> None:
        super().__init__()
        inner = (None, None, output_dim)
        self.conv1 = Conv2D(output_dim, 1, use_bias=False, input_shape=(None, None, hidden_dim))
        self.norm1 = LayerNormalization(epsilon=1e-6, input_dim=output_dim)
        self.conv2 = Conv2D(output_dim, 3, padding="same", use_bias=False, input_shape=inner)
        self.norm2 = LayerNormalization(epsilon=1e-6, input_dim=output_dim)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns embeddings (batch, rows, columns, output_dim) of x, (…, hidden)."""
        return self.norm2(self.conv2(self.norm1(self.conv1(x))))


def _dense(outputs: int, inputs: int, **settings: Any) -> Dense:
    initial = TruncatedNormal(stddev=0.02)
    return Dense(outputs, kernel_initializer=initial, input_dim=inputs, **settings)
