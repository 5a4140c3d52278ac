"""PP-OCR that reads the text in pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...applications.preprocessing import as_list, is_one
from ...framework import ops
from ...framework.typing import Tensor
from ...hub.graph_tasks import GraphTask
from .adapters import TextReaderCommandLineAdapter, TextReaderParityAdapter, TextReaderPresetAdapter
from .boxes import Box, text_boxes
from .cutting import cut_out
from .preprocessing import Page, PPOCRPreprocessor, proportion

# From which probability on a line is taken to stand on its head.
SURE = 0.9


class TextLine(NamedTuple):
    """A line of text in a picture.

    Attributes:
        text: what it says.
        score: the mean probability of its characters.
        polygon: its corners, (column, row) each, in pixels: where the text's upper left would be if
            the line were not turned by more than a quarter, and on from there clockwise.
    """

    text: str
    score: float
    polygon: tuple[tuple[float, float], ...]


class PPOCRTextReader(GraphTask):
    """PP-OCR: a detector of lines, a classifier of their direction, and a recognizer.

    Called with pages (batch, 3, height, width), whose sides are multiples of 32 and whose values
    lie between -1 and 1, blue first, it gives the probability of text at each pixel, (batch, 1,
    height, width). What it is for is `read`.

    Definition: "PP-OCR: A Practical Ultra Lightweight OCR System" (Du et al. 2020), with the steps
    between the networks that rapidocr 3.10 takes.

    Args:
        detector: a graph; see `GraphTask`.
        recognizer: a graph.
        classifier: a graph; None where lines never stand on their heads.
        dtype: of the weights; the graphs' own when None.
        name: of the model.
    """

    detector: Any
    recognizer: Any
    classifier: Any
    preset_adapter = TextReaderPresetAdapter
    command_line_adapter = TextReaderCommandLineAdapter
    parity_adapter = TextReaderParityAdapter

    def __init__(
        self,
        detector: Any,
        recognizer: Any,
        classifier: Any = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        parts = {"detector": detector, "recognizer": recognizer, "classifier": classifier}
        super().__init__(parts, dtype, name)

    def call(self, pages: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the probability of text at each pixel of pages; see the class."""
        return self.detector(pages)

    def recognize(self, lines: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the most probable class at each place of lines, and its probability.

        Args:
            lines: (batch, 3, 48, width); see `PPOCRPreprocessor.for_recognizer`.

        Returns:
            int32 and float tensors (batch, places).
        """
        shares = self.recognizer(lines)
        return ops.cast(ops.argmax(shares, -1), "int32"), ops.max(shares, -1)

    def direct(self, lines: Tensor) -> Tensor:
        """Returns the probabilities that lines stand upright and on their heads, (batch, 2).

        Args:
            lines: (batch, 3, 48, 192); see `PPOCRPreprocessor.for_classifier`.
        """
        return self.classifier(lines)

    def read(self, images: Any, score: float = 0.5) -> Any:
        """Returns the lines of text in one picture or in each of several, in the order of reading.

        Args:
            images: a path, an image of Pillow, a uint8 array (height, width, 3); or a list of
                these, or an array (batch, height, width, 3).
            score: lines below it are left out.

        Returns:
            For one picture a list of `TextLine`; for several, a list of such lists.

        Raises:
            ImageError: a picture cannot be read.
            ValueError: a score out of its range, no picture, or no preprocessor.
        """
        if not 0 <= score <= 1:
            raise ValueError(f"`score` must lie between 0 and 1; got {score}.")
        pictures = as_list(images)
        if not pictures:
            raise ValueError("No pictures were given: one is expected at least.")
        found = [self._read(picture, score) for picture in pictures]
        return found[0] if is_one(images) else found

    def _read(self, picture: Any, least: float) -> list[TextLine]:
        page = self.checked_preprocessor().page(picture)
        boxes = self.boxes(page)
        if not boxes:
            return []
        lines = self._upright([cut_out(page.pixels, box.corners) for box in boxes])
        found = []
        for box, (text, score) in zip(boxes, self._texts(lines), strict=True):
            if text.strip() and score >= least:
                corners = page.to_picture(box.corners).tolist()
                found.append(TextLine(text, score, tuple((x, y) for x, y in corners)))
        return found

    def boxes(self, page: Page) -> list[Box]:
        """Returns the quadrangles around the lines of a page; see `text_boxes`.

        Args:
            page: of the preprocessor's method `page`.
        """
        pixels = self.checked_preprocessor().for_detector(page)
        shares = ops.convert_to_numpy(self.infer(pixels))
        return text_boxes(shares[0, 0].astype(np.float32), *page.pixels.shape[:2])

    def _upright(self, lines: list[np.ndarray]) -> list[np.ndarray]:
        if self.classifier is None:
            return lines
        preprocess, direct = self.checked_preprocessor(), self.compiled_method("direct")

        def probabilities(chosen: Sequence[np.ndarray]) -> np.ndarray:
            return ops.convert_to_numpy(direct(preprocess.for_classifier(chosen)))

        turned = self._in_batches(lines, probabilities)
        return [
            line[::-1, ::-1] if share[1] > max(share[0], SURE) else line
            for line, share in zip(lines, turned, strict=True)
        ]

    def _texts(self, lines: list[np.ndarray]) -> list[tuple[str, float]]:
        preprocess, recognize = self.checked_preprocessor(), self.compiled_method("recognize")

        def texts(chosen: Sequence[np.ndarray]) -> list[tuple[str, float]]:
            found = recognize(preprocess.for_recognizer(chosen))
            return list(map(preprocess.text, *map(ops.convert_to_numpy, found)))

        return self._in_batches(lines, texts)

    def _in_batches(
        self, lines: list[np.ndarray], compute: Callable[[Sequence[np.ndarray]], Any]
    ) -> list[Any]:
        """What `compute` gives for each line; those of like proportions come together."""
        size = self.checked_preprocessor().batch_size
        order = sorted(range(len(lines)), key=lambda number: proportion(lines[number]))
        found: list[Any] = [None] * len(lines)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            results = compute([lines[number] for number in chosen])
            for number, result in zip(chosen, results, strict=True):
                found[number] = result
        return found

    def checked_preprocessor(self) -> PPOCRPreprocessor:
        """Returns the preprocessor. ValueError where there is none."""
        if self.preprocessor is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = PPOCRPreprocessor(characters)` first."
            )
        return self.preprocessor
