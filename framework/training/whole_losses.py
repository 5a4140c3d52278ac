"""Losses of a whole structure of outputs, beside those of single outputs.

In `loss=[whole, (first, second)]` of a model that returns a dict, or in `{"a": [whole, ...]}` of
one whose output "a" is a tuple, a list of another kind than the outputs at its place gives them
several losses, and a function that stands for nested outputs takes them as they are. Definition:
`CompileLoss._build_nested` of keras/src/trainers/compile_utils.py.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..nested import flatten
from .outputs import Outputs, at, is_nested


class Placed(NamedTuple):
    """A loss, its weight, and the keys and indices that lead to the outputs that it takes."""

    path: tuple[Any, ...]
    loss: Any
    weight: Any
    name: str | None


class _Unfit(Exception):
    """Losses that have not the form of the outputs."""


def whole_losses(loss: Any, weights: Any, outputs: Outputs) -> list[Placed] | None:
    """Returns all losses with their places, or None if each stands for a single output.

    Args:
        loss: what `compile` was given.
        weights: the weights, nested like `loss` or a list in its order; None for none.
        outputs: of the model.

    Raises:
        ValueError: another number of weights than of losses.
    """
    if not is_nested(loss) or not is_nested(outputs.structure):
        return None
    try:
        found = list(_walk(loss, outputs, ()))
    except _Unfit:
        return None
    if not any(is_nested(at(outputs.structure, path)) and callable(one) for path, one in found):
        return None
    given = [None] * len(found) if weights is None else flatten(weights)
    if len(given) != len(found):
        raise ValueError(
            f"`loss_weights` must match the number of losses, got {len(found)} losses and "
            f"{len(given)} weights."
        )
    return [
        Placed(path, one, weight, _name(path, outputs))
        for (path, one), weight in zip(found, given, strict=True)
        if one is not None
    ]


def _walk(loss: Any, outputs: Outputs, path: tuple[Any, ...]) -> Iterator[tuple[tuple, Any]]:
    """Pairs (path, loss), those that are None among them."""
    if loss is None or not is_nested(loss):
        yield path, loss
        return
    node = at(outputs.structure, path)
    below = [one for one in outputs.paths if one[: len(path)] == path]
    if isinstance(loss, list | tuple):
        if len(loss) == len(below) and not any(map(is_nested, loss)):
            yield from zip(below, loss, strict=True)
            return
        # The list may be a tracked one, of a class of its own.
        if not isinstance(node, list if isinstance(loss, list) else tuple):
            for one in loss:
                yield from _walk(one, outputs, path)
            return
        if len(loss) > len(node):
            raise _Unfit
        for number, one in enumerate(loss):
            yield from _walk(one, outputs, (*path, number))
        return
    if not isinstance(node, dict) or not loss.keys() <= node.keys():
        raise _Unfit
    for key, one in loss.items():
        yield from _walk(one, outputs, (*path, key))


def _name(path: tuple[Any, ...], outputs: Outputs) -> str | None:
    """What the mean of the loss is called: by the outputs' names, else by the way to them."""
    if not path:
        keys = [*outputs.structure] if isinstance(outputs.structure, dict) else outputs.names
        return "_".join(str(key) for key in keys if key is not None) or None
    if path in outputs.paths and isinstance(path[-1], int):
        own = outputs.given_names[outputs.paths.index(path)]
        return "/".join(str(key) for key in (*path[:-1], own if own is not None else path[-1]))
    return "/".join(map(str, path))
