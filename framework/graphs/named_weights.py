"""Layers that keep the weights of a graph under names with dots."""

from __future__ import annotations

from typing import Any

from ..core.layer import Layer
from ..core.views import KeepsViews


class NamedWeights(KeepsViews, Layer):
    """Keeps the weights whose names begin with the same part."""

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        vars(self)["_views"] = {}
        self.built = True


def place_of(model: Layer, path: str) -> tuple[Layer, str]:
    """Returns the layer that has a weight of a graph, and the weight's name in it."""
    owner, name = model, path
    while name not in owner._tracked:
        part, _, name = name.partition(".")
        owner = owner._tracked[part]
    return owner, name


def views_of(layer: Layer, prefix: str = "") -> dict[str, Any]:
    """Returns what stands in the places of weights, by the weights' names."""
    found = {f"{prefix}{name}": view for name, view in vars(layer).get("_views", {}).items()}
    for name, part in layer.named_sublayers():
        found |= views_of(part, f"{prefix}{name}.")
    return found
