"""A picture with its lines of text in frames, and beside it what was read in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ...applications.drawing import fitting, write_png
from ...applications.images import load_image
from ..drawing import COLOURS, PAPER

INK, MARGIN, LEAST_TEXT = "#1c2530", 8, 11


def draw_lines(
    image: Any, lines: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]
) -> None:
    """Writes a PNG file: the picture with a frame around each line, and its text beside it.

    Letters are those of Pillow's own font, which knows Latin letters alone.

    Args:
        image: what `applications.images.load_image` takes.
        lines: mappings with `text`, `score` and `polygon` (four points), such as
            `TextLine._asdict()`.
        path: the file to write; its folder must exist.

    Raises:
        ImageError: the picture cannot be read.
        OSError: the file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = load_image(image)
    size = max(LEAST_TEXT, round(picture.height / 28))
    font, step = ImageFont.load_default(size), round(size * 1.6)
    width = max(240, picture.width)
    height = max(picture.height, step * len(lines) + 2 * MARGIN)
    sheet = Image.new("RGB", (picture.width + width, height), PAPER)
    sheet.paste(picture, (0, 0))
    pen = ImageDraw.Draw(sheet)
    line_width = max(2, round(max(picture.size) / 350))
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        corners = [tuple(corner) for corner in line["polygon"]]
        pen.line([*corners, corners[0], corners[1]], colour, line_width, joint="curve")
        top = MARGIN + number * step
        left = picture.width + MARGIN
        pen.rectangle((left, top + 2, left + size // 2, top + step - 4), colour)
        share = f"{line['score']:.1%}"
        room = width - 4 * MARGIN - size // 2 - pen.textlength(share, font)
        text = fitting(line["text"], room, pen, font)
        pen.text((left + size // 2 + MARGIN, top), text, INK, font)
        pen.text((sheet.width - MARGIN, top), share, INK, font, anchor="ra")
    write_png(sheet, os.fspath(path))
