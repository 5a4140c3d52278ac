"""KerasHub's folders against what KerasHub computed; see tests/data/make_kerashub_files.py."""

import json

import h5py
import numpy as np
import pytest

import isozoo
from isozoo.hub import HubError, convert, open_reader

FAMILIES = ("bert", "distilbert", "roberta", "opt", "llama")
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
