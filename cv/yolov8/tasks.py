"""YOLOv8 that finds objects."""

from __future__ import annotations

from typing import Any

from ...framework import ops
from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ..box_losses import DetectionLosses, detection_losses
from ..detection import ObjectDetector
from .backbone import YOLOv8Backbone
from .checkpoint import CheckpointPresetAdapter
from .head import Head, places


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

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the loss of a batch, a scalar: of boxes, scores and distances, and regularizers.

        The sum for a batch is divided by the sum of its scores to learn; ultralytics multiplies it
        by the number of images.

        Args:
            x: images (batch, height, width, 3), as the preprocessor's `examples` gives them.
            y: a dict of "boxes" (batch, objects, 4), left, top, right, bottom in pixels of the
                frame, and "classes", integers (batch, objects), -1 where there is no object.
            y_pred: the logits for `x`.
            sample_weight: must be None.
            training: whether the batch is for training.

        Raises:
            ValueError: another form of `y`, or weights of rows.
        """
        if sample_weight is not None:
            raise ValueError("A detector's loss has no weights of rows: pass no sample_weight.")
        if not isinstance(y, dict) or set(y) != {"boxes", "classes"}:
            raise ValueError(
                'The targets must be a dict of "boxes" and "classes", as `examples` of the '
                f"preprocessor gives; got {sorted(y) if isinstance(y, dict) else type(y).__name__}."
            )
        losses = self.losses_of(y_pred, y, *x.shape[1:3])
        total = ops.add(ops.add(losses.box, losses.score), losses.distance)
        for loss in self.losses:
            total = ops.add(total, ops.sum(loss))
        return total

    def losses_of(
        self, logits: dict[str, Tensor], y: dict[str, Tensor], height: int, width: int
    ) -> DetectionLosses:
        """Returns the three losses of a batch; see `detection_losses`.

        Args:
            logits: of the call.
            y: see `compute_loss`.
            height: rows of the images.
            width: columns of the images.
        """
        logits = {name: ops.cast(value, "float32") for name, value in logits.items()}
        points, strides = places(height, width)
        boxes, classes = ops.cast(y["boxes"], "float32"), ops.cast(y["classes"], "int32")
        decoded = self.decode(logits, height, width)
        return detection_losses(logits, decoded, points, strides, boxes, classes)

    def export_signature(self) -> list[Any]:
        """Returns images in square frames, (batch, size, size, 3); 640 without a preprocessor."""
        size = getattr(self.preprocessor, "image_size", 640)
        return [InputSpec("float32", (None, size, size, 3), name="images")]
