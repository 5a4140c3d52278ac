"""Writing HDF5 files of weights, in the form that Keras 3 gives them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from . import hdf5


class H5Writer:
    """Writes the states of a model's parts to an HDF5 file.

    Args:
        target: a path, or a binary file open for writing and reading.
    """

    def __init__(self, target: Any) -> None:
        self._file = hdf5.module().File(target, "w")

    def part(self, path: str, name: str | None) -> PartStore:
        """Returns the mapping that takes the state of a part.

        Args:
            path: of the part, "" for the model.
            name: of the layer, kept beside its variables; None if it has none.
        """
        store = PartStore(self._file, f"{path}/vars" if path else "vars")
        if isinstance(name, str):
            store.group().attrs["name"] = name
        return store

    def close(self) -> None:
        """Finishes the file."""
        self._file.close()

    def __enter__(self) -> H5Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class PartStore(MutableMapping[str, Any]):
    """The arrays of one group of a file that is being written. The group comes with the first."""

    def __init__(self, file: Any, path: str) -> None:
        self._file, self._path = file, path

    def group(self) -> Any:
        """Returns the group, made if it is not there yet."""
        return self._file.require_group(self._path)

    def __setitem__(self, key: str, value: Any) -> None:
        value = as_numpy(value)
        name = value.dtype.name
        if value.dtype.kind == "V" or name == "bfloat16" or name.startswith("float8"):
            raw = value.view(f"V{value.dtype.itemsize}")
            self.group().create_dataset(key, data=raw).attrs["dtype"] = name
        else:
            self.group().create_dataset(key, data=value)

    def __getitem__(self, key: str) -> np.ndarray:
        if self._path not in self._file:
            raise KeyError(key)
        return np.asarray(self.group()[key][()])

    def __delitem__(self, key: str) -> None:
        del self.group()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.group() if self._path in self._file else ())

    def __len__(self) -> int:
        return len(self.group()) if self._path in self._file else 0


def as_numpy(value: Any) -> np.ndarray:
    """Returns a variable, tensor of any backend, array or number as a NumPy array."""
    from ..core.variable import Variable
    from ..ops.conversion import convert_to_numpy

    if isinstance(value, Variable):
        return value.backend.to_numpy(value.backend.read(value._read()))
    if isinstance(value, np.ndarray | np.generic | int | float | bool | list | tuple):
        return np.asarray(value)
    return np.asarray(convert_to_numpy(value))
