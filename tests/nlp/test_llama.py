"""Llama against transformers' with the same random weights, and text that goes on from a text."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import nlp, ops
from isozoo.nlp.rotary import rotary_of

SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
IDS = np.random.default_rng(0).integers(0, 97, (2, 21))
# Rounding of the products of two layers, far below what another formula would give.
CLOSE = 1e-5


def _original(folder, **settings):
    import torch
    import transformers

    torch.manual_seed(0)
    ends = {f"{name}_token_id": None for name in ("bos", "eos", "pad")}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, **ends, **settings))
    with torch.no_grad():
        for weight in model.parameters():  # so that attention and norms matter
            weight.mul_(4) if weight.ndim > 1 else weight.add_(0.1 * torch.randn_like(weight))
        model.eval().save_pretrained(folder)
        inputs = torch.from_numpy(IDS)
        states = model.model(inputs).last_hidden_state.numpy()
        written = model.generate(inputs[:1], max_new_tokens=64, do_sample=False).numpy()[0, 21:]
        return folder, states, model(inputs).logits.numpy(), written, model


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return _original(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    scaling = {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}
    folder = tmp_path_factory.mktemp("tied")
    return _original(folder, tie_word_embeddings=True, rope_parameters=scaling, head_dim=16)


class Numbers:
    """A tokenizer whose words are the ids."""

    def encode(self, text):
        return [int(word) for word in text.split()]

    def decode(self, ids, skip_special_tokens=True):
        return " ".join(map(str, ids))


def _words(ids) -> str:
    return " ".join(map(str, ids))


def _writer(folder, backend, ends=()):
    model = isozoo.from_preset(folder, backend=backend)
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128, ends)
    return model


def _differs(found, wanted) -> float:
    return float(np.abs(ops.convert_to_numpy(found) - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("which", ["original", "tied"])
def test_states_and_scores_are_those_of_transformers(which, backend, request):
    folder, states, scores, _, _ = request.getfixturevalue(which)
    model = isozoo.from_preset(folder, backend=backend)
    assert isinstance(model, nlp.LlamaCausalLM)
    assert _differs(model.backbone(IDS)["sequence_output"], states) < CLOSE
    assert _differs(model(IDS), scores) < CLOSE


def test_padding_changes_nothing(original, backend):
    folder, states, *_ = original
    backbone = nlp.LlamaBackbone.from_preset(folder, backend=backend)
    ids, mask = np.zeros((1, 25), int), np.zeros((1, 25), bool)
    ids[0, 3:24], mask[0, 3:24] = IDS[0], True
    found = backbone({"token_ids": ids, "padding_mask": mask})["sequence_output"]
    assert _differs(ops.convert_to_numpy(found)[:, 3:24], states[:1]) < CLOSE


def test_greedy_text_is_that_of_transformers(original, backend):
    folder, *_, written, _ = original
    model = _writer(folder, backend)
    first, second = _words(IDS[0]), _words(IDS[1][:7])
    assert model.generate(first, 64) == _words(written)
    # In one batch with a shorter prompt, each as if it were alone.
    alone = model.generate(second, 10)
    assert model.generate([first, second], 10) == [_words(written[:10]), alone]


def test_streams_stops_and_samples(original, backend):
    folder, *_, written, _ = original
    model, prompt = _writer(folder, backend), _words(IDS[0])
    assert "".join(model.stream(prompt, 9)) == _words(written[:9])
    place = next(i for i in range(1, 60) if written[i] not in written[:i])
    stopped = _writer(folder, backend, ends=(int(written[place]),))
    assert stopped.generate(prompt, 64) == _words(written[:place])
    text = f" {written[place]}"
    assert model.generate(prompt, 64, stop=text) == _words(written[:place])
    if backend == "numpy":
        return
    with isozoo.use_backend("numpy"):
        host = _writer(folder, "numpy")
    options = {"temperature": 1.5, "top_k": 20, "top_p": 0.9, "seed": 5}
    assert model.generate(prompt, 20, **options) == host.generate(prompt, 20, **options)


def test_penalties_are_those_of_transformers(original, backend):
    if backend != "numpy":
        return  # computed on the host
    import torch

    folder, *_, reference = original
    with torch.no_grad():
        made = reference.generate(
            torch.from_numpy(IDS[:1]),
            max_new_tokens=24,
            do_sample=False,
            repetition_penalty=1.3,
            no_repeat_ngram_size=2,
        )
    found = _writer(folder, backend).generate(
        _words(IDS[0]), 24, repetition_penalty=1.3, no_repeat_ngram_size=2
    )
    assert found == _words(made.numpy()[0, 21:])


def test_a_preset_is_written_that_transformers_reads(tied, tmp_path, backend):
    import torch
    import transformers

    folder, _, scores, _, _ = tied
    isozoo.from_preset(folder, backend=backend).save_to_preset(tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        np.testing.assert_array_equal(model(torch.from_numpy(IDS)).logits.numpy(), scores)


SCALINGS = (
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "dynamic", "factor": 4.0},
    {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
)


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda s: s["rope_type"])
def test_rotary_frequencies_are_those_of_transformers(scaling):
    import transformers
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    given = {**scaling, "rope_theta": 10000.0}
    config = transformers.LlamaConfig(**SIZES, head_dim=16, rope_parameters=given)
    theirs = LlamaRotaryEmbedding(config)
    ours = rotary_of(16, 10000.0, scaling, 128)
    np.testing.assert_allclose(ours.frequencies, theirs.inv_freq.numpy(), rtol=1e-6)
    assert ours.factor == pytest.approx(theirs.attention_scaling, rel=1e-6)


def test_dynamic_scaling_ends_with_the_positions():
    scaling = {"rope_type": "dynamic", "factor": 2.0}
    with isozoo.use_backend("numpy"):
        model = nlp.LlamaBackbone(9, 1, 2, 8, 8, max_sequence_length=4, rope_scaling=scaling)
    assert model(np.ones((1, 4), int))["sequence_output"].shape == (1, 4, 8)
    with pytest.raises(ValueError, match="The text has 5 tokens, and .* up to 4"):
        model(np.ones((1, 5), int))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_key_value_heads": 4}, "not a multiple of num_key_value_heads"),
        ({"hidden_dim": 49}, "not a multiple of num_heads"),
        ({"rope_scaling": {"rope_type": "spiral"}}, "are unknown; there are"),
        ({"rope_scaling": {"rope_type": "linear", "factor": -1}}, "positive 'factor'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, words):
    sizes = {
        "vocabulary_size": 9,
        "num_layers": 1,
        "num_heads": 6,
        "hidden_dim": 48,
        "intermediate_dim": 8,
    }
    with pytest.raises(ValueError, match=words):
        nlp.LlamaBackbone(**{**sizes, **change})


def test_impossible_prompts_and_settings_are_refused(original):
    model = _writer(original[0], "numpy")
    for prompts, options, words in (
        ("", {}, "is empty"),
        ([], {}, "at least one text"),
        (_words([1] * 128), {}, "takes at most 128"),
        ("1", {"max_new_tokens": 0}, "max_new_tokens"),
        ("1", {"temperature": -1.0}, "temperature"),
        ("1", {"top_p": 0.0}, "top_p"),
        ("1", {"stop": ""}, "stop"),
        ("1", {"repetition_penalty": 0.0}, "repetition_penalty"),
    ):
        with pytest.raises(ValueError, match=words):
            model.generate(prompts, **options)
    with pytest.raises(ValueError, match="knows the numbers 0 to 96"):
        model(np.array([[97]]))
    with pytest.raises(TypeError):
        model.generate(3)


@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
def test_a_trained_model_goes_on(backend):
    model = nlp.CausalLM.from_preset("smollm2_135m_instruct", backend=backend)
    assert model.generate("The capital of France is", 2) == " Paris."
