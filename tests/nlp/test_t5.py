"""T5 against transformers' with the same random weights: texts from texts."""

from __future__ import annotations

import copy
import json
import struct

import numpy as np
import pytest

import isozoo
from isozoo import nlp, ops
from isozoo.nlp.t5.backbone import buckets
from isozoo.nlp.t5.byte_tokenizer import ByteTokenizer

from .test_llama import Numbers, _differs, _words

SIZES = {
    "vocab_size": 97,
    "d_model": 32,
    "d_kv": 12,  # heads need not make d_model together
    "d_ff": 40,
    "num_layers": 3,
    "num_decoder_layers": 2,  # more of these its cache does not bear
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
}
KINDS = {"v1": {}, "v1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}}
RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.integers(2, 97, (2, 29)), RNG.integers(2, 97, (2, 23))
MASK = np.ones((2, 29), np.int64)
MASK[1, 17:] = 0
# Rounding of the products of five blocks, far below what another formula would give.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Kind -> (folder, model), made once. That of v1.1 has a head of its own, as published."""
    import torch
    import transformers

    made = {}

    def of(kind: str):
        if kind in made:
            return made[kind]
        torch.manual_seed(0)
        config = transformers.T5Config(**SIZES, **KINDS[kind], eos_token_id=None)
        model = transformers.T5ForConditionalGeneration(config).eval()
        model.generation_config.decoder_start_token_id = 0
        if kind == "v1.1":
            model.lm_head.weight = torch.nn.Parameter(torch.randn(97, 32))
        with torch.no_grad():
            for name, weight in model.named_parameters():  # so that attention and norms matter
                if weight.ndim == 1:
                    weight.add_(0.1 * torch.randn_like(weight))
                elif "relative" in name:
                    weight.copy_(torch.randn_like(weight))
                elif ".q." in name or ".k." in name:
                    weight.mul_(2)
        folder = tmp_path_factory.mktemp("t5")
        _save(model, folder, tied=kind == "v1")
        made[kind] = folder, model
        return made[kind]

    return of


def _save(model, folder, tied: bool) -> None:
    """As the hub's repositories have it, where the config tells of a head of its own."""
    from safetensors.torch import save_file

    state = model.state_dict()
    names = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    kept = {k: v.clone() for k, v in state.items() if k not in names}
    if tied:
        del kept["lm_head.weight"]
    save_file(kept, folder / "model.safetensors")
    config = model.config.to_dict() | {"tie_word_embeddings": tied}
    del config["scale_decoder_outputs"]
    config["architectures"] = ["T5ForConditionalGeneration"]
    (folder / "config.json").write_text(json.dumps(config))


def _writer(folder):
    model = isozoo.from_preset(folder)
    model.preprocessor = nlp.Seq2SeqLMPreprocessor(Numbers(), None, 0, ())
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_states_and_scores_are_those_of_transformers(kind, backend, originals):
    import torch

    folder, theirs = originals(kind)
    with torch.no_grad():
        found = theirs(torch.from_numpy(SOURCE), torch.from_numpy(MASK), torch.from_numpy(TARGET))
    model = isozoo.from_preset(folder)
    assert isinstance(model, nlp.T5Seq2SeqLM)
    given = {
        "encoder_token_ids": SOURCE,
        "encoder_padding_mask": MASK,
        "decoder_token_ids": TARGET,
    }
    states = ops.convert_to_numpy(model.backbone(given)["encoder_sequence_output"])
    expected = found.encoder_last_hidden_state.numpy()
    assert _differs(states[0], expected[0]) < CLOSE
    assert _differs(states[1, :17], expected[1, :17]) < CLOSE
    assert _differs(model(given), found.logits.numpy()) < CLOSE


# Programs for the second kind take long to compile, and are those of the first but for a layer.
@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        *(("v1", name) for name in ("numpy", "torch", "jax", "tensorflow")),
        *(("v1.1", name) for name in ("numpy", "torch")),
    ],
    indirect=["backend"],
)
def test_texts_are_those_of_transformers(kind, backend, originals):
    import torch

    folder, theirs = originals(kind)
    model = _writer(folder)
    inputs = torch.from_numpy(SOURCE[:1])
    with torch.no_grad():
        greedy = theirs.generate(inputs, max_new_tokens=64, do_sample=False).numpy()[0, 1:]
        beams = theirs.generate(inputs, max_new_tokens=9, num_beams=3, num_return_sequences=2)
    first, second = _words(SOURCE[0]), _words(SOURCE[1][:17])
    assert model.generate(first, 64) == _words(greedy)
    found = model.generate(first, 9, num_beams=3, num_sequences=2)
    assert found == [_words(row) for row in beams.numpy()[:, 1:]]
    # In one batch with a shorter text, each as if it were alone.
    alone = model.generate(second, 6)
    assert model.generate([first, second], 6) == [_words(greedy[:6]), alone]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_written_that_transformers_reads(kind, originals, tmp_path):
    import torch
    import transformers

    folder, theirs = originals(kind)
    with isozoo.use_backend("numpy"):
        isozoo.from_preset(folder).save_to_preset(tmp_path)
    again = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    given = torch.from_numpy(SOURCE), None, torch.from_numpy(TARGET)
    with torch.no_grad():
        np.testing.assert_array_equal(again(*given).logits.numpy(), theirs(*given).logits.numpy())


@pytest.mark.parametrize(("count", "farthest"), [(32, 128), (8, 20), (16, 128), (64, 256)])
def test_buckets_are_those_of_transformers(count, farthest):
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = torch.arange(-farthest, 1)
    theirs = T5Attention._relative_position_bucket(distances, False, count, farthest)
    np.testing.assert_array_equal(buckets(count, farthest), theirs.numpy()[::-1])


def test_a_text_is_streamed(originals):
    with isozoo.use_backend("numpy"):
        model = _writer(originals("v1")[0])
    whole = model.generate("5 6 7", 9)
    pieces = list(model.stream("5 6 7", 9))
    assert "".join(pieces) == whole and len(pieces) > 3
    with pytest.raises(TypeError, match="Expected one text, a str, .*; got list"):
        model.stream(["5"])
    with pytest.raises(ValueError, match="leave out beams"):
        model.stream("5", num_beams=2)


def test_half_precision_stays_finite(originals):
    folder, _ = originals("v1")
    model = isozoo.from_preset(folder, backend="torch", dtype="float16")
    model.backbone.encoder.layers[0].feedforward.outer.kernel.assign(
        np.full((40, 32), 3e4, np.float16)
    )
    given = {"encoder_token_ids": SOURCE, "decoder_token_ids": TARGET}
    assert np.isfinite(ops.convert_to_numpy(model(given))).all()


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


def _field(number: int, value: bytes | int | float) -> bytes:
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    return _varint(number << 3) + _varint(value)


PIECES = [("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2)]
PIECES += [
    (text, -1.0 - 0.1 * number, 1)
    for number, text in enumerate(
        "▁the ▁cat ▁ c a t s at th e . ing ▁run r u n ▁on o mat m".split()
    )
]


def _spiece(pieces=PIECES, kind: int = 1) -> bytes:
    rows = [
        _field(
            1, _field(1, text.encode()) + _field(2, score) + (_field(3, sort) if sort > 1 else b"")
        )
        for text, score, sort in pieces
    ]
    return b"".join(rows) + _field(2, _field(3, kind)) + _field(3, _field(1, b"nmt_nfkc"))


def test_pieces_are_those_of_transformers(tmp_path):
    import transformers

    path = tmp_path / "spiece.model"
    path.write_bytes(_spiece())
    ours = nlp.T5Tokenizer.from_files({"spiece.model": path})
    scores = [(text, score) for text, score, _ in PIECES]
    scores += [(f"<extra_id_{number}>", 0.0) for number in reversed(range(100))]
    theirs = transformers.T5Tokenizer(vocab=scores)
    texts = ("the cat sat on the mat.", "running  cats", "a<extra_id_3>s</s> the", "dog\n the")
    for text in texts:
        assert ours.encode(text) == theirs(text)["input_ids"], text
        assert ours.decode(ours.encode(text)) == theirs.decode(
            theirs(text)["input_ids"], skip_special_tokens=True
        )
    theirs.save_pretrained(tmp_path)
    again = nlp.T5Tokenizer.from_files({"tokenizer.json": tmp_path / "tokenizer.json"})
    assert [again.encode(text) for text in texts] == [ours.encode(text) for text in texts]


def test_bytes_are_those_of_transformers():
    import transformers

    ours, theirs = ByteTokenizer(), transformers.ByT5Tokenizer()
    assert ours.vocabulary_size == len(theirs) == 384
    for text in (
        "Grüße, 世界! <extra_id_0> a </s> b", " x  y\n", "", "<pad><extra_id_124><extra_id_125>",
        "\U0001f600 <unk>",
    ):  # fmt: skip
        ids = theirs(text)["input_ids"]
        assert ours.encode(text) == ids, text
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)
    cut = ours.encode("世界")[:-2]  # the last character lacks a byte
    assert ours.decode(cut) == theirs.decode(cut) == "世"
    assert ours.decode([0, 100, 259], skip_special_tokens=False) == "<pad>a<extra_id_0>"
    assert (ours.id_of("</s>"), ours.id_of("<extra_id_125>")) == (1, None)


def test_a_model_of_bytes_writes_as_transformers_does(tmp_path, backend):
    import torch
    import transformers

    torch.manual_seed(3)
    config = transformers.T5Config(**{
        **SIZES, "vocab_size": 384, "feed_forward_proj": "gated-gelu", "num_decoder_layers": 1,
        "tie_word_embeddings": False, "tokenizer_class": "ByT5Tokenizer",
        "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
    })  # fmt: skip
    theirs = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.mul_(3)
    theirs.save_pretrained(tmp_path)
    transformers.ByT5Tokenizer().save_pretrained(tmp_path)
    model = isozoo.from_preset(tmp_path, backend=backend)
    assert type(model.preprocessor.tokenizer) is ByteTokenizer
    tools = transformers.ByT5Tokenizer()
    made = theirs.generate(
        **tools("Grüße!", return_tensors="pt"), max_new_tokens=12, do_sample=False
    )
    found = model.generate("Grüße!", 12, details=True)
    assert found.tokens == [t for t in made[0].tolist()[1:] if t != 1]
    assert found.text == tools.decode(made[0], skip_special_tokens=True)
    if backend == "numpy":
        model.save_to_preset(tmp_path / "again")
        again = isozoo.from_preset(tmp_path / "again", backend=backend)
        assert again.generate("Grüße!", 12) == found.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has no tokens"),
        (b"\x0a\xff\x01a", "a value of 255 bytes, where 1 are left"),
        (b"\x0a", "it ends within a number"),
        (b"\x0b", "a value of the kind 3"),
        (_field(1, _field(2, 1.0)), "a token without a text"),
        (_field(1, _field(1, b"\xff") + _field(2, 1.0)), "not a SentencePiece file"),
        (_spiece(kind=2), "in another way"),
        (_spiece([*PIECES, ("<0x00>", 0.0, 6)]), "in another way"),
        (_spiece(PIECES[:2]), "no token for unknown text"),
        (_spiece() + _field(3, _field(2, b"no table")), "its table of characters is damaged"),
        # A number where bytes are expected would be taken for so many of them.
        (_spiece() + _field(3, _field(2, 1 << 60)), "field 2 is of the wrong kind"),
        (_spiece() + _field(2, _field(3, b"1")), "field 3 is of the wrong kind"),
    ],
)
def test_damaged_files_of_pieces(content, words, tmp_path):
    path = tmp_path / "spiece.model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        nlp.T5Tokenizer.from_files({"spiece.model": path})


def test_what_cannot_be_written(originals):
    with isozoo.use_backend("numpy"):
        model = _writer(originals("v1")[0])
    for options, words in (
        ({"num_beams": 2, "temperature": 1.0}, "draws none"),
        ({"num_beams": 2, "num_sequences": 3}, "at most `num_beams`, 2"),
        ({"num_sequences": 3}, "The likeliest text is one"),
        ({"num_beams": 0}, "`num_beams` must be at least 1"),
        ({"min_p": 1.5}, "min_p"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
    ):
        with pytest.raises(ValueError, match=words):
            model.generate("5 6", **options)
    with pytest.raises(ValueError, match="is empty"):
        model.generate("")
    with pytest.raises(ValueError, match="knows the numbers 0 to 96"):
        model({"encoder_token_ids": np.array([[97]]), "decoder_token_ids": np.array([[0]])})
    with pytest.raises(ValueError, match="num_buckets 7 must be even"):
        nlp.T5Backbone(9, 1, 2, 8, 8, num_buckets=7)
    short = copy.copy(model.preprocessor)
    short.max_length = 2
    with pytest.raises(ValueError, match="has 3 tokens, and this model takes at most 2"):
        short.encode("5 6 7")
