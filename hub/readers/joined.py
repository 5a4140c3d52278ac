"""Reader of weights that lie in several files, one for each part of a model."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .base import Reader, TensorInfo


class JoinedReader(Reader):
    """Tensors of several readers; the name of a part and a dot stand before their names, where
    the part has a name.

    Args:
        path: what errors call the whole.
        parts: name of a part -> reader of its file.
    """

    def __init__(self, path: Path, parts: Mapping[str, Reader]) -> None:
        self.path, self._parts = path, dict(parts)
        self._where = {
            f"{part}.{key}" if part else key: (reader, key)
            for part, reader in self._parts.items()
            for key in reader.keys()  # noqa: SIM118 (readers have an order of their own)
        }

    def keys(self) -> Sequence[str]:
        """Returns the names of all tensors: part by part, in each as they lie in its file."""
        return list(self._where)

    def __contains__(self, key: object) -> bool:
        return key in self._where

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor. KeyError for an unknown name."""
        reader, name = self._where[key]
        return reader.info(name)

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as the reader of its file gives it. KeyError for an unknown name."""
        reader, name = self._where[key]
        return reader.read(name)

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        reader, name = self._where[key]
        reader.release(name)

    def identity(self, key: str) -> Hashable:
        """Returns the file's reader and the identity that it gives the tensor."""
        reader, name = self._where[key]
        return (id(reader), reader.identity(name))

    def close(self) -> None:
        """Closes all files. Arrays that were read stay valid."""
        for reader in self._parts.values():
            reader.close()
