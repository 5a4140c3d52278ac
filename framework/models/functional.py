"""Models described by symbolic tensors."""

from typing import Any

from ..configs import deserialize
from ..core.keras_tensor import Input as Input
from .model import Model


class Functional(Model):
    """A graph of layers and ops from symbolic `inputs` to `outputs`.

    Both may be nested lists, tuples and dicts. `Model(inputs, outputs)` makes one.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the graph as plain values: its layers by name, and their calls.

        Raises:
            NotImplementedError: a layer that has no config.
        """
        from .graph_config import described

        return {**super().get_config(), **described(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a model from what `get_config` gives."""
        from .graph_config import rebuilt

        if "layers" not in config:
            return super().from_config(config)
        inputs, outputs = rebuilt(config, custom_objects)
        own = ("name", "trainable", "dtype")
        rest = {name: deserialize(config[name]) for name in own if name in config}
        return cls(inputs, outputs, **rest)
