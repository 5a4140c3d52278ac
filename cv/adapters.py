"""How object detectors are loaded and saved, run from the command line, and verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..applications.folders import picture_paths
from ..applications.images import ImageError, load_image
from ..framework import ops
from ..hub.adapters import FilesCommandLineAdapter, FinetuningAdapter, ParityAdapter, PresetAdapter
from ..hub.labels import class_names, head_classes, label_entries
from ..hub.loading import JsonFiles
from .letterbox import ObjectDetectorPreprocessor
from .mean_average_precision import MeanAveragePrecision

# The key of config.json under which the preprocessor's arguments stand.
OWN = "object_preprocessing"


class ObjectDetectorPresetAdapter(PresetAdapter):
    """The number of classes, their names, and the size of the frame."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the number of classes, from the preset's settings or its config.json."""
        return head_classes(files, settings, 80)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ObjectDetectorPreprocessor:
        """Returns the preprocessor that a preset's files and settings describe."""
        parsed = JsonFiles(files)
        about = parsed["config.json"] if "config.json" in parsed else {}
        labels = class_names(about, config["num_classes"])
        return ObjectDetectorPreprocessor(**about.get(OWN, {}), labels=labels)

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the classes by number and by name, and the size of the frame."""
        found = label_entries(model.labels, model.num_classes)
        preprocessor = model.preprocessor
        if preprocessor is not None:
            found[OWN] = {
                name: getattr(preprocessor, name) for name in ("image_size", "stride", "square")
            }
        return found


class ObjectDetectorCommandLineAdapter(FilesCommandLineAdapter):
    """One image file in, the objects in it out."""

    options = ("score",)
    unreadable = ImageError

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the objects in the image file `text`, as plain data."""
        return {"objects": [found._asdict() for found in self.model.detect(text, **options)]}

    def files_in(self, inputs: Sequence[str]) -> list[str]:
        """Returns the pictures that are named, and those in folders."""
        return picture_paths(inputs)

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the objects as lines: score, name, box; or what is wrong with the file."""
        if "error" in result:
            return f"not read: {result['error']}"
        lines = (
            f"{one['score']:7.1%}  {one['label']}  "
            + "{:.0f},{:.0f} to {:.0f},{:.0f}".format(*one["box"])
            for one in result["objects"]
        )
        return "\n".join(lines) or "no objects"

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns a row for each object of each image file; a damaged file has its error."""
        rows = [["file", "label", "score", "left", "top", "right", "bottom", "error"]]
        for result in results:
            name = str(Path(result["input"]))
            if "error" in result:
                rows.append([name, *[""] * 6, result["error"]])
            for one in result.get("objects", ()):
                box = [f"{side:.2f}" for side in one["box"]]
                rows.append([name, one["label"], f"{one['score']:.6f}", *box, ""])
        return rows

    def draw_all(self, results: Sequence[Mapping[str, Any]], to: str | Path) -> None:
        """Writes a PNG file: the picture with its boxes, or a sheet of several pictures."""
        if len(results) == 1 and "objects" in results[0]:
            self.draw(results[0]["input"], results[0], to)
            return
        from .drawing import draw_box_sheet

        draw_box_sheet(results, to)

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes a PNG file of the picture with its objects' boxes; see `draw_boxes`."""
        from .drawing import draw_boxes

        draw_boxes(text, result["objects"], to)


class ObjectDetectorParityAdapter(ParityAdapter):
    """Two made-up pictures; the boxes and scores of all places, and the objects that stay."""

    def sample_inputs(self) -> list[np.ndarray]:
        """Returns coloured waves, and bright discs on a checkerboard."""
        y, x = np.mgrid[0:120, 0:160]
        waves = [127 + 127 * np.sin(x / a + y / b) for a, b in ((9, 31), (23, -17), (-41, 13))]
        board = 90.0 + 60 * ((x // 20 + y // 20) % 2)
        discs = np.hypot(x % 80 - 40, y % 60 - 30) < 25
        pictures = (waves, [np.where(discs, 230.0, board), board, np.where(discs, 30.0, board)])
        return [np.stack(picture, -1).astype(np.uint8) for picture in pictures]

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns boxes in pixels of the frame, and logits of all classes, without compiling."""
        images = self.model.checked_preprocessor()(inputs)
        logits = self.model(images)
        boxes = self.model.run_inside(self.model.decode, (logits, *images.shape[1:3]), {})
        return {"boxes": boxes, "scores": logits["scores"]}

    def decide(self, inputs: Any) -> Any:
        """Returns for each picture the objects that stay: the class and the box of each.

        Of the 10 to 30 proposals with the highest scores those count above the largest step between
        two scores, so that there is something to decide whatever the network was trained for, and
        rounding does not decide it.
        """
        images = self.model.checked_preprocessor()(inputs)
        found = []
        for image in images:
            proposed = self.model.compiled_method("propose")(image[None])
            scores = np.sort(ops.convert_to_numpy(proposed[1])[0].astype(np.float64))[::-1][10:31]
            step = int(np.argmax(scores[:-1] - scores[1:]))
            limits = np.array([scores[step : step + 2].mean(), 0.7], "float32")
            (rows,) = self.model.chosen(proposed, limits)
            boxes = np.round(rows[:, :4].astype(float), 2).tolist()
            found.append([[int(n), *box] for n, box in zip(rows[:, 5], boxes, strict=True)])
        return found

    def matched(self, decision: Any, reference: Any) -> Any:
        """Returns `reference` where each of its boxes has one of its class that is almost the same.

        That is an intersection over union of at least 0.99, one to one.
        """
        if all(map(_match, decision, reference)):
            return reference
        return decision


def _match(found: list[list[float]], expected: list[list[float]]) -> bool:
    """Whether two lists of [class, left, top, right, bottom] match one to one."""
    left = list(found)
    for one in expected:
        same = (other for other in left if other[0] == one[0] and _iou(other[1:], one[1:]) >= 0.99)
        best = next(same, None)
        if best is None:
            return False
        left.remove(best)
    return not left


def _iou(first: list[float], second: list[float]) -> float:
    sides = [min(first[i + 2], second[i + 2]) - max(first[i], second[i]) for i in (0, 1)]
    shared = max(sides[0], 0.0) * max(sides[1], 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / max(sum(areas) - shared, 1e-9)


class ObjectDetectorFinetuningAdapter(FinetuningAdapter):
    """Pictures and boxes; the model's own loss, and COCO's numbers at the end."""

    rates = {"full": 1e-3, "lora": 1e-3, "head": 1e-3}
    metrics = ()

    def loss(self) -> None:
        """Returns None: a detector computes its loss by itself."""

    def examples(self, inputs: Sequence[str], targets: Sequence[Any]) -> tuple[Any, Any]:
        """Returns pictures in their frames, and boxes in pixels of these; see `examples` of the
        preprocessor.

        Args:
            inputs: paths of pictures.
            targets: `Objects` of each.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: a box lies outside of its picture, which is named.
        """
        pictures = [load_image(path) for path in inputs]
        objects = [_in_pixels(one, image) for one, image in zip(targets, pictures, strict=True)]
        # Few numbers of rows, so that few programs are compiled.
        most = 1 << (max(1, *(len(found) for found in objects)) - 1).bit_length()
        return self.model.checked_preprocessor().examples(pictures, objects, most, inputs)

    def judge(
        self, inputs: Sequence[str], targets: Sequence[Any], batch_size: int
    ) -> dict[str, float]:
        """Returns COCO's average precision, over overlaps of 0.5 to 0.95 and at 0.5."""
        metric = MeanAveragePrecision()
        for start in range(0, len(inputs), batch_size):
            pictures = [load_image(path) for path in inputs[start : start + batch_size]]
            found = self.model.detect(pictures, score=0.001, batch_size=batch_size)
            for picture, seen, one in zip(pictures, found, targets[start:], strict=False):
                true = _in_pixels(one, picture)
                metric.update_state(
                    [{"boxes": [box for _, box in true], "classes": [name for name, _ in true]}],
                    [
                        {
                            "boxes": [each.box for each in seen],
                            "classes": [each.index for each in seen],
                            "scores": [each.score for each in seen],
                        }
                    ],
                )
        return {name: metric.result()[name] for name in ("AP", "AP50")}


def _in_pixels(objects: Any, picture: Any) -> list[tuple[int, tuple[float, ...]]]:
    """The number of the class and the box, in pixels of the picture, of each of its `Objects`."""
    size = (picture.width, picture.height) * 2 if objects.relative else (1, 1, 1, 1)
    return [
        (number, tuple(side * length for side, length in zip(box, size, strict=True)))
        for number, box in zip(objects.classes, objects.boxes, strict=True)
    ]
