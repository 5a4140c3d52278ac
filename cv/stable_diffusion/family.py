"""Stable Diffusion's family: how its files are read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...framework.lazy import Reference
from ...hub.registry import Architecture, Family, Layout, register_family
from ..clip.tokenizer import FILES as TOKENIZER
from . import configs, single_file
from .weight_map import diffusers, single


def _names(folder: str, *stems: str) -> tuple[str, ...]:
    """Returns the names that a part's weights may have, whole or in several files."""
    found: list[str] = []
    for stem in stems:
        for ending in ("safetensors", "bin"):
            for variant in ("", ".fp16"):
                whole = f"{folder}/{stem}{variant}.{ending}"
                # diffusers puts the variant behind the whole name of an index, of late.
                found += [whole, f"{folder}/{stem}.{ending}.index{variant}.json"]
                found += [f"{whole}.index.json"] if variant else []
    return tuple(found)


def _write_diffusers(*arguments: Any) -> list[Path]:
    from .writing import write_diffusers

    return write_diffusers(*arguments)


def _write_single(*arguments: Any) -> list[Path]:
    from .writing import write_single

    return write_single(*arguments)


register_family(
    Family(
        "stable_diffusion",
        tasks={
            "text_to_image": Reference(__package__, ".tasks", "StableDiffusionTextToImage"),
            "backbone": Reference(__package__, ".backbone", "StableDiffusionBackbone"),
        },
        layouts={
            "diffusers": Layout(
                config=configs.read,
                weight_map=diffusers,
                files=configs.FILES,
                optional_files=tuple(f"tokenizer/{name}" for name in TOKENIZER),
                write=_write_diffusers,
                weight_parts={
                    "text_encoder": _names("text_encoder", "model", "pytorch_model"),
                    "unet": _names("unet", "diffusion_pytorch_model"),
                    "vae": _names("vae", "diffusion_pytorch_model"),
                },
            ),
            "single": Layout(
                config=single_file.arguments,
                weight_map=single,
                weights=(single_file.WEIGHTS,),
                files=(),
                optional_files=(*(f"tokenizer/{name}" for name in TOKENIZER), *TOKENIZER),
                write=_write_single,
                recognize=single_file.recognize,
            ),
        },
        architectures={
            "StableDiffusionPipeline": Architecture("diffusers", "text_to_image"),
            "StableDiffusionImg2ImgPipeline": Architecture("diffusers", "text_to_image"),
            "StableDiffusionInpaintPipelineLegacy": Architecture("diffusers", "text_to_image"),
        },
        index="model_index.json",
    )
)
