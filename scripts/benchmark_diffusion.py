"""The benchmark's lines of CLIP and Stable Diffusion: ours and the peer's, with fresh weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], Any]

LATENTS = 64
# Channels of the levels: those of Stable Diffusion 1.5, and half of them for small machines.
WIDTHS = {"": (320, 640, 1280, 1280), " half width": (160, 320, 640, 640)}


def _inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(1, LATENTS, LATENTS, 4)).astype("float32")
    context = rng.normal(size=(1, 77, 768)).astype("float32")
    return latents, np.asarray([500.0], np.float32), context


def _ours(backend: str, channels: tuple[int, ...]) -> Work:
    from ..cv import StableDiffusionBackbone
    from ..framework.config import use_backend
    from ..framework.ops import convert_to_numpy

    small = {"num_layers": 1, "hidden_dim": 64, "num_heads": 1, "intermediate_dim": 64}
    with use_backend(backend):
        model = StableDiffusionBackbone(
            text=small,
            unet={"block_channels": channels},
            autoencoder={"block_channels": (32, 32), "layers_per_block": 1},
        )
    denoise, inputs = model.compiled_method("denoise"), _inputs()

    def work() -> Any:
        return convert_to_numpy(denoise(*inputs))

    return work


def unet_torch(width: str, scratch: str) -> tuple[Work, Work]:
    """Returns one step of the denoising network on torch, and that of diffusers."""
    import torch
    from diffusers import UNet2DConditionModel  # pyright: ignore[reportMissingImports]

    channels = WIDTHS[width]
    peer = UNet2DConditionModel(
        sample_size=LATENTS,
        cross_attention_dim=768,
        attention_head_dim=8,
        block_out_channels=channels,
    ).eval()
    latents, time, context = map(torch.from_numpy, _inputs())
    first = latents.permute(0, 3, 1, 2).contiguous()

    def theirs() -> Any:
        with torch.inference_mode():
            return peer(first, time, context).sample

    return _ours("torch", channels), theirs


def unet_elsewhere(backend: str, width: str, scratch: str) -> tuple[Work, Work]:
    """Returns one step of the denoising network on a backend, and on torch."""
    channels = WIDTHS[width]
    return _ours(backend, channels), _ours("torch", channels)


def clip_images(scratch: str) -> tuple[Work, Work]:
    """Returns vectors of eight pictures by CLIP ViT-B/32 on torch, and by transformers."""
    import torch
    import transformers

    from ..cv import CLIPBackbone
    from ..framework.config import use_backend

    with use_backend("torch"):
        model = CLIPBackbone()
    peer = transformers.CLIPModel(transformers.CLIPConfig()).eval()
    images = np.random.default_rng(0).normal(size=(8, 224, 224, 3)).astype("float32")
    last = torch.from_numpy(images)
    first = last.permute(0, 3, 1, 2).contiguous()

    def theirs() -> Any:
        with torch.inference_mode():
            return peer.get_image_features(pixel_values=first)

    return lambda: model.infer({"images": last}), theirs
