"""Pictures with boxes drawn around the objects found in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..applications.drawing import write_png, write_sheet
from ..applications.images import load_image

if TYPE_CHECKING:
    from PIL import Image

# Told apart by people who do not see all colours (Okabe & Ito 2008), without yellow and black.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
PAPER = "#ffffff"


def draw_boxes(
    image: Any, objects: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]
) -> None:
    """Writes a PNG file of a picture with a box, a name and a score for each object.

    Args:
        image: what `applications.images.load_image` takes.
        objects: mappings with `index`, `label`, `score` and `box` (left, top, right, bottom in
            pixels), such as `Detected._asdict()`.
        path: the file to write; its folder must exist.

    Raises:
        ImageError: the picture cannot be read.
        OSError: the file cannot be written.
    """
    write_png(_with_boxes(load_image(image), objects), os.fspath(path))


def _with_boxes(picture: Image.Image, objects: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Returns a copy of a picture with boxes; those of low scores lie below the others."""
    from PIL import ImageDraw, ImageFont

    picture = picture.copy()
    longer = max(picture.size)
    line = max(2, round(longer / 250))
    font = ImageFont.load_default(max(10, round(longer / 40)))
    pen = ImageDraw.Draw(picture)
    for one in sorted(objects, key=lambda one: one["score"]):
        colour = COLOURS[one["index"] % len(COLOURS)]
        left, top, right, bottom = one["box"]
        pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=line)
        text = f"{one['label']} {one['score']:.0%}" if one["score"] >= 0.01 else one["label"]
        _, _, width, height = pen.textbbox((0, 0), text, font)
        # Above the box where there is room, else inside of it; never outside of the picture.
        over = top - height - 2 * line
        start = (
            min(max(0, left), max(0, picture.width - width - 2 * line)),
            over if over >= 0 else max(0, min(top, picture.height - height - 2 * line)),
        )
        end = start[0] + width + 2 * line, start[1] + height + 2 * line
        pen.rectangle((*start, *end), colour)
        pen.text((start[0] + line, start[1] + line), text, PAPER, font)
    return picture


def draw_box_sheet(results: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Writes a PNG file: small pictures in rows with their boxes, each with its name below it.

    Args:
        results: dicts of `input`, a path, and `objects`, or of `error`; at most 200. Damaged files
            stand as empty tiles.
        path: the file to write; its folder must exist.

    Raises:
        ImageError: a picture cannot be read any more.
        ValueError: no results, or more than 200.
    """

    def told(result: Mapping[str, Any]) -> tuple[Any, list[str]]:
        name = os.path.basename(result["input"])
        if "error" in result:
            return None, [f"not read: {name}"]
        return _with_boxes(load_image(result["input"]), result["objects"]), [name]

    write_sheet(results, told, path, tile=240, columns=4, lines=1)
