"""Models described by symbolic tensors."""

from abc import ABCMeta
from typing import Any

from ..configs import plain_class
from ..core.keras_tensor import Input as Input
from .model import Model


class _OfGraphs(ABCMeta):
    """Takes models of a subclass of Model with a graph for functional ones, as Keras does."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        # On torch and TensorFlow a model's class is one of its backend's own.
        return plain_class(cls) is Functional and getattr(instance, "_is_functional", False)


class Functional(Model, metaclass=_OfGraphs):
    """A graph of layers and ops from symbolic `inputs` to `outputs`.

    Both may be nested lists, tuples and dicts. `Model(inputs, outputs)` makes one.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)
