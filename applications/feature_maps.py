"""What the layers inside a network give: feature maps by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from ..framework.config import use_backend
from ..framework.context import entered
from ..framework.core.scopes import observed
from ..framework.models import Model
from ..framework.typing import Tensor


def features(model: Any, images: Any, at: str | Sequence[str]) -> dict[str, Tensor]:
    """Computes the outputs of layers inside a model, at inference.

    Of a model made of symbolic tensors, such as the functions of `keras.applications` give, only
    what leads to the layers is computed, compiled as by `Model.infer`. Any other model is called
    as a whole, layer by layer.

    Args:
        model: a model of images.
        images: (batch, height, width, 3), as the model takes them.
        at: a layer's name or path, or several. A path may lack its beginning where what is left
            leads to one layer: `blocks.0` for `backbone.stages.1.blocks.0`, if there is no other.

    Returns:
        The outputs as native tensors, by the names in `at`.

    Raises:
        ValueError: a name that leads to no layer, or to several; a layer that is called more than
            once.
    """
    names = [at] if isinstance(at, str) else list(at)
    if not names:
        raise ValueError("`at` is empty: name one layer at least.")
    paths = _paths(model)
    layers = {name: paths[_found(name, paths, model.name)] for name in names}
    if getattr(model, "_is_functional", False):
        direct = {id(layer) for layer in model.layers}
        if all(id(layer) in direct for layer in layers.values()):
            return _of_graph(model, images, layers)
    return _observed(model, images, layers)


def _paths(layer: Any, path: str = "") -> dict[str, Any]:
    """Layers inside by their paths."""
    found: dict[str, Any] = {}
    for name, inner in layer.named_sublayers():
        inner_path = f"{path}.{name}" if path else name
        found[inner_path] = inner
        found.update(_paths(inner, inner_path))
    return found


def _found(name: str, paths: dict[str, Any], owner: str) -> str:
    if name in paths:
        return name
    ends = [path for path in paths if path.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ValueError(
            f"{owner}: {name!r} may be any of {', '.join(ends[:6])}{' …' if ends[6:] else ''}; "
            "give more of the path."
        )
    near = difflib.get_close_matches(name, list(paths), n=5, cutoff=0.5)
    hint = (
        f"near matches: {', '.join(near)}" if near else f"it begins with {', '.join(paths)[:200]}"
    )
    raise ValueError(f"{owner} has no layer {name!r}; {hint}.")


def _of_graph(model: Any, images: Any, layers: dict[str, Any]) -> dict[str, Tensor]:
    key = ("features", *sorted(layers))
    part = model._cache.get(key)
    if part is None:
        calls: dict[int, list[Any]] = {}
        for node in model._graph.nodes:
            calls.setdefault(id(node.target), []).append(node.outputs)
        for name, layer in layers.items():
            _check_once(model, name, len(calls.get(id(layer), ())))
        outputs = {name: calls[id(layer)][0] for name, layer in layers.items()}
        with use_backend(model.backend):
            part = model._cache[key] = Model(model.input, outputs)
    found = part.infer(images)
    return {name: found[name] for name in layers}


def _check_once(model: Any, name: str, count: int) -> None:
    if count != 1:
        raise ValueError(
            f"{model.name}: the layer {name!r} is called {count or 'no'} times, and one output is "
            "wanted. Name a layer that is called once."
        )


def _observed(model: Any, images: Any, layers: dict[str, Any]) -> dict[str, Tensor]:
    names = {id(layer): name for name, layer in layers.items()}
    seen: dict[str, list[Any]] = {name: [] for name in layers}

    def note(layer: Any, outputs: Any) -> None:
        if id(layer) in names:
            seen[names[id(layer)]].append(outputs)

    backend = model._backend
    with entered(backend=backend, training=False), backend.inference(), observed(note):
        model(images)
    for name, outputs in seen.items():
        _check_once(model, name, len(outputs))
    return {name: outputs[0] for name, outputs in seen.items()}
