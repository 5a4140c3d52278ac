"""Draws docs/text.png: what PP-OCR reads on a page, and where.

python -m isozoo.scripts.draw_text docs/text.png
python -m isozoo.scripts.draw_text --page tests/data/page.png   # the page itself
"""

import argparse
from pathlib import Path
from typing import Any

from ..applications.drawing import write_png

PRESET = "ppocr_v6_small"
PAGE = Path(__file__).resolve().parent.parent / "tests" / "data" / "page.png"
PAPER, WIDTH, HEIGHT = "#f7f4ec", 720, 480
SENTENCE = (
    "Ships that sailed on 17 March 1904 came home",
    "with 2,450 barrels of oil, three parrots and",
    "a clock which had stopped at half past nine.",
)


def draw_page() -> Any:
    """Returns a page, an image of Pillow: lines of three sizes, on paper and on a plate; one is
    turned by 18 degrees, one stands on its head."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default
    pen.text((40, 30), "THE HARBOUR GAZETTE", "#222222", font(40))
    for number, line in enumerate(SENTENCE):
        pen.text((40, 110 + 38 * number), line, "#333333", font(22))
    pen.rectangle((40, 260, 340, 340), "#225577")
    pen.text((60, 280), "Tickets: $ 12.50", "#ffffff", font(30))
    pen.text((400, 400), "page 7 of 12", "#555555", font(18))
    turned = (
        ("rain tomorrow", 34, "#aa2222", 18, (390, 230)),
        ("upside down", 28, "#226622", 180, (40, 390)),
    )
    for text, size, colour, degrees, place in turned:
        strip = Image.new("RGBA", (300, round(size * 1.8)), (0, 0, 0, 0))
        ImageDraw.Draw(strip).text((5, 5), text, colour, font(size))
        strip = strip.rotate(degrees, expand=True)
        page.paste(strip, place, strip)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", help="the PNG file to write")
    parser.add_argument("--page", action="store_true", help="write the page, and read nothing")
    parser.add_argument("--backend", default="torch")
    arguments = parser.parse_args()
    if arguments.page:
        write_png(draw_page(), arguments.out)
        return
    from ..hub import load_preset

    reader = load_preset(PRESET, backend=arguments.backend)
    lines = reader.read(PAGE)
    reader.draw(str(PAGE), {"lines": [line._asdict() for line in lines]}, arguments.out)
    print(f"{arguments.out}: {len(lines)} lines")


if __name__ == "__main__":
    main()
