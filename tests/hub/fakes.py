"""Stand-ins for what the hub is used on."""

from __future__ import annotations

import numpy as np

from isozoo.hub.readers.base import numpy_dtype


class FakeVariable:
    """The least that a variable must have; it insists on its shape and dtype."""

    def __init__(self, path: str, shape: tuple[int, ...], dtype: str = "float32") -> None:
        self.path, self.shape, self.dtype = path, tuple(shape), dtype
        self.value: np.ndarray | None = None

    def assign(self, value: np.ndarray) -> None:
        assert value.shape == self.shape and value.dtype == numpy_dtype(self.dtype)
        self.value = np.array(value)

    def numpy(self) -> np.ndarray:
        assert self.value is not None
        return self.value


def variables(**shapes: tuple[int, ...]) -> dict[str, FakeVariable]:
    """Path -> variable; `__` in a name stands for a dot."""
    paths = {name.replace("__", "."): shape for name, shape in shapes.items()}
    return {path: FakeVariable(path, shape) for path, shape in paths.items()}
