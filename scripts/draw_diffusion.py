"""Draws how the same noise becomes the same picture on every backend, with random weights.

    python -m isozoo.scripts.draw_diffusion                     # writes docs/diffusion.png
    python -m isozoo.scripts.draw_diffusion --to steps.png

A row for each backend: decoded latents after some of twelve steps. The largest difference of the
last latents from those of NumPy in float64 is printed, relative to their largest number.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

SIDE, STEPS, SHOWN, SEED = 8, 12, (0, 3, 6, 9, 12), 1


def small_model() -> Any:
    """Returns a small Stable Diffusion with weights of a fixed seed, on the current backend."""
    from ..cv import StableDiffusionTextToImage
    from ..framework.random import set_random_seed

    set_random_seed(3)
    return StableDiffusionTextToImage(
        text={
            "vocabulary_size": 64,
            "num_layers": 2,
            "num_heads": 2,
            "hidden_dim": 32,
            "intermediate_dim": 64,
            "max_sequence_length": 8,
        },
        unet={"block_channels": [32, 64], "context_dim": 32, "num_heads": 4},
        autoencoder={"block_channels": [32, 32, 32], "layers_per_block": 1},
        sample_size=SIDE,
    )


def frames(model: Any) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns pixels from 0 to 1 of the latents after some steps, and the last latents."""
    from ..cv.stable_diffusion.tasks import Noise
    from ..framework import ops

    context = model.compiled_method("encode_text")(np.arange(8, dtype="int32")[None])
    walk, noise, found = model.sampler("euler_ancestral", STEPS), Noise(SEED), []
    x = walk.first() * noise((SIDE, SIDE, 4))[None]
    denoise, decode = (model.compiled_method(name) for name in ("denoise", "decode_image"))
    for index in range(STEPS + 1):
        if index in SHOWN:
            pixels = ops.convert_to_numpy(decode(x.astype(np.float32)))[0].astype(np.float64)
            low, high = pixels.min(), pixels.max()
            found.append((pixels - low) / (high - low))  # random weights know no scale
        if index < STEPS:
            time = np.asarray([walk.plan[index].time], np.float32)
            output = ops.convert_to_numpy(denoise(x.astype(np.float32), time, context))
            new = noise((SIDE, SIDE, 4))[None]
            x = walk.step(index, x, np.asarray(output, np.float64), new)
    return found, x


def main(argv: list[str] | None = None) -> int:
    """Draws the picture; 1 where a backend differs from the reference by more than 1e-3."""
    from PIL import Image

    from ..framework import config

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    home = Path(__file__).resolve().parents[1] / "docs" / "diffusion.png"
    parser.add_argument("--to", type=Path, default=home)
    arguments = parser.parse_args(argv)
    with config.use_backend("numpy"):
        model = small_model()
    _, reference = frames(model.to_backend("numpy", dtype="float64"))
    rows, worst = [], 0.0
    for name in config.available_backends():
        found, latents = frames(model.to_backend(name))
        apart = np.abs(latents - reference).max() / np.abs(reference).max()
        print(f"{name:12} {apart:.1e}")
        rows.append(np.concatenate(found, axis=1))
        worst = max(worst, float(apart))
    sheet = (np.concatenate(rows) * 255).round().astype(np.uint8)
    picture = Image.fromarray(sheet)
    picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST).save(
        arguments.to, optimize=True
    )
    return int(worst > 1e-3)


if __name__ == "__main__":
    sys.exit(main())
