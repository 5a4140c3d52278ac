"""The boxes and arrows of a model's drawing: what stands in each, before anything is placed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..core.layer import Layer
from ..nested import flatten
from .structure import Structure, class_name, inner_ends, is_opened, shape_text


@dataclass(frozen=True)
class Shown:
    """What a box tells beside the class: the options of `plot_model`, by their names."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False


@dataclass
class Box:
    """A layer or op.

    Attributes:
        key: a name of its own in the drawing.
        title: the text at the head.
        activation: the text below it, or "".
        cells: pairs (label, value) side by side at the foot.
        trains: True or False where a cell tells whether training changes it, else None.
    """

    key: str
    title: str
    activation: str = ""
    cells: list[tuple[str, str]] = field(default_factory=list)
    trains: bool | None = None


@dataclass
class Cluster:
    """A model: its boxes, and the models inside it whose boxes are drawn, too."""

    name: str
    boxes: list[Box] = field(default_factory=list)
    clusters: list["Cluster"] = field(default_factory=list)

    def all_boxes(self) -> list[Box]:
        """Returns the boxes, those of the models inside behind them."""
        return [*self.boxes, *(box for inner in self.clusters for box in inner.all_boxes())]


def boxes_of(
    model: Any, shown: Shown, expand_nested: bool = False
) -> tuple[Cluster, list[tuple[str, str]]]:
    """Returns the boxes of a model, and its arrows as pairs of their keys.

    Args:
        model: a model that is built. One that no symbolic tensors describe is one box.
        shown: what the boxes tell.
        expand_nested: whether models inside are drawn box by box.

    Raises:
        ValueError: the model is not built.
    """
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by "
            "calling the model on a batch of data."
        )
    arrows: dict[tuple[str, str], None] = {}
    keys: dict[int, tuple[str, Any]] = {}  # the step is kept, so that its id stays its own

    def key(step: Any) -> str:
        return keys.setdefault(id(step), (f"n{len(keys)}", step))[0]

    if not is_opened(model):
        return Cluster(model.name, [_box(model, shown, key)]), []
    cluster = _collect(model, shown, expand_nested, key, arrows)
    return cluster, list(arrows)


def _collect(
    model: Any,
    shown: Shown,
    expand: bool,
    key: Callable[[Any], str],
    arrows: dict[tuple[str, str], None],
) -> Cluster:
    structure = Structure(model)
    cluster = Cluster(model.name)
    for step in structure.layers:
        if expand and is_opened(step):
            cluster.clusters.append(_collect(step, shown, expand, key, arrows))
        else:
            cluster.boxes.append(_box(step, shown, key))
    for edge in structure.edges:
        source, target = edge.source, edge.target
        if expand:
            source = inner_ends(source, False, edge.result)
            target = inner_ends(target, True, edge.argument)
        arrows.setdefault((key(source), key(target)))
    return cluster


def _box(step: Any, shown: Shown, key: Callable[[Any], str]) -> Box:
    kind = class_name(step)
    box = Box(key(step), f"{step.name} ({kind})" if shown.show_layer_names else kind)
    activation = getattr(step, "activation", None)
    if shown.show_layer_activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None)
        box.activation = f"Activation: {name or activation}"
    if shown.show_shapes:
        if kind != "InputLayer":
            box.cells.append(("Input shape", _of_tensors(step, "input", _shape)))
        box.cells.append(("Output shape", _of_tensors(step, "output", _shape)))
    if shown.show_dtype:
        box.cells.append(("Output dtype", _of_tensors(step, "output", lambda x: str(x.dtype))))
    if shown.show_trainable and isinstance(step, Layer) and step.weights:
        box.trains = bool(step.trainable)
    return box


def _shape(x: Any) -> str:
    return shape_text(x.shape)


def _of_tensors(step: Any, what: str, text: Callable[[Any], str]) -> str:
    try:
        found = getattr(step, what)
    except (AttributeError, ValueError):  # it was never called on symbolic tensors
        return "?"
    if isinstance(found, dict):
        return ", ".join(f"{name}: {text(x)}" for name, x in found.items())
    return ", ".join(text(x) for x in flatten(found) if hasattr(x, "shape")) or "?"
