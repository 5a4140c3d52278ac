"""A small CLIP of transformers with random weights, in a folder, and a small vocabulary."""

from __future__ import annotations

import json

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 16,
}
IMAGE = {
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "image_size": 32,
    "patch_size": 8,
}
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = ["c a", "ca t</w>", "p h", "o t", "ph ot", "phot o</w>", "' s</w>", "Ã ¤"]


def vocabulary() -> dict[str, int]:
    """Every byte inside of a word and at its end, what the merges make, and the two marks."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["".join(pair.split(" ")) for pair in MERGES] + [START, END]
    return {token: index for index, token in enumerate(tokens)}


def save_tokenizer(folder, **settings) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary()))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def randomized(model, seed: int = 3):
    """The model with vectors of parameters drawn too, which begin as zeros and ones."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(float("norm" in name and "weight" in name), 0.3)
            elif parameter.ndim == 2 and "embedding" in name:
                parameter.normal_(0.0, 0.3)
    return model.eval()


def text_config(**settings):
    marks = vocabulary()
    known = {"vocab_size": len(marks), "bos_token_id": marks[START], "eos_token_id": marks[END]}
    return {**TEXT, **known, **settings}


def original(folder):
    """CLIPModel in a folder with tokenizer and preprocessor."""
    import transformers

    config = transformers.CLIPConfig(
        text_config=text_config(), vision_config=dict(IMAGE), projection_dim=24
    )
    model = randomized(transformers.CLIPModel(config))
    model.save_pretrained(folder)
    save_tokenizer(folder)
    about = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return model
