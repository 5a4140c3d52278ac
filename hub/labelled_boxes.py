"""Pictures with boxes around objects: folders in the form of COCO or of YOLO.

Definitions: COCO's data format (https://cocodataset.org/#format-data), and the form of YOLO's
folders as their tools write it: a line `class x y width height` for each object, all but the class
as shares of the picture's sides, x and y of the box's middle.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from .labelled import IMAGES, DataError

MAX_BYTES = 2 * 10**9  # the largest file of COCO has 0.5
_MAX_LABEL_BYTES = 10**7
_VALIDATION = ("val", "valid", "validation")


class Objects(NamedTuple):
    """The objects in a picture.

    Attributes:
        classes: the number of each object's class.
        boxes: left, top, right and bottom of each.
        relative: whether they are shares of the picture's sides; else pixels.
    """

    classes: list[int]
    boxes: list[tuple[float, float, float, float]]
    relative: bool


@dataclass
class LabelledBoxes:
    """Pictures with the objects in them.

    Attributes:
        inputs: paths of pictures.
        targets: the objects of each picture.
        classes: the names of all classes, by number.
        held: which pictures the folder itself sets apart for validation; none if empty.
    """

    inputs: list[str]
    targets: list[Objects]
    classes: list[str]
    held: list[int]
    kind = "objects"
    task = "object_detector"

    def split(self, fraction: float, seed: int) -> tuple[tuple[list, list], tuple[list, list]]:
        """Returns (inputs, targets) to train on and to validate with.

        What the folder sets apart is for validation; where it sets nothing apart, a share of
        all pictures, which is drawn.

        Args:
            fraction: the share of pictures, rounded.
            seed: of the draw.
        """
        order = np.random.default_rng(seed).permutation(len(self.inputs)).tolist()
        held = self.held if fraction else []
        held = held or order[: round(fraction * len(order))]
        out = {*held, *self.held}
        train = [number for number in order if number not in out]
        parts = [
            ([self.inputs[i] for i in rows], [self.targets[i] for i in rows])
            for rows in (train, held)
        ]
        return parts[0], parts[1]


def has_boxes(folder: Path) -> bool:
    """Whether a folder is in the form of COCO or of YOLO."""
    return bool(_annotations(folder)) or _description(folder) is not None


def read_boxes(folder: Path) -> LabelledBoxes:
    """Reads pictures and their objects from a folder in the form of COCO or of YOLO.

    COCO's form: `annotations/*.json`, or `*.json` in the folder or one below, with pictures beside
    them, in `images`, or in the folder that a file's name ends in (`instances_train2017.json`).
    YOLO's form: `data.yaml` (`train`, `val`, `names`) or `classes.txt`, and pictures in a folder
    `images` whose labels lie in the same place below `labels`, one text file for each picture.

    Files whose name, or whose folder's name, says `val` are for validation; those that say `test`
    are passed over. Boxes around crowds, and boxes without an area, are left out with a warning.

    Raises:
        DataError: the folder has neither form, a file is damaged, a picture is missing, a class
            or a box is out of its range, or there is no object at all.
    """
    files = _annotations(folder)
    described = None if files else _description(folder)
    if files:
        found = _coco(folder, files)
    elif described is not None:
        found = _yolo(folder, described)
    else:
        raise DataError(
            f"{folder}: neither annotations of COCO (a .json file with images, annotations and "
            "categories) nor a data.yaml of YOLO was found."
        )
    if not any(one.classes for one in found.targets):
        raise DataError(f"{folder}: there is no object in its {len(found.inputs)} pictures.")
    return found


def _part(path: Path, folder: Path) -> str:
    """ "train", "val" or "test", by the words in a path below the folder."""
    words = re.split(r"[^a-z]+", path.relative_to(folder).as_posix().lower())
    if any(word in _VALIDATION for word in words):
        return "val"
    return "test" if "test" in words else "train"


# COCO ----------------------------------------------------------------------------------------


def _annotations(folder: Path) -> list[Path]:
    """The files that may hold annotations: JSON whose beginning or end names COCO's lists."""
    places = [folder / "annotations", folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    found = dict.fromkeys(p for place in places for p in sorted(place.glob("*.json")))
    return [path for path in found if _has_lists(path)]


def _has_lists(path: Path) -> bool:
    with open(path, "rb") as file:
        size = path.stat().st_size
        ends = file.read(1 << 16)
        file.seek(max(size - (1 << 16), 0))
        ends += file.read(1 << 16)
    return any(f'"{key}"'.encode() in ends for key in ("annotations", "categories"))


def _coco(folder: Path, files: list[Path]) -> LabelledBoxes:
    inputs: list[str] = []
    targets: list[Objects] = []
    held: list[int] = []
    classes: list[str] | None = None
    dropped = crowds = 0
    for path in files:
        part = _part(path, folder)
        if part == "test":
            continue
        content = _json(path)
        names = _lists(path, content, "categories", {"id": int, "name": str})
        names = sorted(names, key=lambda one: one["id"])
        numbers = {one["id"]: number for number, one in enumerate(names)}
        told = [one["name"] for one in names]
        if classes is not None and told != classes:
            raise DataError(f"{path}: its categories are not those of {files[0].name}.")
        classes = told
        rows: dict[int, int] = {}
        for image in _lists(path, content, "images", {"id": int, "file_name": str}):
            rows[image["id"]] = len(inputs)
            inputs.append(_picture(folder, path, image["file_name"]))
            targets.append(Objects([], [], False))
        if part == "val":
            held += rows.values()
        wanted = {"image_id": int, "category_id": int, "bbox": list}
        for number, one in enumerate(_lists(path, content, "annotations", wanted)):
            where = f"{path}, annotation {one.get('id', number)}"
            if one["image_id"] not in rows or one["category_id"] not in numbers:
                raise DataError(
                    f"{where}: image {one['image_id']} or category {one['category_id']} is not "
                    "in the file's lists."
                )
            left, top, width, height = _numbers(one["bbox"], 4, where)
            if one.get("iscrowd"):
                crowds += 1
            elif width <= 0 or height <= 0:
                dropped += 1
            else:
                target = targets[rows[one["image_id"]]]
                target.classes.append(numbers[one["category_id"]])
                target.boxes.append((left, top, left + width, top + height))
    if not classes:
        raise DataError(f"{folder}: no file but those of a test names a category.")
    _tell(dropped, crowds)
    return LabelledBoxes(inputs, targets, classes, held)


def _json(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: it has over {MAX_BYTES} bytes.")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: it is not JSON: {str(error)[:160]}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: an object with images, annotations and categories is expected.")
    return found


def _lists(
    path: Path, content: Mapping[str, Any], key: str, kinds: Mapping[str, type]
) -> list[dict[str, Any]]:
    rows = content.get(key)
    if not isinstance(rows, list):
        raise DataError(f"{path}: it has no list of {key}.")
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not all(
            isinstance(row.get(name), kind) for name, kind in kinds.items()
        ):
            wanted = ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items())
            raise DataError(f"{path}: {key}[{number}] must have {wanted}; got {str(row)[:80]}.")
    return rows


def _numbers(values: Any, count: int, where: str) -> list[float]:
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError):
        found = []
    if len(found) != count or not all(map(math.isfinite, found)):
        raise DataError(f"{where}: {count} finite numbers are expected; got {str(values)[:80]}.")
    return found


def _picture(folder: Path, annotations: Path, name: str) -> str:
    """The path of a picture that a file of COCO names, below the folder."""
    relative = _inside(name, str(annotations))
    split = annotations.stem.rpartition("_")[2]
    places = (".", "images", split, f"images/{split}")
    for place in (annotations.parent, *(folder / one for one in places)):
        if (place / relative).is_file():
            return str(place / relative)
    raise DataError(
        f"{annotations}: its picture {name!r} was not found beside it, nor in {folder} or its "
        f"folders {', '.join(places[1:])}."
    )


def _inside(name: str, where: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DataError(f"{where}: the path {name!r} does not lie in the folder.")
    return path


def _tell(dropped: int, crowds: int) -> None:
    if dropped or crowds:
        warnings.warn(
            f"Left out: {dropped} boxes without an area, {crowds} boxes around crowds.",
            stacklevel=4,
        )


# YOLO ----------------------------------------------------------------------------------------


class _Description(NamedTuple):
    """What data.yaml or classes.txt says: where each part's pictures lie, each place a folder and a
    path in it, and the names of classes."""

    path: Path
    parts: Mapping[str, list[tuple[str, str]]]
    classes: list[str]


def _description(folder: Path) -> _Description | None:
    tables = [folder / "data.yaml", folder / "data.yml"]
    for path in dict.fromkeys([*tables, *sorted(folder.glob("*.y*ml"))]):
        if path.is_file():
            entries = _plain_yaml(path)
            if "names" in entries:
                return _of_table(path, entries)
    names = folder / "classes.txt"
    if names.is_file() and (folder / "labels").is_dir():
        lines = [line.strip() for line in names.read_text("utf-8").splitlines()]
        return _Description(names, {"train": [("", "images")]}, [line for line in lines if line])
    return None


def _of_table(path: Path, entries: Mapping[str, Any]) -> _Description:
    base = entries.get("path")
    base = base if isinstance(base, str) else ""
    parts: dict[str, list[tuple[str, str]]] = {}
    for key in ("train", "val"):
        given = entries.get(key) or []
        parts[key] = [(base, one) for one in (given if isinstance(given, list) else [given])]
    names = entries["names"]
    if isinstance(names, dict):
        if sorted(names, key=_as_number) != [str(n) for n in range(len(names))]:
            raise DataError(f"{path}: the numbers of its names must be 0 to {len(names) - 1}.")
        names = [names[str(number)] for number in range(len(names))]
    if not isinstance(names, list) or not names or len(set(names)) != len(names):
        raise DataError(f"{path}: `names` must be a list of different names.")
    if not parts["train"]:
        raise DataError(f"{path}: `train` must say where the pictures to train on lie.")
    return _Description(path, parts, names)


def _as_number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _plain_yaml(path: Path) -> dict[str, Any]:
    """Reads the part of YAML that descriptions of data use: texts, lists and one level of keys.

    It is read here because a full reader makes objects of whatever a file names.
    """
    if path.stat().st_size > _MAX_LABEL_BYTES:
        raise DataError(f"{path}: it has over {_MAX_LABEL_BYTES} bytes.")
    found: dict[str, Any] = {}
    last = ""
    for line in _text(path).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        bare = line.strip()
        if not bare or bare == "---":
            continue
        item = re.fullmatch(r"- +(.+)", bare)
        entry = re.fullmatch(r"(['\"]?)([\w .-]+?)\1 *:(?: +(.*))?", bare)
        if item and last and isinstance(found.setdefault(last, []) or [], list):
            found[last] = [*(found[last] or []), _unquoted(item[1])]
        elif entry and line == bare:
            last, value = entry[2], entry[3]
            found[last] = _value(value) if value else None
        elif entry and last and isinstance(found[last] or {}, dict):
            found[last] = {**(found[last] or {}), entry[2]: _unquoted(entry[3] or "")}
        # Whatever else stands there (such as the lines of a script) is nothing that is asked for.
    return found


def _value(text: str) -> Any:
    inner = text[1:-1]
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(part) for part in inner.split(",") if part.strip()]
    if text.startswith("{") and text.endswith("}"):
        pairs = (part.partition(":") for part in inner.split(",") if part.strip())
        return {_unquoted(key): _unquoted(value) for key, _, value in pairs}
    return _unquoted(text)


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a text in UTF-8 is expected: {error}") from error


def _yolo(folder: Path, described: _Description) -> LabelledBoxes:
    inputs: list[str] = []
    targets: list[Objects] = []
    held: list[int] = []
    dropped = 0
    for part, places in described.parts.items():
        for place in places:
            for picture in _pictures(folder, described.path, *place):
                if part == "val":
                    held.append(len(inputs))
                inputs.append(str(picture))
                target, without = _labels(_labels_of(picture, folder), len(described.classes))
                targets.append(target)
                dropped += without
    _tell(dropped, 0)
    return LabelledBoxes(inputs, targets, described.classes, held)


def _pictures(folder: Path, table: Path, base: str, place: str) -> Iterator[Path]:
    """The pictures of a place; its base is often a path of the machine that wrote the table."""
    plain = re.sub(r"^(\.\.?/)+", "", place)  # tools write ../train/images for train/images
    tried = [folder / _inside(plain, str(table))]
    if base and not base.startswith("/") and ".." not in base:
        tried.insert(0, folder / base / plain)
    found = next((path for path in tried if path.exists()), None)
    if found is None:
        raise DataError(f"{table}: {place!r} was not found in {folder}.")
    if found.is_file():  # a list of paths, one a line
        for line in filter(None, map(str.strip, _text(found).splitlines())):
            yield folder / _inside(re.sub(r"^(\./)+", "", line), str(found))
        return
    pictures = sorted(path for path in found.rglob("*") if path.suffix.lower() in IMAGES)
    if not pictures:
        raise DataError(f"{found}: no pictures were found ({', '.join(sorted(IMAGES))}).")
    yield from pictures


def _labels_of(picture: Path, folder: Path) -> Path:
    """Where a picture's labels lie: below `labels` in the place of the last `images`."""
    parts = list(picture.relative_to(folder).parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return folder.joinpath(*parts).with_suffix(".txt")


def _labels(path: Path, num_classes: int) -> tuple[Objects, int]:
    """The objects of a file of labels, none where it is missing; and how many have no area."""
    found, dropped = Objects([], [], True), 0
    if not path.is_file():
        return found, 0
    if path.stat().st_size > _MAX_LABEL_BYTES:
        raise DataError(f"{path}: it has over {_MAX_LABEL_BYTES} bytes.")
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {number}"
        index = words[0]
        if not index.isdecimal() or int(index) >= num_classes:
            raise DataError(f"{where}: a class from 0 to {num_classes - 1} is expected.")
        values = _numbers(words[1:], max(len(words) - 1, 4), where)
        if not all(-0.01 <= value <= 1.01 for value in values):
            raise DataError(f"{where}: shares of the picture's sides, 0 to 1, are expected.")
        if len(values) == 4:
            x, y, width, height = values
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        elif len(values) >= 6 and len(values) % 2 == 0:  # the corners of an outline
            xs, ys = values[::2], values[1::2]
            box = (min(xs), min(ys), max(xs), max(ys))
        else:
            raise DataError(f"{where}: a class and 4 numbers are expected, or pairs of an outline.")
        if box[0] < box[2] and box[1] < box[3]:
            found.classes.append(int(index))
            found.boxes.append(box)
        else:
            dropped += 1
    return found, dropped
