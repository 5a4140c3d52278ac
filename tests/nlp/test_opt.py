"""OPT against transformers' with the same random weights, and text that goes on from a text."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import isozoo
from isozoo import nlp, ops

from .test_encoders import write_pairs
from .test_llama import Numbers, _differs, _words

SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "ffn_dim": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "max_position_embeddings": 128,
    "word_embed_proj_dim": 48,
}
KINDS = {
    "125m": {},
    "350m": {"do_layer_norm_before": False, "word_embed_proj_dim": 32},
    "untied": {"tie_word_embeddings": False, "enable_bias": False},
}
IDS = np.random.default_rng(0).integers(3, 97, (2, 21))
# Rounding of the products of two layers, far below what another formula would give.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Kind -> (folder, model), made once."""
    import torch
    import transformers

    made = {}

    def of(kind: str):
        if kind not in made:
            torch.manual_seed(0)
            ends = {f"{name}_token_id": None for name in ("bos", "eos")}
            config = transformers.OPTConfig(**{**SIZES, **ends, **KINDS[kind]})
            model = transformers.OPTForCausalLM(config).eval()
            with torch.no_grad():
                for weight in model.parameters():  # so that attention and norms matter
                    weight.mul_(8) if weight.ndim > 1 else weight.add_(
                        0.1 * torch.randn_like(weight)
                    )
            folder = tmp_path_factory.mktemp("opt")
            model.save_pretrained(folder)
            made[kind] = folder, model
        return made[kind]

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_states_and_scores_are_those_of_transformers(kind, backend, originals):
    import torch

    folder, theirs = originals(kind)
    model = isozoo.from_preset(folder)
    mask = np.ones((2, 21), np.int64)
    mask[1, :5] = 0
    with torch.no_grad():
        ids, given = torch.from_numpy(IDS), torch.from_numpy(mask)
        states = theirs.model(ids).last_hidden_state.numpy()
        scores = theirs(ids).logits.numpy()
        padded = theirs(ids, given).logits.numpy()
    assert _differs(model.backbone(IDS)["sequence_output"], states) < CLOSE
    assert _differs(model(IDS), scores) < CLOSE
    found = ops.convert_to_numpy(model({"token_ids": IDS, "padding_mask": mask}))
    assert _differs(found[1, 5:], padded[1, 5:]) < CLOSE


# Programs for the second kind take long to compile, and are those of the first but for a layer.
@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        *(("125m", name) for name in ("numpy", "torch", "jax", "tensorflow")),
        *(("350m", name) for name in ("numpy", "torch")),
    ],
    indirect=["backend"],
)
def test_greedy_text_is_that_of_transformers(kind, backend, originals):
    import torch

    folder, theirs = originals(kind)
    model = isozoo.from_preset(folder)
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128)
    with torch.no_grad():
        ids = torch.from_numpy(IDS[:1])
        written = theirs.generate(ids, max_new_tokens=64, do_sample=False).numpy()[0, 21:]
    first, second = _words(IDS[0]), _words(IDS[1][:7])
    assert model.generate(first, 64) == _words(written)
    # In one batch with a shorter prompt, each as if it were alone.
    alone = model.generate(second, 10)
    assert model.generate([first, second], 10) == [_words(written[:10]), alone]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_written_that_transformers_reads(kind, originals, tmp_path):
    import torch
    import transformers

    folder, theirs = originals(kind)
    with isozoo.use_backend("numpy"):
        isozoo.from_preset(folder).save_to_preset(tmp_path)
    again = transformers.OPTForCausalLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        ids = torch.from_numpy(IDS)
        np.testing.assert_array_equal(again(ids).logits.numpy(), theirs(ids).logits.numpy())


def test_a_file_of_torch_in_half_precision(originals, tmp_path):
    """As the repositories have it: `decoder.` before the names, and the head a copy."""
    import torch

    folder, theirs = originals("125m")
    halves = {}
    for name, weight in theirs.state_dict().items():
        halves[name.removeprefix("model.")] = weight.half()
    assert "decoder.embed_tokens.weight" in halves and "lm_head.weight" in halves
    torch.save(halves, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(tmp_path)
    rounded = copy.deepcopy(theirs).half().float()
    with torch.no_grad():
        scores = rounded(torch.from_numpy(IDS)).logits.numpy()
    assert _differs(model(IDS), scores) < CLOSE


def test_the_end_of_a_text_begins_every_prompt(originals, tmp_path):
    write_pairs(tmp_path)
    vocabulary = json.loads((tmp_path / "vocab.json").read_text())
    folder, _ = originals("untied")
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    config = json.loads((folder / "config.json").read_text()) | {"bos_token_id": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="do not belong together"):
        isozoo.from_preset(tmp_path)
    files = {name: tmp_path / name for name in ("vocab.json", "merges.txt", "config.json")}
    sizes = {"vocabulary_size": len(vocabulary), "max_sequence_length": 9}
    tools = nlp.OPTCausalLM.make_preprocessor(files, sizes, {})
    assert tools.encode("the cat")[0][0] == vocabulary["</s>"] == 2
    assert tools.tokenizer.decode(tools.encode("the cat")[0]) == "the cat"


def test_more_tokens_than_places(backend):
    model = nlp.OPTBackbone(9, 1, 2, 8, 8, max_sequence_length=4)
    with pytest.raises(ValueError, match="got 5 tokens a text, and takes at most 4"):
        model(np.ones((1, 5), np.int32))
    with pytest.raises(ValueError, match="not a multiple of num_heads"):
        nlp.OPTBackbone(9, 1, 3, 8, 8)


@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
def test_beams_and_several_texts(backend, originals):
    import torch

    folder, theirs = originals("125m")
    model = isozoo.from_preset(folder)
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128)
    with torch.no_grad():
        made = theirs.generate(
            torch.from_numpy(IDS[:1]),
            max_new_tokens=9,
            num_beams=4,
            num_return_sequences=2,
            repetition_penalty=1.4,
            do_sample=False,
        )
    options = {"num_beams": 4, "num_sequences": 2, "repetition_penalty": 1.4}
    prompts = [_words(IDS[0]), _words(IDS[1][:7])]
    found = model.generate(prompts[0], 9, **options)
    assert found == [_words(row) for row in made.numpy()[:, 21:]]
    assert model.generate(prompts, 9, **options)[0] == found
    drawn = model.generate(prompts, 5, temperature=1.0, num_sequences=3, seed=1)
    assert [len(texts) for texts in drawn] == [3, 3]
    assert len({*drawn[0]}) == 3
    with pytest.raises(ValueError, match="leave out beams, copies and details"):
        model.stream(prompts[0], num_beams=2)
