"""PP-OCR against rapidocr 3.10.0 with its trained networks, and the geometry between them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

import isozoo
from isozoo import cli
from isozoo.cv.ppocr import boxes, cutting, geometry
from isozoo.cv.ppocr.preprocessing import PPOCRPreprocessor
from isozoo.hub import HubError

CROP = (230, 440, 150, 640)
# RapidOCR(params={"Det.limit_side_len": 192}) of that part of tests/data/page.png.
EXPECTED = [
    ("s: $ 12.50", 0.94652, [[0, 52], [126, 52], [126, 87], [0, 87]]),
    ("rain tomorrow", 0.97948, [[243, 103], [459, 33], [470, 64], [255, 134]]),
    ("upside down", 0.99995, [[14, 169], [187, 166], [188, 198], [15, 201]]),
    ("page 7 of 12", 0.93907, [[244, 171], [356, 167], [358, 193], [245, 197]]),
]
# Of its last 50 rows and first 200 columns, with a limit of 64.
LINE = [("upside down", 0.98906, [[17, 10], [187, 10], [187, 41], [17, 41]])]


@pytest.fixture(scope="module")
def page(request):
    top, bottom, left, right = CROP
    path = request.config.rootpath / "tests" / "data" / "page.png"
    return np.asarray(Image.open(path))[top:bottom, left:right]


def small(backend):
    model = isozoo.from_preset("ppocr_v6_small", backend=backend)
    model.preprocessor.shorter_side, model.preprocessor.width_step = 192, 1
    return model


@pytest.fixture(scope="module")
def reader():
    return small("torch")


def check(lines, expected=EXPECTED):
    """A corner may be a pixel off, where a half is rounded, and a score by what that changes."""
    assert [line.text for line in lines] == [text for text, _, _ in expected]
    for line, (_, score, polygon) in zip(lines, expected, strict=True):
        assert np.abs(np.array(line.polygon) - polygon).max() <= 1
        assert abs(line.score - score) < 0.02


def test_reads_as_rapidocr(reader, page):
    check(reader.read(page))


def test_a_folder_of_graphs_opens_without_onnx_on_another_backend(
    reader, page, tmp_path, monkeypatch
):
    reader.save_to_preset(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    model = isozoo.from_preset(tmp_path, backend="numpy")
    assert model.preprocessor.shorter_side == 192
    model.preprocessor.shorter_side = 64
    check(model.read(page[160:210, :200]), LINE)
    config = json.loads((tmp_path / "config.json").read_text())
    config["text_reading"]["characters"].pop()
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(HubError, match="18710 classes, and the files have 18707 characters"):
        isozoo.from_preset(tmp_path, backend="numpy")


def test_the_command_line_reads_and_draws(reader, page, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("isozoo.catalog.from_preset", lambda *args, **options: reader)
    monkeypatch.setattr(reader.preprocessor, "shorter_side", 64)
    Image.fromarray(page[160:210, :200]).save(tmp_path / "page.png")
    out = str(tmp_path / "out.png")
    run = ["run", "ppocr_v6_small", str(tmp_path / "page.png")]
    assert cli.main([*run, "--json", "--draw", out]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert [line["text"] for line in result["lines"]] == ["upside down"]
    assert Image.open(out).size == (200 + 240, 50)
    assert cli.main([*run, "--score", "1"]) == 0
    assert capsys.readouterr().out == "no text\n"


def test_pages_come_in_the_sizes_of_the_original():
    preprocess = PPOCRPreprocessor("ab")
    # Height and width, then those of the page, the bar, and those for the detector.
    sizes = [
        ((480, 720), (480, 720), 0, (736, 1088)),
        ((3000, 2000), (1984, 1344), 0, (1984, 1344)),
        ((20, 300), (32, 448), 40, (736, 2944)),
        ((40, 400), (40, 400), 30, (736, 2944)),
    ]
    for picture, inside, bar, wanted in sizes:
        page = preprocess.page(np.zeros((*picture, 3), np.uint8))
        assert (page.bar, page.pixels.shape) == (bar, (inside[0] + 2 * bar, inside[1], 3))
        corners = np.array([[0, bar], [inside[1], bar + inside[0]]])
        assert np.allclose(page.to_picture(corners), [[0, 0], picture[::-1]])
        assert preprocess.for_detector(page).shape == (1, 3, *wanted)


def test_repetitions_are_one_character_and_blanks_part_them():
    text, score = PPOCRPreprocessor("abc").text(
        np.array([0, 1, 1, 0, 1, 4, 3, 3]), np.linspace(0, 0.7, 8)
    )
    assert text == "aa c" and math.isclose(score, (0.1 + 0.4 + 0.5 + 0.6) / 4)


def test_the_least_rectangle_of_a_turned_one_is_itself():
    angle = np.deg2rad(27)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [9, 0], [9, 4], [0, 4]]) @ turn.T
    inner = np.random.default_rng(0).uniform((0, 0), (9, 4), (40, 2)) @ turn.T
    found, side = geometry.least_rectangle(np.concatenate([inner, corners]))
    assert math.isclose(side, 4)
    assert np.allclose(sorted(found.tolist()), sorted(corners.tolist()))


def test_a_grown_polygon_keeps_its_distance():
    square = np.array([[0, 0], [40, 0], [40, 30], [0, 30]], float)
    points = geometry.grown(square, 10.0)
    outside = np.maximum(np.maximum(-points, points - (40, 30)), 0)
    # An arc of straight sides is within a quarter of its radius, and points are rounded.
    assert np.abs(np.hypot(*outside.T) - 10).max() <= 0.25 + math.sqrt(0.5)
    assert points.min(0).tolist() == [-10, -10] and points.max(0).tolist() == [50, 40]


def test_boxes_of_a_map_with_holes_stand_in_reading_order():
    shares = np.zeros((60, 100))
    for top, left in ((30, 10), (12, 55), (8, 8)):
        shares[top : top + 10, left : left + 30] = 0.9
    shares[33:36, 20:24] = 0.1  # a hole, which is no box of its own
    found = boxes.text_boxes(shares, 60, 100)
    assert [tuple(box.corners[0] // 10) for box in found] == [(0, 0), (4, 0), (0, 2)]
    assert all(box.score > 0.75 for box in found)
    assert boxes.text_boxes(np.zeros((60, 100)), 60, 100) == []


def test_a_quadrangle_is_set_upright():
    pixels = np.arange(30 * 40 * 3, dtype=np.int64).reshape(30, 40, 3).astype(np.uint8)
    straight = np.array([[5, 3], [25, 3], [25, 13], [5, 13]], np.float32)
    assert np.array_equal(cutting.cut_out(pixels, straight), pixels[3:13, 5:25])
    high = np.array([[5, 3], [15, 3], [15, 23], [5, 23]], np.float32)
    assert np.array_equal(cutting.cut_out(pixels, high), np.rot90(pixels[3:23, 5:15]))
    end = np.array([[1, 2], [9, 1], [8, 7], [2, 8]], float)
    mapped = cutting.perspective(straight.astype(float), end) @ np.c_[straight, np.ones(4)].T
    assert np.allclose((mapped[:2] / mapped[2]).T, end)
