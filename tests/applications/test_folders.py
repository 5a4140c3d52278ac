"""Folders of pictures on the command line, and times on each backend."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo import cli
from isozoo.applications.folders import picture_paths
from isozoo.applications.images import ImageError
from isozoo.hub import benchmark
from isozoo.hub.benchmark import bench, bench_model

DATA = Path(__file__).parents[1] / "data"
pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Two pictures, one of them deeper, one that is cut short, and a text."""
    inside = tmp_path / "pictures"
    (inside / "deeper").mkdir(parents=True)
    shutil.copy(DATA / "chelsea.png", inside)
    shutil.copy(DATA / "coffee.jpg", inside / "deeper" / "coffee.JPG")
    (inside / "broken.jpg").write_bytes((DATA / "coffee.jpg").read_bytes()[:3000])
    (inside / "notes.txt").write_text("none")
    return inside


def run(*arguments):
    return cli.main(["run", "efficientnet_lite0", *map(str, arguments), "--backend", "torch"])


def test_a_folder_is_classified_and_what_is_damaged_is_named(folder, tmp_path, capsys):
    from PIL import Image

    sheet, table = tmp_path / "sheet.png", tmp_path / "table.csv"
    assert run(folder, "--top", 2, "--json", "--draw", sheet, "--csv", table) == 2
    out, err = capsys.readouterr()
    found = {Path(one["input"]).name: one for one in json.loads(out)["results"]}
    assert list(found) == ["broken.jpg", "chelsea.png", "coffee.JPG"]
    assert str(folder / "broken.jpg") in err and "cut short" in found["broken.jpg"]["error"]
    assert len(err.splitlines()) == 1  # no bar of progress in a pipe
    model = isozoo.from_preset("efficientnet_lite0", backend="torch")
    for name, path in (("chelsea.png", "chelsea.png"), ("coffee.JPG", "deeper/coffee.JPG")):
        expected = model.classify(folder / path, top=2)
        assert [one["index"] for one in found[name]["classes"]] == [one.index for one in expected]
        shares = [one["probability"] for one in found[name]["classes"]]
        np.testing.assert_allclose(shares, [one.probability for one in expected], rtol=1e-4)
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["broken.jpg", *["chelsea.png"] * 2] + [
        "coffee.JPG"
    ] * 2
    assert [row["rank"] for row in rows] == ["", "1", "2", "1", "2"]
    with Image.open(sheet) as image:
        assert image.size == (3 * 176 + 16, 176 + 40 + 16)


def test_a_table_is_printed(folder, capsys):
    assert run(folder / "chelsea.png", folder / "deeper", "--top", 1, "--table") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[3] for line in lines] == ["label", "tiger cat", "espresso"]


def test_what_cannot_be_is_explained(folder, tmp_path, capsys):
    assert run(folder, "--top", 0) == 2
    assert "`top` must lie between 1 and 1000; got 0" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageError, match="empty: no file in it ends in"):
        picture_paths([empty])


def test_bench_takes_turns_and_names_the_fastest(monkeypatch):
    clock, now = [], [0.0]
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: now[0])

    def work(name, times):
        def run():
            clock.append(name)
            now[0] += times

        return run

    def broken():
        raise RuntimeError("no device\nmore")

    found = bench({"slow": work("slow", 0.02), "quick": work("quick", 0.001), "none": broken}, 0.1)
    assert found.fastest == "quick"
    quick = found.to_dict()["backends"]["quick"]
    assert quick["median_s"] == pytest.approx(0.001) and quick["runs"] == 5  # 0.105 s in all
    assert clock[:4] == ["slow", "slow", "quick", "quick"]  # before times count
    assert clock[4:8] == ["slow", "quick"] * 2
    assert found.to_dict()["backends"]["none"] == {"error": "RuntimeError: no device"}
    assert "The fastest here is quick." in found.table()
    with pytest.raises(ValueError, match="`seconds` must be positive"):
        bench({"slow": broken}, 0)


def test_a_model_is_timed_on_each_backend():
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.Input((3,)), isozoo.layers.Dense(2)])
    x = np.ones((4, 3), "float32")
    found = bench_model(model, x, ["numpy", "torch"], seconds=0.01)
    assert [one.backend for one in found.timed] == ["numpy", "torch"]
    assert all(not one.error and len(one.runs) >= 3 for one in found.timed)
    assert isozoo.fastest_backend(model, x, ["numpy"], seconds=0.01) == "numpy"


def test_bench_on_the_command_line(capsys):
    arguments = ["bench", "efficientnet_lite0", str(DATA / "chelsea.png"), "--backend", "torch"]
    assert cli.main([*arguments, "--seconds", "0.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fastest"] == "torch" and found["backends"]["torch"]["runs"] >= 1
