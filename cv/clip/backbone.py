"""CLIP's two towers (Radford et al. 2021, arXiv:2103.00020). Definition: transformers' `CLIPModel`.

A tower is a Transformer with the norms before the halves of each block; that of texts is causal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.core.layer import Layer
from ...framework.initializers import Constant, RandomNormal
from ...framework.layers import Conv2D, Dense, Embedding, LayerNormalization
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from ...nlp import activations
from ...nlp.attention import DenseAttention
from ...nlp.text import check_ids


def _initializer() -> RandomNormal:
    return RandomNormal(stddev=0.02)


def _dense(units: int, inputs: int, activation: Any = None, use_bias: bool = True) -> Dense:
    return Dense(units, activation, use_bias, kernel_initializer=_initializer(), input_dim=inputs)


class Block(Layer):
    """A block: attention and a feed-forward layer, each behind a norm and added to its input.

    Args:
        num_heads: number of heads.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layer.
        activation: its activation's name.
        epsilon: of the norms.
    """

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.attention_norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.attention = DenseAttention(
            num_heads, hidden_dim // num_heads, kernel_initializer=_initializer()
        )
        self.attention.build((None, None, hidden_dim))
        self.norm = LayerNormalization(epsilon=epsilon, input_dim=hidden_dim)
        self.inner = _dense(intermediate_dim, hidden_dim, activations.get(activation))
        self.outer = _dense(hidden_dim, intermediate_dim)
        self.built = True

    def call(self, x: Tensor, is_causal: bool = False) -> Tensor:
        """Returns the block's output for x, (batch, tokens, hidden_dim)."""
        x = ops.add(x, self.attention(self.attention_norm(x), is_causal=is_causal))
        return ops.add(x, self.outer(self.inner(self.norm(x))))


def _check_heads(hidden_dim: int, num_heads: int) -> None:
    if hidden_dim % num_heads:
        raise ValueError(
            f"`hidden_dim` must be a multiple of `num_heads`; got {hidden_dim} and {num_heads}."
        )


class CLIPTextEncoder(Layer):
    """Texts to vectors: a token's vector holds what stands up to it.

    Args:
        vocabulary_size: number of tokens.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layers.
        max_sequence_length: most tokens of a text.
        activation: name of the feed-forward layers' activation.
        layer_norm_epsilon: of the norms.
        end_id: the token that ends a text; the one with the highest id if None.

    Raises:
        ValueError: heads that do not divide `hidden_dim`.
    """

    def __init__(
        self,
        vocabulary_size: int = 49408,
        num_layers: int = 12,
        num_heads: int = 8,
        hidden_dim: int = 512,
        intermediate_dim: int = 2048,
        max_sequence_length: int = 77,
        activation: str = "quick_gelu",
        layer_norm_epsilon: float = 1e-5,
        end_id: int | None = None,
    ) -> None:
        super().__init__()
        _check_heads(hidden_dim, num_heads)
        self.vocabulary_size, self.hidden_dim = vocabulary_size, hidden_dim
        self.max_sequence_length, self.end_id = max_sequence_length, end_id
        self.embeddings = Embedding(vocabulary_size, hidden_dim, _initializer())
        self.position = self.add_weight((max_sequence_length, hidden_dim), _initializer())
        self.blocks = [
            Block(num_heads, hidden_dim, intermediate_dim, activation, layer_norm_epsilon)
            for _ in range(num_layers)
        ]
        self.norm = LayerNormalization(epsilon=layer_norm_epsilon, input_dim=hidden_dim)
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns int32 (batch, length), both sizes open."""
        return [InputSpec("int32", (None, None), name="token_ids")]

    def call(self, token_ids: Tensor) -> dict[str, Tensor]:
        """Returns the vectors of texts.

        Args:
            token_ids: integers (batch, length); what stands behind a text's end does not count.

        Returns:
            `sequence_output`, (batch, length, hidden_dim), after the last norm, and
            `pooled_output`, (batch, hidden_dim), that of the first token that ends a text.

        Raises:
            ValueError: more tokens than `max_sequence_length`.
        """
        length = ops.shape(token_ids)[1]
        if isinstance(length, int) and length > self.max_sequence_length:
            raise ValueError(
                f"The model got {length} tokens a text, and takes at most "
                f"{self.max_sequence_length}: cut the texts."
            )
        positions = ops.slice(self.position, (0, 0), (length, self.hidden_dim))
        x = ops.add(self.embeddings(token_ids), positions)
        for block in self.blocks:
            x = block(x, is_causal=True)
        x = self.norm(x)
        ids = ops.cast(token_ids, "int32")
        # The first place of the end's id, or of the highest id.
        marks = ids if self.end_id is None else ops.cast(ops.equal(ids, self.end_id), "int32")
        place = ops.one_hot(ops.argmax(marks, axis=1), ops.shape(ids)[1], dtype=x.dtype)
        return {"sequence_output": x, "pooled_output": ops.einsum("bl,bld->bd", place, x)}


class CLIPImageEncoder(Layer):
    """Pictures to vectors, by patches.

    Args:
        image_size: height and width of the pictures, in pixels.
        patch_size: height and width of a patch.
        num_layers: number of blocks.
        num_heads: heads of each attention.
        hidden_dim: size of a token's vector.
        intermediate_dim: inner size of the feed-forward layers.
        activation: name of the feed-forward layers' activation.
        layer_norm_epsilon: of the norms.

    Raises:
        ValueError: heads that do not divide `hidden_dim`, or a patch larger than the picture.
    """

    def __init__(
        self,
        image_size: int = 224,
        patch_size: int = 32,
        num_layers: int = 12,
        num_heads: int = 12,
        hidden_dim: int = 768,
        intermediate_dim: int = 3072,
        activation: str = "quick_gelu",
        layer_norm_epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        _check_heads(hidden_dim, num_heads)
        if image_size < patch_size:
            raise ValueError(
                f"`image_size` must be at least `patch_size`; got {image_size} and {patch_size}."
            )
        self.image_size, self.hidden_dim = image_size, hidden_dim
        self.patches = Conv2D(
            hidden_dim,
            patch_size,
            strides=patch_size,
            use_bias=False,
            kernel_initializer=_initializer(),
            input_shape=(None, None, 3),
        )
        self.class_token = self.add_weight((hidden_dim,), _initializer())
        count = 1 + (image_size // patch_size) ** 2
        self.position = self.add_weight((count, hidden_dim), _initializer())
        self.first_norm = LayerNormalization(epsilon=layer_norm_epsilon, input_dim=hidden_dim)
        self.blocks = [
            Block(num_heads, hidden_dim, intermediate_dim, activation, layer_norm_epsilon)
            for _ in range(num_layers)
        ]
        self.norm = LayerNormalization(epsilon=layer_norm_epsilon, input_dim=hidden_dim)
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, image_size, image_size, 3) with an open batch."""
        size = self.image_size
        return [InputSpec("float32", (None, size, size, 3), name="images")]

    def call(self, images: Tensor) -> dict[str, Tensor]:
        """Returns the vectors of pictures.

        Args:
            images: (batch, image_size, image_size, 3), as the preprocessor gives them.

        Returns:
            `sequence_output`, (batch, 1 + patches, hidden_dim), and `pooled_output`,
            (batch, hidden_dim), the token of the whole picture after the last norm.

        Raises:
            ValueError: pictures of another size.
        """
        size = tuple(images.shape[1:])
        if any(
            n not in (None, m) for n, m in zip(size, (self.image_size,) * 2 + (3,), strict=True)
        ):
            raise ValueError(
                f"CLIP got images of shape {size}, and takes "
                f"{(self.image_size, self.image_size, 3)}: use its preprocessor."
            )
        x = self.patches(images)
        batch = ops.shape(x)[0]
        x = ops.reshape(x, (batch, -1, self.hidden_dim))
        first = ops.broadcast_to(self.class_token, (batch, 1, self.hidden_dim))
        x = ops.add(ops.concatenate([first, x], axis=1), ops.convert_to_tensor(self.position))
        x = self.first_norm(x)
        for block in self.blocks:
            x = block(x)
        return {"sequence_output": x, "pooled_output": self.norm(x[:, 0])}


class CLIPBackbone(Backbone):
    """Pictures and texts as vectors whose products tell how well they match.

    Inputs are a dict of `images`, (n, image_size, image_size, 3), and `token_ids`, integers
    (m, length), or of one of them. Outputs are a dict of `image_embedding`, (n, projection_dim),
    and `text_embedding`, (m, projection_dim), both of length 1, and, of both inputs, `logits`,
    (n, m): their products times a learned factor.

    Args:
        text: arguments of `CLIPTextEncoder`.
        image: arguments of `CLIPImageEncoder`.
        projection_dim: size of the vectors.
        dtype: dtype of the weights.

    Raises:
        ValueError: sizes that do not fit each other.
    """

    def __init__(
        self,
        text: Mapping[str, Any] | None = None,
        image: Mapping[str, Any] | None = None,
        projection_dim: int = 512,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.text = CLIPTextEncoder(**(text or {}))
        self.image = CLIPImageEncoder(**(image or {}))
        self.projection_dim = projection_dim
        self.text_projection = _dense(projection_dim, self.text.hidden_dim, use_bias=False)
        self.image_projection = _dense(projection_dim, self.image.hidden_dim, use_bias=False)
        self.logit_scale = self.add_weight((), Constant(2.6592))
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns `images` and `token_ids`; numbers of pictures, of texts and of tokens open."""
        (images,), (texts,) = self.image.export_signature(), self.text.export_signature()
        return [{"images": images, "token_ids": texts}]

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns the vectors of pictures and texts, and how well they match; see the class.

        Args:
            inputs: a dict of `images` and `token_ids`, or of one of them.

        Raises:
            ValueError: neither of them is there.
        """
        found: dict[str, Tensor] = {}
        if "images" in inputs:
            found["image_embedding"] = self.embed_images(inputs["images"])
        if "token_ids" in inputs:
            found["text_embedding"] = self.embed_texts(inputs["token_ids"])
        if not found:
            raise ValueError(
                f"CLIP takes a dict of `images` and `token_ids`, or of one of them; got "
                f"{sorted(inputs)}."
            )
        if len(found) == 2:
            texts = ops.transpose(found["text_embedding"])
            factor = ops.exp(ops.convert_to_tensor(self.logit_scale))
            found["logits"] = ops.multiply(ops.matmul(found["image_embedding"], texts), factor)
        return found

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        if "token_ids" in inputs:
            check_ids(inputs["token_ids"], self.text.vocabulary_size, "token_ids")

    def embed_images(self, images: Tensor) -> Tensor:
        """Returns the vectors of images (n, image_size, image_size, 3), (n, projection_dim)."""
        return _unit(self.image_projection(self.image(images)["pooled_output"]))

    def embed_texts(self, token_ids: Tensor) -> Tensor:
        """Returns the vectors of texts, integers (m, length), as (m, projection_dim)."""
        return _unit(self.text_projection(self.text(token_ids)["pooled_output"]))


def _unit(x: Tensor) -> Tensor:
    return ops.divide(x, ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True)))
