r"""Texts that transformers 4.48 writes by methods that later versions no longer have.

    pip install --target OLD --no-deps \
        transformers==4.48.3 huggingface-hub==0.30.2 tokenizers==0.21.1
    PYTHONPATH=OLD python tests/nlp/older_generation.py

prints `WRITTEN`. The weights are drawn by NumPy, so that every version has the same.
"""

from __future__ import annotations

import itertools
import json

import numpy as np

SIZES = {
    "llama": {
        "vocab_size": 97,
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "bos_token_id": None,
        "eos_token_id": 96,
        "pad_token_id": 96,
    },
    "t5": {
        "vocab_size": 97,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 48,
        "num_layers": 2,
        "num_heads": 4,
        "decoder_start_token_id": 0,
        "eos_token_id": 96,
        "pad_token_id": 0,
    },
}
PROMPTS = np.random.default_rng(0).integers(1, 96, (2, 9))
TOKENS = 12
METHODS = {
    "contrastive": {"penalty_alpha": 0.6, "top_k": 4},
    "contrastive, much": {"penalty_alpha": 0.9, "top_k": 8},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "groups of one": {"num_beams": 3, "num_beam_groups": 3, "diversity_penalty": 1.5},
    "groups, early": {
        "num_beams": 6,
        "num_beam_groups": 2,
        "diversity_penalty": 0.7,
        "length_penalty": 0.5,
        "early_stopping": True,
        "repetition_penalty": 1.2,
    },
}


def original(kind: str):
    """transformers' model, with the weights of `SIZES`."""
    import torch
    import transformers

    made = {
        "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig),
        "t5": (transformers.T5ForConditionalGeneration, transformers.T5Config),
    }[kind]
    model = made[0](made[1](**SIZES[kind])).eval()
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            # Attention and norms matter, and no score is far above all others.
            drawn = rng.normal(0, 0.25, weight.shape) + (weight.ndim == 1)
            weight.copy_(torch.from_numpy(drawn))
    return model


# fmt: off
WRITTEN: dict[str, dict[str, list[list[int]]]] = {
    "llama": {
        "contrastive": [
            [91, 58, 80, 25, 68, 27, 73, 70, 27, 48, 42, 50],
            [1, 43, 83, 76],
        ],
        "contrastive, much": [
            [91, 40, 91, 20, 29, 18, 6, 67, 57, 88, 21, 71],
            [1, 43, 83, 76, 57, 21, 11, 44, 14, 39, 74, 89],
        ],
        "groups": [
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 83, 38, 14],
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 83, 88, 83],
            [70, 80, 4, 9, 35, 27, 39, 21, 61, 55, 79, 64],
            [91, 52, 51, 3, 83, 18, 77, 18, 54, 54, 29, 48],
            [1, 31, 55, 37, 54, 4, 20, 60, 36, 73, 55, 54],
            [39, 54, 54, 14, 75, 16, 62, 86, 79, 10, 76, 29],
            [39, 54, 54, 14, 75, 16, 62, 86, 79, 10, 76, 80],
            [1, 31, 55, 37, 54, 4, 20, 60, 36, 73, 55, 83],
        ],
        "groups of one": [
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 34, 0, 13],
            [91, 52, 51, 3, 83, 18, 77, 18, 54, 83, 4, 24],
            [56, 24, 0, 79, 26, 28, 26, 27, 52, 52, 52, 51],
            [1, 31, 55, 37, 54, 4, 20, 60, 36, 73, 55, 54],
            [39, 54, 54, 14, 75, 16, 62, 86, 79, 10, 76, 29],
            [95, 53, 91, 10, 45, 47, 41, 45, 54, 95, 64, 4],
        ],
        "groups, early": [
            [80, 20, 73],
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 34, 0, 13],
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 83, 88, 54],
            [70, 80, 24, 16, 24, 24, 66, 76, 38, 83, 88, 83],
            [91, 58, 1, 95, 76, 36, 24, 35, 59, 20, 68, 71],
            [91, 58, 1, 95, 76, 36, 24, 35, 59, 46, 33, 27],
            [],
            [1, 31, 55, 37, 54],
            [1, 31, 55, 37, 54, 4, 20, 60, 36, 73, 55, 54],
            [1, 31, 55, 37, 54, 16, 83, 76, 41, 51],
            [10, 86, 78, 4, 82, 29, 64, 52, 4, 20, 16, 12],
            [10, 86, 78, 4, 82, 29, 64, 52, 4, 20, 28],
        ],
    },
    "t5": {
        "contrastive": [
            [29, 16, 14, 92, 39, 72, 84, 69, 76, 89, 14, 92],
            [33, 47, 64, 86, 24, 73, 47, 33, 17, 48, 35, 46],
        ],
        "contrastive, much": [
            [14, 43, 72, 38, 56, 57, 39, 83, 29, 89, 24, 45],
            [33, 1, 17, 86, 47, 29, 57, 46, 73, 92, 33, 45],
        ],
        "groups": [
            [29, 76, 76, 76, 76, 76, 76, 76, 76, 76, 76, 76],
            [29, 76, 76, 76, 76, 76, 76, 76, 76, 76, 76, 72],
            [24, 72, 39, 72, 39, 72, 39, 72, 39, 72, 39, 1],
            [24, 72, 39, 72, 39, 72, 39, 72, 39, 72, 39, 14],
            [94, 17, 45, 80, 73, 45, 45, 45, 45, 45, 45, 45],
            [94, 17, 45, 80, 80, 73, 45, 45, 45, 45, 45, 45],
            [17, 47, 47, 17, 17, 17, 17, 17, 17, 17, 17, 17],
            [17, 47, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17],
        ],
        "groups of one": [
            [72, 39, 76, 76, 76, 76, 76, 76, 76, 76, 76, 76],
            [29, 76, 24, 29, 29, 29, 29, 29, 24, 29, 29, 29],
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            [94, 17, 45, 45, 45, 45, 45, 45, 80, 73, 45, 45],
            [17, 47, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17],
            [33, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29],
        ],
        "groups, early": [
            [24, 72, 39, 14, 83, 29, 76, 23, 1],
            [24, 72, 39, 14, 83, 29, 76, 23, 1, 89],
            [29, 76, 24, 72, 39, 14, 36, 83, 12, 1, 44, 89],
            [29, 76, 24, 72, 39, 14, 36, 83, 12, 1, 44, 38],
            [29, 76, 24, 72, 39, 14, 36, 83, 12, 1, 44, 52],
            [24, 72, 39, 14, 83, 29, 76, 23, 1, 89, 38, 45],
            [94, 17, 45, 80, 73, 95, 29, 47],
            [94, 17, 45, 80, 73, 95, 29, 47, 79, 33, 68, 64],
            [94, 17, 45, 80, 73, 95, 29, 47, 79, 33, 68, 46],
            [68, 80, 95, 46, 17, 86, 87, 76, 21, 94, 64, 47],
            [68, 80, 95, 46, 17, 86, 87, 76, 21, 94, 64, 78],
            [68, 80, 95, 46, 17, 86, 87, 76, 21, 94, 64, 79],
        ],
    },
}
# fmt: on


def main() -> None:
    import torch

    found: dict[str, dict[str, list[list[int]]]] = {}
    inputs = torch.from_numpy(PROMPTS)
    for kind in SIZES:
        model, begun = original(kind), PROMPTS.shape[1] if kind == "llama" else 1
        for name, options in METHODS.items():
            made = model.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                max_new_tokens=TOKENS,
                do_sample=False,
                num_return_sequences=options.get("num_beams", 1),
                **options,
            )
            rows = [
                [*itertools.takewhile(lambda t: t != 96, row)] for row in made[:, begun:].tolist()
            ]
            found.setdefault(kind, {})[name] = rows
    print(json.dumps(found))


if __name__ == "__main__":
    main()
