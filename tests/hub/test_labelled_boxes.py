"""Pictures with boxes: COCO's and YOLO's folders say the same; damaged ones say what is wrong."""

import json

import pytest

from isozoo.hub.finetuning import read_labelled
from isozoo.hub.labelled import DataError
from isozoo.hub.labelled_boxes import read_boxes

Image = pytest.importorskip("PIL.Image")
SIZE = (80, 40)  # width, height
# Picture -> class and box in pixels of its objects
OBJECTS = {"a.png": [("cup", (8, 4, 24, 24)), ("cat", (40, 10, 80, 40))], "b.png": [], "c.png": []}
OBJECTS["c.png"].append(("cup", (0, 0, 80, 20)))
NAMES = ["cat", "cup"]


def coco(folder, validation=("c.png",), ids=(7, 3)):
    """Writes COCO's form: categories of sparse ids, pictures beside the annotations' folder."""
    for part in ("train", "val"):
        names = [name for name in OBJECTS if (name in validation) == (part == "val")]
        (folder / f"{part}2017").mkdir(parents=True)
        (folder / "annotations").mkdir(exist_ok=True)
        content = {"images": [], "annotations": [], "categories": []}
        content["categories"] = [{"id": i, "name": n} for i, n in zip(ids, ("cup", "cat"))]  # noqa: B905
        for number, name in enumerate(names):
            Image.new("RGB", SIZE).save(folder / f"{part}2017" / name)
            content["images"].append({"id": 40 + number, "file_name": name})
            for label, (left, top, right, bottom) in OBJECTS[name]:
                content["annotations"].append(
                    {
                        "image_id": 40 + number,
                        "category_id": ids[("cup", "cat").index(label)],
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                    }
                )
        path = folder / "annotations" / f"instances_{part}2017.json"
        path.write_text(json.dumps(content))
    return folder


def yolo(folder, table):
    """Writes YOLO's form: shares of the sides, the middle of the box first."""
    for name, objects in OBJECTS.items():
        part = "val" if name == "c.png" else "train"
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE).save(folder / "images" / part / name)
        lines = [
            f"{NAMES.index(label)} {(left + right) / 160} {(top + bottom) / 80} "
            f"{(right - left) / 80} {(bottom - top) / 40}\n"
            for label, (left, top, right, bottom) in objects
        ]
        if lines:  # a picture without objects has no file
            (folder / "labels" / part / name).with_suffix(".txt").write_text("".join(lines))
    (folder / "data.yaml").write_text(table)
    return folder


TABLES = {
    "block": "path: ../datasets/cups  # where it was\ntrain: images/train\nval: images/val\n"
    "nc: 2\nnames:\n  0: cat\n  1: cup\n\ndownload: |\n  import os\n",
    "inline": "train: ../images/train\nval: [images/val]\nnames: ['cat', \"cup\"]\n",
    "list": "---\ntrain:\n  - images/train\nval: ./images/val\nnames:\n- cat\n- cup\n",
}


@pytest.mark.parametrize("form", ["coco", *TABLES])
def test_forms_say_the_same(form, tmp_path):
    folder = coco(tmp_path) if form == "coco" else yolo(tmp_path, TABLES[form])
    data = read_labelled(folder)
    assert data.classes == NAMES and data.task == "object_detector"
    found = {}
    for path, target in zip(data.inputs, data.targets, strict=True):
        width, height = SIZE if target.relative else (1, 1)
        scaled = [(a * width, b * height, c * width, d * height) for a, b, c, d in target.boxes]
        labels = [data.classes[number] for number in target.classes]
        found[path.replace("\\", "/").rpartition("/")[2]] = list(zip(labels, scaled, strict=True))
    assert found.keys() == OBJECTS.keys()
    for name, objects in OBJECTS.items():
        assert [label for label, _ in found[name]] == [label for label, _ in objects]
        for (_, box), (_, true) in zip(found[name], objects, strict=True):
            assert box == pytest.approx(true)
    (train, _), (held, targets) = data.split(0.5, 0)
    assert [path[-5:] for path in held] == ["c.png"] and len(targets) == 1
    assert sorted(path[-5:] for path in train) == ["a.png", "b.png"]
    assert data.split(0.0, 0)[1] == ([], [])


def test_boxes_that_teach_nothing_are_left_out(tmp_path):
    folder = coco(tmp_path, validation=())
    path = folder / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"][1]["bbox"][2] = 0
    path.write_text(json.dumps(content))
    (folder / "annotations" / "instances_val2017.json").unlink()
    with pytest.warns(UserWarning, match="1 boxes without an area, 1 boxes around crowds"):
        data = read_boxes(folder)
    assert sum(len(one.classes) for one in data.targets) == 1
    # without a part of its own, a share of all pictures is drawn for validation
    (train, _), (held, _) = data.split(1 / 3, 0)
    assert len(train) == 2 and len(held) == 1 and not set(train) & set(held)


def _annotation(key, value):
    def change(folder):
        path = folder / "annotations" / "instances_train2017.json"
        content = json.loads(path.read_text())
        content["annotations"][0][key] = value
        path.write_text(json.dumps(content))

    return change


def _image(folder):
    path = folder / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = "../../etc/passwd"
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change, message",
    [
        (_annotation("category_id", 9), "category 9 is not in"),
        (_annotation("bbox", [1, 2, 3]), "4 finite numbers are expected"),
        (_annotation("bbox", [1, 2, 3, float("nan")]), "4 finite numbers are expected"),
        (_annotation("image_id", "one"), r"annotations\[0\] must have image_id \(int\)"),
        (_image, "does not lie in the folder"),
        (lambda folder: (folder / "train2017" / "a.png").unlink(), "'a.png' was not found"),
    ],
)
def test_damaged_annotations_of_coco(change, message, tmp_path):
    change(coco(tmp_path))
    with pytest.raises(DataError, match=message):
        read_labelled(tmp_path)


def _labels(text):
    return lambda folder: (folder / "labels" / "train" / "a.txt").write_text(text)


def _table(text):
    return lambda folder: (folder / "data.yaml").write_text(text)


@pytest.mark.parametrize(
    "change, message",
    [
        (_labels("2 .5 .5 .1 .1\n"), "line 1: a class from 0 to 1 is expected"),
        (_labels("0 .5 .5 .1 .1\n\n0 .5 .5\n"), "line 3: 4 finite numbers"),
        (_labels("0 40 20 16 20\n"), "shares of the picture's sides"),
        (_labels("0 .5 .5 .1 nan\n"), "4 finite numbers"),
        (_labels("0 .5 .5 .1 .1 .3\n"), "pairs of an outline"),
        (_table("train: images/train\nnames: [a, a]\n"), "different names"),
        (_table("names: [cat, cup]\n"), "`train` must say"),
        (_table("train: images/other\nnames: [cat, cup]\n"), "'images/other' was not found"),
        (_table("train: /etc\nnames: [cat, cup]\n"), "does not lie in the folder"),
        (_table("train: images/train\nnames:\n  0: a\n  2: b\n"), "must be 0 to 1"),
    ],
)
def test_damaged_folders_of_yolo(change, message, tmp_path):
    change(yolo(tmp_path, TABLES["block"]))
    with pytest.raises(DataError, match=message):
        read_labelled(tmp_path)


def test_outlines_are_boxes_and_pictures_without_objects_teach_nothing(tmp_path):
    folder = yolo(tmp_path, TABLES["list"])
    _labels("1 .1 .2 .3 .2 .3 .6 .1 .7\n")(folder)
    data = read_labelled(folder)
    place = next(i for i, path in enumerate(data.inputs) if path.endswith("a.png"))
    assert data.targets[place].boxes == [(0.1, 0.2, 0.3, 0.7)]
    for path in folder.rglob("*.txt"):
        path.write_text("")
    with pytest.raises(DataError, match="no object in its 3 pictures"):
        read_labelled(folder)
