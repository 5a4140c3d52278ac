"""What Keras's layers that prepare data find under `self.backend`."""

from typing import Any

from .... import ops, random
from ....backends import registry


class Namespaces(str):
    """The name of a layer's backend, and the ops that such a layer computes with.

    `layer.backend` is a name for every layer. Keras's layers that prepare data have ops there
    (`self.backend.numpy.flip`, `self.backend.cast`, `self.backend.random.uniform`); these are such
    that take any tensors.
    """

    __slots__ = ()

    random = random
    numpy = ops.numpy
    nn = ops.nn
    linalg = ops.linalg
    image = ops.image
    core = ops
    math = ops

    @property
    def name(self) -> str:
        """The name of the backend that computes now."""
        return registry.current().name

    _backend = name

    def set_backend(self, name: str) -> None:
        """Does nothing: the backend follows from the inputs of a call."""

    def reset(self) -> None:
        """Does nothing: the backend follows from the inputs of a call."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(ops, name)
