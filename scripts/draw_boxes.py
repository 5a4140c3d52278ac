"""Draws docs/boxes.png: what a published YOLOv8n finds in a photo.

    ISOZOO_ACCEPT_LICENCE=AGPL-3.0 python -m isozoo.scripts.draw_boxes docs/boxes.png

The weights, of a package, were trained for five epochs on obstacles of railways, so that their
scores in a photo of a cup of coffee are low: the picture shows that boxes come out where the
original has them, not that they are right.
"""

import argparse
from pathlib import Path

PRESET, SCORE = "yolov8n_railway", 0.0045


def main(argv: list[str] | None = None) -> int:
    """Draw the picture, and print the objects in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("to", type=Path, help="the file to write")
    parser.add_argument("--photo", type=Path, default=Path("tests/data/coffee.jpg"), help="a photo")
    parser.add_argument("--score", type=float, default=SCORE, help="the least score")
    arguments = parser.parse_args(argv)

    from ..cv import draw_boxes
    from ..hub import load_preset

    found = load_preset(PRESET).detect(arguments.photo, score=arguments.score)
    draw_boxes(arguments.photo, [one._asdict() for one in found], arguments.to)
    for one in found:
        print(f"{one.score:.4f} {one.label} {[round(side) for side in one.box]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
