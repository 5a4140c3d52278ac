"""Stable Diffusion's three networks in one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...framework import ops
from ...framework.ops.joining import split
from ...framework.typing import Tensor
from ...hub.bases import Backbone
from ...nlp.text import check_ids
from ..clip.backbone import CLIPTextEncoder
from .autoencoder import Autoencoder
from .unet import UNet


class StableDiffusionBackbone(Backbone):
    """The encoder of texts, the denoising network, and the autoencoder.

    Inputs are a dict of `token_ids`, integers (batch, length), `latents`, (batch, height, width,
    4), and `time`, (batch,). Outputs are a dict of `context`, the vectors of the texts' tokens,
    `prediction`, what the network sees in the latents, and `image`, (batch, 8 * height, 8 * width,
    3), what the decoder makes of the latents.

    Args:
        text: arguments of `CLIPTextEncoder`.
        unet: arguments of `UNet`.
        autoencoder: arguments of `Autoencoder`.
        scheduler: arguments of `NoiseSchedule`, and `kind`, the sampler that is used by itself.
        sample_size: height and width of latents that are made by default.
        dtype: dtype of the weights.
    """

    def __init__(
        self,
        text: Mapping[str, Any] | None = None,
        unet: Mapping[str, Any] | None = None,
        autoencoder: Mapping[str, Any] | None = None,
        scheduler: Mapping[str, Any] | None = None,
        sample_size: int = 64,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.text = CLIPTextEncoder(**(text or {}))
        self.unet = UNet(**(unet or {}))
        self.autoencoder = Autoencoder(**(autoencoder or {}))
        self.scheduler, self.sample_size = dict(scheduler or {}), sample_size
        self.unet.sample_size = sample_size
        self.built = True

    def export_signature(self) -> list[Any]:
        """Returns `token_ids`, `latents` and `time`; number and length of the texts open.

        The latents have the size of the model's training.
        """
        latents, time, _ = self.unet.export_signature()
        (texts,) = self.text.export_signature()
        return [{"token_ids": texts, "latents": latents, "time": time}]

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        check_ids(inputs["token_ids"], self.text.vocabulary_size, "token_ids")

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `context`, `prediction` and `image`; see the class.

        Args:
            inputs: a dict of `token_ids`, `latents` and `time`.
        """
        context = self.encode_text(inputs["token_ids"])
        prediction = self.unet(inputs["latents"], inputs["time"], context)
        image = self.autoencoder.decode(inputs["latents"])
        return {"context": context, "prediction": prediction, "image": image}

    def encode_text(self, token_ids: Tensor) -> Tensor:
        """Returns the vectors (batch, length, hidden_dim) of tokens, integers (batch, length)."""
        return self.text(token_ids)["sequence_output"]

    def denoise(
        self, latents: Tensor, time: Tensor, context: Tensor, guidance: Tensor | None = None
    ) -> Tensor:
        """Returns the prediction for latents, float32.

        Args:
            latents: (batch, height, width, in_channels).
            time: one number, (1,).
            context: vectors of the texts, (batch, length, hidden_dim); with `guidance` those of
                what is not wanted, then those of what is: (2 * batch, length, hidden_dim).
            guidance: how far the prediction goes from the first to the second, (1,), and beyond
                (Ho & Salimans 2022, arXiv:2207.12598).
        """
        latents = ops.cast(latents, context.dtype)
        if guidance is not None:
            latents = ops.concatenate([latents, latents], axis=0)
        times = ops.broadcast_to(time, (ops.shape(latents)[0],))
        found = ops.cast(self.unet(latents, times, context), "float32")
        if guidance is None:
            return found
        away, toward = split(found, 2, 0)
        return ops.add(away, ops.multiply(ops.subtract(toward, away), guidance))

    def encode_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and standard deviation of the latents of pictures; see `Autoencoder`."""
        mean, spread = self.autoencoder.encode(ops.cast(images, self.compute_dtype))
        return ops.cast(mean, "float32"), ops.cast(spread, "float32")

    def decode_image(self, latents: Tensor) -> Tensor:
        """Returns the pictures of latents, float32 (batch, height, width, 3), about -1 to 1."""
        return ops.cast(self.autoencoder.decode(ops.cast(latents, self.compute_dtype)), "float32")
