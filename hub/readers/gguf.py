"""Reader of GGUF files, as llama.cpp writes them: tensors, and settings beside them.

The layout, little-endian (ggml's `docs/gguf.md`, versions 2 and 3):

    "GGUF"; u32 version; u64 number of tensors; u64 number of settings
    for each setting: string key; u32 type; the value
    for each tensor: string name; u32 rank; u64 × rank sizes, the last axis first; u32 form; u64
        place behind the beginning of the data
    the data, from the next multiple of `general.alignment` on

where a string is u64 length and UTF-8 bytes, and an array u32 type, u64 length and its values.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from .base import MappedFile, Reader, TensorInfo, check_key, check_shape
from .blocks import FORMS, BlockForm

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_RANK = 4
MAX_TEXT = 1 << 20
# A setting's type -> its form for `struct`; strings and arrays have none.
_NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 10, 11, 12), "BbHhIifQqd", strict=True))
_BOOLEAN, _STRING, _ARRAY = 7, 8, 9


class GGUFReader(Reader):
    """Tensors of a GGUF file; what is packed in blocks is read as float32.

    Attributes:
        settings: name -> number, truth, text, or a list of such.

    Raises:
        ReaderError: the file is cut short, or holds what the layout does not allow.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = MappedFile(self.path)
        self._at = 0
        try:
            if self._take(4, "mark") != MAGIC:
                raise self._fail("it does not begin with GGUF")
            version = self._number("I", "version")
            if version not in VERSIONS:
                raise self._fail(f"version {version}; this reader knows 2 and 3")
            tensors = self._count("tensors", 24)
            settings = self._count("settings", 13)
            self.settings: dict[str, Any] = {}
            for _ in range(settings):
                key = self._text("a setting's name")
                if key in self.settings:
                    raise self._fail(f"setting {key[:80]!r} occurs twice")
                self.settings[key] = self._value(self._number("I", f"type of {key}"), key)
            self._entries: dict[str, tuple[TensorInfo, int, BlockForm]] = {}
            for _ in range(tensors):
                self._tensor()
            self._place_data()
        except BaseException:
            self._file.close()
            raise

    def keys(self) -> Sequence[str]:
        """Returns the names of the tensors in file order."""
        return list(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor. KeyError for an unknown name."""
        return self._entries[key][0]

    def form(self, key: str) -> str:
        """Returns what ggml calls the form of a tensor, such as "Q4_1". KeyError for none."""
        return self._entries[key][2].name

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as a C-ordered array: a view of the file, or float32 of its blocks.

        Raises KeyError for an unknown name.
        """
        info, offset, form = self._entries[key]
        if form.read is None:
            return self._file.array(offset, info, key)
        blocks = math.prod(info.shape) // form.numbers
        raw = np.frombuffer(self._file.buffer, np.uint8, blocks * form.size, offset)
        made = form.read(raw.reshape(blocks, form.size)).astype(np.float32, copy=False)
        return made.reshape(info.shape)

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        info, offset, form = self._entries[key]
        self._file.release(offset, math.prod(info.shape) // form.numbers * form.size)

    def identity(self, key: str) -> Hashable:
        """Returns where and how a tensor is stored."""
        return self._entries[key][:2]

    def close(self) -> None:
        """Closes the file. Arrays that were read stay valid."""
        self._file.close()

    @property
    def metadata(self) -> Mapping[str, str]:
        """The settings that are texts."""
        return {key: value for key, value in self.settings.items() if isinstance(value, str)}

    # ------------------------------------------------------------------------------------------

    def _fail(self, problem: str) -> ReaderError:
        return ReaderError(self.path, problem, f"offset {self._at}")

    def _take(self, count: int, what: str) -> bytes:
        raw = self._file.bytes_at(self._at, count, what)
        self._at += count
        return raw

    def _number(self, form: str, what: str) -> Any:
        return struct.unpack(f"<{form}", self._take(struct.calcsize(f"<{form}"), what))[0]

    def _count(self, what: str, least: int) -> int:
        count = self._number("Q", f"number of {what}")
        if count * least > self._file.size - self._at:
            raise self._fail(f"{count} {what} cannot fit in the rest of the file")
        return count

    def _text(self, what: str) -> str:
        length = self._number("Q", f"length of {what}")
        if length > MAX_TEXT:
            raise self._fail(f"{what} is said to be {length} bytes long")
        try:
            return self._take(length, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._fail(f"{what} is not UTF-8") from error

    def _value(self, kind: int, what: str) -> Any:
        what = what[:80]
        if kind == _STRING:
            return self._text(what)
        if kind == _BOOLEAN:
            return bool(self._number("B", what))
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind], what)
        if kind != _ARRAY:
            raise self._fail(f"{what} is of type {kind}, which is not known")
        inner = self._number("I", f"type of {what}")
        if inner == _STRING:
            return [self._text(what) for _ in range(self._count(f"values of {what}", 8))]
        form = "B" if inner == _BOOLEAN else _NUMBERS.get(inner)
        if form is None:
            raise self._fail(f"{what} is an array of type {inner}, which is not known")
        size = struct.calcsize(f"<{form}")
        count = self._count(f"values of {what}", size)
        return list(struct.unpack(f"<{count}{form}", self._take(count * size, what)))

    def _tensor(self) -> None:
        name = check_key(self.path, self._text("a tensor's name"))
        if name in self._entries:
            raise self._fail(f"{name} occurs twice")
        rank = self._number("I", f"rank of {name}")
        if rank > MAX_RANK:
            raise self._fail(f"{name} is said to have {rank} axes; at most {MAX_RANK} are known")
        sizes = struct.unpack(f"<{rank}Q", self._take(8 * rank, f"shape of {name}"))
        shape = check_shape(self.path, sizes[::-1], name)
        number = self._number("I", f"form of {name}")
        form = FORMS.get(number)
        if form is None:
            known = ", ".join(one.name for one in FORMS.values())
            raise self._fail(
                f"{name} is stored in the form {number}, which is not known; known are {known}. "
                "Convert the file to one of them (`llama-quantize … Q8_0`)"
            )
        if form.numbers > 1 and (not shape or shape[-1] % form.numbers):
            raise self._fail(f"{name}: rows of {shape[-1:]} are not a multiple of {form.numbers}")
        offset = self._number("Q", f"place of {name}")
        self._entries[name] = (TensorInfo(shape, form.dtype), offset, form)

    def _place_data(self) -> None:
        """Turn places behind the data's beginning into those in the file, each checked."""
        step = self.settings.get("general.alignment", 32)
        if not isinstance(step, int) or isinstance(step, bool) or not 1 <= step <= 1 << 20:
            raise self._fail(f"general.alignment is {step!r}")
        begin, end = -(-self._at // step) * step, 0
        for name, (info, offset, form) in sorted(self._entries.items(), key=lambda x: x[1][1]):
            size = math.prod(info.shape) // form.numbers * form.size
            if offset % step or offset < end or begin + offset + size > self._file.size:
                raise ReaderError(
                    self.path,
                    f"its {size} bytes are said to begin at {offset} of the data, where another "
                    "tensor lies, or past the end of the file",
                    f"tensor {name}",
                )
            end = offset + size
            self._entries[name] = (info, begin + offset, form)
