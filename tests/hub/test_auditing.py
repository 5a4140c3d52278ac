"""Audits: what would run is told, and nothing runs."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from isozoo.cli import main
from isozoo.hub.auditing import audit
from isozoo.hub.errors import HubError
from isozoo.hub.pickle_scan import scan_pickle


class Runs:
    """An object whose pickle runs a command when it is loaded."""

    def __reduce__(self):
        return (os.system, ("touch /tmp/isozoo-was-here",))


def _told(path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in audit(path).findings:
        found.setdefault(one.level, []).append(one.what)
    return found


@pytest.mark.parametrize("protocol", range(6))
def test_what_a_pickle_would_call(protocol, tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps({"a": [1, Runs()]}, protocol))
    assert "would import and may call: posix system" in _told(path)["danger"]
    assert not os.path.exists("/tmp/isozoo-was-here")


def test_plain_tensors_are_no_danger(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.ones(2, 3)}, tmp_path / "x.pt")
    assert _told(tmp_path / "x.pt").keys() == {"caution"}
    (report,) = audit(tmp_path / "x.pt").files
    assert (report.tensors, report.parameters, report.dtypes) == (1, 6, {"float32": 1})
    torch.save({"a": torch.ones(2), "b": Runs()}, tmp_path / "y.pt")
    assert (
        "would import (y/data.pkl) and may call: posix system" in _told(tmp_path / "y.pt")["danger"]
    )


CONFIGS = {
    "auto_map": ({"auto_map": {"AutoModel": "x.Y"}}, "auto_map names Python code"),
    "kernels": ({"_attn_implementation_internal": "org/x"}, "repository of kernels"),
    "lambda": ({"config": {"layers": [{"class_name": "Lambda"}]}}, "holds a Lambda layer"),
    "module": (
        {"module": "os", "class_name": "system", "config": {}},
        "names os.system, which would be imported",
    ),
    "deep": ({"a": [[{"b": {"class_name": "TFSMLayer"}}]]}, "loads another program"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_what_a_config_would_run(case, tmp_path):
    value, words = CONFIGS[case]
    (tmp_path / "config.json").write_text(json.dumps(value))
    assert any(words in what for what in _told(tmp_path / "config.json")["danger"])
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(value))
    if case in ("lambda", "module", "deep"):
        assert any(words in what for what in _told(tmp_path / "m.keras")["danger"])


def test_a_folder(tmp_path, capsys):
    save_file({"a": np.ones((2, 2), "float16")}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n# x\n")
    found = audit(tmp_path)
    assert (found.license, found.level, found.findings) == ("apache-2.0", "", [])
    weights = next(file for file in found.files if file.name == "model.safetensors")
    assert (weights.form, weights.tensors, weights.parameters) == ("safetensors", 1, 4)
    assert main(["audit", str(tmp_path)]) == 0
    (tmp_path / "modeling.py").write_text("print(1)")
    assert main(["audit", str(tmp_path)]) == 5
    np.save(tmp_path / "x.npy", np.array([Runs], object), allow_pickle=True)
    capsys.readouterr()
    assert main(["audit", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["level"] == "danger" and told["findings"][0]["file"] == "x.npy"
    assert main(["audit", str(tmp_path / "nowhere")]) == 3


def test_files_that_lie(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\xff\0\0\0\0\0\0\0{" + b"x" * 20)
    assert "is damaged, or made to deceive" in _told(tmp_path / "a.safetensors")["danger"][0]
    (tmp_path / "b.pkl").write_bytes(pickle.dumps([1, 2])[:-3])
    assert "could not be looked through" in _told(tmp_path / "b.pkl")["danger"][0]
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("../../x", "y")
    assert "leaves its folder" in _told(tmp_path / "c.zip")["danger"][0]
    (tmp_path / "d.json").write_text("[" * 100_000)
    assert "is no JSON" in _told(tmp_path / "d.json")["caution"][0]
    (tmp_path / "e.txt").symlink_to(tmp_path / "gone")
    assert any("leads nowhere" in what for what in _told(tmp_path)["caution"])
    with pytest.raises(HubError, match="no file or folder"):
        audit(tmp_path / "f")


def test_weights_in_an_archive_of_keras_s_are_counted(tmp_path):
    import isozoo

    with isozoo.use_backend("numpy"):
        net = isozoo.Sequential([isozoo.Input((3,)), isozoo.layers.Dense(4)])
    net.save(tmp_path / "net.keras")
    found = audit(tmp_path / "net.keras")
    assert (found.files[0].tensors, found.files[0].parameters) == (2, 16)
    assert found.findings == []
    (tmp_path / "empty.bin").write_bytes(b"")
    assert [one.what for one in audit(tmp_path / "empty.bin").findings] == ["is empty"]


def test_a_repository(hub, cache, monkeypatch):
    files = {
        "config.json": b'{"auto_map": {"AutoModel": "m.M"}}',
        "m.py": b"x",
        "w.bin": b"\x80\x02.",
    }
    hub.add("org/name", files)
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    found = audit("hf://org/name", endpoint=hub.url)
    assert {file.name for file in found.files} == set(files)
    assert found.level == "danger"


def test_long_pickles_end(monkeypatch):
    monkeypatch.setattr("isozoo.hub.pickle_scan.MAX_OPCODES", 50)
    assert scan_pickle(pickle.dumps(list(range(100)))).problems == ["more than 50 opcodes"]


def test_the_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["backends"]["numpy"]["devices"] == ["cpu:0"]
    assert found["cache"]["files"] >= 0 and found["isozoo"]
