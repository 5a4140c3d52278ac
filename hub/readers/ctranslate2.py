"""Reader of CTranslate2's `model.bin`, binary version 6.

The layout, little-endian, as CTranslate2's `ModelSpec` writes it:

    u32 version (6); string spec name; u32 spec revision
    u32 number of variables; for each, in order of name:
        string name; u8 rank; u32 × rank shape; u8 dtype id; u32 byte count; the bytes
    u32 number of aliases; for each: string alias; string name of a variable

where a string is u16 length (the ending zero counted), UTF-8 bytes, a zero byte. Linear weights
are (out, in). Convolutions are (out, in, width). Settings are stored as int8, int16 or float32
variables of rank 0, so the weight map drops them by name.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import ReaderError
from .base import MAX_KEY_LENGTH, MappedFile, Reader, TensorInfo, check_key, check_shape

VERSION = 6
# By dtype id: (NumPy's name, bytes an element).
DTYPES = (
    ("float32", 4),
    ("int8", 1),
    ("int16", 2),
    ("int32", 4),
    ("float16", 2),
    ("bfloat16", 2),
)
MAX_TENSOR_RANK = 8
_LEAST_ENTRY = 9  # name of no letters, rank 0, dtype, byte count: bounds the counts


class CTranslate2Reader(Reader):
    """Variables of a CTranslate2 model; an alias reads as the variable that it stands for.

    Attributes:
        spec_name: the model's specification, such as "WhisperSpec".
        spec_revision: its revision.
        aliases: alias -> name of the variable.

    Raises:
        ReaderError: the file is cut short, or holds what the layout does not allow.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = MappedFile(self.path)
        self._at = 0
        try:
            self._entries: dict[str, tuple[TensorInfo, int]] = {}
            version = self._number("<I", "version")
            if version != VERSION:
                raise self._fail(f"binary version {version}; this reader knows {VERSION}")
            self.spec_name = check_key(self.path, self._string("spec name"))
            self.spec_revision = self._number("<I", "spec revision")
            for _ in range(self._count("variables", _LEAST_ENTRY)):
                self._variable()
            self.aliases: Mapping[str, str] = self._read_aliases()
            if self._at != self._file.size:
                raise self._fail(f"{self._file.size - self._at} bytes are left over")
        except BaseException:
            self._file.close()
            raise

    def keys(self) -> Sequence[str]:
        """Returns the names of the variables in file order, then those of the aliases."""
        return [*self._entries, *self.aliases]

    def __contains__(self, key: object) -> bool:
        return key in self._entries or key in self.aliases

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a variable. KeyError for an unknown name."""
        return self._entry(key)[0]

    def read(self, key: str) -> np.ndarray:
        """Returns a variable as a C-ordered array: a view of the file, copied where unaligned.

        Raises KeyError for an unknown name.
        """
        info, offset = self._entry(key)
        return self._file.array(offset, info, key)

    def release(self, key: str) -> None:
        """Drops the pages of a variable from memory. Changes made to views of it are lost."""
        info, offset = self._entry(key)
        itemsize = dict(DTYPES)[info.dtype]
        self._file.release(offset, math.prod(info.shape) * itemsize)

    def identity(self, key: str) -> Hashable:
        """Returns where and how a variable is stored: the same for an alias and its variable."""
        return self._entry(key)

    def close(self) -> None:
        """Closes the file. Arrays that were read stay valid."""
        self._file.close()

    def _entry(self, key: str) -> tuple[TensorInfo, int]:
        return self._entries[self.aliases.get(key, key)]

    def _fail(self, problem: str) -> ReaderError:
        return ReaderError(self.path, problem, f"offset {self._at}")

    def _take(self, count: int, what: str) -> bytes:
        raw = self._file.bytes_at(self._at, count, what)
        self._at += count
        return raw

    def _number(self, form: str, what: str) -> int:
        return struct.unpack(form, self._take(struct.calcsize(form), what))[0]

    def _count(self, what: str, least: int) -> int:
        count = self._number("<I", f"number of {what}")
        if count * least > self._file.size - self._at:
            raise self._fail(f"{count} {what} cannot fit in the rest of the file")
        return count

    def _string(self, what: str) -> str:
        length = self._number("<H", f"length of {what}")
        if not 2 <= length <= MAX_KEY_LENGTH + 1:
            raise self._fail(f"{what} is said to be {length} bytes long")
        raw = self._take(length, what)
        if raw[-1] != 0 or 0 in raw[:-1]:
            raise self._fail(f"{what} does not end at its zero byte")
        try:
            return raw[:-1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._fail(f"{what} is not UTF-8") from error

    def _new_name(self, what: str) -> str:
        name = check_key(self.path, self._string(what))
        if name in self._entries:
            raise self._fail(f"{name} occurs twice")
        return name

    def _variable(self) -> None:
        name = self._new_name("a variable's name")
        rank = self._number("<B", f"rank of {name}")
        if rank > MAX_TENSOR_RANK:
            raise self._fail(f"{name} is said to have {rank} axes")
        dims = struct.unpack(f"<{rank}I", self._take(4 * rank, f"shape of {name}"))
        shape = check_shape(self.path, dims, name)
        dtype_id = self._number("<B", f"dtype of {name}")
        if dtype_id >= len(DTYPES):
            raise self._fail(f"{name} has dtype id {dtype_id}; 0 to {len(DTYPES) - 1} are known")
        dtype, itemsize = DTYPES[dtype_id]
        count = self._number("<I", f"byte count of {name}")
        if count != math.prod(shape) * itemsize:
            raise self._fail(f"{name} has {count} bytes for shape {list(shape)} of {dtype}")
        if self._at + count > self._file.size:
            raise self._fail(f"{name} ends after the file does: the file is cut short")
        self._entries[name] = (TensorInfo(shape, dtype), self._at)
        self._at += count

    def _read_aliases(self) -> dict[str, str]:
        aliases: dict[str, str] = {}
        for _ in range(self._count("aliases", 6)):
            alias = self._new_name("an alias")
            target = self._string("an alias's variable")
            if alias in aliases or target not in self._entries:
                raise self._fail(f"alias {alias} stands for {target[:80]!r}, which is no variable")
            aliases[alias] = target
        return aliases
