"""Drawings of models in files: SVG by itself, PNG, JPEG and PDF by matplotlib."""

import html
import os
import sys
from pathlib import Path
from typing import Any

from ..files import write_atomically
from .boxes import Box, Cluster, Shown, boxes_of
from .dot import check_rest, model_to_dot
from .placing import Place, place

_SIZE = 12.0  # of letters, in points
_WIDE = 0.62  # a letter's width in shares of its height, on the safe side
_ROW = 28.0  # height of a row of a box
_MARGIN = 12.0
_ARROW = 5.0
_DARK, _GREEN, _RED = "#202020", "#228b22", "#b22222"


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draws a model into a file.

    Args:
        model: a model that is built.
        to_file: the path. Its ending is the format: .svg, which needs nothing else; .png (also
            where there is none), .jpg or .pdf, for which matplotlib is needed; .dot for text.
        show_shapes: whether boxes tell shapes.
        show_dtype: whether they tell dtypes.
        show_layer_names: whether they tell the layers' names beside their classes.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT" or "RL".
        expand_nested: whether models inside are drawn box by box, in a frame.
        dpi: dots in an inch of a PNG.
        show_layer_activations: whether boxes tell activations.
        show_trainable: whether they tell what training changes.
        splines: how arrows run in a .dot file; elsewhere they run straight.

    Returns:
        An `IPython.display.Image` (of an SVG, `SVG`) inside a notebook, else None.

    Raises:
        ValueError: the model is not built, or an argument or format is unknown.
        ImportError: matplotlib is needed and not installed.
        OSError: the file cannot be written.
    """
    check_rest(kwargs)
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f'`rankdir` must be "TB", "LR", "BT" or "RL". Received: {rankdir!r}')
    path = Path(to_file)
    form = path.suffix[1:].lower() or "png"
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    if form == "dot":
        text = model_to_dot(
            model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, False,
            show_layer_activations, show_trainable, splines,
        )  # fmt: skip
        write_atomically(path, str(text).encode())
        return None
    if form not in ("svg", "png", "jpg", "jpeg", "pdf"):
        raise ValueError(f"Unknown format {form!r}: expected svg, png, jpg, pdf or dot.")
    drawing = Drawing(*boxes_of(model, shown, expand_nested), rankdir)
    if form == "svg":
        write_atomically(path, drawing.svg().encode())
    else:
        _by_matplotlib(drawing, path, form, dpi)
    return _in_notebook(path, form)


def _in_notebook(path: Path, form: str) -> Any:
    display: Any = sys.modules.get("IPython.display")  # a notebook has loaded it
    if display is None or "ipykernel" not in sys.modules or form == "pdf":
        return None
    return display.SVG(filename=str(path)) if form == "svg" else display.Image(filename=str(path))


class Drawing:
    """A drawing as rectangles, texts and lines, in points from the upper left corner.

    Attributes:
        width, height: of the whole.
        rectangles: (x, y, width, height, color inside or "none", color of the line, dashed).
        texts: (x, y, text, color, bold), each about its middle.
        lines: the points of each arrow.
    """

    def __init__(self, cluster: Cluster, arrows: list[tuple[str, str]], rankdir: str) -> None:
        self.rectangles: list[tuple[float, float, float, float, str, str, bool]] = []
        self.texts: list[tuple[float, float, str, str, bool]] = []
        boxes = cluster.all_boxes()
        sizes = {box.key: _size(box) for box in boxes}
        backwards = rankdir in ("BT", "RL")
        if backwards:
            arrows = [(last, first) for first, last in arrows]
        places, self.lines = place(sizes, arrows, rankdir in ("LR", "RL"))
        if backwards:
            self.lines = [list(reversed(line)) for line in self.lines]
        self._frames(cluster, places)
        for box in boxes:
            self._draw(box, places[box.key])
        self._fit()

    def _frames(self, cluster: Cluster, places: dict[str, Place]) -> None:
        for inner in cluster.clusters:
            found = [places[box.key] for box in inner.all_boxes()]
            if not found:
                continue
            left = min(p.x - p.width / 2 for p in found) - _MARGIN
            right = max(p.x + p.width / 2 for p in found) + _MARGIN
            top = min(p.y - p.height / 2 for p in found) - _MARGIN
            bottom = max(p.y + p.height / 2 for p in found) + _MARGIN
            frame = (left, top, right - left, bottom - top, "none", "#808080", True)
            self.rectangles.append(frame)
            self.texts.append(
                (left + _length(inner.name) / 2, top - 5, inner.name, "#606060", False)
            )
            self._frames(inner, places)

    def _draw(self, box: Box, at: Place) -> None:
        left, top = at.x - at.width / 2, at.y - at.height / 2
        self._cell(left, top, at.width, box.title, _DARK, "white", True)
        if box.activation:
            top += _ROW
            self._cell(left, top, at.width, box.activation, "white", _DARK, False)
        cells = _cells(box)
        if cells:
            top += _ROW
            spare = (at.width - sum(_cell_width(text) for text, _ in cells)) / len(cells)
            for text, color in cells:
                width = _cell_width(text) + spare
                letters = _DARK if color == "white" else "white"
                self._cell(left, top, width, text, color, letters, False)
                left += width

    def _cell(
        self, x: float, y: float, width: float, text: str, color: str, letters: str, bold: bool
    ) -> None:
        self.rectangles.append((x, y, width, _ROW, color, _DARK, False))
        self.texts.append((x + width / 2, y + _ROW / 2, text, letters, bold))

    def _fit(self) -> None:
        """Move all, so that it begins at the margin, and note the size of the whole."""
        xs = [x for r in self.rectangles for x in (r[0], r[0] + r[2])]
        ys = [y for r in self.rectangles for y in (r[1], r[1] + r[3])]
        xs += [x for line in self.lines for x, _ in line]
        for x, y, text, _, _ in self.texts:
            xs += [x - _length(text) / 2, x + _length(text) / 2]
            ys += [y - _SIZE / 2, y + _SIZE / 2]
        dx, dy = _MARGIN - min(xs), _MARGIN - min(ys)
        self.width, self.height = max(xs) + dx + _MARGIN, max(ys) + dy + _MARGIN
        self.rectangles = [(r[0] + dx, r[1] + dy, *r[2:]) for r in self.rectangles]
        self.texts = [(t[0] + dx, t[1] + dy, *t[2:]) for t in self.texts]
        self.lines = [[(x + dx, y + dy) for x, y in line] for line in self.lines]

    def svg(self) -> str:
        """Returns the drawing as SVG 1.1."""
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.1f}pt" '
            f'height="{self.height:.1f}pt" viewBox="0 0 {self.width:.1f} {self.height:.1f}" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="{_SIZE:g}">',
            f'<defs><marker id="end" markerWidth="{_ARROW * 2:g}" markerHeight="{_ARROW * 2:g}" '
            f'refX="{_ARROW * 2:g}" refY="{_ARROW:g}" orient="auto" markerUnits="userSpaceOnUse">'
            f'<path d="M0,0 L{_ARROW * 2:g},{_ARROW:g} L0,{_ARROW * 2:g} z" fill="{_DARK}"/>'
            "</marker></defs>",
            '<rect width="100%" height="100%" fill="white"/>',
        ]
        for x, y, width, height, color, line, dashed in self.rectangles:
            dash = ' stroke-dasharray="4 3"' if dashed else ""
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{color}" stroke="{line}"{dash}/>'
            )
        for points in self.lines:
            text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(
                f'<polyline points="{text}" fill="none" stroke="{_DARK}" stroke-width="1.4" '
                'marker-end="url(#end)"/>'
            )
        for x, y, text, color, bold in self.texts:
            weight = ' font-weight="bold"' if bold else ""
            parts.append(
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" '
                f'dominant-baseline="central" fill="{color}"{weight}>{html.escape(text)}</text>'
            )
        return "\n".join([*parts, "</svg>", ""])


def _cells(box: Box) -> list[tuple[str, str]]:
    """The texts at the foot of a box, and the colors behind them."""
    cells = [(f"{name}: {value}", "white") for name, value in box.cells]
    if box.trains is not None:
        cells.append(("Trainable", _GREEN) if box.trains else ("Non-trainable", _RED))
    return cells


def _length(text: str) -> float:
    return len(text) * _SIZE * _WIDE


def _cell_width(text: str) -> float:
    return _length(text) + 2 * _MARGIN


def _size(box: Box) -> tuple[float, float]:
    cells = _cells(box)
    width = max(
        _cell_width(box.title),
        _cell_width(box.activation) if box.activation else 0.0,
        sum(_cell_width(text) for text, _ in cells),
    )
    return width, _ROW * (1 + bool(box.activation) + bool(cells))


def _by_matplotlib(drawing: Drawing, path: Path, form: str, dpi: int) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise ImportError(
            f"plot_model needs matplotlib for .{form} files: pip install 'isozoo[plots]'. A path "
            "that ends in .svg needs nothing."
        ) from error
    figure = Figure((drawing.width / 72, drawing.height / 72), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    for x, y, width, height, color, line, dashed in drawing.rectangles:
        style = "--" if dashed else "-"
        axes.add_patch(
            Rectangle((x, y), width, height, facecolor=color, edgecolor=line, linestyle=style)
        )
    for points in drawing.lines:
        axes.plot(*zip(*points[:-1], strict=True), color=_DARK, linewidth=1.4)
        arrow = {"arrowstyle": "-|>", "color": _DARK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", points[-1], points[-2], arrowprops=arrow)
    for x, y, text, color, bold in drawing.texts:
        weight = "bold" if bold else "normal"
        # Letters as they are: a dollar sign in a name begins no formula.
        axes.text(
            x, y, text, color=color, fontsize=_SIZE * 0.92, weight=weight, ha="center",
            va="center", parse_math=False,
        )  # fmt: skip
    figure.savefig(path, format=form, dpi=dpi)
