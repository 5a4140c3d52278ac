"""Labelled texts and pictures: read from a user's files, and split for validation."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
_TEXT_NAMES = ("text", "sentence", "review", "content")
_LABEL_NAMES = ("label", "class", "category", "target", "sentiment")
_MAX_CLASSES = 10_000


class DataError(ValueError):
    """Labelled data that cannot be used; the message says where, and what is expected."""


@dataclass
class Labelled:
    """Examples with the names of their classes.

    Attributes:
        kind: "texts" or "images".
        inputs: texts, or paths of images.
        labels: the name of each example's class.
        classes: the names of all classes, sorted.
    """

    kind: str
    inputs: list[str]
    labels: list[str]
    classes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = sorted(set(self.labels))

    @property
    def task(self) -> str:
        """The task that learns from the data."""
        return "text_classifier" if self.kind == "texts" else "image_classifier"

    def numbers(self) -> np.ndarray:
        """Returns the number of each example's class, int32 (n,)."""
        at = {name: number for number, name in enumerate(self.classes)}
        return np.array([at[name] for name in self.labels], np.int32)

    def split(
        self, fraction: float, seed: int
    ) -> tuple[tuple[list[str], np.ndarray], tuple[list[str], np.ndarray]]:
        """Returns (inputs, class numbers) to train on and to validate with, drawn class by class.

        Args:
            fraction: the share of each class, rounded, that is for validation.
            seed: of the draw.
        """
        numbers = self.numbers()
        order = np.random.default_rng(seed).permutation(len(numbers))
        held: list[int] = []
        for number in range(len(self.classes)):
            rows = order[numbers[order] == number]
            held += rows[: round(fraction * len(rows))].tolist()
        out = set(held)
        train = [int(i) for i in order if int(i) not in out]
        parts = [([self.inputs[i] for i in rows], numbers[rows]) for rows in (train, held)]
        return parts[0], parts[1]


def read_classes(
    path: str | os.PathLike[str], text_column: str | None = None, label_column: str | None = None
) -> Labelled:
    """Reads examples of classes: a CSV or TSV file of texts, or a folder of folders of images.

    Args:
        path: a file whose name ends in `.csv` or `.tsv` and whose first line names the columns, or
            a folder that holds a folder of images for each class.
        text_column: the column of texts; "text", "sentence", "review" or "content" if None.
        label_column: the column of classes; "label", "class", "category", "target" or "sentiment"
            if None.

    Raises:
        DataError: no such file, no such column, a row without a text or a class, fewer than two
            classes, a folder without images.
    """
    path = Path(path)
    if path.is_dir():
        found = _folder(path)
    elif path.is_file() and path.suffix.lower() in (".csv", ".tsv"):
        found = _table(path, text_column, label_column)
    elif path.is_file():
        raise DataError(f"{path}: expected a .csv or .tsv file, or a folder of class folders.")
    else:
        raise DataError(f"{path}: there is no such file or folder.")
    if len(found.classes) < 2:
        raise DataError(f"{path}: at least two classes are needed; it has {found.classes}.")
    if len(found.classes) > _MAX_CLASSES:
        raise DataError(
            f"{path}: {len(found.classes)} different classes in {len(found.labels)} rows; is "
            "the label column that of the classes? Name it with --label-column."
        )
    return found


def _table(path: Path, text_column: str | None, label_column: str | None) -> Labelled:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    texts, labels = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, dialect=dialect, strict=True)
            names = list(rows.fieldnames or ())
            text = _column(path, names, text_column, _TEXT_NAMES, "text")
            label = _column(path, names, label_column, _LABEL_NAMES, "label")
            for row in rows:
                if not row[text] or not row[label]:
                    raise DataError(
                        f"{path}, line {rows.line_num}: a text and a label are needed; got "
                        f"{row[text]!r} and {row[label]!r}."
                    )
                texts.append(row[text])
                labels.append(row[label].strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: it cannot be read as a table in UTF-8: {error}") from error
    if not texts:
        raise DataError(f"{path}: there is no row below the names of the columns.")
    return Labelled("texts", texts, labels)


def _column(
    path: Path, names: list[str], asked: str | None, usual: Sequence[str], what: str
) -> str:
    if asked is not None:
        if asked in names:
            return asked
        raise DataError(f"{path}: there is no column {asked!r}; its columns are {names}.")
    found = [name for name in names if name.strip().lower() in usual]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"{path}: which column holds each row's {what}? Its first line names {names}; one of "
        f"{', '.join(usual)} is expected, or say it with --{what}-column."
    )


def _folder(path: Path) -> Labelled:
    inputs, labels = [], []
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")):
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES)
        inputs += [str(file) for file in files]
        labels += [folder.name] * len(files)
    if not inputs:
        raise DataError(
            f"{path}: no images were found. A folder for each class is expected, with images in "
            f"it ({', '.join(sorted(IMAGES))})."
        )
    return Labelled("images", inputs, labels)
