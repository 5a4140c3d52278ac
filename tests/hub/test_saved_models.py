"""Models of no family, such as a Sequential, as presets; and what Keras publishes, and opens."""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest

import isozoo
from isozoo import layers
from isozoo.hub import convert, publish, save_to_preset
from isozoo.hub.errors import ChoiceError, HubError, UnknownPresetError
from isozoo.scripts.loopback.writing import WritableHub

pytest.importorskip("h5py")

X = np.linspace(-1, 1, 12).reshape(3, 4).astype("float32")
WORDS = np.array([["b"], ["zebra"], ["a"]])


@pytest.fixture
def hub(monkeypatch, tmp_path):
    from huggingface_hub import constants

    server = WritableHub()
    for name, value in {
        "HF_HUB_DISABLE_XET": True,
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "hf"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", server.token)
    monkeypatch.setenv("ISOZOO_CACHE", str(tmp_path / "cache"))
    yield server
    server.close()


def net(keras=isozoo):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(2)]
    )


def expected_of(model):
    """What `net` computes, from its weights, in float64."""
    first, bias, second, last = (np.asarray(w, np.float64) for w in model.get_weights())
    return np.tanh(X @ first + bias) @ second + last


def test_a_folder_opens_on_every_backend(backend, tmp_path):
    model = net()
    written = save_to_preset(model, tmp_path)
    assert {path.name for path in written} == {p.name for p in tmp_path.iterdir()}
    assert json.loads((tmp_path / "config.json").read_text())["class_name"] == "Sequential"
    again = isozoo.from_preset(tmp_path)
    assert type(again).__name__ == "Sequential" and again.backend == backend
    got = isozoo.ops.convert_to_numpy(again(X))
    np.testing.assert_allclose(got, expected_of(model), rtol=0, atol=1e-6)
    fresh = isozoo.from_preset(tmp_path, load_weights=False)
    assert [w.shape for w in fresh.get_weights()] == [w.shape for w in model.get_weights()]
    assert not np.array_equal(fresh.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.safetensors"])
def test_a_file_becomes_a_folder(name, tmp_path):
    with isozoo.use_backend("numpy"):
        model = net()
        model.save(tmp_path / name)
        again = isozoo.from_preset(tmp_path / name)
        for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        done = convert(tmp_path / name, tmp_path / "folder", "keras")
    assert done.files.keys() == {"config.json", "metadata.json", "model.weights.h5"}
    opened = isozoo.from_preset(tmp_path / "folder", backend="numpy")
    np.testing.assert_array_equal(opened.get_weights()[2], model.get_weights()[2])


def test_it_is_published_and_loaded_by_its_address(hub):
    with isozoo.use_backend("numpy"):
        model = net()
        model.save("hf://org/net")
        files = hub.files("org/net")
        assert {"config.json", "metadata.json", "model.weights.h5"} < files.keys()
        card = files["README.md"].decode()
        assert "license: unknown" in card and 'keras.saving.load_model("hf://org/net")' in card
        for load in (isozoo.saving.load_model, isozoo.models.load_model, isozoo.from_preset):
            again = load("hf://org/net")
            np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
        offline = isozoo.from_preset("hf://org/net", offline=True)
        np.testing.assert_array_equal(offline.get_weights()[0], model.get_weights()[0])


def test_vocabularies_come_along(hub, tmp_path):
    with isozoo.use_backend("numpy"):
        words = isozoo.Input((1,), dtype="string")
        lookup = layers.StringLookup(output_mode="multi_hot")
        lookup.adapt(np.array([["a"], ["b"], ["b"]]))
        model = isozoo.Model(words, layers.Dense(2)(lookup(words)))
        save_to_preset(model, tmp_path / "model")
        assert any((tmp_path / "model" / "assets").rglob("*.txt"))
        publish(tmp_path / "model", "hf://org/words", license="mit")
        for name in (tmp_path / "model", "hf://org/words"):
            again = isozoo.from_preset(name)
            np.testing.assert_array_equal(again(WORDS), model(WORDS))
        # All files are locked: the network is not asked.
        again = isozoo.from_preset("hf://org/words", offline=True)
        np.testing.assert_array_equal(again(WORDS), model(WORDS))


def test_keras_opens_it_and_is_opened(hub, monkeypatch):
    keras = pytest.importorskip("keras")
    monkeypatch.setattr(sys.modules["keras.src.saving.saving_lib"], "check_pydot", lambda: False)
    with isozoo.use_backend("numpy"):
        model = net()
        model.save("hf://org/ours")
    theirs = keras.saving.load_model("hf://org/ours")
    np.testing.assert_allclose(theirs.predict(X, verbose=0), expected_of(model), rtol=0, atol=1e-6)
    original = net(keras)
    original.save("hf://org/theirs")
    with isozoo.use_backend("numpy"):
        opened = isozoo.saving.load_model("hf://org/theirs")
        np.testing.assert_allclose(opened(X), expected_of(original), rtol=0, atol=1e-6)


def test_verify_draws_what_the_inputs_tell(tmp_path):
    with isozoo.use_backend("numpy"):
        model = net()
        save_to_preset(model, tmp_path)
        report = isozoo.verify(tmp_path, ["numpy"])
        assert report.ok and report.outputs[0].shape == (4, 2)
        assert isozoo.verify(model, ["numpy"]).inputs_sha256 == report.inputs_sha256
        ids = isozoo.Input((5,), dtype="int32")
        of_ids = isozoo.Model(ids, layers.Embedding(3, 2)(ids))
        with pytest.raises(ValueError, match="give `inputs`"):
            isozoo.verify(of_ids, ["numpy"])


def test_what_cannot_be_is_said(tmp_path):
    class Custom(isozoo.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, x):
            return self.inner(x)

    with isozoo.use_backend("numpy"):
        model = net()
        with pytest.raises(ChoiceError, match="layout 'keras' alone; got 'huggingface'"):
            save_to_preset(model, tmp_path / "no", "huggingface")
        with pytest.raises(ChoiceError, match="dtypes of its layers"):
            save_to_preset(model, tmp_path / "no", dtype="float16")
        with pytest.raises(HubError, match="Dense is no model"):
            save_to_preset(layers.Dense(2), tmp_path / "no")
        custom = Custom()
        with pytest.raises(HubError, match="no weights yet"):
            save_to_preset(custom, tmp_path / "no")
        with pytest.raises(ValueError, match="no weights yet"):
            isozoo.verify(custom, ["numpy"], inputs=X)
        assert not (tmp_path / "no").exists()
        with pytest.raises(TypeError, match="`backends` takes names.*got ndarray"):
            isozoo.verify(model, X)
        custom(X)
        save_to_preset(custom, tmp_path / "custom")
        with pytest.raises(TypeError, match="custom_objects"):
            isozoo.from_preset(tmp_path / "custom")
        opened = isozoo.from_preset(tmp_path / "custom", custom_objects={"Custom": Custom})
        np.testing.assert_array_equal(opened(X), custom(X))
        save_to_preset(model, tmp_path / "net")
        with pytest.raises(HubError, match="units cannot be changed"):
            isozoo.from_preset(tmp_path / "net", units=3)
        with pytest.raises(HubError, match="without `dtype`"):
            isozoo.from_preset(tmp_path / "net", dtype="float16")
        with pytest.raises(UnknownPresetError, match="no task 'backbone'"):
            isozoo.nlp.BertBackbone.from_preset(tmp_path / "net")
        with pytest.raises(UnknownPresetError, match="no task 'text_embedder'"):
            isozoo.from_preset(tmp_path / "net", task="text_embedder")
        with pytest.raises(ValueError, match=r"s3:// are not known here; known are hf://"):
            isozoo.saving.load_model("s3://bucket/net.keras")
        with pytest.raises(ValueError, match="not save the model as zipped"):
            model.save("hf://org/net", zipped=True)


def test_a_file_of_weights_alone_is_no_model(tmp_path):
    with isozoo.use_backend("numpy"):
        net().save_weights(tmp_path / "m.weights.h5")
        with pytest.raises(ValueError, match="load_weights"):
            isozoo.from_preset(tmp_path / "m.weights.h5")


def test_links_among_the_assets_are_not_followed(tmp_path):
    with isozoo.use_backend("numpy"):
        save_to_preset(net(), tmp_path / "net")
    (tmp_path / "net" / "assets").mkdir()
    (tmp_path / "secret").write_text("x")
    os.symlink(tmp_path / "secret", tmp_path / "net" / "assets" / "vocabulary.txt")
    found = isozoo.hub.fetch_preset(tmp_path / "net")
    assert not any(name.startswith("assets") for name in found.paths)
