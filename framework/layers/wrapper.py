"""Wrapper: a layer around another one."""

from typing import Any

from ..core.layer import Layer


class Wrapper(Layer):
    """Base of layers that change what another layer does, which is their attribute `layer`.

    Args:
        layer: the layer inside.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `layer` is none.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to {type(self).__name__} isn't a supported layer type. "
                "Please ensure wrapped layer is a valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer inside for inputs of the same shape."""
        if not self.layer.built:
            self.layer.build(input_shape)
