"""Adapters in PEFT's files: what they make of a model, and the same bits back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import isozoo
from isozoo import lora
from isozoo.hub import fetch_preset
from isozoo.hub.errors import HubError, ReaderError
from isozoo.hub.peft_adapters import load_peft_adapter, save_peft_adapter

from ..nlp import tiny_bert

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
IDS = np.array([[5, 6, 7, 8, 9]])
# As PEFT 0.21 writes it, with what matters here.
CONFIG = {
    "alpha_pattern": {}, "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
    "init_lora_weights": True, "lora_alpha": 6, "lora_dropout": 0.0, "megatron_config": None,
    "modules_to_save": None, "peft_type": "LORA", "peft_version": "0.21.2", "r": 3,
    "rank_pattern": {}, "revision": None, "target_modules": ["q_proj", "down_proj"],
    "task_type": "CAUSAL_LM", "use_dora": False, "use_rslora": False, "loftq_config": {},
    "base_model_name_or_path": "org/base",
}  # fmt: skip
MODULES = ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj")


def _llama():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def write(folder, tensors, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **changes}))
    save_file(tensors, folder / "adapter_model.safetensors")


def drawn(model, modules=MODULES, rank=3) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(1)
    found = {}
    for module in modules:
        out, size = model.get_submodule(module).weight.shape
        name = f"base_model.model.{module}"
        found[f"{name}.lora_A.weight"] = draws.normal(size=(rank, size)).astype("float32")
        found[f"{name}.lora_B.weight"] = draws.normal(size=(out, rank)).astype("float32")
    return found


def merged(model, tensors, scales):
    """The model with W + scale B A for each weight W, by PEFT's definition."""
    with torch.no_grad():
        for module, scale in scales.items():
            a, b = (tensors[f"base_model.model.{module}.lora_{x}.weight"] for x in "AB")
            model.get_submodule(module).weight += scale * torch.from_numpy(b @ a)
        return model(torch.from_numpy(IDS)).logits.numpy()


@pytest.mark.parametrize(
    ("changes", "scales"),
    [
        ({}, (2.0, 2.0)),
        ({"use_rslora": True}, (6 / 3**0.5, 6 / 3**0.5)),
        ({"alpha_pattern": {"layers.0.self_attn.q_proj": 9}}, (3.0, 2.0)),
    ],
)
def test_it_changes_the_model_as_is_defined(changes, scales, backend, tmp_path):
    theirs = _llama()
    theirs.save_pretrained(tmp_path / "base")
    tensors = drawn(theirs)
    write(tmp_path / "adapter", tensors, **changes)
    model = isozoo.from_preset(tmp_path / "base", backend=backend)
    paths = load_peft_adapter(model, tmp_path / "adapter")
    assert len(paths) == 2
    expected = merged(theirs, tensors, dict(zip(MODULES, scales, strict=True)))
    found = np.asarray(isozoo.ops.convert_to_numpy(model(IDS)))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    save_peft_adapter(model, tmp_path / "again", base="org/base")
    again = load_file(tmp_path / "again" / "adapter_model.safetensors")
    assert again.keys() == tensors.keys()
    assert all(again[key].tobytes() == value.tobytes() for key, value in tensors.items())
    config = json.loads((tmp_path / "again" / "adapter_config.json").read_text())
    assert (config["r"], config["task_type"]) == (3, "CAUSAL_LM")
    assert sorted(config["target_modules"]) == sorted(MODULES)
    alphas = [config["alpha_pattern"].get(m, config["lora_alpha"]) / 3 for m in MODULES]
    np.testing.assert_allclose(alphas, scales)


def test_a_module_that_was_read_as_a_graph_takes_them(tmp_path):
    theirs = _llama()
    theirs.config.use_cache = False
    tensors = drawn(theirs)
    write(tmp_path / "adapter", tensors)
    model = isozoo.from_torch(theirs, (), {"input_ids": torch.from_numpy(IDS)}, {}, "numpy")
    assert load_peft_adapter(model, tmp_path / "adapter") == [f"{m}.weight" for m in MODULES]
    expected = merged(theirs, tensors, dict.fromkeys(MODULES, 2.0))
    found = model(IDS)
    found = found["logits"] if isinstance(found, dict) else found
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    save_peft_adapter(model, tmp_path / "again", base="org/base")
    again = load_file(tmp_path / "again" / "adapter_model.safetensors")
    assert again.keys() == tensors.keys()
    assert all(np.array_equal(again[key], value) for key, value in tensors.items())


def test_a_head_goes_along_and_the_base_comes_from_the_hub(tmp_path, hub, cache, monkeypatch):
    folder = tmp_path / "base"
    tiny_bert.save(tiny_bert.random_model("BertModel"), folder)
    hub.add("org/base", {path.name: path.read_bytes() for path in folder.iterdir()})
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    monkeypatch.setenv("ISOZOO_OFFLINE", "1")
    fetch_preset("hf://org/base", cache=cache, endpoint=hub.url, offline=False)
    with pytest.warns(UserWarning, match="begin with new values"):
        model = isozoo.from_preset(
            "hf://org/base", task="text_classifier", num_classes=3, backend="numpy"
        )
    with isozoo.use_backend("numpy"):
        lora.enable(model, rank=2, targets=["query", "value"], train=["^classifier"])
    for _, variable in model.named_variables():
        if variable.trainable:
            variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    save_peft_adapter(model, tmp_path / "adapter", base="org/base")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["task_type"], config["modules_to_save"]) == ("SEQ_CLS", ["classifier"])
    held = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert held["base_model.model.classifier.weight"].shape[0] == 3
    assert "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight" in held
    again = isozoo.from_preset(tmp_path / "adapter", backend="numpy")
    assert type(again) is type(model) and again.num_classes == 3
    given = tiny_bert.inputs()
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(model(given)))
    with pytest.raises(HubError, match="lora.merge"):
        isozoo.hub.convert(tmp_path / "adapter", tmp_path / "out")
    for base in (str(folder), "../base", "base", None, 3):
        path = tmp_path / "adapter" / "adapter_config.json"
        path.write_text(json.dumps({**config, "base_model_name_or_path": base}))
        with pytest.raises(HubError, match="no repository of the hub"):
            isozoo.from_preset(tmp_path / "adapter", backend="numpy")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"peft_type": "IA3"}, "of the kind 'IA3'"),
        ({"use_dora": True}, "use_dora is True"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out is True"),
        ({"bias": "all"}, "trains biases"),
        ({"lora_alpha": "6"}, "not numbers"),
        ({"alpha_pattern": {"(a+)+$": 3}}, "regular expressions"),
        ({"new_key": {"a": 1}}, "new_key"),
    ],
)
def test_what_computes_something_else_is_refused(changes, told, tmp_path):
    theirs = _llama()
    theirs.save_pretrained(tmp_path / "base")
    write(tmp_path / "adapter", drawn(theirs), **changes)
    model = isozoo.from_preset(tmp_path / "base", backend="numpy")
    with pytest.raises(HubError, match=told):
        load_peft_adapter(model, tmp_path / "adapter")
    assert not list(lora.adapted(model))


def test_tensors_that_fit_nowhere(tmp_path):
    theirs = _llama()
    theirs.save_pretrained(tmp_path / "base")
    model = isozoo.from_preset(tmp_path / "base", backend="numpy")
    good = drawn(theirs)
    name = f"base_model.model.{MODULES[0]}"
    cases = {
        "no name of PEFT's": {"x": np.ones(2, "float32")},
        "has no linear layer": {"base_model.model.model.norm.lora_A.weight": np.ones((3, 8))},
        "has no place": {"base_model.model.model.other.weight": np.ones(2, "float32")},
        "is not whole": {f"{name}.lora_A.weight": good[f"{name}.lora_A.weight"]},
        "do not make": {**good, f"{name}.lora_B.weight": np.ones((5, 3), "float32")},
    }
    for told, tensors in cases.items():
        write(tmp_path / "adapter", tensors)
        with pytest.raises((ReaderError, ValueError), match=told):
            load_peft_adapter(model, tmp_path / "adapter")
        assert not list(lora.adapted(model))
    with pytest.raises(ValueError, match="no adapters to save"):
        save_peft_adapter(model, tmp_path / "none")
