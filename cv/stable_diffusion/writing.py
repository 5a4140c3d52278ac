"""Writing a Stable Diffusion: a folder as diffusers has it, or one file with all networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.files import write_atomically
from ...hub.exporting import export, foreign_tensors
from ...hub.tensors import write_safetensors
from . import configs
from .weight_map import diffusers, single


def write_diffusers(
    model: Any,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes a folder with a file of weights for each network; see `Layout.write`."""
    tensors = foreign_tensors(variables, diffusers(arguments), dtype=dtype)
    written: list[Path] = []
    for part, name in (
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ):
        prefix = f"{part}."
        own = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        (folder / part).mkdir(parents=True, exist_ok=True)
        written += write_safetensors(
            folder / part / f"{name}.safetensors", own, {"format": "pt"}, 10_000_000_000
        )
    for name, content in configs.write(arguments).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, (json.dumps(content, indent=2) + "\n").encode())
        written.append(folder / name)
    return written + _write_tokenizer(model, folder / "tokenizer")


def write_single(
    model: Any,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes one file, `model.safetensors`, in the original names; see `Layout.write`.

    Such a file has no word for the scheduler: whoever reads it must know what is predicted.
    """
    written = export(
        variables,
        single(arguments),
        folder / "model.safetensors",
        metadata={"format": "pt"},
        max_shard_bytes=100_000_000_000,
        dtype=dtype,
    )
    return written + _write_tokenizer(model, folder / "tokenizer")


def _write_tokenizer(model: Any, folder: Path) -> list[Path]:
    tokenizer = getattr(getattr(model, "preprocessor", None), "tokenizer", None)
    return [] if tokenizer is None else tokenizer.save(folder)
