"""Mistral's windows against transformers' with the same random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import nlp

from .test_llama import CLOSE, IDS, SIZES, Numbers, _differs, _words

WINDOW = 6


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    import torch
    import transformers

    torch.manual_seed(0)
    ends = {f"{name}_token_id": None for name in ("bos", "eos", "pad")}
    config = transformers.MistralConfig(**SIZES, **ends, sliding_window=WINDOW)
    config._attn_implementation = "eager"
    model = transformers.MistralForCausalLM(config).eval()
    with torch.no_grad():
        for weight in model.parameters():  # so that attention and norms matter
            weight.mul_(4) if weight.ndim > 1 else weight.add_(0.1 * torch.randn_like(weight))
    folder = tmp_path_factory.mktemp("mistral")
    model.save_pretrained(folder)
    return folder, model


def test_scores_and_text_are_those_of_transformers(original, backend):
    import torch

    folder, theirs = original
    model = isozoo.from_preset(folder)
    assert isinstance(model, nlp.MistralCausalLM)
    with torch.no_grad():
        ids = torch.from_numpy(IDS)
        scores = theirs(ids).logits.numpy()
        written = theirs.generate(ids[:1], max_new_tokens=24, do_sample=False).numpy()[0, 21:]
    assert _differs(model(IDS), scores) < CLOSE
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128)
    assert model.generate(_words(IDS[0]), 24) == _words(written)


def test_a_window_is_written_even_where_there_is_none(original, tmp_path):
    import transformers

    folder, theirs = original
    with isozoo.use_backend("numpy"):
        isozoo.from_preset(folder).save_to_preset(tmp_path / "window")
        isozoo.from_preset(folder, sliding_window=None).save_to_preset(tmp_path / "none")
    for name, window in (("window", WINDOW), ("none", None)):
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["sliding_window"] == window
        again = transformers.MistralForCausalLM.from_pretrained(tmp_path / name)
        assert again.config.sliding_window == window
    with pytest.raises(ValueError, match="sliding_window must be positive"):
        nlp.MistralBackbone(9, 1, 2, 8, 8, sliding_window=0)


def test_the_window_counts(original):
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(original[0])
    changed = IDS.copy()
    changed[:, 0] = (changed[:, 0] + 1) % 97
    moved = np.abs(model(IDS) - model(changed)).max(axis=(0, 2))
    # Two layers hand on what stood up to 2 * (WINDOW - 1) places before, and no more.
    reach = 2 * (WINDOW - 1)
    assert (moved[: reach + 1] > 0).all()
    assert not moved[reach + 1 :].any()
