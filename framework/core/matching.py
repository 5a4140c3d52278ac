"""From what a model is called with to the tensors of its inputs, in their order."""

from typing import Any

from ..nested import flatten, map_structure
from ..ops.errors import describe
from .graph import Graph
from .keras_tensor import KerasTensor


def match(graph: Graph, inputs: Any, name: str, any_rows: bool = False) -> list[Any]:
    """Returns the tensors of `inputs` in the order of the graph's inputs.

    Given are the graph's own structure, a dict by the names of the inputs, or as many tensors as
    there are inputs, nested in any way. An optional input may be None, or left out of a dict. A
    tensor that lacks a last axis of size 1, or has one too many, is given or spared it, as Keras
    does.

    Args:
        graph: the graph.
        inputs: what is to be matched.
        name: of the model, for errors.
        any_rows: whether the first axis may have any size: that of a batch is no part of a model.

    Raises:
        ValueError: another structure, a missing input, or shapes that do not fit.
    """
    given = _collect(graph, inputs, name)
    pairs = zip(given, graph.inputs, strict=True)
    return [_fitted(x, mine, name, any_rows) for x, mine in pairs]


def _collect(graph: Graph, inputs: Any, name: str) -> list[Any]:
    structure = graph.inputs_structure
    found: list[Any] = []
    if isinstance(inputs, dict):
        named = structure if isinstance(structure, dict) else {x.name: x for x in graph.inputs}
        missing = [k for k, x in named.items() if k not in inputs and not _optional(x)]
        if missing:
            raise ValueError(
                f"{name}: missing data for input {missing[0]!r}. You passed a data dictionary with "
                f"keys {list(inputs)}. Expected the following keys: {list(named)}"
            )
        if all(_follow(x, inputs.get(k), found) for k, x in named.items()):
            return found
    elif _follow(structure, inputs, found):
        return found
    flat = flatten(inputs)
    fits = len(flat) == len(graph.inputs) and not isinstance(inputs, dict)
    if fits and all(hasattr(x, "shape") or x is None for x in flat):
        return flat
    raise ValueError(
        f"{name} was called with an invalid input structure. Expected: "
        f"{outline(structure)}; got: {outline(inputs)}."
    )


def _optional(x: Any) -> bool:
    return all(leaf.optional for leaf in flatten(x))


def _follow(structure: Any, x: Any, into: list[Any]) -> bool:
    """Put the leaves of `x` into a list in the order of `structure`; False if they differ."""
    if isinstance(structure, dict):
        return (
            isinstance(x, dict)
            and x.keys() == structure.keys()
            and all(_follow(structure[key], x[key], into) for key in structure)
        )
    if isinstance(structure, list | tuple):
        return (
            isinstance(x, list | tuple)
            and len(x) == len(structure)
            and all(_follow(*pair, into) for pair in zip(structure, x, strict=True))
        )
    into.append(x)
    return hasattr(x, "shape") or x is None


def _fitted(x: Any, mine: KerasTensor, name: str, any_rows: bool) -> Any:
    """`x` with as many axes as the input `mine`. ValueError where the sizes do not fit."""
    if x is None:
        if mine.optional:
            return None
        raise ValueError(
            f"{name}: the input {mine.name!r} is not optional, but None was passed. Declare it by "
            f"`Input(optional=True)`, or give a tensor of shape {mine.shape}."
        )
    shape = _shape(x)
    if shape is None:
        return x
    expected = mine.shape
    from .. import ops

    if len(shape) == len(expected) + 1 and shape[-1] == 1:
        x, shape = ops.squeeze(x, -1), shape[:-1]
    elif len(shape) == len(expected) - 1 and expected and expected[-1] == 1:
        x, shape = ops.expand_dims(x, -1), (*shape, 1)
    sizes = list(zip(expected, shape, strict=False))[any_rows:]
    if len(shape) != len(expected) or any(
        a is not None and b is not None and a != b for a, b in sizes
    ):
        raise ValueError(
            f"{name} was passed incompatible inputs. For input {mine.name!r}, "
            f"expected shape {expected}; got a tensor of shape {shape}."
        )
    return x


def _shape(x: Any) -> tuple[Any, ...] | None:
    """The shape with None where it is unknown; None where not even the rank is known."""
    try:
        return tuple(n if isinstance(n, int) else _size(n) for n in x.shape)
    except (TypeError, ValueError):
        return None


def _size(n: Any) -> Any:
    # TensorFlow's dimension is None, torch's and JAX's symbolic sizes are objects.
    return None if n is None else n if type(n).__module__ == "builtins" else None


def with_shapes(graph: Graph, shapes: Any, name: str) -> Any:
    """Returns the graph's inputs in other shapes, nested as they are.

    Raises:
        ValueError: shapes of another structure.
    """
    try:
        return _with_shapes(graph.inputs_structure, shapes)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} was given an invalid structure of shapes. Expected shapes for: "
            f"{outline(graph.inputs_structure)}; got: {shapes!r}."
        ) from error


def _with_shapes(structure: Any, shapes: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _with_shapes(structure[key], shapes[key]) for key in structure}
    if isinstance(structure, list | tuple):
        return [_with_shapes(*pair) for pair in zip(structure, shapes, strict=True)]
    return KerasTensor(shapes, structure.dtype, structure.sparse, structure.ragged)


def outline(x: Any) -> Any:
    """Returns a structure as text, with shapes for tensors."""
    return map_structure(describe, x)
