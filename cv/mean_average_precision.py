"""Mean average precision of a detector, by the rules of COCO (Lin et al. 2014, arXiv:1405.0312).

Definition: the evaluation of pycocotools (`COCOeval`, boxes), whose twelve numbers these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..framework.metrics import Metric
from ..framework.ops import convert_to_numpy

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
# Areas in square pixels, both ends included.
AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
COUNTS = (1, 10, 100)
_TRUTH, _FOUND = ("boxes", "classes"), ("boxes", "classes", "scores")

_One = dict[str, np.ndarray]


class MeanAveragePrecision(Metric):
    """Gathers true and found boxes, and gives COCO's twelve numbers.

    Average precision is the mean of the precision at 101 recalls, over overlaps of 0.5 to 0.95 and
    over classes; average recall the highest recall, over the same. A number without any object to
    count is -1. It is computed on the host with NumPy, outside of compiled steps.

        metric = MeanAveragePrecision()
        metric.update_state(truth, found)   # lists with a dict for each picture
        metric.result()["AP"]
    """

    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name or "mean_average_precision")
        # What it gathers has no fixed size, and so lies in no variable.
        vars(self)["_pictures"] = []

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, truth: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
    ) -> None:
        """Takes pictures in.

        Args:
            truth: for each picture a dict of "boxes" (objects, 4), left, top, right, bottom in
                pixels, "classes", integers (objects,), and where they are known "crowd", booleans
                (objects,): boxes around many, which need not be found; and "areas", (objects,),
                those of the boxes if absent.
            found: for each picture a dict of "boxes" (boxes, 4), "classes" and "scores" (boxes,).

        Raises:
            ValueError: lists of two lengths, a key that is missing, arrays that do not fit.
        """
        if len(truth) != len(found):
            raise ValueError(
                f"`truth` has {len(truth)} pictures and `found` {len(found)}: one dict for each "
                "picture is expected in both."
            )
        pairs = [
            (_arrays(one, _TRUTH, "truth"), _arrays(other, _FOUND, "found"))
            for one, other in zip(truth, found, strict=True)
        ]
        self._gathered.extend(pairs)

    @property
    def _gathered(self) -> list[tuple[_One, _One]]:
        return vars(self)["_pictures"]

    def reset_state(self) -> None:
        """Forgets all pictures."""
        self._gathered.clear()

    def result(self) -> dict[str, float]:
        """Returns COCO's numbers.

        They are "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large" (at most 100 boxes of a
        class in a picture), "AR1", "AR10", "AR100" (at most so many), "AR_small", "AR_medium" and
        "AR_large".
        """
        classes = sorted({int(c) for one, _ in self._gathered for c in one["classes"]})
        precision = np.full((len(AREAS), len(classes), len(OVERLAPS), len(RECALLS)), -1.0)
        recall = np.full((len(AREAS), len(classes), len(COUNTS), len(OVERLAPS)), -1.0)
        for place, number in enumerate(classes):
            pictures = [_of_class(one, other, number) for one, other in self._gathered]
            for area, limits in enumerate(AREAS.values()):
                matched = [_matched(*picture, limits) for picture in pictures]
                for index, count in enumerate(COUNTS):
                    curve = _curve(matched, count)
                    if curve is not None:
                        recall[area, place, index] = curve[1]
                        if count == COUNTS[-1]:
                            precision[area, place] = curve[0]
        names = [name for name in AREAS if name != "all"]
        at = {0.5: "AP50", 0.75: "AP75"}
        return {
            "AP": _mean(precision[0]),
            **{
                name: _mean(precision[0][:, np.isclose(OVERLAPS, overlap)])
                for overlap, name in at.items()
            },
            **{f"AP_{name}": _mean(precision[i + 1]) for i, name in enumerate(names)},
            **{f"AR{count}": _mean(recall[0][:, i]) for i, count in enumerate(COUNTS)},
            **{f"AR_{name}": _mean(recall[i + 1][:, -1]) for i, name in enumerate(names)},
        }


def _mean(values: np.ndarray) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def _arrays(one: Mapping[str, Any], keys: Sequence[str], name: str) -> _One:
    """Returns the arrays of a picture, checked."""
    if missing := [key for key in keys if key not in one]:
        raise ValueError(f"`{name}` has a picture without {', '.join(missing)}.")
    found = {key: np.asarray(convert_to_numpy(value)) for key, value in one.items()}
    boxes = found["boxes"] = found["boxes"].astype(np.float64).reshape(-1, 4)
    for key, value in found.items():
        if key != "boxes" and value.shape != (len(boxes),):
            raise ValueError(
                f"`{name}` has a picture of {len(boxes)} boxes, whose {key} have the shape "
                f"{value.shape}: one for each box is expected."
            )
    return found


def _sides(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, 2:] - boxes[:, :2]


def _of_class(
    truth: _One, found: _One, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns of one class in a picture: areas and crowds of its objects; scores and areas of the
    boxes that were found, by falling scores; and the overlaps (found, objects)."""
    chosen = truth["classes"] == number
    boxes = truth["boxes"][chosen]
    crowd = truth.get("crowd", np.zeros(len(chosen), bool))[chosen].astype(bool)
    areas = truth["areas"][chosen] if "areas" in truth else _sides(boxes).prod(-1)
    mine = found["classes"] == number
    order = np.argsort(-found["scores"][mine], kind="stable")[: COUNTS[-1]]
    others, scores = found["boxes"][mine][order], found["scores"][mine][order]
    own = _sides(others).prod(-1)
    shared = np.minimum(others[:, None, 2:], boxes[None, :, 2:])
    shared = np.maximum(shared - np.maximum(others[:, None, :2], boxes[None, :, :2]), 0).prod(-1)
    # A box in a crowd need only be part of it.
    union = np.where(crowd, own[:, None], own[:, None] + _sides(boxes).prod(-1) - shared)
    return areas, crowd, scores, own, shared / np.maximum(union, 1e-300)


def _matched(
    areas: np.ndarray,
    crowd: np.ndarray,
    scores: np.ndarray,
    own: np.ndarray,
    overlaps: np.ndarray,
    limits: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Returns scores, which boxes are matched, which are passed over (both for each overlap), and
    the number of objects that count."""
    ignored = crowd | (areas < limits[0]) | (areas > limits[1])
    order = np.argsort(ignored, kind="stable")  # objects that count come first
    hits = np.zeros((len(OVERLAPS), len(scores)), bool)
    passed = np.zeros((len(OVERLAPS), len(scores)), bool)
    for row, least in enumerate(OVERLAPS):
        used = np.zeros(len(areas), bool)
        for box in range(len(scores)):
            best, found = min(least, 1 - 1e-10), -1
            for one in order:
                if used[one] and not crowd[one]:
                    continue
                if found >= 0 and not ignored[found] and ignored[one]:
                    break  # what counts goes before what does not
                if overlaps[box, one] >= best:
                    best, found = overlaps[box, one], one
            if found >= 0:
                used[found] = hits[row, box] = True
                passed[row, box] = ignored[found]
    outside = (own < limits[0]) | (own > limits[1])
    return scores, hits, passed | (~hits & outside), int((~ignored).sum())


def _curve(matched: Sequence[Any], count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns precisions (overlaps, 101) and the highest recall (overlaps,); None without objects.

    Args:
        matched: of each picture what `_matched` gives.
        count: how many boxes of a picture are looked at.
    """
    total = sum(one[3] for one in matched)
    if not total:
        return None
    scores = np.concatenate([one[0][:count] for one in matched])
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([one[1][:, :count] for one in matched], axis=1)[:, order]
    passed = np.concatenate([one[2][:, :count] for one in matched], axis=1)[:, order]
    right = np.cumsum(hits & ~passed, axis=1).astype(float)
    wrong = np.cumsum(~hits & ~passed, axis=1)
    precisions, recalls = np.zeros((len(OVERLAPS), len(RECALLS))), np.zeros(len(OVERLAPS))
    if not len(scores):
        return precisions, recalls
    for row in range(len(OVERLAPS)):
        recall = right[row] / total
        precision = right[row] / (right[row] + wrong[row] + np.spacing(1))
        precision = np.maximum.accumulate(precision[::-1])[::-1]  # never rises with the recall
        places = np.searchsorted(recall, RECALLS, side="left")
        known = places < len(precision)
        precisions[row, known] = precision[places[known]]
        recalls[row] = recall[-1]
    return precisions, recalls
