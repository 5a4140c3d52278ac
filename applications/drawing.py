"""Pictures with the classes found in them: one with a bar chart beside it, or a sheet of many."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .images import load_image

if TYPE_CHECKING:
    from ..hub.labels import Classified

HEIGHT, CHART_WIDTH, MARGIN = 320, 360, 16
PAPER, INK, BAR, TRACK = "#ffffff", "#1c2530", "#2f6fb3", "#e4e9ef"


def draw_classes(image: Any, classes: Sequence[Classified], path: str | os.PathLike[str]) -> None:
    """Writes a PNG file: the picture, and beside it a bar for the probability of each class.

    Args:
        image: what `load_image` takes.
        classes: as `ImageClassifier.classify` gives them for one picture, at most ten.
        path: the file to write; its folder must exist.

    Raises:
        ImageError: the picture cannot be read.
        ValueError: there are no classes, or more than ten.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not 1 <= len(classes) <= 10:
        raise ValueError(f"Between 1 and 10 classes can be drawn; got {len(classes)}.")
    picture = load_image(image)
    width = max(1, round(picture.width * HEIGHT / picture.height))
    picture = picture.resize((width, HEIGHT), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (width + CHART_WIDTH, HEIGHT), PAPER)
    sheet.paste(picture, (0, 0))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    left, right = width + MARGIN, width + CHART_WIDTH - MARGIN
    row = (HEIGHT - 2 * MARGIN) / len(classes)
    for place, (_, label, probability) in enumerate(classes):
        middle = MARGIN + row * (place + 0.5)
        share = f"{probability:.1%}"
        room = right - left - pen.textlength(share, font) - MARGIN
        pen.text((left, middle - 4), fitting(label, room, pen, font), INK, font, anchor="ls")
        pen.text((right, middle - 4), share, INK, font, anchor="rs")
        pen.rectangle((left, middle + 2, right, middle + 8), TRACK)
        if probability * (right - left) >= 1:
            end = left + probability * (right - left)
            pen.rectangle((left, middle + 2, end, middle + 8), BAR)
    write_png(sheet, os.fspath(path))


MOST = 200  # pictures of a sheet


def draw_sheet(results: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Writes a PNG file: small pictures in rows, each with its most probable class below it.

    Args:
        results: as `classify_files` gives them; at most 200, damaged files stand as empty tiles.
        path: the file to write; its folder must exist.

    Raises:
        ImageError: a picture cannot be read any more.
        ValueError: no results, or more than 200.
    """

    def told(result: Mapping[str, Any]) -> tuple[Any, list[str]]:
        if "error" in result:
            return None, [os.path.basename(result["input"]), "not read"]
        best = result["classes"][0]
        return load_image(result["input"]), [best["label"], f"{best['probability']:.1%}"]

    write_sheet(results, told, path, tile=160, columns=5, lines=2)


def write_sheet(
    results: Sequence[Mapping[str, Any]],
    told: Callable[[Mapping[str, Any]], tuple[Any, list[str]]],
    path: str | os.PathLike[str],
    *,
    tile: int,
    columns: int,
    lines: int,
) -> None:
    """Writes a PNG file: small pictures in rows, each with lines of text below it.

    Args:
        results: what each tile shows; at most 200.
        told: a result -> its picture (None for an empty tile), and its lines.
        path: the file to write; its folder must exist.
        tile: the side of a picture's place in pixels.
        columns: most pictures of a row.
        lines: how many lines of text there is room for.

    Raises:
        ValueError: no results, or more than 200; besides what `told` raises.
    """
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    if not 1 <= len(results) <= MOST:
        raise ValueError(f"Between 1 and {MOST} pictures make a sheet; got {len(results)}.")
    columns = min(columns, len(results))
    rows = -(-len(results) // columns)
    across, down = tile + MARGIN, tile + MARGIN + 6 + 17 * lines
    sheet = Image.new("RGB", (columns * across + MARGIN, rows * down + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, result in enumerate(results):
        left, top = MARGIN + place % columns * across, MARGIN + place // columns * down
        picture, words = told(result)
        if picture is None:
            pen.rectangle((left, top, left + tile, top + tile), TRACK)
        else:
            small = ImageOps.contain(picture, (tile, tile))
            sheet.paste(small, (left + (tile - small.width) // 2, top + (tile - small.height) // 2))
        for number, line in enumerate(words):
            text = fitting(line, tile, pen, font)
            pen.text((left, top + tile + 4 + 17 * number), text, INK, font)
    write_png(sheet, os.fspath(path))


def fitting(label: str, room: float, pen: Any, font: Any) -> str:
    """Returns the label, cut short with an ellipsis where it is wider than `room` pixels."""
    if pen.textlength(label, font) <= room:
        return label
    while label and pen.textlength(label + "…", font) > room:
        label = label[:-1]
    return label + "…"


def write_png(sheet: Any, path: str) -> None:
    """Writes an image of Pillow as a PNG file, whole or not at all. Raises OSError."""
    # Beside the target, so that the last step is a rename and no half of a file is ever seen.
    partial = f"{path}.{os.getpid()}.part"
    try:
        sheet.save(partial, format="PNG")
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
