"""The table that `Model.summary` prints, laid out as Keras 3 lays it out."""

import math
import re
import shutil
from collections.abc import Callable, Iterable
from typing import Any

from ..core.graph import inbound_nodes
from ..core.layer import Layer
from ..layers.core.input_layer import InputLayer
from ..nested import flatten
from ..utils import messages
from .structure import Structure, class_name, shape_text

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
# The narrowest column that can be read.
_NARROWEST = 4


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: list[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Prints the layers of a model, their output shapes and numbers of parameters.

    Args: see `Model.summary`.
    """
    text = summary(model, line_length, positions, expand_nested, show_trainable, layer_range)
    if print_fn is not None:
        print_fn(text)
    else:
        messages.print_message(text, line_break=False)


def summary(
    model: Any,
    line_length: int | None = None,
    positions: list[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> str:
    """Returns what `print_summary` prints."""
    structure = Structure(model)
    layers = structure.layers
    first, last = _range_of(layers, layer_range)
    plain = structure.is_chain
    header, alignment = ["Layer (type)", "Output Shape", "Param #"], [str.ljust] * 2 + [str.rjust]
    length, places = 88, positions or [0.45, 0.80, 1.0]
    if not plain:
        header.append("Connected to")
        alignment.append(str.ljust)
        length, places = 108, positions or [0.3, 0.56, 0.74, 1.0]
    if show_trainable:
        header.append("Trainable")
        alignment.append(str.center)
        length, places = length + 12, [place * 0.90 for place in places] + [1.0]
    length = line_length or min(length, shutil.get_terminal_size().columns - 4)
    widths = _widths(places, length, len(header))

    rows = []
    for layer in layers[first:last]:
        for nesting, one in _rows(layer, expand_nested, 0):
            fields = [_title(one, nesting), _shape_text(one), _count_text(one)]
            if not plain:
                fields.append(structure.connections(one))
            if show_trainable:
                fields.append(_trainable_text(one))
            rows.append(fields)
    lines = [f'Model: "{model.name}"', *_table(header, rows, widths, alignment), *_totals(model)]
    return "\n".join(lines) + "\n"


def _rows(layer: Any, expand: bool, nesting: int) -> Iterable[tuple[int, Any]]:
    yield nesting, layer
    if expand:
        for inner in getattr(layer, "layers", None) or ():
            yield from _rows(inner, expand, nesting + 1)


def _title(layer: Any, nesting: int) -> str:
    prefix = "   " * nesting + "└ " if nesting else ""
    return f"{prefix}{layer.name} ({class_name(layer)})"


def _shape_text(layer: Any) -> str:
    """The shapes of what the last symbolic call gave, else of what was built for, else "?"."""
    found: Any = None
    nodes = inbound_nodes(layer)
    if nodes:
        found = [shape_text(x.shape) for x in flatten(nodes[-1].outputs)]
    elif isinstance(layer, Layer):
        found = _built_shape(layer)
    if found is None:
        return "?"
    leaves = flatten(found)
    return leaves[0] if len(leaves) == 1 else str(found).replace("'", "")


def _built_shape(layer: Layer) -> Any:
    if isinstance(layer, InputLayer):
        return shape_text(layer.batch_shape)
    shapes = vars(layer).get("_build_shapes")
    if not shapes:
        return None
    try:
        if len(shapes) == 1:
            return _shapes(layer.compute_output_shape(*shapes.values()))
        named = {name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        return _shapes(layer.compute_output_shape(**named))
    except Exception:  # a layer's own code, which need not tell shapes
        return None


def _shapes(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _shapes(value) for key, value in x.items()}
    if isinstance(x, list | tuple) and not all(n is None or isinstance(n, int) for n in x):
        return type(x)(_shapes(value) for value in x)
    return shape_text(x)


def _count_text(layer: Any) -> str:
    if not isinstance(layer, Layer):
        return "0"
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _trainable_text(layer: Any) -> str:
    if not isinstance(layer, Layer) or not layer.weights:
        return "-"
    return "Y" if layer.trainable else "N"


def _range_of(layers: list[Any], wanted: Any) -> tuple[int, int]:
    """The first place and that behind the last of the layers between two names or patterns."""
    if wanted is None:
        return 0, len(layers)
    if not isinstance(wanted, list | tuple) or len(wanted) != 2:
        raise ValueError(
            f"layer_range must be a list or tuple of length 2. Received: layer_range = {wanted}"
        )
    if not all(isinstance(name, str) for name in wanted):
        raise ValueError(f"layer_range should contain string type only. Received: {wanted}")
    begins, ends = (
        [number for number, layer in enumerate(layers) if re.match(name, layer.name)]
        for name in wanted
    )
    if not begins or not ends:
        raise ValueError(
            "Passed layer_names do not match the layer names in the model. Received: "
            f"{wanted}; the layers are {[layer.name for layer in layers]}."
        )
    if min(begins) > max(ends):
        return min(ends), max(begins) + 1
    return min(begins), max(ends) + 1


# The totals -------------------------------------------------------------------------------------


def _totals(model: Any) -> list[str]:
    rows = [
        ("Trainable params", _distinct(model.trainable_weights)),
        ("Non-trainable params", _distinct(model.non_trainable_weights)),
    ]
    optimizer = model.optimizer if getattr(model, "compiled", False) else None
    if optimizer is not None and optimizer.built:
        rows.append(("Optimizer params", _distinct(optimizer.variables)))
    rows.insert(0, ("Total params", [v for _, variables in rows for v in variables]))
    return [
        f" {title}: {sum(map(_size, variables)):,} ({_memory(sum(map(_bytes, variables)))})"
        for title, variables in rows
    ]


def _distinct(variables: Iterable[Any]) -> list[Any]:
    return list({id(v): v for v in variables}.values())


def _size(variable: Any) -> int:
    return math.prod(variable.shape)


def _bytes(variable: Any) -> float:
    """What a variable takes, as Keras counts it: a bool is a bit."""
    digits = re.search(r"[0-9]+", str(variable.dtype))
    return _size(variable) * (int(digits[0]) if digits else 1) / 8


def _memory(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} {_UNITS[-1]}"


# The table --------------------------------------------------------------------------------------


def _widths(places: list[float], length: int, columns: int) -> list[int]:
    """The widths of the columns without their margins, which fill a line of `length` characters.

    Raises ValueError where there is too little room, or `places` has not one for each column.
    """
    if len(places) != columns:
        raise ValueError(
            f"`positions` must have one number for each of the {columns} columns; got {places}."
        )
    ends = [int(place * length) for place in places]
    widths = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    if min(widths) < _NARROWEST:
        raise ValueError(
            f"Insufficient console width to print summary: {length} characters for {columns} "
            "columns. Give a larger `line_length`."
        )
    # Borders and margins come off all columns alike, as Keras's table has it.
    over = sum(width + 2 for width in widths) + columns + 1 - length
    for number in range(columns):
        share = round(over / (columns - number))
        widths[number] -= share
        over -= share
    return [max(width, 1) for width in widths]


def _table(
    header: list[str], rows: list[list[str]], widths: list[int], alignment: list[Any]
) -> list[str]:
    def rule(left: str, line: str, middle: str, right: str) -> str:
        return left + middle.join(line * (width + 2) for width in widths) + right

    def lines(fields: list[str], bar: str) -> Iterable[str]:
        cells = [_wrapped(text, width) for text, width in zip(fields, widths, strict=True)]
        for number in range(max(map(len, cells))):
            texts = [cell[number] if number < len(cell) else "" for cell in cells]
            placed = [
                place(text, width)
                for place, text, width in zip(alignment, texts, widths, strict=True)
            ]
            yield bar + bar.join(f" {text} " for text in placed) + bar

    found = [rule("┏", "━", "┳", "┓"), *lines(header, "┃")]
    found.append(rule("┡", "━", "╇", "┩"))
    for number, row in enumerate(rows):
        if number:
            found.append(rule("├", "─", "┼", "┤"))
        found.extend(lines(row, "│"))
    return [*found, rule("└", "─", "┴", "┘")]


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken between words; a word that fills more than a line is cut."""
    lines: list[str] = []
    line = ""
    for word in re.findall(r"\s*\S+\s*", text):
        if line and len((line + word).rstrip()) > width:
            lines.append(line)
            line = ""
        line += word if not lines else (word if line else word.lstrip())
    lines = [one.rstrip() for one in (*lines, line)]
    return [one if len(one) <= width else one[: width - 1] + "…" for one in lines]
