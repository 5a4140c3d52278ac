"""What every image classifier does: pictures in, classes with probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..framework import config, layers, ops
from ..framework.core.input_spec import InputSpec
from ..framework.models import Input, Model
from ..framework.typing import Tensor
from ..hub.bases import Backbone, Task
from ..hub.labels import NamesClasses, most_probable
from .adapters import (
    ImageClassifierCommandLineAdapter,
    ImageClassifierParityAdapter,
    ImageClassifierPresetAdapter,
)
from .feature_maps import features
from .picture_layer import PictureLayer
from .preprocessing import ImageClassifierPreprocessor, is_one


class ClassifiesPictures(NamesClasses):
    """What classifiers of pictures do, whatever their network is; mixed into their classes."""

    name: Any
    predict: Any
    preprocessor: ImageClassifierPreprocessor | None = None
    preset_adapter = ImageClassifierPresetAdapter
    command_line_adapter = ImageClassifierCommandLineAdapter
    parity_adapter = ImageClassifierParityAdapter

    def prepare_inputs(self, x: Any) -> Any:
        """Returns paths, or Pillow's images, as the network's inputs; anything else as it is.

        Args:
            x: a list or tuple of paths or images; or what the network takes.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: there is no preprocessor.
        """
        if not isinstance(x, list | tuple) or not x or hasattr(x[0], "shape"):
            return x
        return self.checked_preprocessor()(list(x))

    def classify(self, images: Any, top: int | None = None, batch_size: int = 32) -> list[Any]:
        """Returns the `top` most probable classes of one picture or of each of several.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or a list of
                these, or an array (batch, height, width, 3).
            top: how many classes; 5, or all of fewer, if None.
            batch_size: how many pictures are computed at a time.

        Returns:
            For one picture a list of `Classified` (index, label, probability), the most probable
            first; for several, a list of such lists.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: `top` is out of range, or there is no picture.
        """
        top = min(5, self.num_classes) if top is None else top
        if not 1 <= top <= self.num_classes:
            raise ValueError(f"`top` must lie between 1 and {self.num_classes}; got {top}.")
        preprocess = self.checked_preprocessor()
        logits = self.predict(preprocess(images), batch_size, verbose=0)
        named = [most_probable(row, top, preprocess.labels) for row in logits]
        return named[0] if is_one(images) else named

    def checked_preprocessor(self) -> ImageClassifierPreprocessor:
        """Returns the preprocessor. ValueError where there is none."""
        if self.preprocessor is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = ImageClassifierPreprocessor(...)` first."
            )
        return self.preprocessor


class ImageClassifier(ClassifiesPictures, Task):
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
    head = ("classifier.{part}",)

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

    def call(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor
    ) -> Tensor:
        """Returns logits (batch, num_classes) of images.

        Args:
            images: (batch, height, width, 3), as the preprocessor gives them.
        """
        features = self.backbone(images)  # (batch, height / 32, width / 32, channels)
        return self.classifier(self.dropout(self.pooler(features)))

    def export_signature(self) -> list[Any]:
        """Returns images as the preprocessor gives them, (batch, height, width, 3)."""
        if self.preprocessor is None:
            return self.backbone.export_signature()
        height, width = self.preprocessor.image_size
        return [InputSpec("float32", (None, height, width, 3), name="images")]

    def with_preprocessing(self) -> Any:
        """Returns a model from pictures, as pixels, to probabilities, with this one's weights.

        It takes `images`, uint8 (batch, height, width, 3) of any size, and gives a dict of `logits`
        and `probabilities`, float32 (batch, num_classes). See `PictureLayer` for how near it is to
        the preprocessor.

        Raises:
            ValueError: there is no preprocessor.
        """
        prepare = PictureLayer.of(self.checked_preprocessor())
        with config.use_backend(self.backend):
            images = Input((None, None, 3), dtype="uint8", name="images")
            logits = ops.cast(self(prepare(images)), "float32")
            outputs = {"logits": logits, "probabilities": ops.softmax(logits, axis=-1)}
            return Model(images, outputs, name=f"{self.name}_of_pixels")

    def features(self, images: Any, at: str | Sequence[str]) -> dict[str, Tensor]:
        """Returns what layers inside give for images: feature maps by the names in `at`.

        Args:
            images: what `classify` takes, or (batch, height, width, 3) floats as the network takes
                them.
            at: a layer's name or path, or several; see `isozoo.applications.features`.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: a name that leads to no layer, or to several.
        """
        floats = getattr(images, "ndim", 0) == 4 and "float" in str(images.dtype)
        given = images if floats else self.checked_preprocessor()(images)
        return features(self._featured(), given, at)

    def _featured(self) -> Any:
        """The model whose layers `features` names."""
        return self
