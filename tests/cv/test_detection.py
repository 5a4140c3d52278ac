"""What detectors share: choosing boxes, framing pictures, measuring, reading pickled modules."""

from __future__ import annotations

import io
import json
import sys
import types

import numpy as np
import pytest

import isozoo
from isozoo import ops
from isozoo.applications import ImageError
from isozoo.cv import (
    MeanAveragePrecision,
    ObjectDetectorPreprocessor,
    draw_boxes,
    non_max_suppression,
)
from isozoo.cv.adapters import ObjectDetectorCommandLineAdapter, ObjectDetectorParityAdapter
from isozoo.cv.letterbox import resize
from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import open_reader

from . import drawn


def greedy(boxes, scores, classes, least, most, count):
    """Non-maximum suppression as it is defined, one box after the other."""
    left = [i for i in np.argsort(-scores, kind="stable") if scores[i] > least]
    chosen = []
    while left and len(chosen) < count:
        best = left.pop(0)
        chosen.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        shared = np.maximum(np.minimum(boxes[best, 2:], boxes[left, 2:]) - low, 0).prod(-1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
        overlap = shared / (areas[best] + areas[left] - shared)
        near = (overlap > most) & (classes[left] == classes[best])
        left = [i for i, drop in zip(left, near, strict=True) if not drop]
    return chosen


def test_non_max_suppression(backend):
    draw = np.random.default_rng(0)
    middle, half = draw.uniform(0, 60, (2, 80, 2)), draw.uniform(4, 20, (2, 80, 2))
    boxes = np.concatenate([middle - half, middle + half], -1).astype("float32")
    scores = draw.uniform(size=(2, 80)).round(2).astype("float32")  # some are equal
    scores[1] *= 0.4
    classes = draw.integers(0, 2, (2, 80)).astype("int32")
    tensors = [ops.convert_to_tensor(x) for x in (boxes, scores, classes)]
    for count in (100, 5):
        indices, counts = non_max_suppression(
            *tensors, score_threshold=0.3, iou_threshold=0.4, max_boxes=count
        )
        indices, counts = ops.convert_to_numpy(indices), ops.convert_to_numpy(counts)
        for image in range(2):
            wanted = greedy(boxes[image], scores[image], classes[image], 0.3, 0.4, count)
            assert indices[image, : counts[image]].tolist() == wanted
            assert (indices[image, counts[image] :] == -1).all() and len(indices[image]) == count
    none, counts = non_max_suppression(*tensors[:2], score_threshold=1.0, max_boxes=3)
    assert ops.convert_to_numpy(counts).tolist() == [0, 0]
    with pytest.raises(ValueError, match="between 0 and 1"):
        non_max_suppression(*tensors, iou_threshold=2.0)


def test_frames_and_the_way_back():
    preprocess = ObjectDetectorPreprocessor(64, labels=("a", "b"))
    picture = np.full((20, 100, 3), 200, np.uint8)
    image, frame = preprocess.frame(picture)
    # 100x20 becomes 64x13, in a frame of 64x32 with 9 grey rows above and 10 below
    assert image.shape == (32, 64, 3) and (frame.top, frame.left, frame.scale) == (9, 0, 0.64)
    rows = np.flatnonzero((image == np.float32(200 / 255)).all((1, 2)))
    assert rows.tolist() == list(range(9, 22))
    assert (image[:9] == np.float32(114 / 255)).all() and image.dtype == np.float32
    assert preprocess([picture, picture[:, :20]]).shape == (2, 64, 64, 3)
    box = np.array([10.0, 2.0, 90.0, 15.0])
    np.testing.assert_allclose(frame.to_picture(frame.to_frame(box)), box)
    assert frame.to_picture(np.array([-9.0, 0, 99, 99])).tolist() == [0, 0, 100, 20]
    x, y = preprocess.examples([picture] * 2, [[("b", box), (0, (0, 0, 5, 5))], []])
    assert x.shape == (2, 64, 64, 3) and y["classes"].tolist() == [[1, 0], [-1, -1]]
    np.testing.assert_allclose(y["boxes"][0, 0], box * 0.64 + [0, 25, 0, 25], rtol=1e-6)
    # What runs over the border is cut there.
    x, y = preprocess.examples([picture], [[(0, (-5, 10, 200, 20.5))]])
    cut = np.array([0, 10, 100, 20]) * 0.64 + [0, 25, 0, 25]
    np.testing.assert_allclose(y["boxes"][0, 0], cut, rtol=1e-6)


def test_resizing_is_linear_between_pixels():
    """Within 1 of the closed form: OpenCV's weights are rounded, and its sums are cut."""
    picture = np.random.default_rng(0).integers(0, 256, (23, 31, 3), dtype=np.uint8)
    for size in ((64, 90), (11, 13), (23, 50)):
        found = resize(picture, *size).astype(float)
        exact = picture.astype(float)
        for axis, new in enumerate(size):
            old = exact.shape[axis]
            middle = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
            first = np.minimum(np.floor(middle).astype(int), max(old - 2, 0))
            share = (middle - first).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
            exact = exact.take(first, axis) * (1 - share) + exact.take(first + 1, axis) * share
        assert np.abs(found - exact).max() <= 1


def test_bad_pictures_are_named(tmp_path):
    preprocess = ObjectDetectorPreprocessor(64)
    for picture in (np.zeros((0, 4, 3), "uint8"), np.zeros((4, 4, 5), "uint8"), np.zeros((4, 4))):
        with pytest.raises(ImageError):
            preprocess.frame(picture)
    with pytest.raises(ImageError, match="too long and thin"):
        preprocess.frame(np.zeros((1, 4000, 3), "uint8"))
    with pytest.raises(ValueError, match="one is expected"):
        preprocess([])
    with pytest.raises(ValueError, match="multiple of `stride`"):
        ObjectDetectorPreprocessor(100)
    with pytest.raises(ValueError, match="no class 'c'"):
        preprocess.examples([np.zeros((4, 4, 3), "uint8")], [[("c", (0, 0, 1, 1))]])
    for outside in ((4, 0, 6, 2), (0, -3, 2, 0)):
        with pytest.raises(ValueError, match=r"Picture 0 has 4 x 4 pixels .* outside of it"):
            preprocess.examples([np.zeros((4, 4, 3), "uint8")], [[(0, outside)]])
    with pytest.raises(ValueError, match="left < right"):
        preprocess.examples([np.zeros((4, 4, 3), "uint8")], [[(0, (2, 0, 1, 1))]])


def test_average_precision_like_pycocotools(data_dir):
    expected = json.loads((data_dir / "yolov8.json").read_text())["average_precision"]
    metric = MeanAveragePrecision()
    truth, found = drawn.scenes()
    for start in (0, 3):
        stop = 3 if start == 0 else None
        metric.update_state(truth[start:stop], found[start:stop])
    result = metric.result()
    assert list(result) == list(expected)
    for name, value in expected.items():
        assert result[name] == pytest.approx(value, abs=1e-12), name
    metric.reset_state()
    assert set(metric.result().values()) == {-1.0}
    with pytest.raises(ValueError, match="without scores"):
        metric.update_state(truth[:1], truth[:1])
    with pytest.raises(ValueError, match="one for each box"):
        metric.update_state([{"boxes": np.zeros((2, 4)), "classes": [1]}], found[:1])


class Finder:
    """What the command line's adapter asks of a model."""

    def detect(self, text, **options):
        from isozoo.applications.images import load_image
        from isozoo.cv import Detected

        load_image(text)
        return [Detected(1, "cat", 0.75, (10.0, 20.0, 200.0, 250.0))]


def test_folders_tables_and_pictures(tmp_path, data_dir):
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "good.png").write_bytes((data_dir / "chelsea.png").read_bytes())
    (folder / "torn.png").write_bytes(b"no picture")
    adapter = ObjectDetectorCommandLineAdapter(Finder())
    told = []
    results = adapter.run_all([str(folder)], lambda *count: told.append(count))
    assert told == [(1, 2), (2, 2)] and "cannot be read" in results[1]["error"]
    assert adapter.show(results[0]) == "  75.0%  cat  10,20 to 200,250"
    head, row, bad = adapter.table(results)
    assert head[:3] == ["file", "label", "score"] and row[1:7] == [
        "cat", "0.750000", "10.00", "20.00", "200.00", "250.00",
    ]  # fmt: skip
    assert "cannot be read" in bad[-1]
    adapter.draw_all(results, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 400
    draw_boxes(folder / "good.png", results[0]["objects"], tmp_path / "boxes.png")
    before = np.asarray(Image.open(folder / "good.png").convert("RGB")).astype(int)
    changed = np.abs(np.asarray(Image.open(tmp_path / "boxes.png")) - before).sum(-1) > 0
    rows, columns = np.nonzero(changed)
    assert rows.max() == 250 and columns.max() == 200 and columns.min() == 10
    assert not changed[60:200, 60:150].any()  # the inside of the box is the picture's own


def test_decisions_are_matched_by_overlap():
    adapter = ObjectDetectorParityAdapter(None)
    reference = [[[1, 0.0, 0.0, 10.0, 10.0], [2, 5.0, 5.0, 50.0, 50.0]]]
    near = [[[2, 5.01, 5.0, 50.0, 50.02], [1, 0.0, 0.0, 10.01, 10.0]]]
    assert adapter.matched(near, reference) is reference
    for other in (
        [near[0][:1]],  # one is missing
        [[*near[0], near[0][0]]],  # one is twice
        [[[3, 5.0, 5.0, 50.0, 50.0], near[0][1]]],  # another class
        [[[2, 5.0, 5.0, 40.0, 50.0], near[0][1]]],  # another box
    ):
        assert adapter.matched(other, reference) is other


# Pickled modules -----------------------------------------------------------------------------


@pytest.fixture
def stand_ins(monkeypatch):
    """Classes by the names that ultralytics' files have, so that torch can pickle them."""
    torch = pytest.importorskip("torch")

    def fake(place, name):
        module = types.ModuleType(place)
        kind = type(name, (torch.nn.Module,), {"__module__": place})
        setattr(module, name, kind)
        monkeypatch.setitem(sys.modules, place, module)
        return kind

    for place in ("ultralytics", "ultralytics.nn", "ultralytics.nn.modules"):
        monkeypatch.setitem(sys.modules, place, types.ModuleType(place))
    return fake


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("new", [False, True], ids=["legacy", "zip"])
def test_a_pickled_module_is_read_as_its_state_dict(tmp_path, stand_ins, new):
    import torch

    model = stand_ins("ultralytics.nn.tasks", "DetectionModel")()
    part = stand_ins("ultralytics.nn.modules.conv", "Conv")()
    part.conv = torch.nn.Conv2d(3, 4, 3, bias=False)
    part.bn = torch.nn.BatchNorm2d(4)
    part.register_buffer("passing", torch.ones(2), persistent=False)
    model.model = torch.nn.Sequential(part, torch.nn.Sequential(part, torch.nn.SiLU()))
    model.half()
    model.names, model.stride = {0: "cat"}, torch.tensor([8.0, 16.0])
    checkpoint = {"epoch": -1, "license": "AGPL-3.0", "ema": None, "model": model}
    for content in (checkpoint, model):
        torch.save(content, tmp_path / "model.pt", _use_new_zipfile_serialization=new)
        with open_reader(tmp_path / "model.pt") as reader:
            kept = {k: v for k, v in model.state_dict().items() if k.startswith("model.0.")}
            assert list(reader) == list(kept)
            for key, value in kept.items():
                np.testing.assert_array_equal(reader.read(key), value.numpy())
            assert reader.module.state["names"] == {0: "cat"}
            stride = reader.read_stored(reader.module.state["stride"], "stride")
            assert stride.tolist() == [8, 16]
            if content is checkpoint:
                assert dict(reader.metadata) == {"license": "AGPL-3.0"}


def test_a_class_that_is_not_on_the_list_is_named(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / "model.pt")
    with pytest.raises(ReaderError, match=r"torch.nn.modules.linear Linear.*is refused"):
        open_reader(tmp_path / "model.pt")


SEQUENTIAL = b"ctorch.nn.modules.container\nSequential\n"
HOSTILE = {
    "arguments for a class": SEQUENTIAL + b"K\x01\x85\x81.",
    "a call of a class": SEQUENTIAL + b")R.",
    "a state that is no dict": SEQUENTIAL + b")\x81K\x01b.",
    "a state given twice": SEQUENTIAL + b")\x81}X\x01\x00\x00\x00aK\x01sb}b.",
    "an object of a function": b"ctorch._utils\n_rebuild_tensor_v2\n)\x81.",
    "a set of a number": b"c__builtin__\nset\nK\x01\x85R.",
    "a set of nothing": b"c__builtin__\nset\n)R.",
    "an object of no class": b"K\x01)\x81.",
    "a stack that is empty": b"\x81.",
    "system": b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_of_modules_are_refused(name, tmp_path):
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + HOSTILE[name])
        archive.writestr("x/version", b"3\n")
    (tmp_path / "x.pt").write_bytes(file.getvalue())
    before = set(sys.modules)
    with pytest.raises(ReaderError):
        open_reader(tmp_path / "x.pt")
    assert not {m for m in set(sys.modules) - before if m.startswith(("torch", "ultralytics"))}


def test_names_are_public():
    assert {"YOLOv8ObjectDetector", "non_max_suppression"} <= set(dir(isozoo.cv))
