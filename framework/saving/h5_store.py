"""Writing HDF5 files of weights, in the form that Keras 3 gives them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import hdf5


class CarefulFile(io.RawIOBase):
    """A file that keeps an error to itself until it is asked.

    HDF5 may end the whole process after a write that failed. So what cannot be written is noted,
    and the library finishes in peace; whoever wrote calls `check`.

    Args:
        target: a path, or a binary file open for writing and reading.
    """

    def __init__(self, target: Any) -> None:
        self._own = isinstance(target, str | os.PathLike)
        self._file: Any = open(target, "w+b", buffering=0) if self._own else target
        self.error: OSError | None = None

    def check(self) -> None:
        """Raises the error that there was. OSError."""
        if self.error is not None:
            raise self.error

    def _try(self, method: Callable[..., Any], *args: Any) -> Any:
        if self.error is None:
            try:
                return method(*args)
            except OSError as error:
                self.error = error
        return None

    def write(self, data: Any) -> int:
        """Writes bytes, all of them; returns how many they are."""
        view = memoryview(data).cast("B")
        done = 0
        while self.error is None and done < len(view):
            done += self._try(self._file.write, view[done:]) or 0
        return len(view)

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer; with zeros after an error."""
        view = memoryview(buffer).cast("B")
        got = self._try(self._file.readinto, view)
        return len(view) if got is None else got

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to a place."""
        return self._try(self._file.seek, offset, whence) or 0

    def tell(self) -> int:
        """Returns the place."""
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        """Cuts the file off, or makes it longer."""
        self._try(self._file.truncate, size)
        return size or 0

    def flush(self) -> None:
        """Hands on what is not written yet."""
        if not self.closed and not self._file.closed:
            self._try(self._file.flush)

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def writable(self) -> bool:
        """Whether it can be written to: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be sought in: yes."""
        return True

    def close(self) -> None:
        """Closes the file, if it was opened here."""
        if self._own and not self.closed:
            try:  # after an error, too
                self._file.close()
            except OSError as error:
                self.error = self.error or error
        super().close()


@contextmanager
def h5_for_writing(target: Any) -> Iterator[tuple[Any, CarefulFile]]:
    """Yields an HDF5 file that is written to `target`, and the file below it.

    Raises OSError when the block ends, if something could not be written.
    """
    careful = CarefulFile(target)
    try:
        with hdf5.module().File(careful, "w") as file:
            yield file, careful
    finally:
        careful.flush()
        careful.close()
    careful.check()


class H5Writer:
    """Writes the states of a model's parts to an HDF5 file.

    It is a context manager, which finishes the file.

    Args:
        target: a path, or a binary file open for writing and reading.
    """

    def __init__(self, target: Any) -> None:
        self._open = h5_for_writing(target)
        self._file, self._careful = self._open.__enter__()

    def part(self, path: str, name: str | None) -> PartStore:
        """Returns the mapping that takes the state of a part.

        Args:
            path: of the part, "" for the model.
            name: of the layer, kept beside its variables; None if it has none.
        """
        store = PartStore(self._file, f"{path}/vars" if path else "vars", self._careful)
        if isinstance(name, str):
            store.group().attrs["name"] = name
        return store

    def __enter__(self) -> H5Writer:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


class PartStore(MutableMapping[str, Any]):
    """The arrays of one group of a file that is being written. The group comes with the first."""

    def __init__(self, file: Any, path: str, careful: CarefulFile) -> None:
        self._file, self._path, self._careful = file, path, careful

    def group(self) -> Any:
        """Returns the group, made if it is not there yet."""
        return self._file.require_group(self._path)

    def __setitem__(self, key: str, value: Any) -> None:
        put_array(self.group(), key, value)
        self._careful.check()

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


def put_array(group: Any, key: str, value: Any) -> None:
    """Writes an array to a group of an HDF5 file, floats that HDF5 has not as their bytes."""
    value = as_numpy(value)
    name = value.dtype.name
    if name == "bfloat16" or name.startswith("float8"):
        raw = value.view(f"V{value.dtype.itemsize}")
        group.create_dataset(key, data=raw).attrs["dtype"] = name
    else:
        group.create_dataset(key, data=value)


def as_numpy(value: Any) -> np.ndarray:
    """Returns a variable, tensor of any backend, array or number as a NumPy array."""
    from ..core.variable import Variable
    from ..ops.conversion import convert_to_numpy

    if isinstance(value, Variable):
        return value.backend.to_numpy(value.backend.read(value._read()))
    if isinstance(value, np.ndarray | np.generic | int | float | bool | list | tuple):
        return np.asarray(value)
    return np.asarray(convert_to_numpy(value))
