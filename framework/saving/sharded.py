"""Weights in several HDF5 files and an index: Keras's `.weights.json`.

The index is `{"metadata": {"total_size"}, "weight_map": {"/layers/dense/vars": file or files}}`;
the files lie beside it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_path, write_atomically
from .errors import FileError
from .h5_store import H5Writer, as_numpy
from .hdf5 import H5File, Stored
from .index_files import read_index
from .state import read_state, write_state

MAX_INDEX_BYTES = 64 << 20
MAX_SHARDS = 4096
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")


def write_shards(model: Any, path: str, max_shard_size: float, skipped: Sequence[Any] = ()) -> None:
    """Writes the weights of a model to files of at most `max_shard_size` GiB, and their index.

    The index is written last, and where there is one already the files have other names than its
    own. So a crash leaves the old weights whole; their files go when the new index is there.

    Args:
        model: a built model.
        path: "….weights.json".
        max_shard_size: GiB in one file.
        skipped: parts that are left out.

    Raises:
        ValueError: one array is larger than a file may be.
        OSError: a file cannot be written.
    """
    target = Path(path).with_suffix(".json")
    base = stem = target.stem.replace(".weights", "")
    before = _shards_before(target, stem)
    if before:
        base = f"{stem}_{secrets.token_hex(4)}"
    writer = _Shards(int(max_shard_size * 1024**3))
    write_state(model, writer, skipped)
    for number, parts in enumerate(writer.files):
        with atomic_path(target.with_name(_shard(base, number))) as temporary:
            with H5Writer(temporary) as file:
                for part, (name, arrays) in parts.items():
                    store = file.part(part, name)
                    for key, value in arrays.items():
                        store[key] = value
    index = {
        "metadata": {"total_size": writer.total},
        "weight_map": {
            f"/{part}/vars" if part else "/vars": _names(base, numbers)
            for part, numbers in writer.places.items()
        },
    }
    write_atomically(target, json.dumps(index, indent=4).encode())
    for old in before:
        old.unlink(missing_ok=True)


def _shards_before(target: Path, stem: str) -> list[Path]:
    """The files of an index that is replaced, as far as `write_shards` gave them their names."""
    if not target.exists():
        return []
    ours = re.compile(re.escape(stem) + r"(_[0-9a-f]{8})?_\d{5}\.weights\.h5")
    try:
        found = json.loads(target.read_bytes())["weight_map"].values()
        names = {name for held in found for name in (held if isinstance(held, list) else [held])}
        return [target.with_name(name) for name in names if ours.fullmatch(name)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []  # it is no index


def _shard(base: str, number: int) -> str:
    return f"{base}_{number:05}.weights.h5"


def _names(base: str, numbers: list[int]) -> Any:
    names = [_shard(base, number) for number in numbers]
    return names[0] if len(names) == 1 else names


class _Shards:
    """Divides what parts save into files; arrays stay what they are until they are written."""

    def __init__(self, limit: int) -> None:
        self.limit, self.total, self._filled = limit, 0, 0
        # of each file: path of a part -> (its name, its arrays)
        self.files: list[dict[str, tuple[str | None, dict[str, Any]]]] = [{}]
        self.places: dict[str, list[int]] = {}

    def part(self, path: str, name: str | None) -> Any:
        """Returns the mapping that takes the state of a part."""
        return _ShardedPart(self, path, name)

    def put(self, path: str, name: str | None, key: str, value: Any) -> None:
        """Takes an array into the file that is being filled, or begins another."""
        size = as_numpy(value).nbytes
        if size > self.limit:
            raise ValueError(
                f"The size of {path}/{key} is {size} bytes which exceeds the maximum shard size "
                f"{self.limit}. Increase the `max_shard_size` parameter."
            )
        if self._filled + size > self.limit:
            self.files.append({})
            self._filled = 0
        self._filled += size
        self.total += size
        self.files[-1].setdefault(path, (name, {}))[1][key] = value
        number = len(self.files) - 1
        held = self.places.setdefault(path, [])
        if number not in held:
            held.append(number)


class _ShardedPart(MutableMapping[str, Any]):
    def __init__(self, shards: _Shards, path: str, name: str | None) -> None:
        self._shards, self._path, self._name = shards, path, name
        self._held: dict[str, Any] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        self._held[key] = value
        self._shards.put(self._path, self._name, key, value)

    def __getitem__(self, key: str) -> Any:
        return self._held[key]

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{key!r} was handed on to a file already: leave it out instead.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def read_shards(
    model: Any, path: str, skip_mismatch: bool = False, skipped: Sequence[Any] = ()
) -> None:
    """Reads what `write_shards`, or Keras, wrote. Raises as `read_weights` does."""
    with ShardedSource(path) as source:
        read_state(model, source, skip_mismatch, skipped)


class ShardedSource:
    """The arrays of all files that an index names.

    Args:
        path: the index.

    Raises:
        FileError: the index is malformed, names a file outside its folder, or a file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._files: dict[str, H5File] = {}
        self._map = self._read_index()
        try:
            for name in sorted({name for names in self._map.values() for name in names}):
                self._files[name] = H5File(self.path.with_name(name))
        except FileNotFoundError as error:
            self.close()
            raise FileError(path, f"a file that it names is missing: {error.filename}") from error
        except BaseException:
            self.close()
            raise

    def _read_index(self) -> dict[str, list[str]]:
        index = read_index(self.path, MAX_INDEX_BYTES)
        held = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(held, dict):
            raise FileError(self.path, "it has no `weight_map`, so it is no index of weights")
        found: dict[str, list[str]] = {}
        for part, names in held.items():
            names = names if isinstance(names, list) else [names]
            for name in names:
                if not isinstance(name, str) or not _NAME.fullmatch(name):
                    raise FileError(self.path, f"{str(name)[:80]!r} is no name of a file beside it")
            found[part] = names
        if len({name for names in found.values() for name in names}) > MAX_SHARDS:
            raise FileError(self.path, f"it names more than {MAX_SHARDS} files")
        return found

    def _place(self, path: str) -> str:
        return f"{path}/vars" if path else "vars"

    def _files_of(self, path: str) -> list[H5File]:
        names = self._map.get(f"/{self._place(path)}") or self._map.get(path) or []
        return [self._files[name] for name in names]

    def part(self, path: str) -> Mapping[str, Stored]:
        """Returns the arrays of the part at a path by their names; none if it is not there."""
        found: dict[str, Stored] = {}
        for file in self._files_of(path):
            group = file.group(self._place(path))
            found.update({} if group is None else group.arrays)
        return found

    def read(self, path: str, key: str) -> np.ndarray:
        """Returns one array of the part at a path."""
        place = self._place(path)
        for file in self._files_of(path):
            group = file.group(place)
            if group is not None and key in group.arrays:
                return file.read(f"{place}/{key}")
        raise KeyError(f"{path}/{key}")

    def parts(self) -> Iterator[str]:
        """Yields the paths of all parts that have arrays."""
        for part in self._map:
            yield part.removeprefix("/").removesuffix("vars").removesuffix("/")

    def close(self) -> None:
        """Lets go of the files."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> ShardedSource:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
