"""Checkpoints as people have them, loaded whole or refused with the way out: a tiny BERT."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo.hub.errors import HubError, ReaderError, UnknownPresetError, WeightsError
from isozoo.nlp import BertBackbone, BertMaskedLM, BertMaskedLMPreprocessor, BertTokenizer

from ..nlp import tiny_bert

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def numpy_backend():
    with isozoo.use_backend("numpy"):
        yield


@pytest.fixture(scope="module")
def original():
    return tiny_bert.random_model("BertForMaskedLM")


@pytest.fixture(scope="module")
def saved(original, tmp_path_factory):
    return tiny_bert.save(original, tmp_path_factory.mktemp("lm"))


@pytest.fixture(scope="module")
def scores(original):
    return tiny_bert.reference(original, tiny_bert.inputs())["logits"]


def write(folder: Path, saved: Path, weights: object = None, **config) -> Path:
    """`saved` again, with other settings, and with its weights in a file of torch.save."""
    for name in ("config.json", "vocab.txt", *(["model.safetensors"] if weights is None else [])):
        (folder / name).write_bytes((saved / name).read_bytes())
    if config:
        held = {**json.loads((saved / "config.json").read_text()), **config}
        kept = {key: value for key, value in held.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))
    if weights is not None:
        torch.save(weights, folder / "pytorch_model.bin")
    return folder


def agrees(model, scores) -> None:
    assert isinstance(model, BertMaskedLM)
    found = np.asarray(model(tiny_bert.inputs()))
    assert np.abs(found - scores).max() <= 1e-5 * np.abs(scores).max()


def test_a_path_is_a_folder_and_never_a_name(saved, scores):
    agrees(isozoo.from_preset(saved), scores)
    agrees(BertMaskedLM.from_preset(saved), scores)
    with pytest.raises(UnknownPresetError, match="folder bert_base does not exist"):
        isozoo.from_preset(Path("bert_base"))


def test_a_class_knows_the_family_of_a_config_that_names_none(saved, scores, tmp_path):
    folder = write(tmp_path, saved, model_type=None, architectures=None)
    agrees(BertMaskedLM.from_preset(folder), scores)
    assert type(BertBackbone.from_preset(folder)).__name__ == "BertBackbone"
    with pytest.raises(HubError, match=r"load it by its class, such as BertBackbone"):
        isozoo.from_preset(folder)


def test_a_tokenizer_needs_no_task_and_no_model_type(tmp_path):
    folder = tiny_bert.save(tiny_bert.random_model("BertModel"), tmp_path)
    expected = [2, *(tiny_bert.TOKENS.index(word) for word in ("the", "cat")), 3]
    assert BertTokenizer.from_preset(folder).encode("the cat") == expected
    held = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({k: v for k, v in held.items() if k not in ("model_type", "architectures")})
    )
    assert BertTokenizer.from_preset(folder).encode("the cat") == expected
    assert BertMaskedLMPreprocessor.from_preset(folder).encode("the cat") == [expected]


def test_a_whole_model_in_a_pickle_is_refused_with_the_way_out(original, saved, tmp_path):
    with pytest.raises(ReaderError, match=r"BertForMaskedLM' is refused.*save its state_dict\(\)"):
        isozoo.from_preset(write(tmp_path, saved, original))


@pytest.mark.parametrize("name", [None, b"bert_base", 3])
def test_what_is_no_name_is_told(name):
    with pytest.raises(TypeError, match="a preset's name, .* is expected"):
        isozoo.from_preset(name)


WRAPPED = {
    "DataParallel": lambda state: {f"module.{key}": value for key, value in state.items()},
    "a checkpoint": lambda state: {"state_dict": state, "optimizer": {"m": torch.ones(2)}},
    "both": lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
    "Lightning": lambda state: {"state_dict": {f"model.{k}": v for k, v in state.items()}},
}  # fmt: skip


@pytest.mark.parametrize("how", WRAPPED)
def test_wrapped_state_dicts(original, saved, scores, tmp_path, how):
    agrees(isozoo.from_preset(write(tmp_path, saved, WRAPPED[how](original.state_dict()))), scores)


def test_two_state_dicts_in_one_file_are_refused_with_the_way_out(original, saved, tmp_path):
    state = original.state_dict()
    folder = write(tmp_path, saved, {"state_dict": state, "model": state})
    with pytest.raises(ReaderError, match="state_dict, model. Save the one that is meant"):
        isozoo.from_preset(folder)


def test_a_tied_head_stored_alone(original, saved, scores, tmp_path):
    state = dict(original.state_dict())
    del state["bert.embeddings.word_embeddings.weight"]
    agrees(isozoo.from_preset(write(tmp_path, saved, state)), scores)


def test_a_sharded_file_of_torch(original, saved, scores, tmp_path):
    state = original.state_dict()
    names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    index = {key: names[number % 2] for number, key in enumerate(state)}
    folder = write(tmp_path, saved, {})
    (folder / "pytorch_model.bin").unlink()
    for name in names:
        torch.save({k: v for k, v in state.items() if index[k] == name}, folder / name)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    agrees(isozoo.from_preset(folder), scores)
    (folder / names[1]).unlink()
    with pytest.raises(HubError, match=names[1]):
        isozoo.from_preset(folder)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("BertForMultipleChoice", "multiple choice"),
        ("BertForNextSentencePrediction", "next sentence prediction"),
    ],
)
def test_a_head_that_is_not_here_is_told_of(tmp_path, kind, head):
    folder = tiny_bert.save(original := tiny_bert.random_model(kind), tmp_path)
    tensor = "cls.seq_relationship.weight" if "Next" in kind else "classifier.weight"
    with pytest.warns(UserWarning, match=f"{kind}, whose head for {head} .*{tensor}"):
        model = isozoo.from_preset(folder)
    assert isinstance(model, BertBackbone)
    found = model(tiny_bert.inputs())
    expected = tiny_bert.reference(original.bert, tiny_bert.inputs())
    np.testing.assert_allclose(found["sequence_output"], expected["last_hidden_state"], atol=1e-5)
    np.testing.assert_allclose(found["pooled_output"], expected["pooler_output"], atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BertBackbone.from_preset(folder)
        isozoo.from_preset(folder, task="backbone")


def test_a_pooler_that_the_file_lacks(tmp_path):
    folder = tiny_bert.save(tiny_bert.random_model("BertForTokenClassification"), tmp_path)
    assert BertBackbone.from_preset(folder).pooler is None
    with pytest.raises(WeightsError, match="pooler.kernel"):
        BertBackbone.from_preset(folder, pooler=True)


def test_a_classifier_of_texts_both_ways(tmp_path):
    """transformers' files here, ours in transformers, and a head of another size."""
    original = tiny_bert.random_model("BertForSequenceClassification")
    original.config.id2label = {0: "bad", 1: "good"}
    folder = tiny_bert.save(original, tmp_path / "theirs")
    inputs = tiny_bert.inputs()
    expected = tiny_bert.reference(original, inputs)["logits"]
    model = isozoo.from_preset(folder)
    assert isinstance(model, isozoo.nlp.BertTextClassifier) and model.num_classes == 2
    np.testing.assert_allclose(model(inputs), expected, atol=1e-5)
    model.save_to_preset(tmp_path / "ours")
    import transformers

    again = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "ours").eval()
    np.testing.assert_allclose(tiny_bert.reference(again, inputs)["logits"], expected, atol=1e-5)
    assert again.config.id2label == {0: "bad", 1: "good"}
    with pytest.warns(UserWarning, match="begin with new values.*classifier.kernel"):
        other = isozoo.from_preset(folder, num_classes=3)
    assert other(inputs).shape == (len(expected), 3)
    before, after = (m.backbone.pooler.kernel.numpy() for m in (model, other))
    np.testing.assert_array_equal(before, after)


def test_tensors_of_a_head_that_config_does_not_name_are_dropped_in_silence(saved, tmp_path):
    """As in bert-base-uncased: a BertForMaskedLM by its config, with the other head beside it."""
    original = tiny_bert.random_model("BertForPreTraining")
    folder = write(tmp_path, saved, original.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(isozoo.from_preset(folder), BertMaskedLM)
    (folder / "config.json").write_text(
        json.dumps({**original.config.to_dict(), "architectures": ["BertForPreTraining"]})
    )
    with pytest.warns(UserWarning, match="head for next sentence prediction .*seq_relationship"):
        isozoo.from_preset(folder)


def test_a_key_that_does_not_matter_can_be_passed_over(saved, scores, tmp_path):
    folder = write(tmp_path, saved, my_trainers_note="x")
    with pytest.raises(HubError, match="my_trainers_note is 'x'.*\n.*ignore_keys"):
        isozoo.from_preset(folder)
    agrees(isozoo.from_preset(folder, ignore_keys=["my_trainers_note"]), scores)


def test_no_heads_make_a_clear_error(saved, tmp_path):
    with pytest.raises(HubError, match="num_attention_heads is 0; supported: a positive"):
        isozoo.from_preset(write(tmp_path, saved, num_attention_heads=0))
