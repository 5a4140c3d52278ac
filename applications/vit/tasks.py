"""ViT with a head."""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ...framework.typing import Tensor
from ...hub.bases import Task
from ..tasks import ImageClassifier
from .backbone import ViTBackbone


class ViTImageClassifier(ImageClassifier):
    """ViT that names what is in a picture; see `ImageClassifier`.

    A dense layer reads the token of the whole picture; there is no pooler.

    Args:
        num_classes: number of classes.
        dtype: dtype of the weights.
        **backbone: arguments of the backbone but for `pooler`.
    """

    backbone_class = ViTBackbone

    def __init__(
        self,
        num_classes: int = 1000,
        dtype: str | None = None,
        name: str | None = None,
        **backbone: Any,
    ) -> None:
        Task.__init__(self, dtype=dtype, name=name)
        self.num_classes = num_classes
        self.backbone = ViTBackbone(**{**backbone, "pooler": False})
        self.classifier = layers.Dense(num_classes, input_dim=self.backbone.output_channels)
        self.built = True

    def call(self, images: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns logits (batch, num_classes) of images (batch, height, width, 3)."""
        return self.classifier(self.backbone(images)["pooled_output"])
