"""Wrapper: the base of layers around another layer."""

from typing import Any

from ...core.layer import Layer
from ..described import Described


class Wrapper(Described):
    """Base of layers that do something with another layer. Subclasses define `call`.

    Args:
        layer: the layer inside.
        **kwargs: see Layer.

    Raises ValueError for what is no layer.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure "
                "wrapped layer is a valid Keras layer: an object of a subclass of `Layer`."
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer inside for the same shape."""
        if not self.layer.built:
            self.layer.build(input_shape)
