"""What PP-OCR's networks take: a page in a size for the detector, and lines for the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...applications.images import load_image
from ...hub.bases import Preprocessor
from ..letterbox import resize

# Sides of pages for the detector are multiples of it.
STRIDE = 32
# A picture that is wider than high by more, or not higher than LEAST_HEIGHT, stands between bars.
WIDEST, LEAST_HEIGHT = 8, 30
# In what rooms lines are for the classifier of directions and for the recognizer.
DIRECTION_WIDTH, LINE_HEIGHT, LINE_WIDTH = 192, 48, 320
MOST_CHARACTERS = 1 << 20


class Page(NamedTuple):
    """A picture as lines are cut from it, and the way back.

    Attributes:
        pixels: uint8 (rows, columns, 3): blue, green, red.
        bar: rows that stand above the picture in it.
        scale: of its columns and rows to those of the picture.
        height, width: of the picture.
    """

    pixels: np.ndarray
    bar: int
    scale: tuple[float, float]
    height: int
    width: int

    def to_picture(self, corners: np.ndarray) -> np.ndarray:
        """Returns points (count, 2) of the page as points of the picture, inside of it."""
        return np.clip((corners - (0, self.bar)) * self.scale, 0, (self.width, self.height))


class PPOCRPreprocessor(Preprocessor):
    """Pictures to the arrays of PP-OCR's networks, (batch, 3, rows, columns) from -1 to 1.

    Sizes are those of PaddleOCR; colours come in its order, blue first. Pixels are interpolated as
    in OpenCV.

    Args:
        characters: what the recognizer's classes stand for, without the blank before them and the
            space behind them.
        shorter_side: of a page for the detector at least, in pixels.
        longest_side: to which larger pictures are made smaller.
        width_step: of which the width of a batch of lines is a multiple. The original takes 1; a
            larger one means fewer widths, for each of which a compiled program is made.
        batch_size: how many lines are read at a time.

    Raises:
        ValueError: no characters, or a number that is not positive.
    """

    task = "text_reader"

    def __init__(
        self,
        characters: Sequence[str],
        shorter_side: int = 736,
        longest_side: int = 2000,
        width_step: int = 80,
        batch_size: int = 6,
    ) -> None:
        self.characters = tuple(characters)
        if not 1 <= len(self.characters) <= MOST_CHARACTERS:
            raise ValueError(f"1 to {MOST_CHARACTERS} characters are expected.")
        numbers = (shorter_side, longest_side, width_step, batch_size)
        if any(type(n) is not int or not 1 <= n <= 1 << 14 for n in numbers):
            raise ValueError(f"Sizes are whole numbers from 1 to {1 << 14}; got {numbers}.")
        self.shorter_side, self.longest_side = shorter_side, longest_side
        self.width_step, self.batch_size = width_step, batch_size

    def __call__(self, inputs: Any) -> np.ndarray:
        """Returns a picture for the detector, float32 (1, 3, rows, columns)."""
        return self.for_detector(self.page(inputs))

    def page(self, picture: Any) -> Page:
        """Returns a picture in the size in which lines are cut from it.

        Args:
            picture: see `applications.images.load_image`.

        Raises:
            ImageError: it cannot be read.
        """
        pixels = np.ascontiguousarray(np.asarray(load_image(picture))[:, :, ::-1])
        height, width = pixels.shape[:2]
        rows, columns = height, width
        if max(rows, columns) > self.longest_side:
            rows, columns = _multiples(rows, columns, self.longest_side / max(rows, columns))
        if min(rows, columns) < LEAST_HEIGHT:
            rows, columns = _multiples(rows, columns, LEAST_HEIGHT / min(rows, columns))
        pixels = resize(pixels, rows, columns)
        bar = 0
        if rows <= LEAST_HEIGHT or columns > WIDEST * rows:
            bar = abs(max(columns // WIDEST, LEAST_HEIGHT) * 2 - rows) // 2
            pixels = np.pad(pixels, ((bar, bar), (0, 0), (0, 0)))
        return Page(pixels, bar, (width / columns, height / rows), height, width)

    def for_detector(self, page: Page) -> np.ndarray:
        """Returns a page for the detector, float32 (1, 3, rows, columns)."""
        rows, columns = page.pixels.shape[:2]
        scale = max(1.0, self.shorter_side / min(rows, columns))
        pixels = resize(page.pixels, *_multiples(rows, columns, scale))
        return _centred(pixels)[None]

    def for_classifier(self, lines: Sequence[np.ndarray]) -> np.ndarray:
        """Returns lines for the classifier of directions, float32 (lines, 3, 48, 192)."""
        return np.stack([_line(line, DIRECTION_WIDTH) for line in lines])

    def for_recognizer(self, lines: Sequence[np.ndarray]) -> np.ndarray:
        """Returns lines for the recognizer, float32 (lines, 3, 48, columns)."""
        widest = max([LINE_WIDTH / LINE_HEIGHT, *map(proportion, lines)])
        columns = -(-int(LINE_HEIGHT * widest) // self.width_step) * self.width_step
        return np.stack([_line(line, columns) for line in lines])

    def text(self, classes: np.ndarray, scores: np.ndarray) -> tuple[str, float]:
        """Returns the text of a line, and the mean score of its characters (0 where it has none).

        Repetitions are one character, and a blank parts two of the same (Graves et al. 2006).

        Args:
            classes: the most probable class of each place, (places,).
            scores: their probabilities, (places,).
        """
        starts = np.append(True, classes[1:] != classes[:-1]) & (classes != 0)
        known = (None, *self.characters, " ")
        text = "".join(str(known[number]) for number in classes[starts].tolist())
        return text, float(scores[starts].mean(dtype=np.float64)) if starts.any() else 0.0


def proportion(pixels: np.ndarray) -> float:
    """Returns the width of a picture over its height."""
    return pixels.shape[1] / pixels.shape[0]


def _multiples(rows: int, columns: int, scale: float) -> tuple[int, int]:
    """Sizes near the scaled ones that are multiples of the stride."""
    return (
        max(1, round(int(rows * scale) / STRIDE)) * STRIDE,
        max(1, round(int(columns * scale) / STRIDE)) * STRIDE,
    )


def _line(line: np.ndarray, columns: int) -> np.ndarray:
    """A line at the left of its room, whose rest is grey."""
    width = min(math.ceil(LINE_HEIGHT * proportion(line)), columns)
    found = np.zeros((3, LINE_HEIGHT, columns), np.float32)
    found[:, :, :width] = _centred(resize(line, LINE_HEIGHT, width))
    return found


def _centred(pixels: np.ndarray) -> np.ndarray:
    return (pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255) - 0.5) / 0.5
