"""SAM's prompt encoder and mask decoder (Kirillov et al. 2023, arXiv:2304.02643, appendix A)."""

from __future__ import annotations

import math

import numpy as np

from ...framework import ops
from ...framework.initializers import RandomNormal
from ...framework.layers import Conv2D, Conv2DTranspose, Dense, Layer, LayerNormalization
from ...framework.typing import Tensor

NOT_A_POINT, IGNORED = -1, -10
"""Labels of points that only fill a row up: one that tells so, and one that tells nothing."""
_LAST_EPSILON = 1e-5


class PromptEncoder(Layer):
    """Points, boxes and masks to embeddings.

    A place is told by sines and cosines of random frequencies, which belong to the weights
    (Tancik et al. 2020, arXiv:2006.10739); what a point is, by a row that is added.

    Args:
        image_size: height and width of the images, in pixels.
        grid: rows and columns of an image's embedding.
        hidden_dim: size of an embedding; even.
        mask_channels: channels inside of what reads masks; a multiple of 4.
    """

    def __init__(self, image_size: int, grid: int, hidden_dim: int, mask_channels: int) -> None:
        super().__init__()
        self.image_size, self.grid, self.hidden_dim = image_size, grid, hidden_dim
        initial = RandomNormal(stddev=1.0)
        self.frequencies = self.add_weight((2, hidden_dim // 2), initial, trainable=False)
        # Of points that do not belong to the object, of those that do, and of the two corners.
        self.kinds = self.add_weight((4, hidden_dim), initial)
        self.not_a_point = self.add_weight((1, hidden_dim), initial)
        self.no_mask = self.add_weight((1, hidden_dim), initial)
        inner, few = mask_channels, mask_channels // 4
        self.conv1 = Conv2D(few, 2, strides=2, input_shape=(None, None, 1))
        self.norm1 = LayerNormalization(epsilon=1e-6, input_dim=few)
        self.conv2 = Conv2D(inner, 2, strides=2, input_shape=(None, None, few))
        self.norm2 = LayerNormalization(epsilon=1e-6, input_dim=inner)
        self.conv3 = Conv2D(hidden_dim, 1, input_shape=(None, None, inner))
        self.built = True

    def call(
        self,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Returns embeddings of points and corners, (batch, objects, tokens, hidden), and of masks.

        The first is None without points and boxes; the second is (batch, objects, grid, grid,
        hidden), or (1, 1, 1, 1, hidden) without masks.

        Args:
            points: (batch, objects, points, 2), x and y in pixels of the image as the encoder sees
                it.
            labels: int (batch, objects, points): 1 for a point of the object, 0 for one that does
                not belong to it, -1 for none, and -10 for one whose embedding is zeros.
            boxes: (batch, objects, 4), left, top, right and bottom in the same pixels.
            masks: (batch, objects, 4 * grid, 4 * grid), logits.
        """
        tokens = []
        if points is not None:
            assert labels is not None
            if boxes is None:  # one more token stands where a box would
                points, labels = self._filled_up(points, labels)
            tokens.append(self._points(points, labels))
        if boxes is not None:
            batch, objects = ops.shape(boxes)[:2]
            corners = self.places(
                ops.divide(
                    ops.add(ops.reshape(boxes, (batch, objects, 2, 2)), 0.5), self.image_size
                )
            )
            tokens.append(ops.add(corners, self.kinds[2:]))
        found = None
        if tokens:
            found = tokens[0] if len(tokens) == 1 else ops.concatenate(tokens, axis=2)
        if masks is None:
            return found, ops.reshape(self.no_mask, (1, 1, 1, 1, self.hidden_dim))
        return found, self._masks(masks)

    def places(self, x: Tensor) -> Tensor:
        """Returns embeddings (…, hidden) of places (…, 2), x and y in shares of the image."""
        angles = ops.matmul(ops.subtract(ops.multiply(x, 2.0), 1.0), self.frequencies)
        angles = ops.multiply(angles, 2 * math.pi)
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def grid_places(self) -> Tensor:
        """Returns embeddings (1, grid, grid, hidden) of the middles of an embedding's squares."""
        middles = (np.arange(self.grid, dtype="float32") + 0.5) / self.grid
        x, y = np.meshgrid(middles, middles)
        grid = ops.convert_to_tensor(np.stack([x, y], axis=-1)[None])
        return self.places(ops.cast(grid, self.compute_dtype))

    def _filled_up(self, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        batch, objects = ops.shape(points)[:2]
        nowhere = ops.zeros((batch, objects, 1, 2), dtype=points.dtype)
        none = ops.full((batch, objects, 1), NOT_A_POINT, dtype=labels.dtype)
        return ops.concatenate([points, nowhere], 2), ops.concatenate([labels, none], 2)

    def _points(self, points: Tensor, labels: Tensor) -> Tensor:
        x = self.places(ops.divide(ops.add(points, 0.5), self.image_size))
        labels = ops.expand_dims(labels, -1)
        x = ops.where(ops.equal(labels, NOT_A_POINT), self.not_a_point, x)
        x = ops.where(ops.equal(labels, IGNORED), 0.0, x)
        x = ops.where(ops.equal(labels, 0), ops.add(x, self.kinds[0]), x)
        return ops.where(ops.equal(labels, 1), ops.add(x, self.kinds[1]), x)

    def _masks(self, masks: Tensor) -> Tensor:
        batch, objects, height, width = ops.shape(masks)
        x = ops.reshape(masks, (batch * objects, height, width, 1))
        x = ops.gelu(self.norm1(self.conv1(x)), approximate=False)
        x = ops.gelu(self.norm2(self.conv2(x)), approximate=False)
        x = self.conv3(x)
        return ops.reshape(x, (batch, objects, self.grid, self.grid, self.hidden_dim))


class MaskDecoder(Layer):
    """Embeddings of an image and of prompts to masks, and to how good these are.

    Args:
        hidden_dim: size of embeddings.
        num_masks: number of masks for one prompt, beside the one that stands for all.
        num_layers: number of blocks.
        num_heads: number of attention heads.
        intermediate_dim: size inside of a block's dense part.
        downsample: by what the size inside of attention to and from the image is smaller.
        iou_layers: dense layers of what predicts the quality.
        iou_dim: size inside of it.
        epsilon: of the blocks' normalizations.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_masks: int,
        num_layers: int,
        num_heads: int,
        intermediate_dim: int,
        downsample: int,
        iou_layers: int,
        iou_dim: int,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.hidden_dim, self.num_tokens = hidden_dim, num_masks + 1
        initial = RandomNormal(stddev=1.0)
        self.iou_token = self.add_weight((1, hidden_dim), initial)
        self.mask_tokens = self.add_weight((self.num_tokens, hidden_dim), initial)
        self.blocks = [
            TwoWayBlock(hidden_dim, num_heads, intermediate_dim, downsample, place == 0, epsilon)
            for place in range(num_layers)
        ]
        self.last_attention = Attention(hidden_dim, num_heads, downsample)
        self.last_norm = LayerNormalization(epsilon=_LAST_EPSILON, input_dim=hidden_dim)
        half, quarter = hidden_dim // 4, hidden_dim // 8
        self.enlarge1 = Conv2DTranspose(half, 2, strides=2, input_shape=(None, None, hidden_dim))
        self.enlarge_norm = LayerNormalization(epsilon=1e-6, input_dim=half)
        self.enlarge2 = Conv2DTranspose(quarter, 2, strides=2, input_shape=(None, None, half))
        self.mask_heads = [Head(hidden_dim, hidden_dim, quarter, 3) for _ in range(self.num_tokens)]
        self.iou_head = Head(hidden_dim, iou_dim, self.num_tokens, iou_layers)
        self.built = True

    def call(
        self, image: Tensor, places: Tensor, prompts: Tensor | None, masks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns logits of masks (batch, objects, masks, 4 * grid, 4 * grid), and their predicted
        intersections over union with the object, (batch, objects, masks).

        The first mask stands for all; the others are for prompts that may mean several things.

        Args:
            image: (batch, grid, grid, hidden).
            places: (1, grid, grid, hidden), of the squares of `image`.
            prompts: (batch, objects, tokens, hidden), or None.
            masks: (batch or 1, objects or 1, grid or 1, grid or 1, hidden).
        """
        batch, grid, hidden = ops.shape(image)[0], image.shape[1], self.hidden_dim
        objects = ops.shape(masks)[1] if prompts is None else ops.shape(prompts)[1]
        both = batch * objects
        tokens = ops.concatenate([self.iou_token, self.mask_tokens], axis=0)
        tokens = ops.broadcast_to(tokens, (batch, objects, self.num_tokens + 1, hidden))
        if prompts is not None:
            tokens = ops.concatenate([tokens, prompts], axis=2)
        tokens = ops.reshape(tokens, (both, -1, hidden))
        image = ops.add(ops.expand_dims(image, 1), masks)  # (batch, objects or 1, grid, grid, …)
        image = ops.broadcast_to(image, (batch, objects, grid, grid, hidden))
        image = ops.reshape(image, (both, -1, hidden))
        places = ops.reshape(places, (1, -1, hidden))
        x = tokens
        for block in self.blocks:
            x, image = block(x, image, tokens, places)
        seen = self.last_attention(ops.add(x, tokens), ops.add(image, places), image)
        x = self.last_norm(ops.add(x, seen))
        image = ops.reshape(image, (both, grid, grid, hidden))
        image = ops.gelu(self.enlarge_norm(self.enlarge1(image)), approximate=False)
        image = ops.gelu(self.enlarge2(image), approximate=False)  # (both, 4 grid, 4 grid, …)
        heads = [head(x[:, place + 1]) for place, head in enumerate(self.mask_heads)]
        logits = ops.einsum("bmd,bhwd->bmhw", ops.stack(heads, axis=1), image)
        shape = (batch, objects, self.num_tokens)
        return (
            ops.reshape(logits, (*shape, 4 * grid, 4 * grid)),
            ops.reshape(self.iou_head(x[:, 0]), shape),
        )


class TwoWayBlock(Layer):
    """Tokens attend to each other and to the image, and the image to the tokens.

    Args:
        hidden_dim: size of tokens and of places of the image.
        num_heads: number of attention heads.
        intermediate_dim: size inside of the dense part.
        downsample: by what the size inside of attention to and from the image is smaller.
        first: whether it is the first block, whose tokens are their own positions.
        epsilon: of the normalizations.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        intermediate_dim: int,
        downsample: int,
        first: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.first = first
        self.self_attention = Attention(hidden_dim, num_heads, 1)
        self.token_attention = Attention(hidden_dim, num_heads, downsample)
        self.image_attention = Attention(hidden_dim, num_heads, downsample)
        self.inner = Dense(intermediate_dim, activation="relu", input_dim=hidden_dim)
        self.outer = Dense(hidden_dim, input_dim=intermediate_dim)
        self.norm1, self.norm2, self.norm3, self.norm4 = (
            LayerNormalization(epsilon=epsilon, input_dim=hidden_dim) for _ in range(4)
        )
        self.built = True

    def call(
        self, tokens: Tensor, image: Tensor, token_places: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns tokens and image after the block, of their shapes.

        Args:
            tokens: (batch, tokens, hidden).
            image: (batch, grid * grid, hidden).
            token_places: what tells the tokens' places, of their shape.
            places: (1, grid * grid, hidden).
        """
        if self.first:
            tokens = self.self_attention(tokens, tokens, tokens)
        else:
            x = ops.add(tokens, token_places)
            tokens = ops.add(tokens, self.self_attention(x, x, tokens))
        tokens = self.norm1(tokens)
        placed = ops.add(image, places)
        x = self.token_attention(ops.add(tokens, token_places), placed, image)
        tokens = self.norm2(ops.add(tokens, x))
        tokens = self.norm3(ops.add(tokens, self.outer(self.inner(tokens))))
        x = self.image_attention(placed, ops.add(tokens, token_places), tokens)
        return tokens, self.norm4(ops.add(image, x))


class Attention(Layer):
    """Attention whose queries, keys and values are `downsample` times smaller than its inputs."""

    def __init__(self, hidden_dim: int, num_heads: int, downsample: int) -> None:
        super().__init__()
        self.num_heads, self.size = num_heads, hidden_dim // downsample
        self.query, self.key, self.value = (
            Dense(self.size, input_dim=hidden_dim) for _ in range(3)
        )
        self.output_dense = Dense(hidden_dim, input_dim=self.size)
        self.built = True

    def call(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Returns what each query attends to, (batch, target, hidden).

        Args:
            query: (batch, target, hidden).
            key: (batch, source, hidden).
            value: of the shape of `key`.
        """
        found = ops.dot_product_attention(
            self._heads(self.query(query)),
            self._heads(self.key(key)),
            self._heads(self.value(value)),
        )
        batch, length = ops.shape(found)[:2]
        return self.output_dense(ops.reshape(found, (batch, length, self.size)))

    def _heads(self, x: Tensor) -> Tensor:
        batch, length = ops.shape(x)[:2]
        return ops.reshape(x, (batch, length, self.num_heads, self.size // self.num_heads))


class Head(Layer):
    """Dense layers with ReLU between them."""

    def __init__(self, inputs: int, inner: int, outputs: int, depth: int) -> None:
        super().__init__()
        sizes = [inputs, *[inner] * (depth - 1), outputs]
        self.layers = [
            Dense(size, activation="relu" if place < depth - 1 else None, input_dim=sizes[place])
            for place, size in enumerate(sizes[1:])
        ]
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (…, outputs) of x, (…, inputs)."""
        for layer in self.layers:
            x = layer(x)
        return x
