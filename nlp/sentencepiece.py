"""A reader of SentencePiece's files (`spiece.model`), as data.

Definition: sentencepiece_model.proto of github.com/google/sentencepiece, in Protocol Buffers' wire
format: a message is a row of (number of a field, kind of its value, value).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

Value = TypeVar("Value", int, bytes)

MAX_FILE_BYTES = 64 << 20
UNIGRAM, BYTE_PAIRS = 1, 2  # ways to cut texts: T5's and its like's, and Llama's
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


class Piece(NamedTuple):
    """A token: its text, its score (a log-probability), and its kind, such as `CONTROL`."""

    text: str
    score: float
    kind: int


class Pieces(NamedTuple):
    """What a file holds: its tokens, in the order of their ids, and its table of characters.

    `characters` is what the library calls `precompiled_charsmap`: which characters are made which
    before a text is cut; empty for none. `kind` is the way of cutting, such as `UNIGRAM`. `prefix`
    says whether a text gets a space before it, `joined` whether several spaces become one.
    """

    pieces: list[Piece]
    characters: bytes
    kind: int
    prefix: bool = True
    joined: bool = True


def read_pieces(path: str | os.PathLike[str]) -> Pieces:
    """Reads a SentencePiece file.

    Raises:
        ValueError: it is missing, too large, or not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a SentencePiece file has at most {MAX_FILE_BYTES} bytes.")
    pieces: list[Piece] = []
    characters, kind, prefix, joined = b"", UNIGRAM, 1, 1
    try:
        for number, value in _fields(path.read_bytes()):
            if number == 1 and isinstance(value, bytes):
                pieces.append(_piece(value))
            elif number == 2 and isinstance(value, bytes):  # how it was trained
                kind = _field(value, 3, int, UNIGRAM)
            elif number == 3 and isinstance(value, bytes):  # how texts are normalized
                characters = _field(value, 2, bytes, b"")
                prefix, joined = (_field(value, number, int, 1) for number in (3, 4))
    except (ValueError, TypeError, struct.error) as error:
        raise ValueError(f"{path}: not a SentencePiece file: {error}") from error
    if not pieces:
        raise ValueError(f"{path}: not a SentencePiece file: it has no tokens.")
    return Pieces(pieces, characters, kind, bool(prefix), bool(joined))


def _piece(data: bytes) -> Piece:
    found = dict(_fields(data))
    text, score, kind = found.get(1), found.get(2, 0.0), found.get(3, NORMAL)
    if not (isinstance(text, bytes) and isinstance(score, float) and isinstance(kind, int)):
        raise ValueError("a token without a text, or with a score that is no number")
    return Piece(text.decode("utf-8"), score, kind)


def _field(data: bytes, wanted: int, kind: type[Value], default: Value) -> Value:
    """The first field of a number. ValueError where it is of another kind than it must be."""
    found = next((value for number, value in _fields(data) if number == wanted), default)
    if not isinstance(found, kind):
        raise ValueError(f"field {wanted} is of the wrong kind")
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """The fields of a message; floats are the 32-bit values."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 2:
            length, at = _varint(data, at)
            if length > len(data) - at:
                raise ValueError(f"a value of {length} bytes, where {len(data) - at} are left")
            value, at = data[at : at + length], at + length
        elif kind == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        elif kind == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        else:
            raise ValueError(f"a value of the kind {kind} at byte {at}")
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it ends within a number")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"a number of more than 64 bits at byte {at}")
