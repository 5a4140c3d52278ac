"""Models that are one layer behind another."""

from typing import Any

from ..core.layer import Layer
from ..core.symbolic import KerasTensor
from .model import Model


class Sequential(Model):
    """Layers called one after the other. An `Input` at the head builds them at once."""

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(name=name, trainable=trainable)
        self._chain: list[Layer] = []
        self._start: KerasTensor | None = None
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Put a layer behind the others."""
        if isinstance(layer, KerasTensor):
            if self._chain or self._start is not None:
                raise ValueError("Sequential: an Input must be the first thing added.")
            self._start = layer
            return
        if layer.name in self._tracked:
            raise ValueError(
                f"Sequential: there is a layer {layer.name!r} already; names must differ."
            )
        self._chain.append(layer)
        self.register(layer.name, layer)
        if self._start is not None:
            self._start = layer(self._start)
        self.built = self._start is not None or all(x.built for x in self._chain)

    def build(self, input_shape) -> None:
        """Build each layer for the shape that the one before it gives."""
        x: Any = KerasTensor(input_shape, self.dtype)
        for layer in self._chain:
            x = layer(x)

    def call(self, inputs):
        """The layers, one after the other."""
        for layer in self._chain:
            inputs = layer(inputs)
        return inputs
