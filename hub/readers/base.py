"""What every reader of a weights file gives, and the memory map they share."""

from __future__ import annotations

import math
import mmap
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError

MAX_RANK = 32
MAX_KEY_LENGTH = 512
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/+@#,=<>()\[\] -]*")

_NUMPY_DTYPES = frozenset(
    "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 "
    "float16 float32 float64 complex64 complex128".split()
)
_ML_DTYPES = frozenset(
    "bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu".split()
)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Shape and dtype of one stored tensor; `dtype` is NumPy's (or ml_dtypes') name for it."""

    shape: tuple[int, ...]
    dtype: str


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Returns the little-endian NumPy dtype called `name`; bfloat16 and float8 come from ml_dtypes.

    Raises:
        ValueError: the name is not one that weights files hold.
        ImportError: ml_dtypes is needed and not installed.
    """
    if name in _NUMPY_DTYPES:
        return np.dtype(name).newbyteorder("<")
    if name in _ML_DTYPES:
        try:
            import ml_dtypes
        except ImportError as error:
            raise ImportError(
                f"tensors of dtype {name} need the package ml_dtypes: pip install ml_dtypes"
            ) from error
        return np.dtype(getattr(ml_dtypes, name))
    raise ValueError(f"no weights file holds dtype {name!r}")


def check_key(path: Path, key: object) -> str:
    """Returns `key` itself, when it is a harmless tensor name; ReaderError otherwise.

    Names that look like paths out of a folder, are empty, or hold control characters have no
    place in a model and are the stuff of attacks on whoever writes tensors to files.
    """
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_LENGTH or not _KEY.fullmatch(key):
        raise ReaderError(
            path,
            f"tensor name {str(key)[:80]!r} is not allowed: 1 to {MAX_KEY_LENGTH} of letters, "
            "digits and . _ - / : are expected, beginning with a letter, digit or _",
        )
    if ".." in key.split("/"):
        raise ReaderError(path, f"tensor name {key[:80]!r} has a '..' part")
    return key


def check_shape(path: Path, shape: Sequence[object], key: str) -> tuple[int, ...]:
    """Returns `shape` as a tuple of non-negative ints of at most 32 axes and 2**62 elements."""
    dims: list[int] = []
    for dim in shape:
        if not isinstance(dim, int) or isinstance(dim, bool) or dim < 0:
            raise ReaderError(path, f"shape {list(shape)[:8]} has a bad dimension", f"tensor {key}")
        dims.append(dim)
    if len(dims) > MAX_RANK or math.prod(d or 1 for d in dims) > 2**62:
        raise ReaderError(path, "the shape is impossibly large", f"tensor {key}")
    return tuple(dims)


def check_booleans(path: Path, flat: np.ndarray, key: str) -> None:
    """Raises ReaderError where an array of truths holds a byte that is neither 0 nor 1."""
    if flat.dtype == bool and flat.view(np.uint8).max(initial=0) > 1:
        raise ReaderError(path, "a boolean is stored as neither 0 nor 1", f"tensor {key}")


class MappedFile:
    """A file mapped privately, copy-on-write: views are writable and never change the file.

    A framework can therefore wrap a view without copying it. A view keeps the mapping alive
    after `close`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            with open(self.path, "rb") as file:
                self.size = os.fstat(file.fileno()).st_size
                if self.size == 0:
                    raise ReaderError(self.path, "the file is empty")
                self._map: mmap.mmap | None = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except OSError as error:
            reason = error.strerror or error
            raise ReaderError(self.path, f"it cannot be opened: {reason}") from error
        self.size = len(self._map)

    @property
    def buffer(self) -> mmap.mmap:
        """The mapping. Raises ReaderError once closed."""
        if self._map is None:
            raise ReaderError(self.path, "the reader is closed: read tensors before closing it")
        return self._map

    def bytes_at(self, offset: int, count: int, where: str = "") -> bytes:
        """Copies `count` bytes at `offset`; ReaderError when the file ends before."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise ReaderError(
                self.path,
                f"{count} bytes are expected at offset {offset}, but the file ends at {self.size}",
                where,
            )
        return self.buffer[offset : offset + count]

    def array(self, offset: int, info: TensorInfo, key: str = "") -> np.ndarray:
        """Returns a view (when unaligned, a copy) of the C-ordered tensor stored at `offset`."""
        dtype = numpy_dtype(info.dtype)
        count = math.prod(info.shape)
        if offset < 0 or offset + count * dtype.itemsize > self.size:
            raise ReaderError(self.path, "its bytes lie outside the file", f"tensor {key}")
        if count == 0:
            return np.zeros(info.shape, dtype)
        flat = np.frombuffer(self.buffer, dtype, count, offset)
        if not flat.flags.aligned:
            flat = flat.copy()
        check_booleans(self.path, flat, key)
        return flat.reshape(info.shape)

    def release(self, offset: int, count: int) -> None:
        """Tells the system that these bytes are not needed in memory any more.

        Only whole pages inside the range go, so that a neighbour is never touched. Changes made
        to a view of these bytes are lost: call it before a view is handed out for good, or not
        at all.
        """
        if self._map is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        first = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (offset + count) // mmap.PAGESIZE * mmap.PAGESIZE
        if last > first:
            self._map.madvise(mmap.MADV_DONTNEED, first, last - first)

    def close(self) -> None:
        """Lets go of the mapping; it ends when the last view of it does."""
        mapped, self._map = self._map, None
        if mapped is not None:
            try:
                mapped.close()
            except BufferError:
                pass  # views are alive: they own it now


class Reader(ABC):
    """Names, shapes, dtypes and, on demand, one array of a weights file.

    A reader treats the file as hostile: it checks everything when it is opened, before any
    tensor is read; it runs and imports nothing that the file names. Use it as a context manager.
    """

    path: Path

    @abstractmethod
    def keys(self) -> Sequence[str]:
        """Returns the tensors' names, in the order in which they lie in the file."""

    @abstractmethod
    def info(self, key: str) -> TensorInfo:
        """Returns the shape and dtype of tensor `key`, without reading it.

        KeyError when there is none.
        """

    @abstractmethod
    def read(self, key: str) -> np.ndarray:
        """Returns the tensor as an array of shape `info(key).shape`.

        A view of the private (copy-on-write) memory map where alignment allows, else a copy. Its
        strides are those of the file, so it need not be C-contiguous.
        """

    @abstractmethod
    def release(self, key: str) -> None:
        """Drops the tensor's pages from memory. Views of it stay valid; changes to them do not."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file. Arrays already read stay valid."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Free text stored beside the tensors; inert."""
        return {}

    def identity(self, key: str) -> Hashable:
        """Returns a value that equals another key's where both are the same bytes in one layout."""
        return key

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({os.fspath(self.path)!r}, {len(self)} tensors)"
