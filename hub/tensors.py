"""Tensors that read themselves when they are wanted, and writing them one at a time."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..framework.files import atomic_path, write_atomically
from .errors import HubError
from .readers.base import numpy_dtype
from .readers.safetensors import DTYPES

_TAGS = {name: tag for tag, (name, _) in DTYPES.items()}
_CHUNK_BYTES = 16 << 20


def _nothing() -> None:
    """What a tensor that holds nothing has to let go of."""


@dataclass(frozen=True)
class PendingTensor:
    """A tensor of known shape and dtype whose elements are read when they are wanted.

    Attributes:
        shape: its sizes.
        dtype: its NumPy dtype.
        read: returns it as an array; each call reads anew.
        release: lets go of what the last `read` left in memory.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray]
    release: Callable[[], None] = _nothing

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    def cast(self, dtype: np.dtype[Any]) -> PendingTensor:
        """Returns the tensor that will have another dtype; it is cast while it is written."""
        return replace(self, dtype=dtype)


def pending(value: Any) -> PendingTensor:
    """Returns an array, or a variable with `shape`, `dtype` and `numpy()`, as a pending tensor."""
    if isinstance(value, PendingTensor):
        return value
    if isinstance(value, np.ndarray):
        return PendingTensor(value.shape, value.dtype, lambda: value)
    dtype = numpy_dtype(str(value.dtype))
    return PendingTensor(tuple(value.shape), dtype, lambda: np.asarray(value.numpy()))


def write_safetensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, np.ndarray | PendingTensor],
    metadata: Mapping[str, str] | None = None,
    max_shard_bytes: int = 5_000_000_000,
) -> list[Path]:
    """Writes tensors to one safetensors file, or to several with an index.

    Each is read, written and let go of before the next one, so that memory holds one at a time.
    Files appear whole or not at all. Above `max_shard_bytes` the tensors go to
    `NAME-00001-of-0000N.safetensors` with an index `NAME.safetensors.index.json`, as the Hugging
    Face hub expects.

    Args:
        path: the file to write, ending in `.safetensors`.
        tensors: name -> array or pending tensor.
        metadata: free text for the header.
        max_shard_bytes: the most bytes of tensors in one file.

    Returns:
        The files written.

    Raises:
        HubError: the path does not end in `.safetensors`, or the format has no such dtype.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise HubError(f"cannot export to {path}: a name ending in .safetensors is expected")
    ready = {name: pending(value) for name, value in tensors.items()}
    shards = _shards(ready, max_shard_bytes)
    meta = {"format": "pt", **(metadata or {})}
    if len(shards) == 1:
        _write_one(path, shards[0], meta)
        return [path]
    names = [
        f"{path.stem}-{index:05}-of-{len(shards):05}.safetensors"
        for index in range(1, len(shards) + 1)
    ]
    written: list[Path] = []
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in ready.values())},
        "weight_map": {k: name for name, shard in zip(names, shards, strict=True) for k in shard},
    }
    index_path = path.with_name(path.name + ".index.json")
    try:
        for name, shard in zip(names, shards, strict=True):
            _write_one(path.with_name(name), shard, meta)
            written.append(path.with_name(name))
        write_atomically(index_path, (json.dumps(index, indent=2, sort_keys=True) + "\n").encode())
    except BaseException:
        for shard_path in written:
            shard_path.unlink(missing_ok=True)
        raise
    return [*written, index_path]


def _shards(tensors: Mapping[str, PendingTensor], limit: int) -> list[dict[str, PendingTensor]]:
    shards: list[dict[str, PendingTensor]] = [{}]
    room = limit
    for key, tensor in tensors.items():
        if shards[-1] and tensor.nbytes > room:
            shards.append({})
            room = limit
        shards[-1][key] = tensor
        room -= tensor.nbytes
    return shards


def _write_one(path: Path, tensors: Mapping[str, PendingTensor], metadata: dict[str, str]) -> None:
    # Largest elements first, by name among equals: each tensor then lies aligned.
    ordered = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata}
    offset = 0
    for name in ordered:
        tensor = tensors[name]
        if (tag := _TAGS.get(tensor.dtype.name)) is None:
            raise HubError(f"{name}: safetensors has no dtype {tensor.dtype.name}")
        span = [offset, offset + tensor.nbytes]
        header[name] = {"dtype": tag, "shape": list(tensor.shape), "data_offsets": span}
        offset = span[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in ordered:
            write_elements(file, name, tensors[name])
        file.flush()


def write_elements(file: BinaryIO, name: str, tensor: PendingTensor) -> None:
    """Writes the elements of one tensor, little-endian in C order, and lets go of it.

    What has to be rearranged or cast is copied in blocks of 16 MiB.

    Raises:
        HubError: the array that was read has another shape than was said.
    """
    array = tensor.read()
    if array.shape != tensor.shape:
        raise HubError(f"{name} was to be {list(tensor.shape)}; it is {list(array.shape)}")
    dtype = tensor.dtype.newbyteorder("<")
    for block in _blocks(array, max(1, _CHUNK_BYTES // max(1, dtype.itemsize))):
        # As bytes: the dtypes of ml_dtypes have no buffer of their own.
        file.write(np.ascontiguousarray(block, dtype).reshape(-1).view(np.uint8).data)
    del array
    tensor.release()


def _blocks(array: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Parts of an array of at most about `count` elements, that follow each other in C order."""
    if array.size <= count or array.ndim == 0:
        if array.size:
            yield array
        return
    row = array.size // array.shape[0]
    if row > count:
        for part in array:
            yield from _blocks(part, count)
        return
    step = max(1, count // row)
    for start in range(0, array.shape[0], step):
        yield array[start : start + step]
