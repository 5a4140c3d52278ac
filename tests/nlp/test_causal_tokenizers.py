"""Tokenizers of models that write on, and GGUF files that are opened by their path."""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import pytest

import isozoo
from isozoo import nlp
from isozoo.hub.errors import HubError
from isozoo.hub.gguf_writer import write_gguf
from isozoo.hub.readers import GGUFReader
from isozoo.hub.tensors import pending
from isozoo.nlp import word_patterns
from isozoo.nlp.byte_fallback import ByteFallbackTokenizer
from isozoo.nlp.byte_level import ByteLevelTokenizer
from isozoo.nlp.causal_tokenizers import tokenizer_of
from isozoo.nlp.gguf_tokenizers import of_gguf
from isozoo.nlp.gguf_words import WORDS

from .test_t5 import _field, _spiece

JOINED = "_t he _the _c at _cat _s _sat in _in the".replace("_", "\u2581").split()
PIECES = [
    ("<unk>", 0.0, 2),
    ("<s>", 0.0, 3),
    ("</s>", 0.0, 3),
    *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)),
    *((text, -float(i), 1) for i, text in enumerate(JOINED)),
    *((text, -100.0 - i, 1) for i, text in enumerate("\u2581thecasin.")),
    ("[CALL]", 0.0, 4),
]
TEXTS = (
    "the cat sat in the hat.",
    "",
    " the  cat",
    "\u00fcber\n\u4e16 s",
    "thethe ccat",
    "in\tthe",
)
# Llama's pieces keep spaces as they are: `remove_extra_whitespaces` is off.
MODEL = _spiece(PIECES, kind=2) + _field(3, _field(4, 0))


def _by_definition(text: str) -> list[int]:
    """The pair that makes the piece of the highest score is joined, until there is none."""
    scores = {piece: score for piece, score, kind in PIECES if kind == 1}
    ids = {piece: number for number, (piece, _, _) in enumerate(PIECES)}
    parts = list("\u2581" + text.replace(" ", "\u2581")) if text else []
    while True:
        joined = [left + right for left, right in itertools.pairwise(parts)]
        known = [(-scores[one], at) for at, one in enumerate(joined) if one in scores]
        if not known:
            break
        at = min(known)[1]
        parts[at : at + 2] = [joined[at]]
    found = [1]
    for part in parts:
        named = [part] if part in ids else [f"<0x{byte:02X}>" for byte in part.encode()]
        found += [ids[name] for name in named]
    return found


@pytest.fixture
def pieces(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(MODEL)
    return tokenizer_of({"tokenizer.model": path}, {}, None, ())


def test_pieces_are_joined_by_their_scores(pieces, tmp_path):
    assert type(pieces) is ByteFallbackTokenizer
    for text in TEXTS:
        ids = _by_definition(text)
        assert pieces.encode(text) == ids, text
        assert pieces.decode(ids) == text
    assert pieces.encode("the[CALL]")[-1] == len(PIECES) - 1
    # What goes on from a text begins with its space.
    cat = pieces.encode("the cat")[2:]
    assert (pieces.decode(cat), pieces.decode_behind(cat)) == ("cat", " cat")
    settings = {"tokenizer_config.json": {"add_bos_token": False}}
    files = {"tokenizer.model": tmp_path / "tokenizer.model"}
    assert tokenizer_of(files, settings, None, ()).encode("the") == _by_definition("the")[1:]


def test_spaces_and_characters_are_made_as_the_file_says(tmp_path):
    path = tmp_path / "tokenizer.model"
    # Several spaces are one, and none is put before a text.
    path.write_bytes(_spiece(PIECES, kind=2) + _field(3, _field(3, 0)))
    made = ByteFallbackTokenizer.from_file_of_pieces(path)
    space = next(i for i, piece in enumerate(PIECES) if piece[0] == "\u2581")
    assert made.decode(made.encode(" the   cat ")) == "the cat"
    assert space not in made.encode("the")[:1]


def _as_published(folder):
    """A tokenizer.json as those of Llama 2, TinyLlama and Mistral are."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    ids = {piece: number for number, (piece, _, _) in enumerate(PIECES)}
    merges = [
        (text[:at], text[at:])
        for text, _, kind in sorted(PIECES, key=lambda piece: -piece[1])
        if kind == 1
        for at in range(1, len(text))
        if text[:at] in ids and text[at:] in ids
    ]
    made = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    made.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )  # fmt: skip
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
    )
    made.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in
                             ("<unk>", "<s>", "</s>")])  # fmt: skip
    made.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def test_files_as_they_are_published_are_read(pieces, tmp_path):
    import transformers

    path = _as_published(tmp_path)
    ours = tokenizer_of({"tokenizer.json": path}, {}, None, ())
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
    assert type(ours) is ByteFallbackTokenizer and ours.begin == 1
    for text in TEXTS:
        ids = theirs(text)["input_ids"]
        assert ours.encode(text) == ids == pieces.encode(text), text
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("name", ["LLAMA3", "QWEN2", "TEKKEN", "GPT4O", "GPT2"])
def test_words_of_published_expressions(name, tmp_path):
    import transformers
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    expression = getattr(word_patterns, name)
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(expression), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )  # fmt: skip
    made.decoder = decoders.ByteLevel()
    texts = ["We'll see 12345 things, DON'T wait:\n\n  HTMLParser 3.14", "\u00dcber \u4e16\u754c"]
    made.train_from_iterator(
        texts * 4, trainers.BpeTrainer(vocab_size=320, show_progress=False,
                                       initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )  # fmt: skip
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    ours = tokenizer_of({"tokenizer.json": path}, {}, None, ())
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
    assert type(ours) is ByteLevelTokenizer
    for text in texts:
        assert ours.encode(text) == theirs(text)["input_ids"]
        assert ours.decode(ours.encode(text)) == text
    if name == "GPT2":
        return  # which GGUF files call by another name, for the library has it built in
    settings = ours.gguf_settings()
    again, *_ = of_gguf("x.gguf", settings, 8)
    assert WORDS[settings["tokenizer.ggml.pre"]].expression == expression
    assert [again.encode(text) for text in texts] == [ours.encode(text) for text in texts]


def test_expressions_of_llama_are_those_of_transformers():
    from transformers.integrations.gguf import gguf_tokenizer_mapping as theirs

    for name, expression in theirs.GGUF_PRE_TOKENIZER_SPLITS.items():
        if name in WORDS:
            assert WORDS[name].expression == expression, name


@pytest.mark.parametrize("part", ["pre_tokenizer", "normalizer", "decoder"])
def test_expressions_of_a_files_own_are_refused(part, tmp_path):
    path = _as_published(tmp_path)
    described = json.loads(path.read_text())
    hostile = {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "b"}
    whole = {"normalizer": "normalizers", "decoder": "decoders", "pre_tokenizer": "pretokenizers"}
    if part == "pre_tokenizer":
        hostile = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
                   "invert": False}  # fmt: skip
        words = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                 "use_regex": False}  # fmt: skip
        described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [hostile, words]}
        described["normalizer"] = None
    else:
        described[part][whole[part]].insert(0, hostile)
    path.write_text(json.dumps(described))
    with pytest.raises(ValueError, match="expression of its own, which may take for ever"):
        tokenizer_of({"tokenizer.json": path}, {}, None, ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_spiece(PIECES, kind=1), "in another way than by byte pairs"),
        (_spiece([*PIECES, ("the", 0.0, 1)], kind=2), "occurs twice"),
        (MODEL + _field(3, _field(2, b"no table")), "its table of characters is damaged"),
        (b"", "it has no tokens"),
    ],
)
def test_damaged_pieces(content, words, tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        tokenizer_of({"tokenizer.model": path}, {}, None, ())


# GGUF files of the user's own --------------------------------------------------------------------

SIZES = {
    "vocabulary_size": len(PIECES), "num_layers": 2, "num_heads": 4, "num_key_value_heads": 2,
    "hidden_dim": 32, "intermediate_dim": 48, "max_sequence_length": 64,
}  # fmt: skip


def _tiny(tokenizer, **changes):
    with isozoo.use_backend("numpy"):
        isozoo.utils.set_random_seed(1)
        model = nlp.LlamaCausalLM(**{**SIZES, **changes})
    for variable in model.variables:  # so that some tokens are far likelier than others
        variable.assign(np.asarray(variable.numpy()) * (20 if variable.ndim > 1 else 1))
    model.preprocessor = nlp.CausalLMPreprocessor(tokenizer, 64, (2,))
    return model


def _is_read_by_transformers(folder, model):
    import torch
    import transformers

    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tools = transformers.AutoTokenizer.from_pretrained(folder)
    assert theirs.generation_config.eos_token_id == 2
    assert (tools.bos_token, tools.eos_token) == ("<s>", "</s>")
    ids = tools("the cat")["input_ids"]
    assert ids == _by_definition("the cat")
    with torch.no_grad():
        made = theirs.generate(torch.tensor([ids]), max_new_tokens=8, do_sample=False)
    found = model.generate("the cat", 8, details="tokens").tokens
    assert [i for i in made[0, len(ids) :].tolist() if i != 2] == found


@pytest.mark.parametrize("tied", [False, True])
def test_a_gguf_file_is_opened_by_its_path(pieces, tied, tmp_path, backend):
    from isozoo.nlp.llama.gguf import write

    model = _tiny(pieces, tie_embeddings=tied)
    arguments = {**SIZES, "tie_embeddings": tied, "rms_norm_epsilon": 1e-6, "rope_theta": 1e4}
    paths = isozoo.hub.registry.get_family("llama").map_paths(model.weights_by_path())
    write(model, arguments, paths, tmp_path, "float32")
    (tmp_path / "model.gguf").rename(tmp_path / "mine.Q0.gguf")
    for name in (tmp_path / "mine.Q0.gguf", str(tmp_path)):
        found = isozoo.from_preset(name, backend=backend)
        assert isinstance(found, nlp.LlamaCausalLM) and found.preprocessor.ends == (2,)
        assert found.preprocessor.encode(list(TEXTS[:1])) == [_by_definition(TEXTS[0])]
        assert found.generate("the cat", 8) == model.generate("the cat", 8)
    again = isozoo.from_preset(tmp_path, file="mine.Q0.gguf", backend=backend)
    assert again.generate("the cat", 8) == model.generate("the cat", 8)
    if backend == "numpy":  # and is written as a folder of transformers'
        again.save_to_preset(tmp_path / "folder")
        last = isozoo.from_preset(tmp_path / "folder", backend=backend)
        assert last.generate("the cat", 8) == model.generate("the cat", 8)
        assert last.preprocessor.ends == (2,)
        _is_read_by_transformers(tmp_path / "folder", model)
        (tmp_path / "other.gguf").write_bytes(b"")
        with pytest.raises(HubError, match="has several models: say which by `file`"):
            isozoo.from_preset(tmp_path)


def _settings(**changes):
    return {
        "general.architecture": "llama", "llama.context_length": 64, "llama.block_count": 1,
        "llama.embedding_length": 32, "llama.feed_forward_length": 48,
        "llama.attention.head_count": 4, "llama.attention.layer_norm_rms_epsilon": 1e-5,
        **{f"llama.{name}": value for name, value in changes.items()},
    }  # fmt: skip


def _read(tmp_path, settings, **tensors):
    from isozoo.nlp.llama.gguf_settings import read

    given = {"token_embd.weight": np.zeros((9, 32), np.float32)}
    given |= {f"{name}.weight": value for name, value in tensors.items()}
    path = tmp_path / "x.gguf"
    _write(path, given, settings)
    with GGUFReader(path) as reader:
        return read(reader)


def _write(path, tensors, settings):
    write_gguf(path, {name: pending(value) for name, value in tensors.items()}, settings, "F32")


def test_scalings_of_gguf_files(tmp_path):
    assert _read(tmp_path, _settings())["rope_scaling"] is None
    linear = {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}
    assert _read(tmp_path, _settings(**linear))["rope_scaling"] == {
        "rope_type": "linear", "factor": 4.0,
    }  # fmt: skip
    assert _read(tmp_path, _settings(**{"rope.scale_linear": 2.0}))["rope_scaling"] == {
        "rope_type": "linear", "factor": 2.0,
    }  # fmt: skip
    yarn = {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
            "rope.scaling.original_context_length": 16}  # fmt: skip
    assert _read(tmp_path, _settings(**yarn))["rope_scaling"] == {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
    }  # fmt: skip


def test_divisors_of_llama_3_are_its_scaling(tmp_path):
    size, theta, factor = 64, 500000.0, 32.0
    # As llama.cpp's converter computes them from a config's `rope_scaling`.
    waves = 2 * np.pi * theta ** (np.arange(0, size, 2) / size)
    smooth = (8192 / waves - 1.0) / (4.0 - 1.0)
    between = 1 / ((1 - smooth) / factor + smooth)
    divisors = np.where(waves < 8192 / 4, 1.0, np.where(waves > 8192, factor, between))
    more = {"attention.key_length": size, "attention.value_length": size, "rope.freq_base": theta}
    found = _read(tmp_path, _settings(**more), rope_freqs=divisors.astype(np.float32))
    assert found["rope_scaling"] == {
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }  # fmt: skip
    plain = _read(tmp_path, _settings(**more), rope_freqs=np.ones(32, np.float32))
    assert plain["rope_scaling"] is None
    odd = np.linspace(1, 3, 32, dtype=np.float32)
    with pytest.raises(HubError, match="are not those of a scaling that is known"):
        _read(tmp_path, _settings(**more), rope_freqs=odd)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"block_count": 0}, "llama.block_count must be a positive whole number; got 0"),
        ({"context_length": "many"}, "llama.context_length must be"),
        ({"attention.head_count": 5}, "cannot be parted into 5 heads"),
        ({"rope.dimension_count": 4}, "llama.rope.dimension_count is 4, and heads have 8"),
        ({"expert_count": 8}, "a network of experts"),
        ({"rope.scaling.type": "longrope"}, "scaled by 'longrope'"),
    ],
)
def test_gguf_files_of_other_networks(changes, words, tmp_path):
    with pytest.raises(HubError, match=words):
        _read(tmp_path, _settings(**changes))


def test_a_gguf_file_of_another_architecture_is_named(tmp_path):
    path = tmp_path / "x.gguf"
    _write(path, {"a.weight": np.zeros((2, 32), np.float32)}, {"general.architecture": "mamba"})
    with pytest.raises(HubError, match=r"of the architecture 'mamba'\. Known by one file alone"):
        isozoo.from_preset(path)


def test_gguf_tokenizers_that_do_not_fit(pieces):
    settings = pieces.gguf_settings()
    for changes, words in (
        ({"scores": None}, "lacks scores"),
        ({"scores": [1.0]}, "lacks scores"),
        ({"eos_token_id": 9999}, "eos_token_id is 9999, which is no token's"),
        ({"token_type": [1]}, "or their kinds"),
    ):
        given = {**settings, **{f"tokenizer.ggml.{name}": x for name, x in changes.items()}}
        with pytest.raises(ValueError, match=words):
            of_gguf("x.gguf", given, 8)


def test_a_terminal_shows_a_text_as_it_is_written(pieces, tmp_path, monkeypatch, capsys):
    from isozoo.cli import main

    model = _tiny(pieces)
    model.save_to_preset(tmp_path / "preset")
    wanted = "the cat" + model.generate("the cat", 9)
    command = ["run", str(tmp_path / "preset"), "the cat", "--backend", "numpy"]
    assert main([*command, "--max-new-tokens", "9"]) == 0
    assert capsys.readouterr().out == f"{wanted}\n"
    shown = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "flush", lambda: shown.append(None))
    assert main([*command, "--max-new-tokens", "9", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == f"{wanted}\n" and len(shown) >= 3
    assert main([*command, "--max-new-tokens", "9", "--num-beams", "2"]) == 0
    beams = model.generate("the cat", 9, num_beams=2)
    assert capsys.readouterr().out == f"the cat{beams}\n"
    assert main([*command, "--stop", "zz", "--stop", wanted[-2:], "--top-k", "0"]) == 2
    assert "`top_k` must be at least 1" in capsys.readouterr().err
