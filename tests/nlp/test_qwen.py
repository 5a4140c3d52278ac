"""Qwen 2 and 3 against transformers' with the same random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import nlp
from isozoo.hub.errors import HubError

from .test_llama import CLOSE, IDS, SIZES, Numbers, _differs, _words

KINDS = {"Qwen2": {}, "Qwen3": {"head_dim": 16, "attention_bias": True}}


@pytest.fixture(scope="module", params=KINDS)
def original(request, tmp_path_factory):
    import torch
    import transformers

    torch.manual_seed(0)
    ends = {f"{name}_token_id": None for name in ("bos", "eos", "pad")}
    settings = {**SIZES, **ends, **KINDS[request.param]}
    config = getattr(transformers, f"{request.param}Config")(**settings)
    model = getattr(transformers, f"{request.param}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in model.parameters():  # so that attention, biases and norms matter
            weight.mul_(4) if weight.ndim > 1 else weight.add_(0.1 * torch.randn_like(weight))
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    return folder, model, getattr(nlp, f"{request.param}CausalLM")


def test_scores_and_text_are_those_of_transformers(original, backend):
    import torch

    folder, theirs, kind = original
    model = isozoo.from_preset(folder)
    assert isinstance(model, kind)
    with torch.no_grad():
        ids = torch.from_numpy(IDS)
        scores = theirs(ids).logits.numpy()
        written = theirs.generate(ids[:1], max_new_tokens=24, do_sample=False).numpy()[0, 21:]
    assert _differs(model(IDS), scores) < CLOSE
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128)
    assert model.generate(_words(IDS[0]), 24) == _words(written)


def test_it_is_written_as_transformers_reads_it(original, tmp_path):
    import torch
    import transformers

    folder, theirs, kind = original
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
        model.save_to_preset(tmp_path)
        again = isozoo.from_preset(tmp_path)
    assert again.get_config() == {**model.get_config(), "name": again.name}
    opened = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert type(opened) is type(theirs)
    with torch.no_grad():
        ids = torch.from_numpy(IDS)
        torch.testing.assert_close(opened(ids).logits, theirs(ids).logits, rtol=0, atol=0)


def test_windows_of_attention_are_refused(original, tmp_path):
    folder, _, _ = original
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    for key, value in {
        "use_sliding_window": True,
        "layer_types": ["full_attention", "sliding_attention"],
    }.items():
        (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
        with pytest.raises(HubError, match=key):
            isozoo.from_preset(tmp_path, backend="numpy")


def test_sizes_that_do_not_fit_are_refused():
    with isozoo.use_backend("numpy"):
        with pytest.raises(ValueError, match="not a multiple of num_key_value_heads 4"):
            nlp.Qwen2Backbone(9, 1, 6, 48, 8, num_key_value_heads=4)
        small = nlp.Qwen3Backbone(9, 1, 2, 8, 8, head_dim=6)
        # Every head is normed to a mean square of one before it is turned.
        states = np.random.default_rng(0).normal(size=(1, 3, 2, 6)).astype("float32")
        normed = small.blocks[0].attention.query_norm(states)
        np.testing.assert_allclose((normed**2).mean(-1), 1, rtol=1e-5)
