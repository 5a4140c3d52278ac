"""Small Stable Diffusions without their library: folders whose weights follow from their names.

`tests/data/make_diffusion_files.py` gives the same weights to diffusers' own models, and writes
down what these compute.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np

from . import tiny_clip

DATA = Path(__file__).parents[1] / "data" / "diffusion"
PARTS = {
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}
VERSIONS = ("one", "two")


def described(version: str) -> dict:
    """The config files, and name -> shape of the tensors of each part and of the single file."""
    return json.loads((DATA / f"{version}.json").read_text())


def expected(version: str) -> dict[str, np.ndarray]:
    with np.load(DATA / f"{version}.npz") as found:
        return dict(found)


def drawn(key: str, shape) -> np.ndarray:
    """Numbers that follow from a tensor's name: about what a network begins with."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    found = rng.normal(size=shape)
    if len(shape) == 1:
        found = 0.1 * found + ("norm" in key and key.endswith("weight"))
    elif "embedding" not in key:
        found /= math.sqrt(math.prod(shape[1:]))
    return found.astype(np.float32)


def weights(version: str) -> dict[str, dict[str, np.ndarray]]:
    shapes = described(version)["shapes"]
    return {part: {key: drawn(key, shape) for key, shape in shapes[part].items()} for part in PARTS}


def save(folder: Path, version: str) -> Path:
    """Writes the folder as diffusers does."""
    from safetensors.numpy import save_file

    for name, content in described(version)["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    for part, tensors in weights(version).items():
        save_file(tensors, folder / part / PARTS[part])
    pad = "!" if version == "two" else tiny_clip.END
    tiny_clip.save_tokenizer(folder / "tokenizer", pad_token=pad)
    return folder


def inputs() -> dict[str, np.ndarray]:
    """Token ids, latents, times and a picture, channels last, the same everywhere."""
    rng = np.random.default_rng(7)
    marks = tiny_clip.vocabulary()
    ids = rng.integers(0, len(marks) - 2, size=(2, 16), dtype=np.int32)
    ids[:, 0], ids[:, 9:] = marks[tiny_clip.START], marks[tiny_clip.END]
    return {
        "token_ids": ids,
        "latents": rng.normal(size=(2, 6, 8, 4)).astype(np.float32),
        "time": np.asarray([981.0, 20.0], np.float32),
        "picture": rng.uniform(-1, 1, size=(1, 12, 16, 3)).astype(np.float32),
        "draws": rng.normal(size=(12, 6, 8, 4)).astype(np.float32),
    }
