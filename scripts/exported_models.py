"""The models that `compare_exports.py` tries: presets, and a small one of every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .small_models import small_model

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A model that is exported.

    Attributes:
        build: () -> the model, on NumPy.
        batches: -> the inputs of two calls of different sizes, arrays by name or one under "".
    """

    build: Callable[[], Any]
    batches: Callable[[Any], list[Arrays]]


def preset(name: str) -> Case:
    """Returns the case of a preset, whose inputs are the samples of its task."""

    def build() -> Any:
        from ..hub import load_preset

        return load_preset(name, backend="numpy", dtype="float32")

    def batches(model: Any) -> list[Arrays]:
        from ..framework.exporting import input_signature

        inputs = model.preprocessor(model.sample_inputs())
        (wanted,) = input_signature(model)
        if isinstance(inputs, Mapping):
            whole = {key: np.asarray(inputs[key], spec.dtype) for key, spec in wanted.items()}
        else:
            whole = {"": np.asarray(inputs, np.float32)}
        return [whole, {key: x[:1] for key, x in whole.items()}]

    return Case(build, batches)


def _texts(*names: str, vocabulary: int = 24) -> Callable[[Any], list[Arrays]]:
    """Ids of tokens by name, and masks with padding behind."""

    def batches(_: Any) -> list[Arrays]:
        draws = np.random.default_rng(1)
        found = []
        for count, length in ((3, 7), (1, 5)):
            given: Arrays = {}
            for name in names:
                given[name] = draws.integers(1, vocabulary, (count, length)).astype("int32")
                if name.endswith("padding_mask"):
                    given[name] = (np.arange(length) < [[length], [length - 2], [3]][:count]) * 1
                    given[name] = given[name].astype("int32")
            found.append(given)
        return found

    return batches


def _images(side: int, name: str = "") -> Callable[[Any], list[Arrays]]:
    """Random pictures of a size."""

    def batches(_: Any) -> list[Arrays]:
        draws = np.random.default_rng(1)
        return [{name: draws.normal(size=(n, side, side, 3)).astype("f4")} for n in (3, 1)]

    return batches


def _sounds(model: Any) -> list[Arrays]:
    draws = np.random.default_rng(1)
    shape = (12, 4)
    features = [draws.normal(size=(n, *shape)).astype("f4") for n in (3, 1)]
    texts = _texts("decoder_token_ids")(model)
    return [{"encoder_features": x, **ids} for x, ids in zip(features, texts, strict=True)]


def _clip(model: Any) -> list[Arrays]:
    draws = np.random.default_rng(1)
    side = model.backbone.image.image_size
    return [
        {
            "images": draws.normal(size=(pictures, side, side, 3)).astype("f4"),
            "token_ids": draws.integers(0, 24, (texts, 6)).astype("int32"),
        }
        for pictures, texts in ((2, 3), (1, 2))
    ]


def _prompts(model: Any) -> list[Arrays]:
    draws = np.random.default_rng(1)
    side = model.backbone.image_size
    return [
        {
            "images": draws.normal(size=(n, side, side, 3)).astype("f4"),
            "points": draws.uniform(0, side, (n, objects, points, 2)).astype("f4"),
            "labels": draws.integers(0, 2, (n, objects, points)).astype("int32"),
        }
        for n, objects, points in ((2, 3, 2), (1, 1, 1))
    ]


def _noise(model: Any) -> list[Arrays]:
    draws = np.random.default_rng(1)
    return [
        {
            "x": draws.normal(size=(n, side, side, 4)).astype("f4"),
            "time": np.arange(n).astype("f4") * 100 + 1,
            "context": draws.normal(size=(n, 5, 8)).astype("f4"),
        }
        for n, side in ((2, 8), (1, 8))
    ]


def _pictures_of_texts(model: Any) -> list[Arrays]:
    draws = np.random.default_rng(1)
    return [
        {
            "token_ids": draws.integers(0, 24, (n, 6)).astype("int32"),
            "latents": draws.normal(size=(n, 8, 8, 4)).astype("f4"),
            "time": np.arange(n).astype("f4") * 100 + 1,
        }
        for n in (2, 1)
    ]


def _of_family(family: str, task: str, part: str = "", **more: Any) -> Callable[[], Any]:
    def build() -> Any:
        model = small_model(family, task, **more)
        _settle(model)
        return getattr(model, part) if part else model

    return build


def _network(
    title: str, side: int, settings: Mapping[str, Any] | None = None, **arguments: Any
) -> Case:
    """A network of `keras.applications` with ten classes; of large ones a shorter form."""

    def build() -> Any:
        from .. import applications
        from ..framework import config

        network = getattr(applications, title).network
        network = replace(network, settings={**network.settings, **(settings or {})})
        given = {"weights": None, "classes": 10, "input_shape": (side, side, 3), **arguments}
        with config.use_backend("numpy"):
            model = network.build({**network.defaults(), **given})
        _settle(model)
        return model

    return Case(build, _images(side))


def _settle(model: Any) -> None:
    """Gives weights with which signals keep their size."""
    draws = np.random.default_rng(0)
    for path, variable in sorted(model.weights_by_path().items()):
        shape = tuple(variable.shape)
        value = draws.normal(size=shape)
        if path.endswith("variance"):
            value = 0.5 + np.abs(value)
        elif len(shape) > 1:
            value *= np.prod(shape[:-1]) ** -0.5
        elif path.endswith(("gamma", "scale")):
            value = 1 + 0.1 * value
        else:
            value *= 0.1
        variable.assign(value.astype(str(variable.dtype)))


_TEXT = _texts("token_ids", "padding_mask")
FAMILIES: dict[str, Case] = {
    "BERT": Case(_of_family("bert", "text_classifier"), _TEXT),
    "BERT, embedder": Case(_of_family("bert", "text_embedder"), _TEXT),
    "BERT, answers": Case(_of_family("bert", "question_answerer"), _TEXT),
    "DistilBERT": Case(_of_family("distilbert", "masked_lm"), _TEXT),
    "RoBERTa": Case(_of_family("roberta", "token_classifier"), _TEXT),
    "OPT": Case(_of_family("opt", "causal_lm"), _TEXT),
    "Llama": Case(_of_family("llama", "causal_lm"), _TEXT),
    "Mistral": Case(_of_family("mistral", "causal_lm"), _TEXT),
    "Qwen 3": Case(_of_family("qwen3", "causal_lm"), _TEXT),
    "T5": Case(
        _of_family("t5", "seq2seq_lm"),
        _texts("encoder_token_ids", "encoder_padding_mask", "decoder_token_ids"),
    ),
    "Whisper": Case(_of_family("whisper", "backbone"), _sounds),
    "Whisper, encoder": Case(
        _of_family("whisper", "backbone", "encoder"),
        lambda _: [{"": x["encoder_features"]} for x in _sounds(None)],
    ),
    "ViT": Case(_of_family("vit", "image_classifier"), _images(8)),
    "ResNet": Case(_of_family("resnet", "image_classifier"), _images(64)),
    "EfficientNet-Lite": Case(_of_family("efficientnet_lite", "image_classifier"), _images(64)),
    "YOLOv8": Case(_of_family("yolov8", "object_detector"), _images(640)),
    "SAM": Case(_of_family("sam", "image_segmenter"), _prompts),
    "CLIP": Case(_of_family("clip", "zero_shot_image_classifier"), _clip),
    "Stable Diffusion": Case(
        _of_family("stable_diffusion", "text_to_image", sample_size=8), _pictures_of_texts
    ),
    "Stable Diffusion, UNet": Case(
        _of_family("stable_diffusion", "backbone", "unet", sample_size=8), _noise
    ),
    "MobileNet": _network("MobileNet", 64, alpha=0.25),
    "MobileNetV2": _network("MobileNetV2", 64, alpha=0.35),
    "MobileNetV3Small": _network("MobileNetV3Small", 64, alpha=0.25),
    "EfficientNetB0": _network("EfficientNetB0", 64, {"width": 0.25, "depth": 0.5}),
    "EfficientNetV2B0": _network("EfficientNetV2B0", 64, {"width": 0.25, "depth": 0.5}),
    "ConvNeXtTiny": _network(
        "ConvNeXtTiny", 64, {"depths": (1, 1, 2, 1), "filters": (8, 16, 24, 32)}
    ),
    "DenseNet121": _network("DenseNet121", 64, {"blocks": (2, 1, 1, 1)}),
    "ResNet50V2": _network("ResNet50V2", 64, {"blocks": (2, 2, 2, 2)}),
    "NASNetMobile": _network(
        "NASNetMobile", 64, {"penultimate": 192, "blocks": 1, "stem": 8, "skip_reduction": True}
    ),
    "VGG16": _network("VGG16", 32),
    "Xception": _network("Xception", 71),
    "InceptionV3": _network("InceptionV3", 75),
}
"""Title -> a small model with random weights."""
