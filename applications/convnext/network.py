"""ConvNeXt: wide depthwise convolutions, layer normalization, and a two-layer net at each place.

Definition: keras/src/applications/convnext.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import initializers, layers, ops, random
from ...framework.models import Sequential
from ...framework.typing import Tensor
from ..constructor import Network, Top, constructor
from ..functional import channels
from ..preprocessing import IMAGENET_MEAN, IMAGENET_STD

EPSILON = 1e-6


class StochasticDepth(layers.Layer):
    """Drops whole samples in training, and makes up for it in those that stay.

    Args:
        drop_path_rate: share that is dropped.
        **kwargs: those of `Layer`.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate
        self.seed_generator = random.SeedGenerator()

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        """Returns x, (batch, ...); in training some of its samples are 0."""
        if not training:
            return x
        keep = 1 - self.drop_path_rate
        shape = (ops.shape(x)[0], *(1,) * (len(x.shape) - 1))
        mask = ops.floor(ops.add(random.uniform(shape, seed=self.seed_generator), keep))
        return ops.multiply(ops.divide(x, keep), ops.cast(mask, x.dtype))


class LayerScale(layers.Layer):
    """Multiplies each channel by a weight.

    Args:
        init_values: the weights at first.
        projection_dim: how many channels there are.
        **kwargs: those of `Layer`.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        initial = initializers.Constant(self.init_values)
        self.gamma = self.add_weight((self.projection_dim,), initial, name="gamma")

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape = getattr(inputs, "shape", ())
        return shape if shape and shape[-1] == self.projection_dim else None

    def call(self, x: Tensor) -> Tensor:
        """Returns x * gamma, x being (..., projection_dim)."""
        return ops.multiply(x, self.gamma)


def convnext(
    x: Any,
    top: Top,
    name: str,
    depths: tuple[int, ...],
    filters: tuple[int, ...],
    include_preprocessing: bool,
) -> Any:
    """Returns features (batch, height / 32, width / 32, channels), or scores.

    Args:
        x: images (batch, height, width, channels).
        top: what stands behind the features.
        name: with which names of layers begin.
        depths: blocks of each stage.
        filters: channels of each stage.
        include_preprocessing: whether pixels from 0 to 255 come in.
    """
    if include_preprocessing and channels(x) == 3:
        mean = [255 * m for m in IMAGENET_MEAN]
        variance = [(255 * s) ** 2 for s in IMAGENET_STD]
        name_of = f"{name}_prestem_normalization"
        x = layers.Normalization(mean=mean, variance=variance, name=name_of)(x)
    for stage, (count, width) in enumerate(zip(depths, filters, strict=True)):
        x = _step(stage, width, name)(x)
        for i in range(count):
            x = _block(x, width, f"{name}_stage_{stage}_block_{i}")
    if top.include_top:
        x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        x = _normalized(f"{name}_head_layernorm")(x)
        return top.scored(x, name=f"{name}_head_dense")
    return _normalized(None)(top.pooled(x))


def _normalized(name: str | None) -> layers.LayerNormalization:
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def _step(stage: int, width: int, name: str) -> Any:
    """The layers in front of a stage: the stem, or a halving."""
    if stage == 0:
        conv = layers.Conv2D(width, 4, strides=4, name=f"{name}_stem_conv")
        return Sequential([conv, _normalized(f"{name}_stem_layernorm")], name=f"{name}_stem")
    at = stage - 1
    conv = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{at}")
    before = _normalized(f"{name}_downsampling_layernorm_{at}")
    return Sequential([before, conv], name=f"{name}_downsampling_block_{at}")


def _block(inputs: Any, width: int, name: str) -> Any:
    settings = {"padding": "same", "groups": width, "name": f"{name}_depthwise_conv"}
    x = layers.Conv2D(width, 7, **settings)(inputs)
    x = _normalized(f"{name}_layernorm")(x)
    x = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(width, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, width, name=f"{name}_layer_scale")(x)
    x = layers.Activation("linear", name=f"{name}_identity")(x)
    return inputs + x


def _named(arguments: dict[str, Any], title: str) -> None:
    if arguments["weights"] == "imagenet" and title not in arguments["name"]:
        raise ValueError(
            f'Model name "{arguments["name"]}" does not match weights variant "{title}". When '
            "using imagenet weights, model name must contain the weights variant (e.g., "
            f'"{title}").'
        )


def _row(kind: str, depths: tuple[int, ...], filters: tuple[int, ...]) -> Any:
    name = f"convnext_{kind.lower()}"
    return constructor(
        Network(
            f"ConvNeXt{kind}",
            convnext,
            name,
            parameters=_PARAMETERS,
            settings={"depths": depths, "filters": filters},
            forwarded=("name", "include_preprocessing"),
            check=lambda arguments: _named(arguments, name),
            channels_last_only=True,
            reference="Liu et al., https://arxiv.org/abs/2201.03545",
        )
    )


_PARAMETERS: dict[str, Any] = {
    "include_top": True,
    "include_preprocessing": True,
    "weights": "imagenet",
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
}
ConvNeXtTiny = _row("Tiny", (3, 3, 9, 3), (96, 192, 384, 768))
ConvNeXtSmall = _row("Small", (3, 3, 27, 3), (96, 192, 384, 768))
ConvNeXtBase = _row("Base", (3, 3, 27, 3), (128, 256, 512, 1024))
ConvNeXtLarge = _row("Large", (3, 3, 27, 3), (192, 384, 768, 1536))
ConvNeXtXLarge = _row("XLarge", (3, 3, 27, 3), (256, 512, 1024, 2048))
