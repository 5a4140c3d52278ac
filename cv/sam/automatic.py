"""Masks of everything in a picture, from a grid of points (Kirillov et al. 2023, appendix B).

Definition: Meta's `SamAutomaticMaskGenerator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...hub.download import progress_bar
from ..masks import decode_rle, encode_rle, mask_box, suppressed, without_small_regions

if TYPE_CHECKING:
    from .tasks import SAMImageSegmenter

Report = Callable[[int], None]
_NEAR = 20.0  # pixels: a mask whose box comes so near to where a part was cut off is cut off too


@dataclass(frozen=True)
class Settings:
    """How masks of everything are found.

    Args:
        points_per_side: points of the grid along each side of the picture.
        points_per_batch: how many points are computed at a time.
        score_threshold: what a mask's predicted intersection over union must be above.
        stability_threshold: the least stability of a mask; see `FoundMask`.
        stability_offset: by how much the logits' threshold is moved for it.
        overlap_threshold: the intersection over union of two boxes above which the worse mask goes.
        crop_layers: how many times the picture is also cut in parts, of which each layer has four
            times as many as the one before.
        crop_overlap: by what share of the shorter side parts of the first layer overlap.
        crop_points_factor: by what the points of the grid are divided from layer to layer.
        min_area: pixels of a hole or an island of a mask below which it is filled or removed.

    Raises:
        ValueError: a number out of its range.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    score_threshold: float = 0.88
    stability_threshold: float = 0.95
    stability_offset: float = 1.0
    overlap_threshold: float = 0.7
    crop_layers: int = 0
    crop_overlap: float = 512 / 1500
    crop_points_factor: int = 1
    min_area: int = 0

    def __post_init__(self) -> None:
        for name in ("points_per_side", "points_per_batch", "crop_points_factor"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be positive; got {getattr(self, name)}.")
        for name in ("stability_threshold", "overlap_threshold", "crop_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must lie between 0 and 1; got {getattr(self, name)}.")
        if not 0 <= self.crop_layers <= 4 or self.min_area < 0 or self.stability_offset < 0:
            raise ValueError(
                "`crop_layers` must lie between 0 and 4, `min_area` and `stability_offset` not be "
                f"negative; got {self.crop_layers}, {self.min_area} and {self.stability_offset}."
            )


@dataclass(frozen=True)
class FoundMask:
    """A mask that was found in a picture.

    Attributes:
        code: its run-length code in COCO's form, counts as a list.
        score: its intersection over union with an object, as the model predicts it.
        stability: the intersection over union of what a higher and a lower threshold of the logits
            give.
        box: the first and the last column and row: left, top, right, bottom.
        point: x and y of the point that gave it.
    """

    code: dict[str, Any]
    score: float
    stability: float
    box: tuple[int, int, int, int]
    point: tuple[float, float]

    @property
    def pixels(self) -> np.ndarray:
        """Booleans (height, width) of the picture."""
        return decode_rle(self.code)

    @property
    def area(self) -> int:
        """How many pixels belong to it."""
        return sum(self.code["counts"][1::2])

    def rle(self, compressed: bool = True) -> dict[str, Any]:
        """Returns its code in COCO's form; see `isozoo.cv.encode_rle`."""
        return encode_rle(self.pixels) if compressed else self.code


def segment_everything(
    model: SAMImageSegmenter, image: Any, settings: Settings, progress: bool | None
) -> list[FoundMask]:
    """Returns the masks of everything in an image of Pillow; see `SAMImageSegmenter.segment`."""
    parts = crop_boxes((image.height, image.width), settings.crop_layers, settings.crop_overlap)
    grids = [
        point_grid(max(1, int(settings.points_per_side / settings.crop_points_factor**layer)))
        for layer in range(settings.crop_layers + 1)
    ]
    total = sum(len(grids[layer]) for _, layer in parts)
    found: list[FoundMask] = []
    cuts: list[float] = []
    with progress_bar("masks", total, progress, unit=" points") as tell:
        for part, layer in parts:
            of_part = _of_part(model, image, part, grids[layer], settings, tell)
            found += of_part
            cuts += [(part[2] - part[0]) * (part[3] - part[1])] * len(of_part)
    if len(parts) > 1:  # masks from smaller parts are finer
        kept = suppressed(_boxes(found), 1 / np.array(cuts), settings.overlap_threshold)
        found = [found[place] for place in kept]
    if settings.min_area:
        found = _tidied(found, settings)
    return sorted(found, key=lambda mask: -mask.score)


def crop_boxes(
    size: tuple[int, int], layers: int, overlap: float
) -> list[tuple[tuple[int, int, int, int], int]]:
    """Returns the parts of a picture, left, top, right and bottom, each with its layer.

    Args:
        size: height and width of the picture.
        layers: how many layers there are beside the whole picture.
        overlap: by what share of the shorter side parts of the first layer overlap.
    """
    height, width = size
    found = [((0, 0, width, height), 0)]
    for layer in range(1, layers + 1):
        count = 2**layer
        shared = int(overlap * min(size) * 2 / count)
        wide, high = (math.ceil((shared * (count - 1) + side) / count) for side in (width, height))
        for left in (int((wide - shared) * place) for place in range(count)):
            for top in (int((high - shared) * place) for place in range(count)):
                part = left, top, min(left + wide, width), min(top + high, height)
                if part[2] > left and part[3] > top:
                    found.append((part, layer))
    return found


def point_grid(count: int) -> np.ndarray:
    """Returns the middles of count x count equal parts of a square, (count * count, 2), row by
    row: x and y in shares of it."""
    middles = (np.arange(count) + 0.5) / count
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def _of_part(
    model: SAMImageSegmenter,
    image: Any,
    part: tuple[int, int, int, int],
    grid: np.ndarray,
    settings: Settings,
    tell: Report,
) -> list[FoundMask]:
    """The masks of one part, in pixels of the picture."""
    scene = model.encode(image.crop(part))
    height, width = scene.size
    points = grid * (width, height)
    found: list[FoundMask] = []
    for start in range(0, len(points), settings.points_per_batch):
        batch = points[start : start + settings.points_per_batch]
        # Filled up, so that one compiled program serves all.
        filled = np.concatenate(
            [batch, np.repeat(batch[-1:], _missing(batch, points, settings), 0)]
        )
        places = scene.frame.places(filled)[:, None].astype(np.float32)
        logits, scores = scene.predict(points=places, labels=np.ones(places.shape[:2], np.int32))
        for mask in _good(logits[: len(batch), 1:], scores[: len(batch), 1:], scene, settings):
            pixels, score, stability, place = mask
            box = mask_box(pixels)
            if not _is_cut_off(box, part, image.size):
                found.append(_placed(pixels, score, stability, batch[place], box, part, image.size))
        tell(len(batch))
    kept = suppressed(_boxes(found), np.array([m.score for m in found]), settings.overlap_threshold)
    return [found[place] for place in kept]


def _missing(batch: np.ndarray, points: np.ndarray, settings: Settings) -> int:
    return min(settings.points_per_batch, len(points)) - len(batch)


def _good(
    logits: np.ndarray, scores: np.ndarray, scene: Any, settings: Settings
) -> Iterator[tuple[np.ndarray, float, float, int]]:
    """Yields (pixels, score, stability, number of the point) of masks that are good enough.

    Args:
        logits: (points, masks, rows, rows).
        scores: (points, masks).
        scene: the part that is encoded.
        settings: with the thresholds.
    """
    for place, which in np.argwhere(scores > settings.score_threshold):
        large = scene.frame.masks(logits[place, which])
        inner = np.count_nonzero(large > settings.stability_offset)
        outer = np.count_nonzero(large > -settings.stability_offset)
        stability = float(inner / outer) if outer else 0.0
        if stability >= settings.stability_threshold:
            yield large > 0, float(scores[place, which]), stability, int(place)


def _is_cut_off(
    box: tuple[int, ...], part: tuple[int, int, int, int], size: tuple[int, int]
) -> bool:
    """Whether a mask comes near an edge of its part that is not an edge of the picture."""
    corners = np.array(box) + (part[0], part[1], part[0], part[1])
    at_part = np.abs(corners - part) <= _NEAR
    at_picture = np.abs(corners - (0, 0, *size)) <= _NEAR
    return bool((at_part & ~at_picture).any())


def _placed(
    pixels: np.ndarray,
    score: float,
    stability: float,
    point: np.ndarray,
    box: tuple[int, int, int, int],
    part: tuple[int, int, int, int],
    size: tuple[int, int],
) -> FoundMask:
    """A mask of a part as one of the picture, whose size is (width, height)."""
    left, top, right, bottom = part
    whole = np.pad(pixels, ((top, size[1] - bottom), (left, size[0] - right)))
    x, y = point + (left, top)
    placed = (box[0] + left, box[1] + top, box[2] + left, box[3] + top)
    code = encode_rle(whole, compressed=False)
    return FoundMask(code, score, stability, placed, (float(x), float(y)))


def _tidied(found: list[FoundMask], settings: Settings) -> list[FoundMask]:
    """The masks without small holes and islands; of those that are equal then, an untouched one."""
    tidied, untouched = [], []
    for mask in found:
        pixels = mask.pixels
        clean = without_small_regions(pixels, settings.min_area)
        same = np.array_equal(clean, pixels)
        untouched.append(float(same))
        code = mask.code if same else encode_rle(clean, compressed=False)
        tidied.append(FoundMask(code, mask.score, mask.stability, mask_box(clean), mask.point))
    kept = suppressed(_boxes(tidied), np.array(untouched), settings.overlap_threshold)
    return [tidied[place] for place in kept]


def _boxes(found: list[FoundMask]) -> np.ndarray:
    return np.array([mask.box for mask in found], np.float64).reshape(-1, 4)
