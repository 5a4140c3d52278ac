"""Conversion between layouts: the same tensors bit for bit, and a folder whole or not at all."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import isozoo
from isozoo.framework.folders import new_folder
from isozoo.hub import convert, converted_cards, converting, open_reader, publish
from isozoo.hub.errors import HubError, WeightsError
from isozoo.hub.tensors import PendingTensor, write_safetensors

from ..nlp import tiny_bert, tiny_whisper

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def tensors(path) -> dict[str, np.ndarray]:
    with open_reader(path) as reader:
        return {key: np.array(reader.read(key)) for key in reader}


def assert_same(found, expected, without=()) -> None:
    left = {key: value for key, value in expected.items() if key not in without}
    assert found.keys() == left.keys()
    for key, value in left.items():
        assert found[key].dtype == value.dtype and found[key].tobytes() == value.tobytes(), key


def _bert(folder):
    tiny_bert.save(tiny_bert.random_model("BertForMaskedLM"), folder)


def _whisper(folder):
    tiny_whisper.tiny_original().save_pretrained(folder)
    tiny_whisper.write_vocabulary(folder)


def _llama(folder):
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def _resnet(folder):
    config = transformers.ResNetConfig(
        embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2],
        layer_type="basic", id2label={0: "cat", 1: "dog"},
    )  # fmt: skip
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    transformers.ConvNextImageProcessorPil(size={"shortest_edge": 48}).save_pretrained(folder)


@pytest.mark.parametrize("make", [_bert, _whisper, _llama, _resnet])
def test_a_round_trip_keeps_every_bit(make, tmp_path):
    make(tmp_path / "a")
    original = tensors(tmp_path / "a" / "model.safetensors")
    done = convert(tmp_path / "a", tmp_path / "b")
    assert done.layout == "huggingface" and done.files.keys() >= {
        "config.json",
        "model.safetensors",
    }
    # Counters, and heads tied to the embeddings, are what the layout does not need.
    gone = [key for key in original if key.endswith("num_batches_tracked")]
    assert_same(tensors(tmp_path / "b" / "model.safetensors"), original, gone)
    convert(tmp_path / "b", tmp_path / "c")
    for path in (tmp_path / "b").iterdir():
        assert path.read_bytes() == (tmp_path / "c" / path.name).read_bytes(), path.name


def test_to_another_layout_and_back(tmp_path):
    _resnet(tmp_path / "a")
    original = tensors(tmp_path / "a" / "model.safetensors")
    convert(tmp_path / "a", tmp_path / "b", "torchvision")
    names = tensors(tmp_path / "b" / "model.safetensors")
    assert {"conv1.weight", "layer1.0.bn1.running_mean", "fc.bias"} <= names.keys()
    convert(tmp_path / "b", tmp_path / "c", "hf")
    gone = [key for key in original if key.endswith("num_batches_tracked")]
    assert_same(tensors(tmp_path / "c" / "model.safetensors"), original, gone)
    theirs = transformers.ResNetForImageClassification.from_pretrained(tmp_path / "c").eval()
    pixels = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.from_numpy(pixels)).logits.numpy()
    ours = isozoo.from_preset(tmp_path / "b", backend="numpy")
    assert ours.labels == ("cat", "dog") and ours.preprocessor.image_size == (48, 48)
    found = np.asarray(ours(pixels.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_in_another_dtype_and_in_shards(dtype, tmp_path):
    _bert(tmp_path / "a")
    original = tensors(tmp_path / "a" / "model.safetensors")
    done = convert(tmp_path / "a", tmp_path / "b", dtype=dtype, max_shard_bytes=4000)
    shards = sorted(name for name in done.files if name.endswith(".safetensors"))
    assert len(shards) > 1 and shards[0].startswith("model-00001-of-")
    found = tensors(tmp_path / "b" / "model.safetensors.index.json")
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    assert_same(found, {key: value.astype(kind) for key, value in original.items()})
    model = transformers.BertForMaskedLM.from_pretrained(tmp_path / "b")
    assert all(np.isfinite(p.detach().float().numpy()).all() for p in model.parameters())


def test_an_embedder_stays_one(tmp_path):
    tiny_bert.save(tiny_bert.random_model("BertModel"), tmp_path / "a")
    model = isozoo.nlp.BertTextEmbedder.from_preset(
        tmp_path / "a", backend="numpy", pooling="cls", normalize=False
    )
    model.preprocessor.max_length = 7
    model.save_to_preset(tmp_path / "b")
    again = isozoo.from_preset(tmp_path / "b", backend="numpy")
    assert isinstance(again, isozoo.nlp.BertTextEmbedder)
    assert (again.pooling, again.normalize, again.preprocessor.max_length) == ("cls", False, 7)
    np.testing.assert_array_equal(again.embed("the cat"), model.embed("the cat"))
    (tmp_path / "b" / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense"}]')
    with pytest.raises(ValueError, match="names sentence_transformers.models.Dense"):
        isozoo.from_preset(tmp_path / "b", backend="numpy")


def test_what_is_written_is_what_the_format_s_own_package_reads(tmp_path):
    from safetensors.numpy import load_file

    draws = np.random.default_rng(1)
    values = {
        "b": draws.normal(size=(3, 5)).astype("float16").T,
        "a": draws.integers(0, 9, (2, 2)),
        "c": np.zeros((0, 4), "float32"),
        "d": np.array(1.5),
        "e": draws.normal(size=(40, 3)).astype("float32")[::2],
    }
    released = []
    ones = np.ones(2, "int8")
    pending = PendingTensor((2,), ones.dtype, lambda: ones, lambda: released.append(1))
    write_safetensors(tmp_path / "x.safetensors", {**values, "p": pending}, {"note": "x"})
    found = load_file(tmp_path / "x.safetensors")
    assert_same(found, {**values, "p": np.ones(2, "int8")})
    assert released == [1]
    lying = PendingTensor((3,), np.dtype("int8"), lambda: np.ones(2, "int8"))
    with pytest.raises(HubError, match=r"p was to be \[3\]; it is \[2\]"):
        write_safetensors(tmp_path / "y.safetensors", {"p": lying})
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(RuntimeError), new_folder(target) as place:
        (place / "a").write_text("1")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with new_folder(target) as place:
        (place / "in").mkdir()
        (place / "in" / "a").write_text("1")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    with pytest.raises(FileExistsError, match="has files already"), new_folder(target):
        pass
    with new_folder(target, "merge") as place:
        (place / "in").mkdir()
        (place / "in" / "b").write_text("2")
    assert sorted(path.name for path in (target / "in").iterdir()) == ["a", "b"]
    with new_folder(target, "replace") as place:
        (place / "c").write_text("3")
    assert [path.name for path in target.iterdir()] == ["c"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_process_left_behind_is_removed(tmp_path):
    code = (
        "import sys, time\nfrom isozoo.framework.folders import new_folder\n"
        "with new_folder(sys.argv[1]) as place:\n"
        "    (place / 'a').write_text('1'); print('ready', flush=True); time.sleep(600)\n"
    )
    target = tmp_path / "model"
    child = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    with new_folder(target) as place:  # the other one is at work: it keeps its folder
        assert len(list(tmp_path.iterdir())) == 2
        (place / "a").write_text("2")
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert len(list(tmp_path.iterdir())) == 2
    with new_folder(target, "merge") as place:
        (place / "a").write_text("3")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (target / "a").read_text() == "3"


def test_what_cannot_be_converted_is_told(tmp_path):
    _bert(tmp_path / "a")
    with pytest.raises(HubError, match="layout 'gguf', which is not known; there are: huggingface"):
        convert(tmp_path / "a", tmp_path / "b", "gguf")
    with pytest.raises(HubError, match="written as 'int8'"):
        convert(tmp_path / "a", tmp_path / "b", dtype="int8")
    (tmp_path / "f").write_text("x")
    with pytest.raises(FileExistsError, match="is a file"):
        convert(tmp_path / "a", tmp_path / "f")
    tiny_bert.save(tiny_bert.random_model("BertModel"), tmp_path / "c")
    with pytest.raises(WeightsError, match="missing from the file"):
        convert(tmp_path / "c", tmp_path / "d", task="masked_lm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "f"]


def test_the_card_and_the_licence_go_along(tmp_path, hub, cache, monkeypatch):
    from isozoo.hub.preset import FileEntry, Folder, Preset
    from isozoo.hub.saving import save_to_preset
    from isozoo.scripts.small_models import small_model

    folder = tmp_path / "a"
    save_to_preset(small_model("bert"), folder)
    assert convert(folder, tmp_path / "none").license == ""
    files = tuple(FileEntry(path.name) for path in folder.iterdir())
    known = Preset("known", "bert", "backbone", "huggingface", files, (Folder(folder),),
                   license="Apache-2.0", description="A model.")  # fmt: skip
    done = convert(known, tmp_path / "b")
    card = (tmp_path / "b" / "README.md").read_text()
    assert done.license == "Apache-2.0" and card.startswith("---\nlicense: apache-2.0\n---\n")
    # `publish` needs no other word of the licence, and writes a whole card.
    planned = publish(tmp_path / "b", "hf://org/name", dry_run=True)
    assert "license: apache-2.0" in planned.card and "## Files" in planned.card
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    (folder / "LICENSE").write_text("MIT")
    done = convert(known, tmp_path / "c")
    assert done.license == "mit" and done.files.keys() >= {"README.md", "LICENSE"}
    for name in ("README.md", "LICENSE"):
        assert (tmp_path / "c" / name).read_bytes() == (folder / name).read_bytes()
    assert publish(tmp_path / "c", "hf://org/name", dry_run=True).card.endswith("# Mine\n")
    # From a repository of the hub, too.
    hub.add("org/model", {path.name: path.read_bytes() for path in folder.iterdir()})
    for module, name in ((converting, "fetch_preset"), (converted_cards, "resolve")):
        asked = functools.partial(getattr(module, name), endpoint=hub.url)
        monkeypatch.setattr(module, name, asked)
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    done = convert("hf://org/model", tmp_path / "d")
    assert done.license == "mit" and "LICENSE" in done.files
    assert convert("hf://org/model", tmp_path / "e", offline=True).files == done.files
