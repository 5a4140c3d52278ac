"""The benchmark's lines of SAM: ours and the peer's ViT-B, with fresh weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], Any]
SIDE = 1024


def _images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype("float32")


def ours(backend: str) -> Any:
    """Returns our network on a backend."""
    from ..cv import SAMBackbone
    from ..framework.config import use_backend

    with use_backend(backend):
        return SAMBackbone()


def encoder_torch(scratch: str) -> tuple[Work, Work]:
    """Returns our work and transformers': the embedding of one image."""
    import torch
    import transformers

    encode = ours("torch").compiled_method("encode")
    peer = transformers.SamVisionModel(transformers.SamVisionConfig()).eval()
    last = torch.from_numpy(_images())
    first = last.permute(0, 3, 1, 2).contiguous()

    def theirs() -> Any:
        with torch.inference_mode():
            return peer(first).last_hidden_state

    return lambda: encode(last), theirs


def decoder_torch(scratch: str) -> tuple[Work, Work]:
    """Returns our work and transformers': the masks of 16 points of one embedding."""
    import torch
    import transformers

    decode = ours("torch").compiled_method("decode")
    small = {"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2}
    peer = transformers.SamModel(transformers.SamConfig(vision_config=small)).eval()
    draw = torch.Generator().manual_seed(0)
    embeddings = torch.randn((1, 64, 64, 256), generator=draw)
    points = torch.rand((1, 16, 1, 2), generator=draw) * SIDE
    labels = torch.ones((1, 16, 1), dtype=torch.int32)
    first = embeddings.permute(0, 3, 1, 2).contiguous()

    def theirs() -> Any:
        with torch.inference_mode():
            return peer(image_embeddings=first, input_points=points, input_labels=labels)

    return lambda: decode(embeddings, points=points, labels=labels), theirs


def encoder_keras(backend: str, scratch: str) -> tuple[Work, Work]:
    """Returns our work and KerasHub's: the embedding of one image."""
    import keras_hub

    encode = ours(backend).compiled_method("encode")
    peer = keras_hub.models.ViTDetBackbone(
        hidden_size=768, num_layers=12, intermediate_dim=3072, num_heads=12,
        global_attention_layer_indices=[2, 5, 8, 11], image_shape=(SIDE, SIDE, 3),
        patch_size=16, num_output_channels=256, window_size=14,
    )  # fmt: skip
    images = _images()
    return lambda: np.asarray(encode(images)), lambda: peer.predict_on_batch(images)
