"""ONNX files without the numbers of their large tensors, which are read when they are wanted.

A parser of protobuf holds the file and a copy of each tensor at once, and takes no file of more
than 2 GB. So the large `raw_data` are cut out of the message before it is parsed, and a mark of
where they lie stands in their place. Definition: protobuf.dev/programming-guides/encoding; the
numbers of fields are those of onnx.proto.
"""

from __future__ import annotations

import mmap
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Smaller parts of a message stay in it.
LEAST = 1 << 12
_DEPTH = 64
# Small parts of one message that are looked at one by one.
_MANY = 1 << 16
_RAW = "raw_data"
# Kind of message -> number of a field -> kind of the message in it, of those that hold tensors.
FIELDS: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {9: _RAW},
}


class _OddError(Exception):
    """The bytes are no message that is understood here; the parser has the word."""


class _ManyError(Exception):
    """A message of very many small parts, such as the nodes of a forest: it stays as it is."""


class Numbers:
    """Reads what was cut out of a file or of bytes.

    Args:
        source: a path, or bytes.
    """

    def __init__(self, source: Path | Any) -> None:
        self._source = source
        # No file can know it, and so none can name a place by itself.
        self._token = secrets.token_bytes(16)

    def mark(self, start: int, size: int) -> bytes:
        """Returns what stands in the place of bytes."""
        return self._token + struct.pack("<QQ", start, size)

    def size_of(self, raw: bytes) -> int | None:
        """Returns the number of bytes in whose place `raw` stands; None where it is no mark."""
        if len(raw) != 32 or not raw.startswith(self._token):
            return None
        return struct.unpack("<QQ", raw[16:])[1]

    def read(self, raw: bytes) -> np.ndarray:
        """Returns the bytes in whose place a mark stands, as an array of their own, uint8 (size,).

        Raises:
            OSError: the file cannot be read, or is shorter than it was.
        """
        start, size = struct.unpack("<QQ", raw[16:])
        if not isinstance(self._source, Path):
            return np.frombuffer(self._source, np.uint8, size, start).copy()
        found = np.fromfile(self._source, np.uint8, size, offset=start)
        if found.size != size:
            raise OSError(f"{self._source} was changed while it was read")
        return found


def cut(source: Path | Any) -> tuple[bytes, Numbers | None]:
    """Returns the message without its large tensors, and what reads these.

    Args:
        source: the path of an ONNX file, or its bytes.

    Returns:
        The whole message and None where it is small, or not understood: its faults are the parser's
        to name.

    Raises:
        OSError: the file cannot be read.
    """
    if not isinstance(source, Path):
        return _cut(memoryview(source), Numbers(source)) if len(source) >= LEAST else (source, None)
    with open(source, "rb") as file:
        size = file.seek(0, 2)
        if size < LEAST:
            file.seek(0)
            return file.read(), None
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            return _cut(view, Numbers(source))


def _cut(view: memoryview, numbers: Numbers) -> tuple[bytes, Numbers | None]:
    try:
        parts = _rebuilt(view, 0, len(view), "ModelProto", numbers, 0)
    except (_OddError, _ManyError):
        return bytes(view), None
    return b"".join(parts), numbers


def _rebuilt(
    view: memoryview, start: int, end: int, kind: str, numbers: Numbers, depth: int
) -> list[bytes]:
    """A message, in parts, with marks in it."""
    if depth > _DEPTH:
        raise _OddError
    inner = FIELDS[kind]
    found: list[bytes] = []
    copied = start
    for number, head, first, last in _fields(view, start, end):
        wanted = inner.get(number)
        if wanted is None or last - first < LEAST:
            continue
        if wanted == _RAW:
            parts = [numbers.mark(first, last - first)]
        else:
            try:
                parts = _rebuilt(view, first, last, wanted, numbers, depth + 1)
            except _ManyError:  # a list of numbers, which has no tensors beside it
                continue
        found.append(bytes(view[copied:head]))
        found += [_encoded(sum(map(len, parts))), *parts]
        copied = last
    found.append(bytes(view[copied:end]))
    return found


def _fields(view: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields fields of a length: number, where the length stands, first byte, byte behind the last.

    Fields of other types are passed over.
    """
    at, count = start, 0
    while at < end:
        count += 1
        if count > _MANY:
            raise _ManyError
        key, at = _number(view, at, end)
        kind = key & 7
        if kind == 2:
            size, first = _number(view, at, end)
            if size > end - first:
                raise _OddError
            yield key >> 3, at, first, first + size
            at = first + size
        elif kind == 0:
            _, at = _number(view, at, end)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise _OddError
    if at != end:
        raise _OddError


def _number(view: memoryview, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    found = 0
    for place in range(10):
        if at >= end:
            raise _OddError
        byte = view[at]
        at += 1
        found |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return found, at
    raise _OddError


def _encoded(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
