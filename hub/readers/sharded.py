"""Reader of weights spread over several files by an index (`model.safetensors.index.json`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import ReaderError
from .base import Reader, TensorInfo, check_key
from .json_file import MAX_SHARDS, read_strictly

_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")


class ShardedReader(Reader):
    """Tensors of all files that an index names.

    Args:
        path: the index: `{"metadata": {...}, "weight_map": {tensor name: file name}}`.
        open_shard: opens one file.
        files: file name -> path, where the files do not lie beside the index under their names.

    Raises:
        ReaderError: the index is malformed, names a file outside its folder, a file is missing,
            or the index and the files do not hold exactly the same tensors.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        open_shard: Callable[[Path], Reader],
        files: Mapping[str, Path] | None = None,
    ) -> None:
        self.path = Path(path)
        self._shards: dict[str, Reader] = {}
        weight_map = self._read_index()
        try:
            for name in sorted(set(weight_map.values())):
                self._shards[name] = open_shard(self._shard_path(name, files))
            self._check_same_keys(weight_map)
        except BaseException:
            self.close()
            raise
        # files first, then the order in each, so that reading goes forward on the disk
        self._where = {key: reader for reader in self._shards.values() for key in reader}

    def keys(self) -> Sequence[str]:
        """Returns the names of all tensors: file by file, in each file as they lie in it."""
        return list(self._where)

    def __contains__(self, key: object) -> bool:
        return key in self._where

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor. KeyError for an unknown name."""
        return self._where[key].info(key)

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as the reader of its file gives it. KeyError for an unknown name."""
        return self._where[key].read(key)

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        self._where[key].release(key)

    def identity(self, key: str) -> Hashable:
        """Returns the file's name and the identity that its reader gives the tensor."""
        reader = self._where[key]
        return (id(reader), reader.identity(key))

    def close(self) -> None:
        """Closes all files. Arrays that were read stay valid."""
        for reader in self._shards.values():
            reader.close()

    def _read_index(self) -> dict[str, str]:
        index = read_strictly(self.path, "index")
        weight_map = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(weight_map, dict) or not weight_map:
            raise ReaderError(self.path, "the index has no weight_map of tensor name to file name")
        for key, name in weight_map.items():
            check_key(self.path, key)
            if not isinstance(name, str) or not _SHARD.fullmatch(name):
                raise ReaderError(
                    self.path, f"{str(name)[:80]!r} is not a plain file name", f"tensor {key}"
                )
        if len(set(weight_map.values())) > MAX_SHARDS:
            raise ReaderError(self.path, f"the index names more than {MAX_SHARDS} files")
        return weight_map

    def _shard_path(self, name: str, files: Mapping[str, Path] | None) -> Path:
        path = files.get(name) if files is not None else self.path.parent / name
        if path is None or not path.is_file():
            raise ReaderError(self.path, f"the index names {name}, and there is no such file")
        return path

    def _check_same_keys(self, weight_map: dict[str, str]) -> None:
        held: dict[str, str] = {}
        for name, reader in self._shards.items():
            for key in reader:
                if key in held:
                    raise ReaderError(
                        self.path, f"both {held[key]} and {name} hold it", f"tensor {key}"
                    )
                held[key] = name
        for key, name in weight_map.items():
            if held.get(key) != name:
                real = f"it is in {held[key]}" if key in held else "no file holds it"
                raise ReaderError(
                    self.path, f"the index says it is in {name}, but {real}", f"tensor {key}"
                )
        unlisted = [key for key in held if key not in weight_map]
        if unlisted:
            raise ReaderError(
                self.path,
                f"{len(unlisted)} tensors in the files are not in the index, such as {unlisted[0]}",
            )
