"""KerasHub's folders against what KerasHub computed; see tests/data/make_kerashub_files.py."""

import json
import shutil

import h5py
import numpy as np
import pytest

import isozoo
from isozoo.hub import HubError, convert, open_reader

FAMILIES = ("bert", "distilbert", "roberta", "opt", "llama")
TASKS = {
    "bert-classifier": "text_classifier",
    "distilbert-classifier": "text_classifier",
    "roberta-classifier": "text_classifier",
    "roberta-masked": "masked_lm",
}
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a the The cat run ##ning cafe Cafe café un ##known . , !"
TEXTS = ["The cat running.", "Café, the unknown!", "a dog"]


@pytest.fixture(scope="module")
def data(request):
    with np.load(request.config.rootpath / "tests" / "data" / "kerashub.npz") as found:
        return dict(found)


@pytest.fixture(scope="module")
def folders(data, tmp_path_factory):
    """The presets as KerasHub wrote them: the same names, in a file of HDF5."""
    place = tmp_path_factory.mktemp("kerashub")
    for family in FAMILIES:
        folder = place / family
        folder.mkdir()
        (folder / "config.json").write_text(str(data[f"{family}/config.json"]))
        with h5py.File(folder / "model.weights.h5", "w") as file:
            for name, value in weights(data, family).items():
                file[name] = value
    (place / "bert" / "tokenizer.json").write_text(str(data["bert/tokenizer.json"]))
    (place / "bert" / "assets" / "tokenizer").mkdir(parents=True)
    text = "".join(f"{word}\n" for word in WORDS.split())
    (place / "bert" / "assets" / "tokenizer" / "vocabulary.txt").write_text(text)
    return place


@pytest.fixture(scope="module")
def tasks(data, folders, tmp_path_factory):
    """The presets with heads, as KerasHub wrote them."""
    place = tmp_path_factory.mktemp("tasks")
    for name in TASKS:
        shutil.copytree(folders / name.partition("-")[0], place / name)
        (place / name / "task.json").write_text(str(data[f"{name}/task.json"]))
        write_tokenizer(place / name, name.partition("-")[0])
        with h5py.File(place / name / "task.weights.h5", "w") as file:
            for key, value in weights(data, name).items():
                file[key] = value
    return place


def write_tokenizer(folder, family):
    """A tokenizer of twenty tokens in KerasHub's form."""
    place = folder / "assets" / "tokenizer"
    place.mkdir(parents=True, exist_ok=True)
    if family == "roberta":
        words = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmn", "ab", "<mask>"]
        ids = {word: number for number, word in enumerate(words)}
        (place / "vocabulary.json").write_text(json.dumps(ids))
        (place / "merges.txt").write_text("a b\n")
    else:
        (place / "vocabulary.txt").write_text("".join(f"{word}\n" for word in WORDS.split()))
    kind = {"bert": "Bert", "distilbert": "DistilBert", "roberta": "Roberta"}[family]
    described = {"registered_name": f"keras_hub>{kind}Tokenizer", "config": {}}
    (folder / "tokenizer.json").write_text(json.dumps(described))


def weights(data, family):
    start = f"{family}/weights/"
    return {name.removeprefix(start): data[name] for name in data if name.startswith(start)}


def check(model, data, family):
    keys = ("token_ids", "padding_mask", *(["segment_ids"] if family == "bert" else []))
    found = model({key: data[f"inputs/{key}"] for key in keys})
    for name in [name for name in data if name.startswith(f"{family}/outputs/")]:
        value = isozoo.ops.convert_to_numpy(found[name.rpartition("/")[2]])
        # float32 through two layers of eight features
        np.testing.assert_allclose(value, data[name], atol=2e-6 * np.abs(data[name]).max())


def test_outputs_are_kerashub_s(backend, folders, data):
    for family in FAMILIES if backend == "numpy" else ("bert", "llama"):
        check(isozoo.from_preset(folders / family, task="backbone"), data, family)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_has_kerashub_s_names_and_bits(family, folders, data, tmp_path):
    task = "causal_lm" if family in ("opt", "llama") else None
    done = convert(folders / family, tmp_path / "out", "kerashub", task=task)
    assert {"config.json", "model.weights.h5", "metadata.json"} <= done.files.keys()
    theirs = weights(data, family)
    with open_reader(tmp_path / "out" / "model.weights.h5") as reader:
        assert set(reader.keys()) == set(theirs)
        for name, value in theirs.items():
            np.testing.assert_array_equal(reader.read(name), value, name)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    before = json.loads(str(data[f"{family}/config.json"]))
    assert {key: config[key] for key in ("module", "class_name", "registered_name")} == {
        key: before[key] for key in ("module", "class_name", "registered_name")
    }
    known = {"trainable", "dtype", "name"}
    for key, value in before["config"].items():
        assert key in known or config["config"].get(key) in (value, None), key
    with isozoo.use_backend("numpy"):
        check(isozoo.from_preset(tmp_path / "out", task="backbone"), data, family)


def check_task(model, data, name):
    keys = ["token_ids", "padding_mask", *(["segment_ids"] if name.startswith("bert") else [])]
    if name.endswith("masked"):
        keys.append("mask_positions")
    found = isozoo.ops.convert_to_numpy(model({key: data[f"inputs/{key}"] for key in keys}))
    if name == "distilbert-classifier":  # KerasHub's gives probabilities
        found = np.exp(found) / np.exp(found).sum(-1, keepdims=True)
    expected = data[f"{name}/outputs"]
    np.testing.assert_allclose(found, expected, atol=4e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", TASKS)
def test_heads_are_kerashub_s_and_are_written_as_its_own(name, tasks, data, tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(tasks / name)
        check_task(model, data, name)
    source = tasks / name
    if name.startswith("roberta"):
        with pytest.raises(HubError, match="num_segments=0: type_vocab_size is a positive"):
            convert(source, tmp_path / "hf", "hf")
    else:
        convert(source, tmp_path / "hf", "hf")
        source = tmp_path / "hf"
    convert(source, tmp_path / "out", "kerashub")
    with open_reader(tmp_path / "out" / "task.weights.h5") as reader:
        theirs = {k: v for k, v in weights(data, name).items() if "optimizer" not in k}
        assert set(reader.keys()) == set(theirs)
        for key, value in theirs.items():
            np.testing.assert_array_equal(reader.read(key), value, key)
    written = json.loads((tmp_path / "out" / "task.json").read_text())
    before = json.loads(str(data[f"{name}/task.json"]))
    for key in ("module", "class_name", "registered_name"):
        assert written[key] == before[key]
        assert written["config"]["backbone"][key] == before["config"]["backbone"][key]
    assert written["config"].keys() == before["config"].keys()


def test_a_head_that_is_not_here_is_told(tasks, folders, data, tmp_path):
    place = tmp_path / "bert"
    shutil.copytree(folders / "bert", place)
    (place / "task.json").write_text(str(data["bert-masked/task.json"]))
    shutil.copy(tasks / "bert-classifier" / "task.weights.h5", place)
    with h5py.File(place / "task.weights.h5", "w") as file:
        for key, value in weights(data, "bert-masked").items():
            file[key] = value
    with pytest.warns(UserWarning, match=r"task\.json says keras_hub>BertMaskedLM.*masked words"):
        isozoo.from_preset(place, backend="numpy")
    isozoo.from_preset(place, backend="numpy", task="backbone")  # asked for
    described = json.loads((tasks / "distilbert-classifier" / "task.json").read_text())
    for key, value, message in (
        ("activation", "sigmoid", "activation 'sigmoid'"),
        ("hidden_dim", 6, "hidden_dim=6"),
        ("num_classes", 0, "0 as its number"),
    ):
        other = {**described, "config": {**described["config"], key: value}}
        place = tmp_path / key
        shutil.copytree(tasks / "distilbert-classifier", place)
        (place / "task.json").write_text(json.dumps(other))
        with pytest.raises(HubError, match=message):
            isozoo.from_preset(place, backend="numpy")


def test_a_task_that_kerashub_has_not_is_refused(tasks, tmp_path):
    with isozoo.use_backend("numpy"):
        tagger = isozoo.nlp.DistilBertTokenClassifier.from_preset(
            tasks / "distilbert-classifier", load_weights=False
        )
    with pytest.raises(HubError, match="or DistilBertTextClassifier, and this model has another"):
        tagger.save_to_preset(tmp_path / "out", "kerashub")


def test_the_tokenizer_is_kerashub_s(folders, data, tmp_path):
    """Upper case and accents stay, as tokenizer.json says; also in transformers' files."""
    import transformers

    convert(folders / "bert", tmp_path / "hf", "hf")
    convert(tmp_path / "hf", tmp_path / "again", "kerashub")
    for folder in (folders / "bert", tmp_path / "hf", tmp_path / "again"):
        tokenizer = isozoo.nlp.BertTokenizer.from_preset(folder)
        found = [tokenizer.encode(text)[1:-1] for text in TEXTS]
        assert found == json.loads(str(data["bert/ids"])), folder
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    ids = [theirs(text, add_special_tokens=False).input_ids for text in TEXTS]
    assert ids == json.loads(str(data["bert/ids"]))
    described = json.loads((tmp_path / "again" / "tokenizer.json").read_text())
    assert described["config"]["lowercase"] is False


def test_other_networks_are_refused(folders, tmp_path):
    convert(folders / "distilbert", tmp_path / "hf", "hf")
    path = tmp_path / "hf" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "activation": "relu"}))
    with pytest.raises(HubError, match="has activation='gelu' alone, and this model has 'relu'"):
        convert(tmp_path / "hf", tmp_path / "out", "kerashub")
    with pytest.raises(HubError, match="written in float32 alone"):
        convert(folders / "distilbert", tmp_path / "out", "kerashub", dtype="float16")
    assert not (tmp_path / "out").exists()
    path = tmp_path / "hf" / "model.safetensors"
    for name, value, message in (
        ("registered_name", "keras_hub>GemmaBackbone", "no family here knows them"),
        ("config", ["not an object"], "backbone's arguments as `config`"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        config = json.loads((folders / "bert" / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, name: value}))
        (folder / "model.weights.h5").write_bytes(
            (folders / "bert" / "model.weights.h5").read_bytes()
        )
        with pytest.raises(HubError, match=message):
            isozoo.from_preset(folder)
