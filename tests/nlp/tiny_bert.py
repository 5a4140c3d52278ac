"""A tiny randomly initialised BERT of transformers, and a vocabulary for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WORDS = "a b c i s ##s ##ly the cat dog sat on mat run ##ning cafe naive un ##known".split()
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, ".", ",", "!", "猫"]
MAX_LENGTH = 24
CONFIG = {
    "vocab_size": len(TOKENS) + 3,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": MAX_LENGTH,
    "type_vocab_size": 2,
}


def random_model(kind: str, **settings: Any) -> Any:
    """transformers' `kind` with every parameter drawn anew, biases and norms too."""
    import torch
    import transformers

    model = getattr(transformers, kind)(transformers.BertConfig(**{**CONFIG, **settings})).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.copy_(drawn + ("LayerNorm.weight" in name))
    return model


def write_vocabulary(folder: Path, tokens: list[str] = TOKENS) -> Path:
    """`vocab.txt` in a folder."""
    path = folder / "vocab.txt"
    path.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return path


def save(model: Any, folder: Path) -> Path:
    """The model's config.json and model.safetensors, with a vocabulary beside them."""
    model.save_pretrained(folder)
    write_vocabulary(folder)
    return folder


def inputs() -> dict[str, np.ndarray]:
    """Three rows of 10, 10 and 6 tokens, with two segments."""
    rng = np.random.default_rng(3)
    mask = np.ones((3, 10), np.int32)
    mask[2, 6:] = 0
    return {
        "token_ids": rng.integers(0, CONFIG["vocab_size"], (3, 10)).astype(np.int32),
        "segment_ids": np.repeat([[0, 1]], [6, 4], axis=1).repeat(3, 0).astype(np.int32),
        "padding_mask": mask,
    }


def reference(model: Any, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """transformers' outputs for our inputs, those that are arrays."""
    import torch

    names = {
        "token_ids": "input_ids",
        "segment_ids": "token_type_ids",
        "padding_mask": "attention_mask",
    }
    with torch.no_grad():
        found = model(**{names[k]: torch.from_numpy(v).long() for k, v in given.items()})
    return {key: value.numpy() for key, value in found.items()}
