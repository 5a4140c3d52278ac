"""Keras's networks as what presets are loaded as: a backbone, and a classifier of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.core.input_spec import InputSpec
from ...framework.typing import Tensor
from ...hub.bases import Backbone, Task
from ...hub.loading import JsonFiles
from ..adapters import ImageClassifierPresetAdapter, OwnImagePresetAdapter
from ..forms import FORMS, Form, use_form
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
        form: "keras": as Keras builds the network. "torch": as torchvision and timm do; pixels are
            prepared before it, and it takes images of any size. "tensorflow": as timm does for
            weights of TensorFlow; see `applications/forms.py`.
        epsilon: of all batch normalizations; None for what they have in Keras.
        batch_norm: whether a VGG has a normalization behind each convolution.
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
        form: str = "keras",
        epsilon: float | None = None,
        batch_norm: bool = False,
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
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {', '.join(FORMS)}; got {form!r}.")
        if batch_norm and not network.startswith("VGG"):
            raise ValueError(f"`batch_norm` is an argument of VGG alone; got {network}.")
        self._form = {**options, "image_size": image_size, "rescaled": rescaled}
        self._form |= {"form": form, "epsilon": epsilon, "batch_norm": batch_norm}
        if form != "keras" and "include_preprocessing" in row.parameters:
            given["include_preprocessing"] = False
        # Keras's form hangs on the size, where a convolution steps or scores are made of places.
        fixed = classes and (form == "keras" or row.sized)
        size = image_size or row.usual_size() if fixed else None
        arguments = {
            **row.defaults(),
            **given,
            "include_top": classes > 0,
            "classes": classes or 1000,
            "classifier_activation": None,
            "weights": None,
        }
        with use_form(Form(form, epsilon, batch_norm)):
            self.net = row.assemble(arguments, (size, size, 3), published=rescaled)
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns images (batch, height, width, 3); open is what the network leaves open."""
        return [InputSpec("float32", (None, *self.net.input_shape[1:]), name="images")]

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
        of_keras = config.get("form", "keras") == "keras"
        if "image" not in settings and OWN not in about and of_keras:
            image = image_settings_of(config["network"], config.get("image_size", 0))
            settings = {**settings, "image": image}
        return super().make_preprocessor(files, config, settings)

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the classes, and how pictures are prepared, in timm's words where it reads it."""
        adapter = ImageClassifierPresetAdapter if layout == "timm" else super()
        return adapter.config_entries(model, layout)


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
