"""Adapters as presets: small, on their own base alone, and never on another."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import lora
from isozoo.cli import main
from isozoo.hub import HuggingFace, fetch_preset, publish
from isozoo.hub.errors import HubError, IntegrityError
from isozoo.hub.lora_presets import save_adapter

from ..nlp import tiny_bert

pytest.importorskip("torch")
pytest.importorskip("transformers")
BASE = "hf://org/base"


@pytest.fixture
def base(hub, cache, tmp_path, monkeypatch):
    """A base in the cache, as a hub gave it."""
    folder = tmp_path / "base"
    tiny_bert.save(tiny_bert.random_model("BertModel"), folder)
    hub.add("org/base", {path.name: path.read_bytes() for path in folder.iterdir()})
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    monkeypatch.setenv("ISOZOO_OFFLINE", "1")
    fetch_preset(BASE, cache=cache, endpoint=hub.url, offline=False)
    return folder


def adapted(backend):
    options = {"task": "text_classifier", "num_classes": 3, "backend": backend}
    with pytest.warns(UserWarning, match="begin with new values"):
        model = isozoo.from_preset(BASE, **options)
    model.labels = ["a", "b", "c"]
    with isozoo.use_backend(backend):
        lora.enable(model, rank=2, train=["^classifier"])
        for _, variable in model.named_variables():
            if variable.trainable:
                variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    return model


def test_an_adapter_loads_with_its_base(backend, base, tmp_path):
    model = adapted(backend)
    written = save_adapter(model, tmp_path / "adapter", BASE)
    assert {path.name for path in written} == {"adapter.json", "adapter.safetensors"}
    assert (
        sum(path.stat().st_size for path in written) < (base / "model.safetensors").stat().st_size
    )
    config = json.loads((tmp_path / "adapter" / "adapter.json").read_text())
    assert isozoo.hub.registry.source_of_name(config["base"]).commit  # pinned to what it was
    again = isozoo.from_preset(tmp_path / "adapter", backend=backend)
    assert again.labels == ("a", "b", "c") and again.backend == backend
    given = tiny_bert.inputs()
    for one, other in zip(whole(again(given)), whole(model(given)), strict=True):
        np.testing.assert_array_equal(one, other)


def whole(x):
    return np.asarray(isozoo.ops.convert_to_numpy(x))


def test_another_base_is_refused(base, tmp_path, hub, cache):
    save_adapter(adapted("numpy"), tmp_path / "adapter", BASE)
    path = tmp_path / "adapter" / "adapter.json"
    config = json.loads(path.read_text())
    config["base_files"]["model.safetensors"] = "0" * 64
    path.write_text(json.dumps(config))
    with pytest.raises(IntegrityError, match="trained on other weights"):
        isozoo.from_preset(tmp_path / "adapter", backend="numpy")
    for change in (
        {"base": str(base)},
        {"base": "../base"},
        {"base": 3},
        {"format": "other"},
        {"arguments": {"num_classes": {"a": 1}}},
        {"labels": [1]},
    ):
        path.write_text(json.dumps({**config, **change}))
        with pytest.raises(HubError):
            isozoo.from_preset(tmp_path / "adapter", backend="numpy")
    with pytest.raises(HubError, match="a folder of this machine"):
        save_adapter(adapted("numpy"), tmp_path / "x", str(base))
    with pytest.raises(HubError, match="for text_classifier, not for masked_lm"):
        path.write_text(json.dumps(config))
        isozoo.from_preset(tmp_path / "adapter", backend="numpy", task="masked_lm")


def test_an_adapter_is_published_alone(base, tmp_path):
    save_adapter(adapted("numpy"), tmp_path / "adapter", BASE)
    planned = publish(tmp_path / "adapter", "hf://org/new", license="mit", dry_run=True)
    assert planned.files.keys() == {"adapter.json", "adapter.safetensors", "README.md"}
    assert "base_model: org/base" in planned.card


def test_fine_tuning_writes_one(base, tmp_path, capsys):
    rows = "text,label\n" + "the cat,one\na dog,two\n" * 4
    (tmp_path / "data.csv").write_text(rows)
    arguments = ["finetune", BASE, str(tmp_path / "data.csv"), "--to", str(tmp_path / "out")]
    arguments += ["--mode", "lora", "--backend", "torch", "--epochs", "1", "--json"]
    assert main([*arguments, "--adapter-only"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "adapter.json",
        "adapter.safetensors",
    ]
    model = isozoo.from_preset(tmp_path / "out", backend="torch")
    assert model.classify("the cat")[0].label in ("one", "two")
    assert isinstance(isozoo.hub.registry.source_of_name(BASE), HuggingFace)


def test_what_an_adapter_does_not_do_is_told(base, tmp_path):
    save_adapter(adapted("numpy"), tmp_path / "adapter", BASE)
    with pytest.raises(HubError, match="nothing without its weights"):
        isozoo.from_preset(tmp_path / "adapter", backend="numpy", load_weights=False)
    with pytest.raises(HubError, match="lora.merge"):
        isozoo.hub.convert(tmp_path / "adapter", tmp_path / "out")
    with pytest.raises(HubError, match="not for masked_lm"):
        isozoo.nlp.BertMaskedLM.from_preset(tmp_path / "adapter", backend="numpy")
