"""Keras's files of weights alone: `.weights.h5`, and in several pieces `.weights.json`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from ..files import atomic_path
from .h5_store import H5Writer
from .hdf5 import H5File, Stored
from .state import read_state, write_state


class H5Source:
    """The arrays of an HDF5 file of Keras 3, by the part that they belong to."""

    def __init__(self, file: H5File) -> None:
        self.file, self.path = file, file.path

    def part(self, path: str) -> Mapping[str, Stored]:
        """Returns the arrays of the part at a path by their names; none if it is not there."""
        group = self.file.group(f"{path}/vars" if path else "vars")
        return {} if group is None else group.arrays

    def read(self, path: str, key: str) -> np.ndarray:
        """Returns one array of the part at a path."""
        return self.file.read(f"{path}/vars/{key}" if path else f"vars/{key}")

    def parts(self) -> Iterator[str]:
        """Yields the paths of all parts that have arrays; arrays elsewhere are parts, too."""
        seen: set[str] = set()
        for path, _ in self.file.arrays():
            part = path.rpartition("/")[0]
            part = part.removesuffix("/vars") if part != "vars" else ""
            if part not in seen:
                seen.add(part)
                yield part

    def close(self) -> None:
        """Lets go of the file."""
        self.file.close()


def write_weights(
    model: Any, path: str | os.PathLike[str] | BinaryIO, skipped: Sequence[Any] = ()
) -> None:
    """Writes the weights of a model, and its optimizer's state, as Keras's `.weights.h5`.

    The file appears whole or not at all.

    Args:
        model: a built model.
        path: the file, or a binary file open for writing and reading.
        skipped: parts that are left out.

    Raises:
        OSError: the file cannot be written.
    """
    if not isinstance(path, str | os.PathLike):
        with H5Writer(path) as writer:
            write_state(model, writer, skipped)
        return
    with atomic_path(path) as temporary, H5Writer(temporary) as writer:
        write_state(model, writer, skipped)


def read_weights(
    model: Any,
    path: str | os.PathLike[str],
    skip_mismatch: bool = False,
    skipped: Sequence[Any] = (),
) -> None:
    """Reads what `write_weights`, or Keras, wrote into a model of the same structure.

    Args:
        model: a built model.
        path: the file.
        skip_mismatch: whether what fits is read, with a warning about the rest.
        skipped: parts that stay as they are.

    Raises:
        FileError: the file is damaged, or no file of weights.
        MismatchError: its weights do not fit the model; nothing was assigned.
    """
    with H5File(path) as file:
        read_state(model, H5Source(file), skip_mismatch, skipped)
