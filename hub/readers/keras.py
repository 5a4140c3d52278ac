"""Weights in Keras's files: `.weights.h5`, whole models in `.h5`, and `.keras` archives.

A tensor's name is its path in the HDF5 file: "layers/dense/vars/0" of Keras 3, and
"dense/dense/kernel:0" of Keras 2, whether a file has the weights alone or a whole model. What an
optimizer keeps is left out. The files are looked through as `framework.saving` looks through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from ...framework.saving.archive import WEIGHTS, archive_members, open_weights
from ...framework.saving.errors import FileError
from ...framework.saving.hdf5 import H5File
from ..errors import ReaderError
from .base import Reader, TensorInfo, check_key, check_shape

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Where a whole model of Keras 2 keeps its weights.
_WHOLE = "model_weights/"
_OPTIMIZER = ("optimizer/", "optimizer_weights/")


def is_archive(path: Path) -> bool:
    """Returns whether a zip file is one of Keras's archives."""
    try:
        with ZipFile(path) as file:
            return WEIGHTS in file.namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return False


class KerasReader(Reader):
    """Names, shapes, dtypes and arrays of one of Keras's files.

    Args:
        path: a `.weights.h5`, `.h5` or `.keras` file.

    Raises:
        ReaderError: it is damaged, or holds what files of weights have no need of.
        ImportError: h5py is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = ExitStack()
        try:
            with self._reasons():
                self._file = self._enter()
                self._places = self._listed()
        except BaseException:
            self._opened.close()
            raise

    def _enter(self) -> H5File:
        with open(self.path, "rb") as file:
            plain = file.read(len(SIGNATURE)) == SIGNATURE
        if plain:
            return self._opened.enter_context(H5File(self.path))
        members = self._opened.enter_context(archive_members(self.path))
        return self._opened.enter_context(open_weights(members, str(self.path)))

    def _listed(self) -> dict[str, str]:
        """Name -> path in the file."""
        whole = self._file.group(_WHOLE.rstrip("/")) is not None
        found = {}
        for place, info in self._file.arrays():
            name = place.removeprefix(_WHOLE) if whole else place
            # Keras 3 counts its optimizer among the parts of a model, Keras 2 beside them.
            if not place.startswith(_OPTIMIZER) and (not whole or name != place):
                check_shape(self.path, info.shape, check_key(self.path, name))
                found[name] = place
        return found

    @contextmanager
    def _reasons(self) -> Iterator[None]:
        try:
            yield
        except FileError as error:
            raise ReaderError(self.path, error.problem, error.where) from error
        except OSError as error:
            raise ReaderError(self.path, f"it cannot be read: {error}") from error

    def keys(self) -> Sequence[str]:
        """Returns the paths of the tensors in the file, sorted."""
        return list(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor. KeyError if there is none."""
        found = self._file.info(self._places[key])
        return TensorInfo(found.shape, found.dtype)

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as an array of its own.

        Raises:
            KeyError: there is none.
            ReaderError: its bytes cannot be unpacked, or the reader is closed.
        """
        with self._reasons():
            return self._file.read(self._places[key])

    def release(self, key: str) -> None:
        """Does nothing: arrays are copies."""

    def close(self) -> None:
        """Lets go of the file."""
        self._opened.close()
