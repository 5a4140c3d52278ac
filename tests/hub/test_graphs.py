"""Graphs as presets, and on the command line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import isozoo
from isozoo import cli

from ..framework.graphs import onnx_nets


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """(path of a file, inputs, onnxruntime's outputs, path of the inputs)."""
    folder = tmp_path_factory.mktemp("net")
    proto = onnx_nets.convolutional()
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    x = np.random.default_rng(1).standard_normal((2, 3, 6, 6)).astype(np.float32)
    np.save(folder / "x.npy", x)
    return folder / "net.onnx", x, onnx_nets.expected(proto, {"x": x}), folder / "x.npy"


def test_a_preset_of_a_graph_opens_without_onnx(net, tmp_path, monkeypatch):
    path, x, wanted, _ = net
    isozoo.from_onnx(path, "torch").save_to_preset(tmp_path / "preset")
    names = {file.name for file in (tmp_path / "preset").iterdir()}
    assert names == {"config.json", "graph.json", "model.safetensors"}
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = isozoo.from_preset(tmp_path / "preset", backend="numpy")
    assert isinstance(model, isozoo.GraphModel)
    assert np.abs(model(x)["y"] - wanted["y"]).max() < 20 * 2.0**-24 * np.abs(wanted["y"]).max()


def test_a_preset_of_a_graph_is_verified(net, tmp_path):
    isozoo.from_onnx(net[0], "numpy").save_to_preset(tmp_path)
    assert isozoo.verify(tmp_path, ["numpy", "torch"], inputs=net[1]).ok


def test_a_file_is_converted_and_run_on_the_command_line(net, tmp_path, capsys):
    path, _, wanted, given = net
    out = tmp_path / "folder"
    assert cli.main(["convert", str(path), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tensors"] == 8
    for source in (path, out):
        file = tmp_path / "outputs.npz"
        arguments = ["run", str(source), "--input", f"x={given}", "--backend", "numpy"]
        assert cli.main([*arguments, "--out", str(file), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["outputs"]["y"]["shape"] == [2, 5]
        found = np.load(file)["probabilities"]
        assert np.abs(found - wanted["probabilities"]).max() < 20 * 2.0**-24


def test_a_broken_graph_in_a_folder_is_the_files_fault(net, tmp_path, capsys):
    isozoo.from_onnx(net[0], "numpy").save_to_preset(tmp_path)
    (tmp_path / "graph.json").write_text('{"form": 1, "nodes": [{"op": "Relu", "inputs": 3}]}')
    assert cli.main(["run", str(tmp_path), "--input", str(net[3]), "--backend", "numpy"]) == 3
    assert "its inputs are a list of names" in capsys.readouterr().err
