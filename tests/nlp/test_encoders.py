"""RoBERTa, DistilBERT and the heads of BERT's family, against transformers' with the same weights.

The models are tiny, and their weights random.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import nlp, ops
from isozoo.nlp.pairs import Located
from isozoo.nlp.token_classification import _stretches, _words

from . import tiny_bert
from .test_t5 import _spiece

SENTENCES = ("the cat sat on the mat.", "a dog", "cats running, naive dogs!")
HEADS = {
    "Model": "Backbone",
    "ForMaskedLM": "MaskedLM",
    "ForSequenceClassification": "TextClassifier",
    "ForTokenClassification": "TokenClassifier",
    "ForQuestionAnswering": "QuestionAnswerer",
}
SIZES = {
    "Bert": tiny_bert.CONFIG,
    "Roberta": {**tiny_bert.CONFIG, "max_position_embeddings": 26, "type_vocab_size": 1},
    "DistilBert": {
        "vocab_size": tiny_bert.CONFIG["vocab_size"],
        "dim": 16,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 40,
        "max_position_embeddings": tiny_bert.MAX_LENGTH,
    },
}
SIZES["Roberta"] |= {"vocab_size": 300, "layer_norm_eps": 1e-5}
SIZES["XLMRoberta"] = SIZES["Roberta"]
LIKE_ROBERTA = ("Roberta", "XLMRoberta")
TOKENIZER_FILES = {
    "Roberta": {"merges.txt", "vocab.json"},
    "XLMRoberta": {"sentencepiece.bpe.model"},
}
LABELS = {"id2label": {"0": "O", "1": "B-CAT", "2": "I-CAT"}}
CASES = [
    *((family, head) for family in ("Roberta", "DistilBert") for head in HEADS),
    ("Bert", "ForTokenClassification"),
    ("Bert", "ForQuestionAnswering"),
    ("XLMRoberta", "ForMaskedLM"),
]


def write_pairs(folder) -> None:
    """A tokenizer by byte pairs over bytes: vocab.json and merges.txt, trained on a few words."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator([" ".join(SENTENCES)] * 20, 290, 2, False, special)
    made.save_model(str(folder))


# SentencePiece's file begins with other tokens than the vocabulary.
PIECES = (
    ("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("\u2581the", -2.0, 1),
    ("\u2581cat", -2.5, 1), ("s", -3.0, 1), ("\u2581", -3.5, 1), ("at", -3.6, 1), ("a", -4.0, 1),
    ("t", -4.1, 1), ("c", -4.2, 1), ("he", -4.3, 1), ("o", -4.4, 1), ("n", -4.5, 1), (".", -4.6, 1),
)  # fmt: skip


def write_pieces(folder) -> None:
    """A tokenizer of pieces: sentencepiece.bpe.model."""
    (folder / "sentencepiece.bpe.model").write_bytes(_spiece(PIECES))


def original(family: str, head: str, folder, **settings):
    """transformers' model with random weights, saved in `folder` with a tokenizer."""
    import torch
    import transformers

    config = getattr(transformers, f"{family}Config")(**SIZES[family], **settings)
    model = getattr(transformers, f"{family}{head}")(config).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.3
            norm = "norm" in name.lower() and name.endswith("weight")
            parameter.copy_(drawn + norm)
    model.save_pretrained(folder)
    write = {"Roberta": write_pairs, "XLMRoberta": write_pieces}
    write.get(family, tiny_bert.write_vocabulary)(folder)
    return model


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """(family, head) -> (folder, model), made once."""
    made = {}

    def of(family: str, head: str):
        if (family, head) not in made:
            folder = tmp_path_factory.mktemp("encoder")
            more = LABELS if "Classification" in head else {}
            made[family, head] = folder, original(family, head, folder, **more)
        return made[family, head]

    return of


def inputs(family: str) -> dict[str, np.ndarray]:
    given = tiny_bert.inputs()
    if family != "Bert":
        del given["segment_ids"]
    if family in LIKE_ROBERTA:
        given["token_ids"] = given["token_ids"] % 90 + 5
        given["token_ids"][~given["padding_mask"].astype(bool)] = 1
    return given


def close(ours, theirs) -> None:
    ours = ops.convert_to_numpy(ours)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(("family", "head"), CASES)
def test_outputs_are_those_of_transformers(family, head, backend, originals):
    folder, theirs = originals(family, head)
    model = isozoo.from_preset(folder)
    assert type(model).__name__ == f"{family}{HEADS[head]}"
    given = inputs(family)
    expected = tiny_bert.reference(theirs, given)
    found = model(given)
    if head == "ForQuestionAnswering":
        for name in ("start_logits", "end_logits"):
            close(found[name], expected[name])
    elif head == "Model":
        close(found["sequence_output"], expected["last_hidden_state"])
        if family == "Roberta":
            close(found["pooled_output"], expected["pooler_output"])
    else:
        close(found, expected["logits"])


@pytest.mark.parametrize(("family", "head"), CASES)
def test_files_are_written_that_transformers_reads(family, head, originals, tmp_path):
    import transformers

    folder, theirs = originals(family, head)
    with isozoo.use_backend("numpy"):
        isozoo.from_preset(folder).save_to_preset(tmp_path)
    kind = getattr(transformers, f"{family}{head}")
    again, report = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    given = inputs(family)
    expected = tiny_bert.reference(theirs, given)
    for name, value in tiny_bert.reference(again.eval(), given).items():
        np.testing.assert_array_equal(value, expected[name])
    kept = {path.name for path in tmp_path.iterdir()}
    if head == "Model":
        return  # a backbone has no tokenizer
    assert kept >= TOKENIZER_FILES.get(family, {"vocab.txt"})


@pytest.mark.parametrize("file", ["vocab.json", "tokenizer.json"])
def test_byte_pairs_are_those_of_transformers(file, originals, tmp_path):
    from transformers import AddedToken, RobertaTokenizer

    folder, _ = originals("Roberta", "ForMaskedLM")
    # As published: the mask is a word, which takes the space before it.
    mask = AddedToken("<mask>", lstrip=True, special=True)
    theirs = RobertaTokenizer.from_pretrained(folder, mask_token=mask)
    theirs.save_pretrained(tmp_path)
    source = folder if file == "vocab.json" else tmp_path
    names = ("vocab.json", "merges.txt") if file == "vocab.json" else (file,)
    ours = nlp.RobertaTokenizer.from_files({name: source / name for name in names}, {}, {})
    for text in (*SENTENCES, "the <mask> sat", "  Ünïcode\n\t🙂 ", "</s> dog"):
        assert ours.encode(text) == theirs(text)["input_ids"], text
    pairs = theirs(SENTENCES[0], SENTENCES[1])["input_ids"]
    first, second = (ours.located(text).ids for text in SENTENCES[:2])
    assert ours.pair(first, second)[0] == pairs
    assert ours.decode(ours.encode(SENTENCES[0])) == SENTENCES[0]


def test_pairs_of_bert_are_those_of_transformers(originals):
    from transformers import BertTokenizer

    folder, _ = originals("Bert", "ForQuestionAnswering")
    theirs = BertTokenizer(str(folder / "vocab.txt"))(*SENTENCES[:2])
    ours = nlp.BertTokenizer.from_vocabulary(folder / "vocab.txt")
    first, second = (ours.located(text).ids for text in SENTENCES[:2])
    assert ours.pair(first, second) == (theirs["input_ids"], theirs["token_type_ids"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1, 2]", "expected an object"),
        ('{"a": 0, "b": 2}', "expected an object"),
        ('{"a": "0"}', "expected an object"),
        ("{", "JSON object"),
        ('{"a": 0}', "has no token <s>, <pad>, </s>, <unk>, <mask>"),
    ],
)
def test_damaged_vocabularies(content, words, tmp_path):
    (tmp_path / "vocab.json").write_text(content)
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    files = {path.name: path for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=words):
        nlp.RobertaTokenizer.from_files(files, {}, {})
    with pytest.raises(ValueError, match="tokenizer.json, or vocab.json with merges.txt"):
        nlp.RobertaTokenizer.from_files({}, {}, {})


@pytest.mark.parametrize("merge", ["first", "average", "max"])
@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_stretches_are_those_of_transformers_pipeline(family, merge, originals):
    import transformers

    folder, theirs = originals(family, "ForTokenClassification")
    tokenizer = getattr(transformers, f"{family}Tokenizer").from_pretrained(folder)
    pipeline = transformers.pipeline(
        "token-classification", theirs, tokenizer=tokenizer, aggregation_strategy=merge
    )
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
    for text in SENTENCES:
        expected = pipeline(text)
        found = model.tag(text, merge)
        assert [(one.label, one.start, one.end) for one in found] == [
            (one["entity_group"], one["start"], one["end"]) for one in expected
        ]
        assert [one.probability for one in found] == pytest.approx(
            [float(one["score"]) for one in expected], rel=1e-4
        )


def test_words_that_begin_anew_and_go_on():
    names = ["O", "B-CAT", "I-CAT"]
    located = Located([5, 6, 7, 8], [(0, 1), (1, 2), (3, 4), (5, 6)], [True, False, True, True])
    # One token of a word that disagrees does not part it; B- begins a new stretch.
    scores = np.log([[1, 1, 1], [1, 8, 1], [8, 1, 1], [1, 1, 8], [1, 8, 1], [1, 1, 1]])
    found = _stretches(_words(located, scores, "first"), names, "ab c d")
    assert [(one.label, one.text) for one in found] == [("CAT", "ab c"), ("CAT", "d")]
    assert found[0].probability == pytest.approx(0.8)


def test_tags_of_several_texts_agree_on_every_backend(backend, originals):
    folder, _ = originals("Bert", "ForTokenClassification")
    model = isozoo.from_preset(folder)
    assert model.labels == ("O", "B-CAT", "I-CAT")
    together = model.tag(SENTENCES)
    assert [[one[:1] + one[2:] for one in text] for text in together] == [
        [one[:1] + one[2:] for one in model.tag(text)] for text in SENTENCES
    ]
    with pytest.raises(ValueError, match="`merge` must be one of first, average, max"):
        model.tag("a", merge="last")


def test_examples_name_the_first_token_of_each_word(originals):
    folder, _ = originals("Bert", "ForTokenClassification")
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
    texts = ["the cat running sat.", "a dog"]  # [CLS] the cat run ##ning sat . [SEP]
    x, y, weights = model.examples(texts, [[(4, 15, "CAT")], []])
    assert x["token_ids"].shape == y.shape == weights.shape == (2, 16)
    assert y[0, :8].tolist() == [0, 0, 1, 2, 0, 0, 0, 0] and not y[0, 8:].any() and not y[1].any()
    assert weights[0, :8].tolist() == [0, 1, 1, 1, 0, 1, 1, 0] and weights[1].sum() == 2
    for names, message in (
        ([[(0, 3, "DOG")], []], "no label 'DOG'; the labels are: O, B-CAT, I-CAT"),
        ([[(3, 4, "CAT")], []], "no word begins in ' '"),
        ([[(4, 30, "CAT")], []], "Text 0 has 20 characters: 4 to 30"),
        ([[]], "2 texts have 1 lists"),
    ):
        with pytest.raises(ValueError, match=message):
            model.examples(texts, names)
    model.labels = None
    with pytest.raises(ValueError, match="labels must be named first"):
        model.examples(texts, [[], []])


@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_answers_are_the_best_stretches(family, backend, originals):
    folder, theirs = originals(family, "ForQuestionAnswering")
    model = isozoo.from_preset(folder)
    question, passage = "a cat", "the cat sat on the mat."
    tokenizer = model.preprocessor.tokenizer
    asked, told = tokenizer.located(question), tokenizer.located(passage)
    ids, segments = tokenizer.pair(asked.ids, told.ids)
    given = {"token_ids": np.array([ids])}
    if family == "Bert":
        given["segment_ids"] = np.array([segments])
    logits = tiny_bert.reference(theirs, given)
    first, count = len(ids) - 1 - len(told.ids), len(told.ids)
    scores = {
        (a, b): logits["start_logits"][0, first + a] + logits["end_logits"][0, first + b]
        for a in range(count)
        for b in range(a, min(a + 3, count))
    }
    best = sorted(scores, key=scores.get, reverse=True)[:3]
    total = sum(np.exp(np.array([*scores.values()])))
    found = model.answer(question, passage, top=3, max_answer_tokens=3)
    assert [(one.start, one.end) for one in found] == [
        (told.offsets[a][0], told.offsets[b][1]) for a, b in best
    ]
    assert found[0].text == passage[found[0].start : found[0].end]
    assert [one.probability for one in found] == pytest.approx(
        [np.exp(scores[place]) / total for place in best], rel=1e-4
    )


def test_a_long_passage_is_read_in_windows(originals):
    folder, theirs = originals("Bert", "ForQuestionAnswering")
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
    words = "the cat sat on the mat a dog run on the cat a mat the dog sat on a cat a a the".split()
    passage = " ".join(words)
    ids = model.preprocessor.tokenizer.located(passage).ids
    asked = model.preprocessor.tokenizer.located("a cat").ids
    room = tiny_bert.MAX_LENGTH - len(asked) - 3
    best = (-np.inf, 0, 0)
    for start in range(0, len(ids) - 4, room - 4):
        part = ids[start : start + room]
        row, segments = model.preprocessor.tokenizer.pair(asked, part)
        given = {"token_ids": np.array([row]), "segment_ids": np.array([segments])}
        logits = tiny_bert.reference(theirs, given)
        low = len(asked) + 2
        for a in range(len(part)):
            for b in range(a, min(a + 2, len(part))):
                score = logits["start_logits"][0, low + a] + logits["end_logits"][0, low + b]
                best = max(best, (float(score), start + a, start + b))
    found = model.answer("a cat", passage, max_answer_tokens=2, stride=4)[0]
    assert found.text == " ".join(words[best[1] : best[2] + 1])
    assert found.score == pytest.approx(best[0], rel=1e-4)
    for question, text, options, error in (
        ("", passage, {}, "must not be empty"),
        ("a", "", {}, "must not be empty"),
        ("a " * 30, "cat", {}, "leaves no room for a passage"),
        ("a", passage, {"stride": 30}, "stride"),
        ("a", "cat", {"top": 0}, "`top` must be at least 1"),
    ):
        with pytest.raises(ValueError, match=error):
            model.answer(question, text, **options)


@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
@pytest.mark.parametrize("family", ["Bert", "Roberta", "DistilBert"])
def test_a_head_of_one_class_ranks(family, backend, tmp_path):
    theirs = original(family, "ForSequenceClassification", tmp_path, num_labels=1)
    model = isozoo.from_preset(tmp_path)
    assert isinstance(model, getattr(nlp, f"{family}Reranker"))
    texts = list(SENTENCES)
    logits = []
    for text in texts:
        tokenizer = model.preprocessor.tokenizer
        ids, segments = tokenizer.pair(tokenizer.located("a cat").ids, tokenizer.located(text).ids)
        given = {"token_ids": np.array([ids])}
        if family == "Bert":
            given["segment_ids"] = np.array([segments])
        logits.append(float(tiny_bert.reference(theirs, given)["logits"][0, 0]))
    expected = 1 / (1 + np.exp(-np.array(logits)))
    found = model.rank("a cat", texts)
    assert [one.index for one in found] == np.argsort(-expected).tolist()
    assert [one.score for one in found] == pytest.approx(sorted(expected)[::-1], rel=1e-4)
    if backend != "numpy":
        return
    # What sentence-transformers' files say of the function behind the score, both ways.
    config = json.loads((tmp_path / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    plain = isozoo.from_preset(tmp_path)
    assert plain.score([("a cat", texts[0])])[0] == pytest.approx(logits[0], rel=1e-4)
    plain.save_to_preset(tmp_path / "again")
    again = isozoo.from_preset(tmp_path / "again")
    assert isinstance(again, nlp.Reranker)
    assert not again.sigmoid
    with pytest.raises(ValueError, match="Pair 0 has .* at most"):
        plain.score([("a cat", "the " * 40)])
    assert plain.score([("a cat", "the " * 40)], truncate=True).shape == (1,)
    with pytest.raises(ValueError, match="leaves no room for the second"):
        plain.score([("the " * 40, "a cat")], truncate=True)
    with pytest.raises(TypeError, match="Pair 0 must be two texts"):
        plain.score(["a cat"])


def test_texts_are_classified_and_masks_filled_in(originals):
    import transformers

    folder, theirs = originals("Roberta", "ForMaskedLM")
    tokenizer = transformers.RobertaTokenizer.from_pretrained(folder)
    pipeline = transformers.pipeline("fill-mask", theirs, tokenizer=tokenizer)
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
    found = model.fill("the cat<mask> on the mat.", top_k=3)[0][0]
    expected = pipeline("the cat<mask> on the mat.", top_k=3)
    assert [word for word, _ in found] == [one["token_str"] for one in expected]
    assert model.fill("the cat[MASK] on the mat.", top_k=3)[0][0] == found  # any tokenizer's mask
    folder, theirs = originals("DistilBert", "ForSequenceClassification")
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(folder)
    ids = model.preprocessor.tokenizer.encode(SENTENCES[0])
    logits = tiny_bert.reference(theirs, {"token_ids": np.array([ids])})["logits"][0]
    best = model.classify(SENTENCES[0])[0]
    assert best.label == ("O", "B-CAT", "I-CAT")[logits.argmax()]
    with pytest.raises(ValueError, match="tells no segments apart"):
        model({"token_ids": np.array([ids]), "segment_ids": np.array([ids]) * 0})


FITS = [
    ("RobertaTextClassifier", "jax"),
    ("DistilBertTextClassifier", "torch"),
    ("BertTokenClassifier", "torch"),
    ("BertQuestionAnswerer", "tensorflow"),
    ("BertReranker", "torch"),
]


@pytest.mark.parametrize(("kind", "backend"), FITS, indirect=["backend"])
def test_training_lowers_the_loss(kind, backend):
    sizes = {
        "vocabulary_size": 30,
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 16,
        "max_sequence_length": 8,
        "dropout": 0.0,
    }
    model = getattr(nlp, kind)(**sizes)
    rng = np.random.default_rng(0)
    x = rng.integers(2, 30, (16, 6)).astype(np.int32)
    first = (x[:, 0] > 15).astype(np.int32)
    loss = isozoo.losses.SparseCategoricalCrossentropy(from_logits=True)
    if kind.endswith("TokenClassifier"):
        y = (x > 15).astype(np.int32)
    elif kind.endswith("Answerer"):
        y, loss = (
            {"start_logits": x.argmax(1), "end_logits": x.argmax(1)},
            {"start_logits": loss, "end_logits": loss},
        )
    elif kind.endswith("Reranker"):
        y, loss = first[:, None], isozoo.losses.BinaryCrossentropy(from_logits=True)
    else:
        y = first
    model.compile(optimizer=isozoo.optimizers.Adam(3e-2), loss=loss)
    history = model.fit(x, y, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]


def test_pieces_of_many_languages_are_those_of_transformers(originals, tmp_path):
    import transformers

    folder, _ = originals("XLMRoberta", "ForMaskedLM")
    path = folder / "sentencepiece.bpe.model"
    ours = nlp.XLMRobertaTokenizer.from_files({path.name: path}, {}, {})
    names = ("<s>", "<pad>", "</s>", "<unk>")
    scores = [(name, 0.0) for name in names] + [(text, score) for text, score, _ in PIECES[3:]]
    theirs = transformers.XLMRobertaTokenizer(vocab=[*scores, ("<mask>", 0.0)])
    texts = ["the cats sat on", "a  <mask> the cat.", "zz</s> cat", "the\nthe"]
    for text in texts:
        wanted = theirs(text)["input_ids"]
        assert ours.encode(text) == wanted, text
        assert ours.decode(wanted) == theirs.decode(wanted, skip_special_tokens=True)
    assert ours.encode_all(texts) == theirs(texts)["input_ids"]
    first, second = (ours.encode(text)[1:-1] for text in texts[:2])
    assert ours.pair(first, second)[0] == theirs(*texts[:2])["input_ids"]
    located = ours.located("the cats  at")
    assert located.offsets == [(0, 3), (4, 7), (7, 8), (10, 12)] or located.begins[0]
    assert [i for i, begins in enumerate(located.begins) if begins][:2] == [0, 1]
    theirs.save_pretrained(tmp_path)
    again = nlp.XLMRobertaTokenizer.from_files(
        {"tokenizer.json": tmp_path / "tokenizer.json"}, {}, {}
    )
    assert again.encode_all(texts) == ours.encode_all(texts)


def test_pieces_that_are_not_those_of_many_languages(tmp_path):
    path = tmp_path / "sentencepiece.bpe.model"
    path.write_bytes(_spiece(PIECES[3:]))
    with pytest.raises(ValueError, match="its first tokens are"):
        nlp.XLMRobertaTokenizer.from_files({path.name: path}, {}, {})
    with pytest.raises(ValueError, match="sentencepiece.bpe.model is needed"):
        nlp.XLMRobertaTokenizer.from_files({}, {}, {})
