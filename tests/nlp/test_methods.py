"""Contrastive search, beams in groups, assistants, forms of texts, and the scores behind them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import isozoo
from isozoo import nlp
from isozoo.nlp.byte_level import ByteLevelTokenizer
from isozoo.nlp.generation.options import GenerationOptions

from .older_generation import METHODS, PROMPTS, TOKENS, WRITTEN, original

END = 96


class Numbers:
    """A tokenizer whose words are the ids."""

    def encode(self, text):
        return [int(word) for word in text.split()]

    def decode(self, ids, skip_special_tokens=True):
        return " ".join(map(str, ids))


def _words(ids) -> str:
    return " ".join(map(str, ids))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {}
    for kind in ("llama", "t5"):
        found[kind] = tmp_path_factory.mktemp(kind)
        original(kind).save_pretrained(found[kind])
    return found


@pytest.fixture(scope="module")
def made():
    """Models by backend and kind, each made once."""
    return {}


@pytest.fixture
def writer_of(folders, made):
    def writer(kind, backend):
        if (kind, backend) not in made:
            model = made[kind, backend] = isozoo.from_preset(folders[kind], backend=backend)
            if kind == "llama":
                model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 128, (END,))
            else:
                model.preprocessor = nlp.Seq2SeqLMPreprocessor(Numbers(), 128, 0, (END,))
        return made[kind, backend]

    return writer


TEXTS = [_words(row) for row in PROMPTS]


def _check(model, kind, method):
    options = {**METHODS[method], "num_sequences": METHODS[method].get("num_beams", 1)}
    found = model.generate(TEXTS, TOKENS, **options)
    flat = found if options["num_sequences"] == 1 else [text for texts in found for text in texts]
    assert flat == [_words(row) for row in WRITTEN[kind][method]]


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("method", METHODS)
def test_texts_are_those_of_transformers(kind, method, writer_of):
    _check(writer_of(kind, "numpy"), kind, method)


@pytest.mark.parametrize(("kind", "method"), [("llama", "contrastive"), ("llama", "groups")])
def test_they_are_so_on_every_backend(kind, method, writer_of, backend):
    _check(writer_of(kind, backend), kind, method)


def test_unequal_prompts_are_searched_as_if_alone(writer_of):
    model, options = writer_of("llama", "numpy"), METHODS["contrastive"]
    texts = [TEXTS[0], _words(PROMPTS[1][:4])]
    alone = [model.generate(text, TOKENS, **options) for text in texts]
    assert model.generate(texts, TOKENS, **options) == alone
    assert "".join(model.stream(texts[0], TOKENS, **options)) == alone[0]


def test_no_end_is_streamed(writer_of):
    """An end whose token says something, as that of a tokenizer without special tokens does."""
    model = writer_of("llama", "numpy")
    options = {"temperature": 0.9, "seed": 3}
    text = model.generate(TEXTS[0], TOKENS, **options)
    assert len(text.split()) < TOKENS and str(END) not in text.split()
    assert "".join(model.stream(TEXTS[0], TOKENS, **options)) == text


# Assistants


class Passes:
    """Counts how often a model is asked for the scores of all its tokens."""

    def __init__(self, model):
        self.model, self.count = model, 0

    def __enter__(self):
        self.run = self.model.compiled_method

        def counted(name, **options):
            found = self.run(name, **options)
            if name != "examine":
                return found

            def call(*arguments):
                self.count += 1
                return found(*arguments)

            return call

        self.model.compiled_method = counted
        return self

    def __exit__(self, *error):
        del self.model.compiled_method


def test_an_assistant_changes_no_text(writer_of, backend):
    model = writer_of("llama", backend)
    wanted = model.generate(TEXTS[0], TOKENS)
    # Itself as its assistant: all that it proposes is taken.
    with Passes(model) as passes:
        assert model.generate(TEXTS[0], TOKENS, assistant=model, num_draft_tokens=3) == wanted
    written = min(len(wanted.split()) + 1, TOKENS)
    assert passes.count == -(-written // 4)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.9, "seed": 3}, {"repetition_penalty": 1.4}], ids=str
)
def test_what_an_assistant_proposes_in_vain_is_forgotten(writer_of, folders, options):
    model = writer_of("llama", "numpy")
    other = isozoo.from_preset(folders["llama"], backend="numpy")
    other.preprocessor = model.preprocessor
    other.backbone.norm.scale.assign(-np.asarray(other.backbone.norm.scale))
    wanted = [model.generate(text, TOKENS, **options) for text in TEXTS]
    with Passes(model) as passes:
        assert model.generate(TEXTS, TOKENS, assistant=other, **options) == wanted
    assert passes.count > 2 * -(-TOKENS // 6)  # as many as if all had been taken
    assert "".join(model.stream(TEXTS[0], TOKENS, assistant=other, **options)) == wanted[0]


def test_drafts_of_draws_are_the_draws(writer_of):
    """The same seed draws the same for the assistant, so that its proposals are taken."""
    model = writer_of("llama", "numpy")
    options = {"temperature": 1.2, "top_k": 20, "seed": 7}
    with Passes(model) as passes:
        found = model.generate(TEXTS[0], TOKENS, assistant=model, num_draft_tokens=5, **options)
    assert found == model.generate(TEXTS[0], TOKENS, **options)
    assert passes.count == -(-min(len(found.split()) + 1, TOKENS) // 6)


def test_an_assistant_reads_for_texts_from_texts(writer_of):
    model = writer_of("t5", "numpy")
    assert model.generate(TEXTS, TOKENS, assistant=model) == model.generate(TEXTS, TOKENS)


# Forms


@pytest.fixture(scope="module")
def speller():
    """A model of random weights whose tokens are bytes and a few words."""
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["a b", "ab a", "Ġ :", "1 2"]
    tokens = [*letters, *(merge.replace(" ", "") for merge in merges), "<end>"]
    tokenizer = ByteLevelTokenizer.from_merges(tokens, merges, [len(tokens) - 1])
    with isozoo.use_backend("numpy"):
        isozoo.utils.set_random_seed(0)
        model = nlp.LlamaCausalLM(
            vocabulary_size=300, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=16,
            max_sequence_length=128,
        )  # fmt: skip
    model.preprocessor = nlp.CausalLMPreprocessor(tokenizer, 128, (len(tokens) - 1,))
    return model


SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["ab", "x12"]}, "old": {"type": "boolean"}},
    "required": ["name", "old"],
    "additionalProperties": False,
}
FORM = r"(ab|a){2,3}-[0-9]{2}"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 5.0, "seed": 1},
        {"temperature": 5.0, "seed": 2, "num_sequences": 3},
        {"num_beams": 3, "num_sequences": 2},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"repetition_penalty": 2.0},
    ],
    ids=str,
)
def test_texts_keep_to_a_form(speller, options):
    for form, is_right in (
        ({"regex": FORM}, lambda text: re.fullmatch(FORM, text)),
        ({"json_schema": SCHEMA}, lambda text: set(json.loads(text)) == {"name", "old"}),
        ({"json_schema": json.dumps(SCHEMA)}, lambda text: json.loads(text)["name"] != "ab12"),
    ):
        found = speller.generate(["go", "on and"], 60, **form, **options)
        flat = found if isinstance(found[0], str) else [text for texts in found for text in texts]
        assert len(flat) == 2 * options.get("num_sequences", 1)
        assert all(is_right(text) for text in flat)
    alone = speller.generate("go", 60, assistant=speller, regex=FORM)
    assert alone == speller.generate("go", 60, regex=FORM)


def test_a_form_leaves_the_likeliest_token_that_it_has(speller):
    text = speller.generate("go", 1, regex="[xyz]")
    scores = isozoo.ops.convert_to_numpy(speller(np.array([speller.preprocessor.encode("go")[0]])))
    ids = {letter: speller.preprocessor.tokenizer.id_of(letter) for letter in "xyz"}
    assert text == max(ids, key=lambda letter: scores[0, -1, ids[letter]])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"regex": "(ab"}, ValueError, "`regex` cannot be read: .*unclosed group"),
        ({"json_schema": {"type": "nonsense"}}, ValueError, "`json_schema` cannot be read"),
        ({"json_schema": "{"}, ValueError, "`json_schema` is no JSON"),
        ({"json_schema": 3}, TypeError, "`json_schema` must be a dict; got int"),
        ({"regex": 3}, TypeError, "`regex` must be a str"),
        ({"regex": "a", "json_schema": {}}, ValueError, "either `regex` or `json_schema`"),
    ],
)
def test_forms_that_cannot_be(speller, options, error, words):
    with pytest.raises(error, match=words):
        speller.generate("go", 4, **options)


def test_models_that_can_keep_to_no_form(speller, writer_of):
    with pytest.raises(TypeError, match="Numbers cannot say what text its tokens stand for"):
        writer_of("llama", "numpy").generate(TEXTS[0], 4, regex="a")
    tools = speller.preprocessor
    try:
        speller.preprocessor = nlp.CausalLMPreprocessor(tools.tokenizer, 128)
        with pytest.raises(ValueError, match="has no token for it: give its preprocessor `ends`"):
            speller.generate("go", 4, regex="a")
    finally:
        speller.preprocessor = tools


# What led to a text


def test_scores_are_those_of_transformers(writer_of, folders, backend):
    import torch
    import transformers

    theirs = transformers.LlamaForCausalLM.from_pretrained(folders["llama"]).eval()
    options = {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2}
    made = theirs.generate(
        torch.from_numpy(PROMPTS[:1]),
        attention_mask=torch.ones(1, PROMPTS.shape[1], dtype=torch.long),
        max_new_tokens=6, do_sample=False, return_dict_in_generate=True, output_scores=True,
        output_logits=True, **options,
    )  # fmt: skip
    found = writer_of("llama", backend).generate(TEXTS[0], 6, details=True, **options)
    assert found.tokens == made.sequences[0, PROMPTS.shape[1] :].tolist()
    assert found.text == _words(found.tokens) and not found.ended
    logits, scores = (torch.cat(part).numpy() for part in (made.logits, made.scores))
    # Rounding of two layers' products, against the largest score.
    bound = 1e-5 * float(np.abs(logits).max())
    np.testing.assert_allclose(found.logits, logits, atol=bound, rtol=0)
    np.testing.assert_allclose(found.scores, scores, atol=bound, rtol=0)
    shares = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    mean = shares[np.arange(6), found.tokens].mean()
    assert found.score == pytest.approx(float(mean), abs=2 * bound)


def test_details_of_other_methods(writer_of):
    model = writer_of("llama", "numpy")
    texts = model.generate(TEXTS, TOKENS, num_beams=2, num_sequences=2, details=True)
    assert all(a.score >= b.score for a, b in texts)
    assert texts[0][0].logits is None
    found = model.generate(TEXTS[0], TOKENS, details=True, **METHODS["contrastive"])
    assert (found.score, found.tokens) == (None, WRITTEN["llama"]["contrastive"][0])
    drawn = model.generate(TEXTS[0], 3, temperature=2.0, top_k=5, details=True)
    assert np.isfinite(drawn.scores).sum(axis=1).tolist() == [5] * 3
    places = np.isfinite(drawn.scores)
    np.testing.assert_allclose(drawn.scores[places] * 2, drawn.logits[places], rtol=1e-6)


# What cannot be


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalty_alpha": 1.5, "top_k": 4}, "`penalty_alpha` must be from 0 to 1"),
        ({"penalty_alpha": 0.5}, "chooses among `top_k` tokens"),
        ({"penalty_alpha": 0.5, "top_k": 4, "num_beams": 2}, "draws nothing and follows one text"),
        ({"penalty_alpha": 0.5, "top_k": 4, "num_sequences": 2}, "The likeliest text is one"),
        ({"num_beams": 4, "num_beam_groups": 3}, "must divide `num_beams`, 4"),
        ({"num_beams": 4, "diversity_penalty": 0.5}, "is for beams in groups"),
        ({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": -1}, "must be at least 0"),
        ({"num_draft_tokens": 0}, "`num_draft_tokens` must be at least 1"),
        ({"stop": 3}, "`stop` must be texts that are not empty; got 3"),
        ({"stop": ["a", 3]}, "`stop` must be texts"),
        ({"stop": b"end"}, "`stop` must be texts"),
        ({"temperature": "hot"}, "`temperature` must be a finite number; got 'hot'"),
        ({"temperature": float("inf")}, "`temperature` must be a finite number; got inf"),
        ({"temperature": float("nan")}, "`temperature` must be at least 0; got nan"),
        ({"temperature": 1.0, "top_k": 1.5}, "`top_k` must be a whole number; got 1.5"),
        ({"top_p": True}, "`top_p` must be a finite number; got True"),
        ({"seed": "x"}, "`seed` must be a whole number; got 'x'"),
        ({"repetition_penalty": None}, "`repetition_penalty` must be a finite number; got None"),
        ({"forced_tokens": {0: 1}}, "`forced_tokens` must be a list of token ids"),
        ({"suppress_tokens": 7}, "`suppress_tokens` must be a list of token ids; got 7"),
        ({"min_new_tokens": 5}, "`min_new_tokens` must be at most `max_new_tokens`, 4; got 5"),
    ],
)
def test_settings_that_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        GenerationOptions.of(options, 4)


def test_options_of_numpys_kinds_are_taken():
    options = {"temperature": np.float32(0.5), "top_k": np.int64(3), "seed": np.uint32(1)}
    assert GenerationOptions.of(options, 4).top_k == 3


def test_options_that_there_are_not(writer_of):
    model = writer_of("llama", "numpy")
    with pytest.raises(TypeError, match="no option 'do_sample': tokens are drawn where `temp"):
        model.generate("1", do_sample=True)
    with pytest.raises(TypeError, match="no option 'temprature'; near matches: temperature"):
        model.generate(TEXTS[0], 4, temprature=1.0)
    with pytest.raises(TypeError, match="Expected one text, a str, .*; got list"):
        model.stream(list(TEXTS), 4)


def test_assistants_that_cannot_be(writer_of, speller):
    model = writer_of("llama", "numpy")
    with pytest.raises(TypeError, match="a model of the same task, 'causal_lm'; got T5Seq2SeqLM"):
        model.generate(TEXTS[0], 4, assistant=writer_of("t5", "numpy"))
    with pytest.raises(ValueError, match="The assistant knows 300 tokens and the model 97"):
        model.generate(TEXTS[0], 4, assistant=speller)
    with pytest.raises(ValueError, match="An assistant proposes one text a prompt"):
        model.generate(TEXTS[0], 4, assistant=model, num_beams=2)
    with pytest.raises(ValueError, match="leave out beams, copies and details"):
        model.stream(TEXTS[0], 4, details=True)
