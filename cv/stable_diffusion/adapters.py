"""How Stable Diffusion is loaded, run from the command line, and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...hub.adapters import CommandLineAdapter, ParityAdapter, PresetAdapter
from ..clip.tokenizer import CLIPTokenizer
from .preprocessing import StableDiffusionPreprocessor

_FOLDER = "tokenizer/"
SAMPLES = ("a photo of a cat", "")


class StableDiffusionPresetAdapter(PresetAdapter):
    """The tokenizer, in a folder of its own or beside the weights."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> StableDiffusionPreprocessor:
        """Returns the preprocessor; without a tokenizer where the files hold none."""
        length = config.get("text", {}).get("max_sequence_length", 77)
        for folder in (_FOLDER, ""):
            if any(f"{folder}{name}" in files for name in ("vocab.json", "tokenizer.json")):
                return StableDiffusionPreprocessor(CLIPTokenizer.from_files(files, length, folder))
        return StableDiffusionPreprocessor(None)


class StableDiffusionCommandLineAdapter(CommandLineAdapter):
    """One text in; one picture out, which `--draw` writes to a file."""

    options = ("negative", "steps", "guidance", "seed", "width", "height", "scheduler", "image",
               "mask", "strength", "truncate")  # fmt: skip

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.pictures: list[Any] = []

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the seed and the size of the picture of a text, which is kept for `draw_all`."""
        picture = self.model.generate(text, **options)
        self.pictures.append(picture)
        return {"seed": int(picture.info["seed"]), "size": list(picture.size)}

    def run_all(
        self, inputs: Sequence[str], tell: Callable[[int, int], None], **options: Any
    ) -> list[dict[str, Any]]:
        """Returns what `run` returns for several texts, each with its `input`."""
        return [{"input": text, **self.run(text, **options)} for text in inputs]

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the size and the seed in a line."""
        width, height = result["size"]
        return f"{width}x{height} pixels, seed {result['seed']} (--draw FILE writes the picture)"

    def draw_all(self, results: Sequence[Mapping[str, Any]], to: str | Path) -> None:
        """Writes the pictures to a file, side by side where there are several."""
        from ...applications.images import pillow

        width = sum(picture.width for picture in self.pictures)
        sheet = pillow().new("RGB", (width, max(picture.height for picture in self.pictures)))
        left = 0
        for picture in self.pictures:
            sheet.paste(picture, (left, 0))
            left += picture.width
        sheet.save(to)


class StableDiffusionParityAdapter(ParityAdapter):
    """Two texts and small latents; the outputs of each network, and where latents lead to."""

    def sample_inputs(self) -> Any:
        """Returns texts, latents and times."""
        channels = self.model.backbone.autoencoder.latent_channels
        latents = np.random.default_rng(0).normal(size=(2, 8, 8, channels)).astype(np.float32)
        return {
            "texts": list(SAMPLES),
            "latents": latents,
            "time": np.asarray([981.0, 20.0], np.float32),
        }

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns vectors of texts, predictions and pictures, by the uncompiled call."""
        given = {name: value for name, value in inputs.items() if name != "texts"}
        return self.model({**given, "token_ids": self.model.preprocessor(inputs["texts"])})

    def decide(self, inputs: Any) -> list[float]:
        """Returns the latents after five steps of DDIM with a guidance of 2, rounded, in a row."""
        model = self.model
        context = model.compiled_method("encode_text")(model.preprocessor(inputs["texts"][::-1]))
        size = model.backbone.autoencoder.factor * 8
        start = np.asarray(inputs["latents"][:1], np.float64)
        found = model.denoised(
            context, model.sampler("ddim", 5), [lambda _: start[0]], (size, size), 2.0
        )
        return np.round(found.reshape(-1), 6).tolist()

    def matched(self, decision: Any, reference: Any) -> Any:
        """Returns `reference` where latents are within a thousandth of its largest number."""
        found, expected = np.asarray(decision), np.asarray(reference)
        fits = found.shape == expected.shape and bool(
            np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()
        )
        return reference if fits else decision
