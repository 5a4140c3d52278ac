"""Damaged and hostile files of every form: refused by an error of ours, quickly, in little memory.

`python -m isozoo.scripts.fuzz_readers` tries many more of them.
"""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import isozoo
from isozoo.framework.saving.errors import FileError
from isozoo.hub import open_reader
from isozoo.hub.auditing import audit
from isozoo.hub.cache import Cache
from isozoo.hub.cache_keeping import list_blobs
from isozoo.hub.errors import CacheError, HubError, ReaderError
from isozoo.hub.lock import Lock
from isozoo.hub.saving import save_to_preset
from isozoo.hub.unpacking import unpack
from isozoo.nlp.byte_level import ByteLevelTokenizer
from isozoo.nlp.t5.tokenizer import T5Tokenizer
from isozoo.scripts.reader_fuzzing.readers import SUBJECTS
from isozoo.scripts.reader_fuzzing.trial import Folders, run
from isozoo.scripts.small_models import small_model

# What the fuzzer found once: (reader, seed, case).
KEPT = [
    ("audit .keras", 2, 34), ("audit zip", 1, 3), ("audit zip", 1, 99), ("adapter.json", 1, 15),
    ("config llama", 1, 177), ("config llama", 1, 235), ("config mistral", 1, 182),
    ("config opt", 1, 208), ("config resnet", 0, 6), ("config resnet", 1, 0),
    ("config resnet", 1, 130), ("config vit", 0, 2), ("config efficientnet_lite", 0, 11),
    ("keras 2", 1, 66), ("load .keras", 1, 37), ("load .keras", 1, 38), ("load .keras", 1, 54),
    ("load .keras", 2, 161), ("load .keras", 4, 391), ("load .keras", 4, 2084),
    ("load .h5", 4, 580), ("adapter.json", 4, 1420), ("lock", 1, 31), ("tokenizer bytes", 2, 205),
    ("tokenizer pieces", 1, 78), ("torch zip", 1, 92), ("vocab.json", 1, 25), ("zip", 1, 6),
    ("zip", 1, 38),
]  # fmt: skip
DEEP = "[" * 50_000 + "]" * 50_000


@pytest.fixture(scope="module")
def folders():
    made = Folders()
    yield made
    made.close()


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_reader_reads_what_is_valid_and_refuses_the_rest(name, folders):
    wrong = {case: run(name, 9, case, folders).wrong for case in range(-1, 8)}
    wrong |= {
        (seed, case): run(reader, seed, case, folders).wrong
        for reader, seed, case in KEPT
        if reader == name
    }
    assert not {case: what for case, what in wrong.items() if what}


def test_a_config_for_more_layers_than_the_file_has(tmp_path):
    save_to_preset(small_model("llama"), tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "num_hidden_layers": 9999}))
    with pytest.raises(HubError, match=r"variables and more, but its file of weights holds \d+"):
        isozoo.from_preset(tmp_path, backend="numpy")
    path.write_text(json.dumps({**config, "rms_norm_eps": 10**400}))
    with pytest.raises(HubError, match="rms_norm_eps"):
        isozoo.from_preset(tmp_path, backend="numpy")


def test_stages_of_different_lengths():
    with pytest.raises(ValueError, match="an entry for each stage; got 2, 3, 2"):
        isozoo.applications.ResNetBackbone((4, 8), (1, 1, 1), (1, 2))


def test_json_that_is_nested_too_deeply(tmp_path):
    (tmp_path / "vocab.json").write_text(DEEP)
    (tmp_path / "merges.txt").write_text("a b\n")
    with pytest.raises(ValueError, match="a JSON object"):
        ByteLevelTokenizer.from_pairs(tmp_path / "vocab.json", tmp_path / "merges.txt", [])
    for folder in ("lock", "pins"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.json").write_text(DEEP)
    with pytest.raises(CacheError, match="lock file is malformed"):
        Lock(Cache(tmp_path), "x").read()
    with pytest.raises(CacheError, match="the pin is malformed"):
        list_blobs(Cache(tmp_path))
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("config.json", DEEP)
    assert audit(tmp_path / "m.keras").level == "danger"


@pytest.mark.parametrize("offset", [0, 46])
def test_a_zip_whose_directory_lies(tmp_path, offset):
    """A member without a name, and one that begins before the file does."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", b"x")
    raw = bytearray(path.read_bytes())
    directory = raw.index(b"PK\x01\x02")
    if offset:
        raw[directory + 28 : directory + 30] = b"\0\0"  # the name's length
        del raw[directory + 46]
        end = raw.index(b"PK\x05\x06")
        raw[end + 12] -= 1  # the directory's size
    else:
        end = raw.index(b"PK\x05\x06")
        raw[end + 16] += 9  # where the directory is said to begin: all else moves to the front
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="no name, or lies outside|damaged"):
        unpack(path, tmp_path / "out")
    with pytest.raises(ReaderError):
        open_reader(path)


def test_a_tokenizer_that_cannot_cut_a_text(tmp_path):
    from tokenizers import Tokenizer, models

    path = tmp_path / "tokenizer.json"
    Tokenizer(models.Unigram([("a", 0.0)])).save(str(path))
    content = json.loads(path.read_text())
    content["model"]["unk_id"] = None
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="not a tokenizer.json that can be read"):
        T5Tokenizer.from_file(path)
    # The library panics here, which is no Exception of Python's.
    Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")])).save(str(path))
    content = json.loads(path.read_text())
    content["model"]["continuing_subword_prefix"] = "longer than a token"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="not a tokenizer.json that can be read"):
        ByteLevelTokenizer.from_file(path)


def test_a_model_whose_optimizer_was_not_used_comes_back(tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.layers.Input((3,)), isozoo.layers.Dense(2)])
        model.compile("adam", "mse")
        model.save(tmp_path / "m.safetensors")
        again = isozoo.saving.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert type(again.optimizer).__name__ == "Adam"


def test_a_compile_config_with_another_argument(tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.layers.Input((3,)), isozoo.layers.Dense(2)])
        model.compile("adam", "mse")
        model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    for value, told in (({"evil": 1}, "not known: evil"), ([1], "is no object, but list")):
        members["config.json"] = json.dumps({**config, "compile_config": value}).encode()
        with zipfile.ZipFile(tmp_path / "n.keras", "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        with pytest.raises(ValueError, match=told):
            isozoo.saving.load_model(tmp_path / "n.keras")


def test_names_of_dtypes_in_a_file_of_ours(tmp_path):
    from safetensors.numpy import save_file

    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.layers.Input((3,)), isozoo.layers.Dense(2)])
    arrays = {path: v.numpy() for path, v in model.named_variables()}
    for text in ("[1]", DEEP, "{"):
        save_file(arrays, tmp_path / "m.safetensors", {"isozoo_dtypes": text})
        with pytest.raises(FileError, match="isozoo_dtypes"):
            model.load_weights(tmp_path / "m.safetensors")
