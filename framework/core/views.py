"""What stands in a variable's place in a layer, and reads as something computed from variables."""

from typing import Any

import numpy as np

from ..backends import registry
from ..context import entered


class View:
    """Base of views: ops take one like a variable. A subclass gives `base` and `value`.

    Args:
        base: the variable, or view, whose place it takes.
    """

    def __init__(self, base: Any) -> None:
        self.base = base

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        registry.KINDS[cls] = registry.BOX

    @property
    def backend(self) -> Any:
        """The backend that the variables live on."""
        return self.base.backend

    @property
    def value(self) -> Any:
        """The native tensor that it reads as."""
        return self.base.value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it reads as."""
        return self.base.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """The dtype in which it is read here."""
        return self.base.dtype

    @property
    def path(self) -> str:
        """The path of the variable whose place it takes."""
        return self.base.path

    def numpy(self) -> np.ndarray:
        """Returns what it reads as, as a NumPy array."""
        with entered(backend=self.backend):
            return self.backend.to_numpy(self.backend.read(self.value))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)


class KeepsViews:
    """Mixed into layers whose weights are registered under names, and are no attributes.

    What stands in a weight's place is an item of `_views`, by the weight's name.
    """

    _views: dict[str, View]

    def read_weights(self) -> dict[str, Any]:
        """Returns name -> variable directly in the layer, or what stands in its place."""
        from .variable import Variable

        tracked: dict[str, Any] = vars(self)["_tracked"]
        found = {name: part for name, part in tracked.items() if isinstance(part, Variable)}
        return found | self._views
