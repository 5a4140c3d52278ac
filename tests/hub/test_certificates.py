"""Certificates: written, checked, and not fooled."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.cli import main
from isozoo.hub import convert, registry
from isozoo.hub.certificates import compare_certificate, write_certificate
from isozoo.hub.errors import HubError
from isozoo.hub.parity_inputs import inputs_hash

from ..nlp import tiny_bert

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_bert.save(tiny_bert.random_model("BertForMaskedLM"), folder)
    return folder


@pytest.fixture(scope="module")
def report(folder):
    return isozoo.verify(folder, ["numpy", "torch"])


def test_a_certificate_holds_where_nothing_changed(report, tmp_path):
    path = write_certificate(report, tmp_path / "parity.json")
    assert compare_certificate(report, path) == []
    found = json.loads(path.read_text())
    assert found["files"].keys() == {"config.json", "model.safetensors", "vocab.txt"}
    assert found["versions"]["numpy"] == np.__version__ and found["decisions_agree"]
    assert len(found["reference"]["output"]) == 17


def test_what_matters_and_what_does_not(report, folder, tmp_path):
    path = write_certificate(report, tmp_path / "parity.json")
    found = json.loads(path.read_text())
    found["versions"]["numpy"] = "1.0"
    found["layers"][0]["errors"] = {"numpy": 1e-3, "torch": 1e-3}
    path.write_text(json.dumps(found))
    notes = compare_certificate(report, path)
    assert [one.what for one in notes if one.matters] == []
    assert "versions numpy" in {one.what for one in notes}
    found["outputs"][0]["errors"] = {"numpy": 0.1, "torch": 0.1}
    found["outputs"][0]["plain"] = None
    path.write_text(json.dumps(found))
    allowed = 4 * 2.0  # two roundings are luck
    worse = {
        f"error of output on {backend}"
        for backend, error in report.outputs[0].errors.items()
        if error > allowed
    }
    assert {one.what for one in compare_certificate(report, path) if one.matters} == worse


def test_other_weights_are_found(report, folder, tmp_path):
    path = write_certificate(report, tmp_path / "parity.json")
    convert(folder, tmp_path / "half", dtype="float16")
    (tmp_path / "half" / "config.json").write_bytes((folder / "config.json").read_bytes())
    other = isozoo.verify(tmp_path / "half", ["numpy"], layers=False)
    told = [one for one in compare_certificate(other, path) if one.matters]
    assert {one.what for one in told} == {"file model.safetensors", "float64 values of output"}
    assert str(told[0]).startswith("DIFFERS: ")


def test_the_commands_and_their_exit_codes(folder, tmp_path, capsys):
    path = str(tmp_path / "parity.json")
    name, only = str(folder), ["--backend", "numpy"]
    assert main(["verify", name, *only, "--write", path]) == 0
    assert main(["verify", name, *only, "--against", path]) == 0
    assert capsys.readouterr().out.strip().endswith(f"as {path} says")
    found = json.loads((tmp_path / "parity.json").read_text())
    found["files"]["vocab.txt"] = "0" * 64
    (tmp_path / "parity.json").write_text(json.dumps(found))
    assert main(["verify", name, *only, "--against", path, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["against"]
    assert [one["what"] for one in told if one["matters"]] == ["file vocab.txt"]


def test_what_is_no_certificate(report, tmp_path):
    path = tmp_path / "parity.json"
    for text in ("{}", '{"format": "isozoo.parity/1"}', "[1]", "x"):
        path.write_text(text)
        with pytest.raises(HubError):
            compare_certificate(report, path)


def test_inputs_are_told_apart(tmp_path):
    picture = tmp_path / "x.png"
    picture.write_bytes(b"1")
    first = inputs_hash([str(picture)])
    picture.write_bytes(b"2")
    known = {
        first,
        inputs_hash([str(picture)]),
        inputs_hash(["ab", "c"]),
        inputs_hash([["ab"], "c"]),
        inputs_hash(np.arange(4.0)),
        inputs_hash(np.arange(4.0).reshape(2, 2)),
        inputs_hash(np.arange(4)),
    }
    assert len(known) == 7 and inputs_hash(np.arange(4.0)) in known


def test_the_one_that_was_published_is_found(report, folder, tmp_path, capsys, monkeypatch):
    command = ["verify", str(folder), "--backend", "numpy", "--against"]
    assert main(command) != 0
    assert "no certificate was published" in capsys.readouterr().err
    beside = write_certificate(report, folder / "parity.json", layers=False)
    try:
        assert main(command) == 0
        assert f"as {beside} says" in capsys.readouterr().out
    finally:
        beside.unlink()


def _published():
    return [one for one in registry.list_presets() if one.certificate is not None]


def test_certificates_are_published_with_presets():
    assert {"all_minilm_l6_v2", "efficientnet_lite0"} <= {one.name for one in _published()}


@pytest.mark.parametrize("preset", _published(), ids=lambda preset: preset.name)
def test_a_published_certificate_is_about_the_files_of_its_preset(preset):
    found = json.loads(preset.certificate.read_text())
    pinned = {entry.name: entry.sha256 for entry in preset.files}
    for source in preset.sources:
        pinned |= {entry.name: entry.sha256 for entry in preset.files_of(source) if entry.sha256}
    assert found["model"] == preset.name and found["ok"] and found["decisions_agree"]
    assert found["files"]
    for name, sha256 in found["files"].items():
        assert pinned[name] in (None, sha256), name
    assert set(found["backends"]) == {"jax", "torch", "tensorflow", "numpy"}
