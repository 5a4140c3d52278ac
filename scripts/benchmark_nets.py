"""The benchmark's lines of image classifiers: ours and the peer's, with fresh weights."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], Any]

NETS = (
    "MobileNetV2",
    "EfficientNetB0",
    "ResNet50",
    "ConvNeXtTiny",
    "DenseNet121",
    "ViT-base",
)
BATCHES = (1, 8)
BUILD_LIMIT = 1.0  # seconds


def peer_name(net: str, backend: str) -> str:
    """Returns whom a net is compared with on a backend."""
    if net == "ViT-base":
        return "transformers" if backend == "torch" else "KerasHub, predict_on_batch"
    if backend != "torch" or net == "DenseNet121":
        return "Keras, predict_on_batch"
    return "transformers"


def keras_runs(net: str, backend: str) -> bool:
    """Whether the peer is Keras, which runs on the backend that its environment names."""
    return peer_name(net, backend).startswith("Keras")


def _images(batch: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (batch, 224, 224, 3)).astype("float32")


def ours(net: str, backend: str) -> Any:
    """Returns our net on a backend."""
    from .. import applications
    from ..framework.config import use_backend

    with use_backend(backend):
        if net == "ViT-base":
            return applications.ViTImageClassifier()
        return getattr(applications, net)(weights=None)


def _keras(net: str) -> Any:
    import keras

    if net == "ViT-base":
        import keras_hub

        backbone = keras_hub.models.ViTBackbone(
            image_shape=(224, 224, 3), patch_size=16, num_layers=12, num_heads=12,
            hidden_dim=768, mlp_dim=3072,
        )  # fmt: skip
        return keras_hub.models.ViTImageClassifier(backbone, num_classes=1000)
    return getattr(keras.applications, net)(weights=None)


def _transformers(net: str) -> Any:
    import transformers as t

    labels: dict[str, Any] = {"num_labels": 1000}
    if net == "MobileNetV2":
        return t.MobileNetV2ForImageClassification(t.MobileNetV2Config(**labels))
    if net == "EfficientNetB0":
        form: dict[str, Any] = {
            "width_coefficient": 1.0,
            "depth_coefficient": 1.0,
            "hidden_dim": 1280,
        }
        config = t.EfficientNetConfig(image_size=224, dropout_rate=0.2, **form, **labels)
        return t.EfficientNetForImageClassification(config)
    if net == "ResNet50":  # Keras's form, which steps at the first 1x1
        config = t.ResNetConfig(downsample_in_bottleneck=True, **labels)
        return t.ResNetForImageClassification(config)
    if net == "ConvNeXtTiny":
        return t.ConvNextForImageClassification(t.ConvNextConfig(**labels))
    return t.ViTForImageClassification(t.ViTConfig(**labels))


def setup(net: str, backend: str, batch: int, scratch: str) -> tuple[Work, Work]:
    """Returns our work and the peer's: scores of a batch of images."""
    mine, images = ours(net, backend), _images(batch)
    if keras_runs(net, backend):
        peer = _keras(net)
        return lambda: mine.predict_on_batch(images), lambda: peer.predict_on_batch(images)
    import torch

    peer = _transformers(net).eval()
    last = torch.from_numpy(images)
    first = last.permute(0, 3, 1, 2).contiguous()

    def theirs() -> Any:
        with torch.inference_mode():
            return peer(first).logits

    return lambda: mine.infer(last), theirs


def building(net: str, pairs: int, scratch: str) -> dict[str, list[float]]:
    """Returns seconds of making a net on torch with fresh weights; the peer is the number 1."""
    times = []
    for _ in range(min(pairs, 5) + 1):
        start = time.perf_counter()
        ours(net, "torch")
        times.append(time.perf_counter() - start)
    return {"ours": times[1:], "peer": [BUILD_LIMIT] * (len(times) - 1)}
