"""Masks as COCO's run-length codes, their boxes and regions, and pictures of them."""

from __future__ import annotations

import colorsys
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..applications.images import MAX_PIXELS, load_image, pillow
from ..framework.config import use_backend
from ..framework.files import atomic_path
from .suppression import non_max_suppression

# Beyond this a code of runs is an attack or a mistake; a mask of as many runs has no shape.
_MAX_CODE = 16 << 20


def encode_rle(mask: np.ndarray, compressed: bool = True) -> dict[str, Any]:
    """Returns the code of a mask in COCO's form: `size`, (height, width), and `counts`.

    The counts are the lengths of runs down one column after the other, of places outside and
    inside by turns, outside first. Compressed they are a text, as in COCO's files and from
    `pycocotools.mask.encode`; else a list of numbers.

    Args:
        mask: booleans (height, width).
        compressed: whether the counts are a text.

    Raises:
        ValueError: an array of another rank.
    """
    mask = np.asarray(mask, bool)
    if mask.ndim != 2:
        raise ValueError(f"A mask has the shape (height, width); got {mask.shape}.")
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist() if flat.size else [0]
    if flat.size and flat[0]:
        counts.insert(0, 0)
    size = [int(n) for n in mask.shape]
    return {"size": size, "counts": _compress(counts) if compressed else counts}


def decode_rle(code: Mapping[str, Any]) -> np.ndarray:
    """Returns the mask of a code in COCO's form, booleans (height, width); see `encode_rle`.

    Raises:
        ValueError: it is no such code, or its runs are not as long as the mask is large.
    """
    size, counts = code.get("size"), code.get("counts")
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(map(_is_size, size))):
        raise ValueError(f"A mask's code has a `size`, [height, width]; got {size!r}.")
    height, width = size
    if height * width > MAX_PIXELS:
        raise ValueError(f"A mask of {height}x{width} is larger than {MAX_PIXELS} pixels.")
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", "replace")
    if not isinstance(counts, str | list | tuple) or len(counts) > _MAX_CODE:
        raise ValueError("A mask's code has `counts`, a text or a list of lengths of runs.")
    runs = _expand(counts) if isinstance(counts, str) else counts
    if not all(isinstance(run, int) and run >= 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(
            f"The runs of a mask of {height}x{width} are whole numbers that add up to "
            f"{height * width}; those of this code do not."
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _compress(counts: Sequence[int]) -> str:
    """COCO's text of runs: each less the one two before it, five bits in a character."""
    found = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            found.append(chr((bits | 32 if more else bits) + 48))
            if not more:
                break
    return "".join(found)


def _expand(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise ValueError(f"{letter!r} does not belong to a mask's code.")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("A mask's code ends in the middle of a number.")
    return runs


def mask_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Returns the first and the last column and row of a mask: left, top, right, bottom.

    Of an empty mask these are four zeros.

    Args:
        mask: booleans (height, width).
    """
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not rows.size:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def regions(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of the region of each place, and the regions' areas.

    Places that touch along a side or at a corner are of one region. The first is int32 of the shape
    of `mask`: 0 outside of the mask, and regions from 1 on in the order of their first rows; the
    second is (regions + 1,), the area outside first.

    Args:
        mask: booleans (height, width).
    """
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    row, start = np.nonzero(steps == 1)  # runs along rows, in reading order
    stop = np.nonzero(steps == -1)[1]
    above = np.searchsorted(row, np.arange(height + 1))  # where the runs of each row begin
    label = list(range(len(row)))

    def root(run: int) -> int:
        while label[run] != run:
            label[run] = label[label[run]]
            run = label[run]
        return run

    for line in range(1, height):
        upper, end = above[line - 1], above[line]
        for run in range(above[line], above[line + 1]):
            while upper < end and stop[upper] < start[run]:
                upper += 1
            other = upper
            while other < end and start[other] <= stop[run]:
                one, two = root(int(other)), root(run)
                label[max(one, two)] = min(one, two)
                other += 1
    roots = np.array([root(run) for run in range(len(row))], int)
    numbers = np.unique(roots, return_inverse=True)[1].astype(np.int32) + 1
    found = np.zeros((height, width), np.int32)
    for line, left, right, number in zip(row, start, stop, numbers, strict=True):
        found[line, left:right] = number
    return found, np.bincount(found.reshape(-1), minlength=int(numbers.max(initial=0)) + 1)


def without_small_regions(mask: np.ndarray, min_area: int) -> np.ndarray:
    """Returns the mask with holes of fewer than `min_area` places filled, then islands removed.

    Where all islands are smaller, the largest stays.

    Args:
        mask: booleans (height, width).
        min_area: how many places a hole or an island that stays has at least.
    """
    holes, areas = regions(~mask)
    small = areas < min_area
    small[0] = False
    mask = mask | small[holes]
    islands, areas = regions(mask)
    kept = areas >= min_area
    kept[0] = False
    if len(areas) > 1 and not kept.any():
        kept[1 + int(np.argmax(areas[1:]))] = True
    return kept[islands]


def suppressed(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Returns which boxes stay when those that overlap a better one are dropped, the best first.

    See `non_max_suppression`; it runs on the host here.

    Args:
        boxes: (boxes, 4): left, top, right, bottom.
        scores: (boxes,), any numbers; of equal ones the first box is the better.
        threshold: the intersection over the union above which a box is dropped.
    """
    count = len(scores)
    if not count:
        return np.zeros(0, int)
    ranks = np.empty((1, count), np.float32)
    ranks[0, np.argsort(-np.asarray(scores), kind="stable")] = np.arange(count, 0, -1) / count
    with use_backend("numpy"):
        found, kept = non_max_suppression(
            np.asarray(boxes, np.float32)[None],
            ranks,
            score_threshold=0.0,
            iou_threshold=threshold,
            max_boxes=count,
        )
    return np.asarray(found)[0, : int(np.asarray(kept)[0])]


def draw_masks(
    image: Any,
    masks: Sequence[np.ndarray | Mapping[str, Any]],
    path: str | os.PathLike[str],
    points: Sequence[Sequence[float]] = (),
    boxes: Sequence[Sequence[float]] = (),
) -> None:
    """Writes a PNG file: the picture with each mask in a colour of its own, and its outline.

    Large masks lie below small ones. Points are drawn as discs, those that do not belong to the
    object (whose third number is 0) as rings; boxes as frames.

    Args:
        image: what `isozoo.applications` take: a path, an image of Pillow, a uint8 array.
        masks: booleans of the picture's (height, width), or codes of `encode_rle`.
        path: the file to write; its folder must exist.
        points: x and y in pixels, and perhaps a label.
        boxes: left, top, right and bottom in pixels.

    Raises:
        ImageError: the picture cannot be read.
        ValueError: a mask of another size than the picture.
    """
    from PIL import ImageDraw

    picture = load_image(image)
    pixels = np.asarray(picture, np.float32).copy()
    found = [decode_rle(mask) if isinstance(mask, Mapping) else np.asarray(mask) for mask in masks]
    for mask in found:
        if mask.shape != pixels.shape[:2]:
            raise ValueError(
                f"A mask of {mask.shape} does not fit a picture of {pixels.shape[:2]} (height, "
                "width)."
            )
    for place in np.argsort([-int(mask.sum()) for mask in found], kind="stable"):
        mask, colour = found[place] > 0, _colour(int(place))
        pixels[mask] += 0.5 * (colour - pixels[mask])
        pixels[mask & ~_inner(mask)] = colour
    sheet = pillow().fromarray(np.rint(pixels).astype(np.uint8))
    pen, size = ImageDraw.Draw(sheet), max(3, max(sheet.size) // 150)
    for box in boxes:
        pen.rectangle(tuple(box), outline="#ffffff", width=max(1, size // 2))
    for x, y, *label in points:
        fill = None if label and not label[0] else "#ffffff"
        place = (x - size, y - size, x + size, y + size)
        pen.ellipse(place, fill=fill, outline="#000000" if fill else "#ffffff", width=size // 3 + 1)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def _colour(number: int) -> np.ndarray:
    """A colour of 0 to 255, as unlike those before it as may be: steps of the golden ratio."""
    return 255 * np.array(colorsys.hsv_to_rgb(0.6 + number * 0.6180339887 % 1.0, 0.75, 1.0))


def _inner(mask: np.ndarray) -> np.ndarray:
    """The places of a mask whose four neighbours belong to it too."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
