"""Magika against the package magika 1.0.3, with its trained network."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import cli
from isozoo.hub import HubError

# What magika 1.0.3 says: the label, and the probability of the network's class.
FILES = {
    "main.py": (b"import sys\n\n\ndef main():\n    print(sys.argv)\n", "python", 0.954421),
    "table.csv": (b"name,height,weight\n" + b"Ada,1.68,57\n" * 20, "csv", 0.998989),
    "note": (b"Ships that sailed came home with oil.\n", "txt", 0.783044),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\2", "ico", 0.519234),
    "empty": (b"", "empty", 1.0),
    "spaces": (b" \n" * 50 + b"abc", "txt", 1.0),
    "bytes": (b"\xff\xfe\0", "unknown", 1.0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("files")
    for name, (content, _, _) in FILES.items():
        (made / name).write_bytes(content)
    return made


def test_names_types_as_the_original(backend, folder):
    model = isozoo.from_preset("magika")
    found = model.identify([folder / name for name in FILES])
    assert [one.type.label for one in found] == [label for _, label, _ in FILES.values()]
    scores = np.array([one.score for one in found])
    # onnxruntime, by which the original computes, is 8e-4 from the same graph in float64.
    assert np.abs(scores - [score for _, _, score in FILES.values()]).max() < 1e-3
    assert model.identify(FILES["main.py"][0]).type.mime_type == "text/x-python"


def test_a_folder_on_the_command_line(folder, tmp_path, capsys):
    isozoo.from_preset("magika", backend="numpy").save_to_preset(tmp_path)
    run = ["run", "--backend", "numpy", str(tmp_path)]
    assert cli.main([*run, str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["results"]
    names = {result["input"].rpartition("/")[2]: result["label"] for result in found}
    assert names == {name: label for name, (_, label, _) in FILES.items()}
    assert cli.main([*run, str(folder / "main.py"), str(folder / "absent")]) == 2
    said = capsys.readouterr()
    assert "python: Python source (code, text/x-python)" in said.out and "absent" in said.err
    config = json.loads((tmp_path / "config.json").read_text())
    config["file_typing"]["block_size"] = 1 << 40
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(HubError, match="at most 1048576"):
        isozoo.from_preset(tmp_path, backend="numpy")
