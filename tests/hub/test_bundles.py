"""Presets as wheels: installed, found without being imported, and checked."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import isozoo
from isozoo.cli import main
from isozoo.hub import bundles
from isozoo.hub.errors import HubError, UnknownPresetError
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry, Preset

from ..nlp import tiny_bert

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_bert.save(tiny_bert.random_model("BertForMaskedLM"), folder)
    return folder


@pytest.fixture
def installed(folder, tmp_path, monkeypatch):
    """The folder of packages in which the bundle of a model is installed by pip."""
    assert main(["bundle", str(folder), "--name", "tiny_one", "--out", str(tmp_path)]) == 0
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target",
         site, wheel],
        check=True,
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(site))
    bundles.installed.cache_clear()
    yield site
    bundles.installed.cache_clear()


def test_a_bundle_is_a_source_that_is_not_imported(installed, folder):
    model = isozoo.from_preset("tiny_one", backend="numpy", offline=True)
    given = tiny_bert.inputs()
    expected = isozoo.from_preset(folder, backend="numpy")(given)
    np.testing.assert_array_equal(np.asarray(model(given)), np.asarray(expected))
    assert "isozoo_preset_tiny_one" not in sys.modules
    assert bundles.installed()["tiny_one"][:2] == ("isozoo-preset-tiny-one", "1.0.0")


def test_what_was_changed_in_it_is_refused(installed):
    assert "tiny_one" in [preset.name for preset in isozoo.hub.list_presets("bert")]
    place = installed / "isozoo_preset_tiny_one" / "tiny_one"
    raw = bytearray((place / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (place / "model.safetensors").write_bytes(raw)
    with pytest.raises(HubError, match="sha256"):
        isozoo.from_preset("tiny_one", backend="numpy", offline=True)
    (place / bundles.MANIFEST).write_text("{}")
    with pytest.raises(HubError, match="no manifest of a bundle"):
        isozoo.from_preset("tiny_one", backend="numpy", offline=True)
    assert "tiny_one" not in [preset.name for preset in isozoo.hub.list_presets()]


def test_a_bundle_cannot_stand_for_another_preset_s_files(installed):
    pinned = FileEntry("config.json", sha256="0" * 64)
    preset = Preset("tiny_one", "bert", "masked_lm", "huggingface", (pinned,), ())
    with pytest.raises(HubError, match="of the bundle isozoo-preset-tiny-one: sha256"):
        resolve(preset, offline=True)
    same = bundles.bundled_preset("tiny_one")
    without = Preset("tiny_one", same.family, same.task, same.layout, same.files, ())
    assert resolve(without, offline=True).source == "package isozoo-preset-tiny-one==1.0.0"


def test_the_wheel(folder, tmp_path):
    first = bundles.bundle([folder], tmp_path / "a", name="x", version="2.1").path
    assert first.name == "isozoo_preset_x-2.1-py3-none-any.whl"
    second = bundles.bundle([folder], tmp_path / "b", name="x", version="2.1").path
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        assert wheel.testzip() is None
        record = wheel.read("isozoo_preset_x-2.1.dist-info/RECORD").decode().splitlines()
        assert {line.partition(",")[0] for line in record} == set(wheel.namelist())
        manifest = json.loads(wheel.read(f"isozoo_preset_x/x/{bundles.MANIFEST}"))
    assert manifest["family"] == "bert" and manifest["task"] == "masked_lm"


def test_the_source_distribution_makes_the_wheel_again(folder, tmp_path):
    done = bundles.bundle([folder], tmp_path, name="x", version="2.1", source=True)
    assert done.source is not None and done.source.name == "isozoo_preset_x-2.1.tar.gz"
    again = bundles.bundle([folder], tmp_path / "b", name="x", version="2.1", source=True).source
    assert again is not None and again.read_bytes() == done.source.read_bytes()
    command = ["wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w"]
    subprocess.run([sys.executable, "-m", "pip", *command, tmp_path / "c", done.source], check=True)
    made = tmp_path / "c" / done.path.name
    with zipfile.ZipFile(made) as one, zipfile.ZipFile(done.path) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        assert all(one.read(name) == other.read(name) for name in one.namelist())


def test_what_cannot_be_bundled(folder, tmp_path):
    for options, words in (
        ({"names": []}, "name one preset"),
        ({"names": [folder, folder], "name": "x"}, "name one preset"),
        ({"names": [folder, folder]}, "two presets are called"),
        ({"names": [folder], "version": "new"}, "is no version"),
        ({"names": [folder], "distribution": "a/b"}, "no name of a distribution"),
    ):
        with pytest.raises(HubError, match=words):
            bundles.bundle(folder=tmp_path / "out", **options)
    with pytest.raises(UnknownPresetError):
        bundles.bundle(["nothing_like_it"], tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))
