"""The base of initializers."""

from abc import abstractmethod
from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from ..configs import Configurable


class Initializer(Configurable):
    """Base of initializers: `initializer(shape, dtype)` gives a tensor of the current backend.

    A subclass defines `array(shape, dtype)`, or `__call__` itself as in Keras.
    """

    @abstractmethod
    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the values as a NumPy array."""
        raise NotImplementedError(
            "Initializer subclasses must implement the `__call__()` method, or `array()`."
        )

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns a tensor of the current backend, of `shape` and `dtype` (the default float)."""
        dtype = dtypes.standardize(dtype)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return registry.current().asarray(self.array(shape, dtype), dtype)

    def clone(self) -> Any:
        """Returns an initializer of the same config."""
        return type(self).from_config(self.get_config())
