"""YOLOv8 that finds objects."""

from __future__ import annotations

from typing import Any

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ..detection import ObjectDetector
from .backbone import YOLOv8Backbone
from .checkpoint import CheckpointPresetAdapter
from .head import Head


class YOLOv8ObjectDetector(ObjectDetector):
    """YOLOv8 with its head; see `ObjectDetector`.

    Shapes: images (batch, height, width, 3), height and width multiples of 32, from 0 to 1; the
    result is a dict of logits: "boxes" (batch, places, 64) and "scores" (batch, places,
    num_classes); see `Head`.

    Args:
        num_classes: number of classes.
        dtype: dtype of the weights.
        **backbone: arguments of the backbone.
    """

    preset_adapter = CheckpointPresetAdapter
    head = ("predictor.scores.{rest*}",)

    def __init__(
        self,
        num_classes: int = 80,
        dtype: str | None = None,
        name: str | None = None,
        **backbone: Any,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.num_classes = num_classes
        self.backbone = YOLOv8Backbone(**backbone)
        self.predictor = Head(num_classes, self.backbone.output_channels)
        self.built = True

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> dict[str, Tensor]:
        """Returns the logits of boxes and scores for each place of images.

        Args:
            images: (batch, height, width, 3), as the preprocessor frames them.
        """
        return self.predictor(self.backbone(images))

    def decode(self, logits: dict[str, Tensor], height: int, width: int) -> Tensor:
        """Returns boxes (batch, places, 4), left, top, right and bottom in pixels of the frame.

        Args:
            logits: of the call.
            height: rows of the images.
            width: columns of the images.
        """
        return self.predictor.decode(logits["boxes"], height, width)

    def propose(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns for each place the box, and the class with the highest score; see the base."""
        logits = self(images)
        boxes = self.decode(logits, *images.shape[1:3])
        scores = ops.max(logits["scores"], axis=-1)
        classes = ops.cast(ops.argmax(logits["scores"], axis=-1), "int32")
        return ops.cast(boxes, "float32"), ops.sigmoid(ops.cast(scores, "float32")), classes

    def export_signature(self) -> list[Any]:
        """Returns images in square frames, (batch, size, size, 3)."""
        size = getattr(self.preprocessor, "image_size", None)
        return [InputSpec("float32", (None, size, size, 3))]
