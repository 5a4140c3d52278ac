"""Models described by symbolic tensors."""

from typing import Any

from ..core.keras_tensor import Input as Input
from .model import Model


class Functional(Model):
    """A graph of layers and ops from symbolic `inputs` to `outputs`.

    Both may be nested lists, tuples and dicts. `Model(inputs, outputs)` makes one.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)
