"""From a name to weights in variables: registered names, folders, `hf://`, and a real tiny BERT."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from isozoo.hub import loading, registry
from isozoo.hub.errors import HubError, SourcesExhaustedError, UnknownPresetError, WeightsError
from isozoo.hub.preset import FileEntry, Folder, HuggingFace, Package, Preset
from isozoo.hub.registry import Family, Layout
from isozoo.hub.transforms import transpose
from isozoo.hub.weight_map import Row, WeightMap

from .fakes import FakeVariable


def bert_map(config) -> WeightMap:
    """Every weight of transformers' BertModel, under the path it has here with another ending."""
    return WeightMap(
        Row("embeddings.position_ids", None),
        Row(("{rest*}LayerNorm.weight", "{rest*}LayerNorm.gamma"), "{rest*}norm.gamma"),
        Row(("{rest*}LayerNorm.bias", "{rest*}LayerNorm.beta"), "{rest*}norm.beta"),
        Row("embeddings.{name}_embeddings.weight", "embeddings.{name}"),
        Row("{rest*}.weight", "{rest*}.kernel", transpose),
        Row("{rest*}.bias", "{rest*}.bias"),
        prefixes=("", "bert."),
    )


class TinyBert:
    """Holds the variables of a BERT of given sizes, and what it was built with."""

    def __init__(self, hidden: int, inner: int, layers: int, vocabulary: int, **more) -> None:
        from isozoo.framework.backends.registry import state

        self.deferred, self.more = state.deferred, more
        shapes = {
            "embeddings.word": (vocabulary, hidden),
            "embeddings.position": (16, hidden),
            "embeddings.token_type": (2, hidden),
            "embeddings.norm.gamma": (hidden,),
            "embeddings.norm.beta": (hidden,),
            "pooler.dense.kernel": (hidden, hidden),
            "pooler.dense.bias": (hidden,),
        }
        for layer in (f"encoder.layer.{i}" for i in range(layers)):
            for name in ("attention.self.query", "attention.self.key", "attention.self.value"):
                shapes[f"{layer}.{name}.kernel"] = (hidden, hidden)
                shapes[f"{layer}.{name}.bias"] = (hidden,)
            sizes = {"attention.output": hidden, "output": inner}
            for name, size in sizes.items():
                shapes[f"{layer}.{name}.dense.kernel"] = (size, hidden)
                shapes[f"{layer}.{name}.dense.bias"] = (hidden,)
                shapes[f"{layer}.{name}.norm.gamma"] = (hidden,)
                shapes[f"{layer}.{name}.norm.beta"] = (hidden,)
            shapes[f"{layer}.intermediate.dense.kernel"] = (hidden, inner)
            shapes[f"{layer}.intermediate.dense.bias"] = (inner,)
        self.variables = {path: FakeVariable(path, shape) for path, shape in shapes.items()}

    def weights_by_path(self):
        return self.variables


def read_config(files, settings):
    config = files["config.json"]
    return {
        "hidden": config["hidden_size"],
        "inner": config["intermediate_size"],
        "layers": config["num_hidden_layers"],
        "vocabulary": config["vocab_size"],
        **settings,
    }


FAMILY = Family(
    "tiny",
    tasks={"Backbone": lambda: TinyBert, "Other": lambda: TinyBert},
    layouts={"hf": Layout(read_config, bert_map, optional_files=("vocab.txt",))},
    model_types={"bert": "hf"},
    architectures={"BertForOther": ("hf", "Other"), "resnet50": ("hf", "Backbone")},
)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch, cache):
    """Only the family above, and the test's own cache."""
    monkeypatch.setattr(registry, "_families", {"tiny": FAMILY})
    monkeypatch.setattr(registry, "_presets", {})
    monkeypatch.setattr(registry, "discover", lambda: None)
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))


@pytest.fixture(scope="module")
def saved_bert(tmp_path_factory):
    """(folder, state dict) of a randomly initialised BERT that transformers saved."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=16,
    )  # fmt: skip
    model = transformers.BertModel(config)
    folder = tmp_path_factory.mktemp("bert")
    model.save_pretrained(folder)
    return folder, {k: v.numpy() for k, v in model.state_dict().items()}


def check(model, state) -> None:
    assert model.deferred, "the model was built with initial values"
    values = {path: variable.value for path, variable in model.variables.items()}
    np.testing.assert_array_equal(
        values["encoder.layer.1.output.dense.kernel"],
        state["encoder.layer.1.output.dense.weight"].T,
    )
    word = state["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(values["embeddings.word"], word)
    total = sum(array.size for key, array in state.items() if "position_ids" not in key)
    assert sum(value.size for value in values.values()) == total


def test_loads_a_folder_that_transformers_saved(saved_bert):
    folder, state = saved_bert
    check(loading.load_preset(str(folder)), state)


def test_loads_from_the_hub_and_again_without_it(saved_bert, hub, monkeypatch):
    folder, state = saved_bert
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit = hub.add("acme/bert", files)
    preset = loading.find_preset("hf://acme/bert", endpoint=hub.url)
    assert (preset.family, preset.task, preset.layout) == ("tiny", "Backbone", "hf")
    local = loading.fetch_preset("hf://acme/bert", endpoint=hub.url)
    assert local.pinned == "lock" and local.commit == commit
    hub.add("acme/bert", {**files, "config.json": b"{}"})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    check(loading.load_preset("hf://acme/bert"), state)
    with pytest.raises(SourcesExhaustedError, match="HF_HUB_OFFLINE"):
        loading.load_preset("hf://acme/bert@main")


def test_a_registered_preset_with_settings_and_overrides(saved_bert, monkeypatch):
    folder, state = saved_bert
    entries = (FileEntry("config.json"), FileEntry("model.safetensors"))
    preset = Preset(
        "bert_wee", "tiny", "Backbone", "hf", entries, (Folder(folder),), {"pooling": "mean"}
    )
    registry.register_preset(preset)
    model = loading.load_preset("bert_wee", dtype="float32", extra=1)
    check(model, state)
    assert model.more == {"pooling": "mean", "extra": 1, "dtype": "float32"}
    bare = loading.load_preset("bert_wee", task="Other", load_weights=False)
    assert not bare.deferred and bare.variables["embeddings.word"].value is None
    with pytest.raises(UnknownPresetError, match="near matches: Backbone"):
        loading.load_preset("bert_wee", task="Backbon")
    with pytest.raises(WeightsError, match=r"encoder.layer.2.output.dense.kernel \[12, 8\]"):
        loading.load_preset("bert_wee", layers=3)


def test_a_torch_file_does_when_there_is_no_safetensors(saved_bert, tmp_path):
    import torch

    folder, state = saved_bert
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    named = {f"bert.{k}".replace("LayerNorm.weight", "LayerNorm.gamma"): torch.from_numpy(v.copy())
             for k, v in state.items()}  # fmt: skip
    torch.save(named, tmp_path / "pytorch_model.bin")
    check(loading.load_preset(str(tmp_path)), state)


def test_weights_of_a_layout_that_the_source_names(saved_bert, tmp_path, monkeypatch):
    """A package can hold another layout than the hub."""
    folder, state = saved_bert
    module = tmp_path / "bert_in_a_package"
    module.mkdir()
    (module / "__init__.py").write_text("")
    config = (folder / "config.json").read_bytes()
    (module / "settings.json").write_bytes(config)
    (module / "w.bin").write_bytes((folder / "model.safetensors").read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    from isozoo.hub.cache import hash_file

    layout = Layout(
        lambda files, settings: read_config({"config.json": files["settings.json"]}, settings),
        bert_map,
        weights=("w.bin",),
    )
    family = Family("tiny", FAMILY.tasks, {**FAMILY.layouts, "own": layout})
    registry.register_family(family)
    files = tuple(
        FileEntry(name, hash_file(module / name).sha256) for name in ("settings.json", "w.bin")
    )
    package = Package("bert-in-a-package", "bert_in_a_package", layout="own", files=files)
    hf = HuggingFace("acme/absent", "0" * 40)
    preset = Preset("wee", "tiny", "Backbone", "hf", FAMILY.layouts["hf"].entries(), (hf, package))
    check(loading.load_preset(preset), state)


# -- names


def test_unknown_names_show_near_matches():
    for name in ("bert_base", "bert_tiny", "whisper_tiny"):
        registry.register_preset(Preset(name, "tiny", "Backbone", "hf", (), ()))
    with pytest.raises(UnknownPresetError) as caught:
        loading.find_preset("bert_bas")
    assert caught.value.matches[0] == "bert_base" and "hf://org/name" in str(caught.value)
    assert [p.name for p in registry.list_presets()] == ["bert_base", "bert_tiny", "whisper_tiny"]
    assert registry.list_presets("other") == []
    with pytest.raises(UnknownPresetError, match="does not exist"):
        loading.find_preset("./absent")
    with pytest.raises(UnknownPresetError, match="not the name of a repository"):
        loading.find_preset("hf://a/b/c")


def test_names_are_registered_once():
    one = Preset("x", "tiny", "Backbone", "hf", (), ())
    assert registry.register_preset(one) is registry.register_preset(one)
    with pytest.raises(ValueError, match="already"):
        registry.register_preset(Preset("x", "tiny", "Other", "hf", (), ()))
    with pytest.raises(ValueError, match="lower-case"):
        registry.register_preset(Preset("X/y", "tiny", "Backbone", "hf", (), ()))


def test_families_are_found_by_the_table_only():
    assert registry.identify({"model_type": "bert"})[1:] == ("hf", "Backbone")
    other = {"model_type": "bert", "architectures": ["BertForOther"]}
    assert registry.identify(other)[1:] == ("hf", "Other")
    assert registry.identify({"architecture": "resnet50"})[1:] == ("hf", "Backbone")
    for config in ({}, {"model_type": ["bert"]}, {"architectures": "BertForOther"},
                   {"model_type": "os.system", "auto_map": {"AutoModel": "x.y"}}):  # fmt: skip
        with pytest.raises(HubError, match="no family here knows"):
            registry.identify(config)


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../x", "a//b", "", "a\\b", "a b", "~/x", "a/", "a\0"]
)
def test_file_names_stay_in_their_folder(name):
    with pytest.raises(ValueError):
        FileEntry(name)


def test_hashes_and_repositories_are_checked():
    with pytest.raises(ValueError, match="64"):
        FileEntry("x", sha256="abc")
    with pytest.raises(ValueError, match="40"):
        FileEntry("x", git_sha1="A" * 40)
    for repo_id in ("../x", "a/b/c", "a/..", "", "a b/c"):
        with pytest.raises(ValueError):
            HuggingFace(repo_id)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "\ufeff{}", "[" * 100_000, '{"a": 1x}']
)
def test_json_is_read_strictly(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    files = loading.JsonFiles({"config.json": tmp_path / "config.json", "vocab.txt": tmp_path})
    assert list(files) == ["config.json"] and "vocab.txt" not in files
    with pytest.raises(HubError, match="config.json"):
        files["config.json"]


def test_a_huge_json_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "MAX_JSON_BYTES", 10)
    (tmp_path / "config.json").write_text(json.dumps({"a": "b" * 20}))
    with pytest.raises(HubError, match="over 10 bytes"):
        loading.read_json(tmp_path / "config.json", "config.json")


def test_a_folder_without_weights_says_which_are_expected(saved_bert, tmp_path):
    folder, _ = saved_bert
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(SourcesExhaustedError, match="model.safetensors or .*pytorch_model.bin"):
        loading.load_preset(str(tmp_path))


def test_a_truncated_weights_file_is_refused(saved_bert, tmp_path):
    folder, _ = saved_bert
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[: None if "json" in path.name else -9])
    with pytest.raises(HubError, match="cut short"):
        loading.load_preset(str(tmp_path))


def test_surplus_tensors_are_named(saved_bert, tmp_path):
    folder, state = saved_bert
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    save_file({**state, "surplus.table": np.ones((2, 2))}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"surplus.table \[2, 2\] float64"):
        loading.load_preset(str(tmp_path))


def test_threads_that_look_up_first_all_see_every_family(monkeypatch):
    """The first look-up registers; who comes meanwhile waits, and a failed one is tried again."""
    from isozoo.hub import discovery

    monkeypatch.setattr(discovery, "_waiting", [])
    registered, started, tries = [], threading.Event(), []

    def slow() -> None:
        started.set()
        time.sleep(0.05)
        discovery.discover()  # a loader may look a name up itself
        registered.append(1)

    def failing_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("once")
        registered.append(2)

    discovery.on_first_use(slow)
    discovery.on_first_use(failing_once)
    seen: list[int] = []

    def second() -> None:
        started.wait()
        discovery.discover()
        seen.extend(registered)

    thread = threading.Thread(target=second)
    thread.start()
    with pytest.raises(OSError, match="once"):
        discovery.discover()
    thread.join()
    assert seen == [1, 2] and registered == [1, 2]


MANIFEST = '{"format": "graph-model", "weightsManifest": []}'
OTHER_FORMS = {
    "model.onnx": (b"x", r"ONNX.*isozoo\.from_onnx\('.*'\).*--file model\.onnx"),
    "model.tflite": (b"x", r"Lite.*tf2onnx\.convert --tflite .*model\.tflite --output model\.onnx"),
    "model.json": (MANIFEST.encode(), r"TensorFlow\.js.*--tfjs .*model\.json"),
    "model.jit": (b"x", r"TorchScript.*torch\.jit\.load\('.*model\.jit'\)"),
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_a_file_of_another_form_is_refused_with_what_opens_it(tmp_path, monkeypatch, name):
    content, told = OTHER_FORMS[name]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    for given in (tmp_path / name, str(tmp_path / name), name, tmp_path):
        with pytest.raises(UnknownPresetError, match=told):
            loading.find_preset(given)


def test_a_folder_of_a_saved_model_is_refused_with_what_converts_it(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(UnknownPresetError, match=r"SavedModel.*--saved-model .* --output"):
        loading.find_preset(tmp_path)


def test_a_file_in_a_folder_of_its_own_is_named(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"x")
    with pytest.raises(UnknownPresetError, match=r"Keras's.*isozoo\.from_preset\('.*net\.keras'\)"):
        loading.find_preset(tmp_path)


def test_a_file_without_a_known_ending_is_said_to_be_there(tmp_path, monkeypatch):
    (tmp_path / "weights.dat").write_bytes(b"x")
    with pytest.raises(UnknownPresetError, match=r"opens as a preset.*\.safetensors.*config\.json"):
        loading.find_preset(tmp_path / "weights.dat")
    (tmp_path / "no-such-preset").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)  # a name stays a name, whatever files lie around
    with pytest.raises(UnknownPresetError, match="no preset called 'no-such-preset'"):
        loading.find_preset("no-such-preset")
