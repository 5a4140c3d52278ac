"""From a map of probabilities of text to quadrangles around its lines.

Definition: the post-processing of DB, "Real-time Scene Text Detection with Differentiable
Binarization" (Liao et al. 2020), with the numbers of PaddleOCR.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .geometry import area_and_length, grown, inside, least_rectangle

# Boxes whose corners are less than so many rows apart stand in one row of the page.
ROW = 10
# The shorter side of a region that counts, in pixels of the map.
LEAST_SIDE = 3
# The most regions and holes of a map that are looked at: those that begin lowest, as the original
# has it. Where there are more, the map is noise.
MOST_REGIONS = 1000


class Box(NamedTuple):
    """A line of text in a picture.

    Attributes:
        corners: float32 (4, 2): upper left, upper right, lower right, lower left, in pixels.
        score: the mean probability of text inside.
    """

    corners: np.ndarray
    score: float


def text_boxes(
    probabilities: np.ndarray,
    height: int,
    width: int,
    threshold: float = 0.3,
    box_threshold: float = 0.5,
    growth: float = 1.6,
) -> list[Box]:
    """Returns the boxes of lines of text, in the order in which a page is read.

    Args:
        probabilities: of text, (rows, columns).
        height: rows of the picture that the map is of.
        width: columns of that picture.
        threshold: above which a pixel of the map is text.
        box_threshold: the least mean probability of a box.
        growth: a box grows by its area, times this, over the length of its border, for the map is
            of the kernels of lines, which are thinner than these.
    """
    rows, columns = probabilities.shape
    found = []
    for points in _regions(_thickened(probabilities > threshold)):
        corners, side = least_rectangle(points)
        if side < LEAST_SIDE:
            continue
        score = _mean_inside(probabilities, corners)
        if score < box_threshold:
            continue
        area, length = area_and_length(corners)
        corners, side = least_rectangle(grown(corners, area * growth / length))
        if side < LEAST_SIDE + 2:
            continue
        corners = np.round(corners / (columns, rows) * (width, height))
        corners = np.clip(corners, 0, (width - 1, height - 1)).astype(np.float32)
        if min(_distance(corners[0], corners[1]), _distance(corners[0], corners[3])) >= 4:
            found.append(Box(corners, score))
    return _in_reading_order(found)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.hypot(*(a - b)))


def _thickened(mask: np.ndarray) -> np.ndarray:
    """Each pixel with the one above it, the one to its left, and the one between these."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    high = wide.copy()
    high[1:] |= wide[:-1]
    return high


def _regions(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yields points (count, 2), columns and rows, on the borders of regions and of their holes."""
    from scipy import ndimage

    if not mask.any():
        return
    regions: Any = ndimage.label(mask, np.ones((3, 3), int))  # labels, and how many
    holes: Any = ndimage.label(~mask)
    found = [*_parts(regions, False), *_parts(holes, True)]
    found.sort(key=lambda part: part.start, reverse=True)
    for part in found[:MOST_REGIONS]:
        rows, columns = part.place
        if part.is_hole:
            rows = slice(rows.start - 1, rows.stop + 1)
            columns = slice(columns.start - 1, columns.stop + 1)
            covered = holes[0][rows, columns] == part.number
            covered = ndimage.binary_dilation(covered) & ~covered
        else:
            covered = regions[0][rows, columns] == part.number
        yield _ends(covered) + (columns.start, rows.start)


class _Part(NamedTuple):
    """A region or a hole: its number among the labels, where it lies, and its first pixel."""

    number: int
    place: tuple[slice, slice]
    start: tuple[int, int]
    is_hole: bool


def _parts(labelled: tuple[np.ndarray, int], holes: bool) -> Iterator[_Part]:
    """The labelled parts; of holes those that do not touch the border."""
    from scipy import ndimage

    labels, count = labelled
    rows, columns = labels.shape
    for number, place in enumerate(ndimage.find_objects(labels, count), 1):
        if place is None:
            continue
        down, across = place
        outside = not (down.start and across.start) or down.stop == rows or across.stop == columns
        if holes and outside:
            continue
        first = int((labels[down.start, across] == number).argmax())
        yield _Part(number, place, (down.start, across.start + first), holes)


def _ends(covered: np.ndarray) -> np.ndarray:
    """The first and the last covered pixel of each row: the corners of the hull are among them."""
    rows = np.flatnonzero(covered.any(1))
    first = covered[rows].argmax(1)
    last = covered.shape[1] - 1 - covered[rows, ::-1].argmax(1)
    return np.concatenate([np.stack([first, rows], 1), np.stack([last, rows], 1)])


def _mean_inside(probabilities: np.ndarray, corners: np.ndarray) -> float:
    rows, columns = probabilities.shape
    most = np.array([columns - 1, rows - 1])
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, most)
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, most)
    part = probabilities[low[1] : high[1] + 1, low[0] : high[0] + 1]
    covered = inside(np.trunc(corners - low), *part.shape)
    return float(part[covered].mean()) if covered.any() else 0.0


def _in_reading_order(boxes: list[Box]) -> list[Box]:
    """By rows from above, and from left to right in each row."""
    boxes = sorted(boxes, key=lambda box: float(box.corners[0, 1]))
    row, rows = 0, []
    for number, box in enumerate(boxes):
        if number and box.corners[0, 1] - boxes[number - 1].corners[0, 1] >= ROW:
            row += 1
        rows.append(row)
    order = sorted(range(len(boxes)), key=lambda n: (rows[n], float(boxes[n].corners[0, 0])))
    return [boxes[n] for n in order]
