"""CLIP at work: pictures named by texts that the user gives, and vectors of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...applications.adapters import ImageClassifierParityAdapter
from ...applications.image_configs import FILE, image_settings, write_transformers
from ...applications.preprocessing import ImageClassifierPreprocessor, as_list, is_one
from ...framework import ops
from ...hub.adapters import CommandLineAdapter, PresetAdapter
from ...hub.bases import Task
from ...hub.labels import Classified, most_probable
from ...hub.loading import JsonFiles
from ...nlp.text import check_texts, preprocessor_of
from .backbone import CLIPBackbone
from .preprocessing import MEAN, STD, CLIPPreprocessor
from .tokenizer import CLIPTokenizer

# transformers' processors wrote one file for both, of late.
_PROCESSOR = "processor_config.json"
SAMPLES = ("a photo of waves of colour", "a photo of a bright disc", "a photo of a chessboard")


class CLIPPresetAdapter(PresetAdapter):
    """How pictures are prepared, and the tokenizer."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> CLIPPreprocessor | None:
        """Returns the preprocessor that a preset's files describe; None where they have no
        tokenizer."""
        length = config.get("text", {}).get("max_sequence_length", 77)
        size = config.get("image", {}).get("image_size", 224)
        parsed = JsonFiles(files)
        about: dict[str, Any] = {name: parsed[name] for name in parsed if name == FILE}
        if not about and _PROCESSOR in parsed:
            about = {FILE: parsed[_PROCESSOR].get("image_processor", {})}
        usual = {
            "image_size": (size, size),
            "crop_ratio": 1.0,
            "interpolation": "bicubic",
            "mean": MEAN,
            "std": STD,
        }
        prepared = image_settings(about, settings) if about or "image" in settings else usual
        if not {"vocab.json", "tokenizer.json"} & files.keys():
            return None
        tokenizer = CLIPTokenizer.from_files(files, length)
        return CLIPPreprocessor(ImageClassifierPreprocessor(**prepared), tokenizer)

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns transformers' preprocessor_config.json."""
        if model.preprocessor is None:
            return {}
        about = {**write_transformers(model.preprocessor.images)}
        about["image_processor_type"] = "CLIPImageProcessor"
        return {FILE: about}


class CLIPCommandLineAdapter(CommandLineAdapter):
    """One image file in; the user's texts by how well they match it out."""

    options = ("label", "truncate")

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the texts of the option `label`, the likeliest first, as plain data."""
        labels = options.get("label")
        if not labels:
            raise ValueError(
                "CLIP names a picture by texts of yours: give them as --label, once for each."
            )
        found = self.model.classify(text, labels, truncate=options.get("truncate", False))
        return {"classes": [one._asdict() for one in found]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the texts as lines: probability, text."""
        return "\n".join(f"{c['probability']:7.1%}  {c['label']}" for c in result["classes"])

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes a PNG file of the picture with its texts beside it."""
        from ...applications.drawing import draw_classes

        draw_classes(text, [Classified(**found) for found in result["classes"]], to)


class CLIPParityAdapter(ImageClassifierParityAdapter):
    """Two made-up pictures and three texts; their vectors, and which text is likest."""

    def sample_inputs(self) -> Any:
        """Returns a dict of pictures and texts."""
        return {"images": super().sample_inputs(), "texts": list(SAMPLES)}

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the vectors and their products, by the uncompiled call."""
        return self.model(preprocessor_of(self.model)(inputs))

    def decide(self, inputs: Any) -> Any:
        """Returns the order of the texts for each picture."""
        found = self.model.infer(preprocessor_of(self.model)(inputs))["logits"]
        logits = np.asarray(ops.convert_to_numpy(found), np.float64)
        return np.argsort(-logits, axis=-1, kind="stable").tolist()


class CLIPZeroShotClassifier(Task):
    """CLIP with its preprocessor: names pictures by texts that the user gives.

    The call itself gives what `CLIPBackbone` gives.

    Args:
        dtype: dtype of the weights.
        **backbone: arguments of `CLIPBackbone`.
    """

    task = "zero_shot_image_classifier"
    preset_adapter = CLIPPresetAdapter
    command_line_adapter = CLIPCommandLineAdapter
    parity_adapter = CLIPParityAdapter
    preprocessor: CLIPPreprocessor | None = None

    def __init__(self, dtype: str | None = None, name: str | None = None, **backbone: Any) -> None:
        super().__init__(dtype=dtype, name=name)
        self.backbone = CLIPBackbone(**backbone)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Returns a dict of vectors and, of both inputs, `logits`; see `CLIPBackbone`.

        Args:
            inputs: a dict of `images` and `token_ids`, or of one of them.
        """
        return self.backbone(inputs)

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        self.backbone.check_inputs(inputs)

    def embed_images(self, images: Any, batch_size: int = 32) -> np.ndarray:
        """Returns the vectors of pictures, float32 (n, projection_dim), of length 1.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or several.
            batch_size: how many are computed at a time.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: there is no picture, or no preprocessor.
        """
        prepare = preprocessor_of(self).images
        return self._in_batches("images", "image_embedding", as_list(images), prepare, batch_size)

    def embed_texts(
        self, texts: str | Sequence[str], batch_size: int = 32, truncate: bool = False
    ) -> np.ndarray:
        """Returns the vectors of texts, float32 (n, projection_dim), of length 1.

        Args:
            texts: n texts, or one.
            batch_size: how many are computed at a time.
            truncate: whether texts of more tokens than the model takes are cut.

        Raises:
            ValueError: a text that is too long, no text, or no preprocessor.
            TypeError: something that is no text.
        """
        encode = preprocessor_of(self).encode
        return self._in_batches(
            "token_ids",
            "text_embedding",
            check_texts(texts),
            lambda some: encode(some, truncate),
            batch_size,
        )

    def _in_batches(
        self,
        name: str,
        output: str,
        items: list[Any],
        prepare: Callable[[list[Any]], np.ndarray],
        batch_size: int,
    ) -> np.ndarray:
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive; got {batch_size}.")
        if not items:
            raise ValueError("No pictures were given: one is expected at least.")
        found = []
        for start in range(0, len(items), batch_size):
            made = self.infer({name: prepare(items[start : start + batch_size])})[output]
            found.append(np.asarray(ops.convert_to_numpy(made), np.float32))
        return np.concatenate(found)

    def classify(
        self,
        images: Any,
        labels: Sequence[str],
        template: str = "{}",
        top: int | None = None,
        batch_size: int = 32,
        truncate: bool = False,
    ) -> list[Any]:
        """Returns the texts by how well they match a picture, the likeliest first.

        Probabilities are the softmax over the given texts of the products of vectors times CLIP's
        learned factor: they say which of these texts fits best, not whether any fits.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or several.
            labels: the texts.
            template: what stands around each of them, such as "a photo of {}".
            top: how many are returned; all if None.
            batch_size: how many pictures are computed at a time.
            truncate: whether texts of more tokens than the model takes are cut.

        Returns:
            For one picture a list of `Classified` (index, label, probability); for several, a list
            of such lists.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: there is no text or no picture, `top` is out of range, a template without
                its place, or a text that is too long.
            TypeError: something that is no text.
        """
        labels = check_texts(labels)
        if template.count("{}") != 1:
            raise ValueError(f"`template` must hold {{}} once; got {template!r}.")
        top = len(labels) if top is None else top
        if not 1 <= top <= len(labels):
            raise ValueError(f"`top` must lie between 1 and {len(labels)}; got {top}.")
        told = [template.replace("{}", label) for label in labels]
        texts = self.embed_texts(told, batch_size, truncate)
        pictures = self.embed_images(images, batch_size)
        factor = np.exp(np.float64(ops.convert_to_numpy(self.backbone.logit_scale.value)))
        logits = pictures.astype(np.float64) @ texts.astype(np.float64).T * factor
        named = [most_probable(row, top, labels) for row in logits]
        return named[0] if is_one(images) else named
