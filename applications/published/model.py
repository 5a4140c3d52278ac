"""Keras's networks as what presets are loaded as: a backbone, and a classifier of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.typing import Tensor
from ...hub.bases import Backbone, Task
from ...hub.loading import JsonFiles
from ..adapters import OwnImagePresetAdapter
from ..image_configs import OWN
from ..preprocessing import ImageClassifierPreprocessor
from ..tasks import ImageClassifier
from .table import image_settings_of, network_of


class KerasNetwork(Backbone):
    """A network of `keras.applications`, in the functional form that its constructor gives.

    Shapes: images (batch, height, width, 3), as the preprocessor gives them; the result is the
    feature map, (batch, height / 32, width / 32, channels) in most networks, or with `classes`
    logits (batch, classes).

    Args:
        network: name of the constructor, such as "VGG16".
        classes: number of classes; 0 for no classifier.
        image_size: height and width in pixels; 0 for the network's own.
        alpha: by which the numbers of channels are multiplied, in MobileNets.
        minimalistic: see `MobileNetV3Small`.
        rescaled: whether the network corrects what its published weights need; see
            `applications/efficientnet/v1.py`.
        dtype: dtype of the weights.

    Raises:
        ValueError: there is no such network, or it has no such argument.
    """

    def __init__(
        self,
        network: str,
        classes: int = 0,
        image_size: int = 0,
        alpha: float = 1.0,
        minimalistic: bool = False,
        rescaled: bool = False,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.network, self.classes = network, classes
        row = network_of(network)
        options = {"alpha": alpha, "minimalistic": minimalistic}
        given = {key: value for key, value in options.items() if key in row.parameters}
        if alpha != 1.0 and "alpha" not in given or minimalistic and "minimalistic" not in given:
            raise ValueError(f"{network} has no argument `alpha` or `minimalistic`; got {options}.")
        self._form = {**options, "image_size": image_size, "rescaled": rescaled}
        size = image_size or row.usual_size()
        self.net = row.assemble(
            {
                **row.defaults(),
                **given,
                "include_top": classes > 0,
                "classes": classes or 1000,
                "classifier_activation": None,
                "input_shape": (size, size, 3) if classes else None,
                "weights": None,
            },
            published=rescaled,
        )
        self.built = True

    def call(self, images: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns features, or logits, of images (batch, height, width, 3)."""
        return self.net(images)

    def with_classes(self, classes: int) -> KerasNetwork:
        """Returns a network of the same form with another number of classes, or none."""
        return KerasNetwork(self.network, classes, **self._form, dtype=self.dtype)

    def head_layer(self) -> Any:
        """Returns the layer that scores classes: the last with weights. None without a top."""
        if not self.classes:
            return None
        return [layer for layer in self.net.layers if layer.weights][-1]

    def head_paths(self) -> list[str]:
        """Returns the paths, in `net`, of the weights of the layer that scores classes."""
        layer = self.head_layer()
        ids = {id(v) for v in layer.weights} if layer is not None else set()
        return [path for path, v in self.net.weights_by_path().items() if id(v) in ids]


class KerasPresetAdapter(OwnImagePresetAdapter):
    """Prepares pictures as Keras does for the network, where a preset says nothing else."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ImageClassifierPreprocessor:
        """Returns the preprocessor that a preset's files and settings, or its network, describe."""
        about = JsonFiles(files).get("config.json", {})
        if "image" not in settings and OWN not in about:
            image = image_settings_of(config["network"], config.get("image_size", 0))
            settings = {**settings, "image": image}
        return super().make_preprocessor(files, config, settings)


class KerasImageClassifier(ImageClassifier):
    """A network of `keras.applications` that names what is in a picture; see `ImageClassifier`.

    Args:
        num_classes: number of classes.
        dtype: dtype of the weights.
        **backbone: arguments of `KerasNetwork` but for `classes`.
    """

    backbone_class = KerasNetwork
    preset_adapter = KerasPresetAdapter
    # The layers that score classes: those of most networks, of MobileNets v1 and v3, of ConvNeXt.
    head = (
        "net.predictions.{part}",
        "net.conv_preds.{part}",
        "net.logits.{part}",
        "net.{name}_head_dense.{part}",
    )

    def __init__(
        self,
        num_classes: int = 1000,
        dtype: str | None = None,
        name: str | None = None,
        **backbone: Any,
    ) -> None:
        Task.__init__(self, dtype=dtype, name=name)
        self.num_classes = num_classes
        self.backbone = KerasNetwork(classes=num_classes, **backbone)
        self.built = True

    def call(self, images: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns logits (batch, num_classes) of images (batch, height, width, 3)."""
        return self.backbone(images)

    def _featured(self) -> Any:
        return self.backbone.net  # whose layers have Keras's names

    def freeze_backbone(self) -> None:
        """Lets only the layer that scores classes train."""
        head = self.backbone.head_layer()
        for layer in self.backbone.net.layers:
            layer.trainable = layer is head
