"""What every image classifier does: pictures in, classes with probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..framework import layers
from ..hub.bases import Backbone, Task
from ..hub.loading import JsonFiles
from .image_configs import image_settings
from .labels import class_names, count_classes
from .preprocessing import ImageClassifierPreprocessor, is_one


class Classified(NamedTuple):
    """One class that a classifier named: its number, its name, and its probability."""

    index: int
    label: str
    probability: float


class ImageClassifier(Task):
    """A backbone, the mean over its feature map, and a dense layer: logits for each class.

    Shapes: images (batch, height, width, 3), as the preprocessor gives them; the result is
    (batch, num_classes), logits and not probabilities.

    Args:
        num_classes: number of classes.
        dropout: share of features dropped before the last layer while training.
        dtype: dtype of the weights.
        **backbone: arguments of the backbone.
    """

    task = "image_classifier"
    backbone_class: type[Backbone]
    preprocessor: ImageClassifierPreprocessor | None = None

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.0,
        dtype: str | None = None,
        name: str | None = None,
        **backbone: Any,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.num_classes = num_classes
        self.backbone = self.backbone_class(**backbone)
        self.pooler = layers.GlobalAveragePooling2D()
        self.dropout = layers.Dropout(dropout)
        self.classifier = layers.Dense(num_classes, input_dim=self.backbone.output_channels)
        self.built = True

    def call(self, images: Any) -> Any:
        features = self.backbone(images)  # (batch, height / 32, width / 32, channels)
        return self.classifier(self.dropout(self.pooler(features)))

    def classify(self, images: Any, top: int = 5, batch_size: int = 32) -> list[Any]:
        """The `top` most probable classes of one picture or of each of several.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or a list of
                these, or an array (batch, height, width, 3).
            top: how many classes.
            batch_size: how many pictures are computed at a time.

        Returns:
            For one picture a list of `Classified` (index, label, probability), the most probable
            first; for several, a list of such lists.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: `top` is out of range, or there is no picture.
        """
        if not 1 <= top <= self.num_classes:
            raise ValueError(f"`top` must lie between 1 and {self.num_classes}; got {top}.")
        preprocess = self._preprocessor()
        logits = self.predict(preprocess(images), batch_size)
        named = [self._most_probable(row, top, preprocess.labels) for row in logits]
        return named[0] if is_one(images) else named

    def _preprocessor(self) -> ImageClassifierPreprocessor:
        if self.preprocessor is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = ImageClassifierPreprocessor(...)` first."
            )
        return self.preprocessor

    def _most_probable(self, logits: np.ndarray, top: int, labels: Any) -> list[Classified]:
        power = np.exp(logits.astype(np.float64) - logits.max())
        share = power / power.sum()
        order = np.argsort(-share, kind="stable")[:top]
        return [
            Classified(int(i), labels[i] if labels else f"class {i}", float(share[i]))
            for i in order
        ]

    def run(self, path: str) -> dict[str, Any]:
        """The classes of one image file as plain data, for the command line."""
        return {"classes": [found._asdict() for found in self.classify(path)]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Classes as lines: probability, name."""
        lines = (f"{c['probability']:7.1%}  {c['label']}" for c in result["classes"])
        return "\n".join(lines)

    def draw(self, path: str, result: Mapping[str, Any], to: str | Path) -> None:
        """A PNG file of the picture with its classes beside it; see `draw_classes`."""
        from .drawing import draw_classes

        draw_classes(path, [Classified(**found) for found in result["classes"]], to)

    def sample_inputs(self) -> list[np.ndarray]:
        """Two made-up pictures: coloured waves, and a bright disc on a checkerboard."""
        y, x = np.mgrid[0:240, 0:320]
        waves = [127 + 127 * np.sin(x / a + y / b) for a, b in ((9, 31), (23, -17), (-41, 13))]
        board = 90.0 + 60 * ((x // 40 + y // 40) % 2)
        disc = np.where(np.hypot(x - 160, y - 120) < 70, 230.0, board)
        return [np.stack(p, -1).astype(np.uint8) for p in (waves, [disc, board, 255 - disc])]

    def parity_outputs(self, inputs: Any) -> dict[str, Any]:
        """The logits, by the uncompiled call."""
        return {"logits": self(self._preprocessor()(inputs))}

    def decide(self, inputs: Any) -> Any:
        """The numbers of the five most probable classes of each picture."""
        logits = self.predict(self._preprocessor()(inputs))
        return np.argsort(-logits, axis=-1, kind="stable")[:, :5].tolist()

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """The number of classes, from the preset's settings or its config.json."""
        config = files["config.json"] if "config.json" in files else {}
        return {"num_classes": settings.get("num_classes") or count_classes(config)}

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ImageClassifierPreprocessor:
        """The preprocessor that a preset's files and settings describe."""
        parsed = JsonFiles(files)
        about = parsed["config.json"] if "config.json" in parsed else {}
        num_classes = config.get("num_classes") or cls.head_config(parsed, settings)["num_classes"]
        labels = class_names(about, num_classes)
        return ImageClassifierPreprocessor(**image_settings(parsed, settings), labels=labels)
