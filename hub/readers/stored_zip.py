"""Members of a zip archive that are stored without compression, found and checked, not extracted.

Definition: PKWARE's APPNOTE; `zipfile` reads the central directory, and each local header is
compared with it, because archives that say two things are the stuff of attacks.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ReaderError
from .base import MappedFile

MAX_MEMBERS = 200_000
_ENCRYPTED = 0x1
_LOCAL = struct.Struct("<4s5H3L2H")
_CHUNK = 16 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member's bytes lie, and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int


def stored_members(file: MappedFile, allowed: Callable[[str], bool]) -> dict[str, Member]:
    """Returns the archive's members by name.

    Raises:
        ReaderError: not a zip, a member is compressed or encrypted, occurs twice, has a name that
            is not `allowed`, overlaps another, or is described differently in its local header.
    """
    try:
        with open(file.path, "rb") as handle, zipfile.ZipFile(handle) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise ReaderError(file.path, f"it is not a whole zip archive: {error}") from error
    if len(infos) > MAX_MEMBERS:
        raise ReaderError(file.path, f"the archive has more than {MAX_MEMBERS} members")
    members: dict[str, Member] = {}
    for info in infos:
        name = info.filename
        if not allowed(name):
            raise ReaderError(file.path, f"a member called {name[:80]!r} has no place here")
        if name in members:
            raise ReaderError(file.path, f"member {name!r} occurs twice")
        members[name] = _member(file, info)
    end = 0
    for member in sorted(members.values(), key=lambda m: m.offset):
        if member.offset < end:
            raise ReaderError(file.path, "it overlaps another member", f"member {member.name}")
        end = member.offset + member.size
    return members


def _member(file: MappedFile, info: zipfile.ZipInfo) -> Member:
    where = f"member {info.filename}"
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
        raise ReaderError(
            file.path, "it is compressed or encrypted; PyTorch stores tensors plainly", where
        )
    raw = file.bytes_at(info.header_offset, _LOCAL.size, where)
    magic, _, flags, method, _, _, _, packed, size, name_size, extra_size = _LOCAL.unpack(raw)
    start = info.header_offset + _LOCAL.size
    name = file.bytes_at(start, name_size, where)
    # a zip64 header holds 0xffffffff here; one with a data descriptor may hold 0
    sizes = {0, 0xFFFFFFFF, info.file_size}
    if (
        magic != b"PK\x03\x04"
        or method != zipfile.ZIP_STORED
        or flags & _ENCRYPTED
        or name != info.orig_filename.encode("utf-8")
        or info.file_size != info.compress_size
        or packed not in sizes
        or size not in sizes
    ):
        raise ReaderError(file.path, "its local header disagrees with the directory", where)
    offset = start + name_size + extra_size
    if offset + info.file_size > file.size:
        raise ReaderError(file.path, "it reaches past the end of the file", where)
    return Member(info.filename, offset, info.file_size, info.CRC)


def check_crc(file: MappedFile, member: Member) -> None:
    """Raises ReaderError when the member's bytes do not have the CRC-32 the directory gives."""
    crc = 0
    with memoryview(file.buffer) as view:
        for at in range(member.offset, member.offset + member.size, _CHUNK):
            crc = zlib.crc32(view[at : min(at + _CHUNK, member.offset + member.size)], crc)
    if crc != member.crc:
        raise ReaderError(
            file.path,
            f"its CRC-32 is {crc:08x}, expected {member.crc:08x}",
            f"member {member.name}",
        )
