"""Members of a zip archive, found and checked, and never extracted to a disk.

Definition: PKWARE's APPNOTE; `zipfile` reads the central directory, and each local header is
compared with it, because archives that say two things are the stuff of attacks.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from .errors import FileError

MAX_MEMBERS = 200_000
# deflate packs at most 1032 bytes into one.
MAX_EXPANSION = 1100
_ENCRYPTED = 0x1
_LOCAL = struct.Struct("<4s5H3L2H")
_CHUNK = 16 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member's bytes lie, how many they are, packed and unpacked, and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int
    packed_size: int
    is_packed: bool = False


class Members:
    """The members of a zip archive by their names.

    Args:
        file: the archive, open for reading.
        path: what errors call it.
        allowed: whether a name has a place in the archive.
        packed: whether members may be compressed by deflate.
        error: the class of errors: called with the path, the problem and the place.
        advice: a remark for a compressed member that may not be.

    Raises:
        FileError, or another `error`: not a zip, a member is encrypted or compressed otherwise,
            occurs twice, has a name that is not allowed, overlaps another, or is described
            differently in its local header.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: str | os.PathLike[str],
        allowed: Callable[[str], bool],
        packed: bool = False,
        error: Callable[..., Exception] = FileError,
        advice: str = "",
    ) -> None:
        self.file, self.path, self.error = file, path, error
        self._packed, self._advice = packed, advice
        self.size = file.seek(0, os.SEEK_END)
        self.found: dict[str, Member] = {}
        for info in self._infos():
            name = info.filename
            if not allowed(name):
                raise error(path, f"a member called {name[:80]!r} has no place here")
            if name in self.found:
                raise error(path, f"member {name!r} occurs twice")
            self.found[name] = self._member(info)
        end = 0
        for member in sorted(self.found.values(), key=lambda m: m.offset):
            if member.offset < end:
                raise error(path, "it overlaps another member", f"member {member.name}")
            end = member.offset + member.packed_size

    def _infos(self) -> list[zipfile.ZipInfo]:
        try:
            self.file.seek(0)
            with zipfile.ZipFile(self.file) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as e:
            raise self.error(self.path, f"it is not a whole zip archive: {e}") from e
        if len(infos) > MAX_MEMBERS:
            raise self.error(self.path, f"the archive has more than {MAX_MEMBERS} members")
        return infos

    def _bytes(self, offset: int, count: int, where: str) -> bytes:
        found = b""
        if offset >= 0:
            self.file.seek(offset)
            found = self.file.read(count)
        if len(found) != count:
            raise self.error(
                self.path, f"{count} bytes are expected at offset {offset}, it ends before", where
            )
        return found

    def _member(self, info: zipfile.ZipInfo) -> Member:
        where = f"member {info.filename}"
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        if not (info.compress_type == zipfile.ZIP_STORED or (deflated and self._packed)):
            raise self.error(self.path, f"it is compressed or encrypted{self._advice}", where)
        if info.flag_bits & _ENCRYPTED:
            raise self.error(self.path, f"it is compressed or encrypted{self._advice}", where)
        raw = self._bytes(info.header_offset, _LOCAL.size, where)
        magic, _, flags, method, _, _, _, packed, size, name_size, extra_size = _LOCAL.unpack(raw)
        start = info.header_offset + _LOCAL.size
        name = self._bytes(start, name_size, where)
        # a zip64 header holds 0xffffffff here; one with a data descriptor may hold 0
        if (
            magic != b"PK\x03\x04"
            or method != info.compress_type
            or flags & _ENCRYPTED
            or name != info.orig_filename.encode("utf-8")
            or not (deflated or info.file_size == info.compress_size)
            or packed not in (0, 0xFFFFFFFF, info.compress_size)
            or size not in (0, 0xFFFFFFFF, info.file_size)
        ):
            raise self.error(self.path, "its local header disagrees with the directory", where)
        offset = start + name_size + extra_size
        if offset + info.compress_size > self.size:
            raise self.error(self.path, "it reaches past the end of the file", where)
        if info.file_size > MAX_EXPANSION * info.compress_size + 64:
            raise self.error(
                self.path,
                f"it declares {info.file_size} bytes but only {info.compress_size} are stored on "
                "disk; refusing to load a potential decompression bomb",
                where,
            )
        return Member(info.filename, offset, info.file_size, info.CRC, info.compress_size, deflated)

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a member, unpacked and compared with their CRC-32.

        Args:
            name: of the member; KeyError if there is none.
            limit: the most bytes that it may have.
        """
        member = self.found[name]
        where = f"member {name}"
        if member.size > limit:
            raise self.error(
                self.path,
                f"it has {member.size} bytes, more than the {limit} that it may have; refusing to "
                "load a potential decompression bomb",
                where,
            )
        made = self._unpacked(member, where) if member.is_packed else self._plain(member, where)
        if zlib.crc32(made) != member.crc:
            raise self.error(
                self.path, f"its CRC-32 is {zlib.crc32(made):08x}, expected {member.crc:08x}", where
            )
        return made

    def _plain(self, member: Member, where: str) -> bytes:
        return self._bytes(member.offset, member.size, where)

    def _unpacked(self, member: Member, where: str) -> bytes:
        unpacker = zlib.decompressobj(-15)
        made = bytearray()
        self.file.seek(member.offset)
        left = member.packed_size
        try:
            while left and not unpacker.eof and len(made) <= member.size:
                raw = self.file.read(min(left, _CHUNK))
                if not raw:
                    break
                left -= len(raw)
                made += unpacker.decompress(raw, member.size + 1 - len(made))
        except zlib.error as error:
            raise self.error(self.path, f"it cannot be unpacked: {error}", where) from error
        if len(made) != member.size or not unpacker.eof:
            raise self.error(
                self.path, f"it does not unpack to the {member.size} bytes that it declares", where
            )
        return bytes(made)

    def check(self, member: Member) -> None:
        """Compares a member that is not packed with its CRC-32, without holding it in memory."""
        crc, at = 0, member.offset
        end = member.offset + member.size
        while at < end:
            raw = self._bytes(at, min(_CHUNK, end - at), f"member {member.name}")
            crc = zlib.crc32(raw, crc)
            at += len(raw)
        if crc != member.crc:
            raise self.error(
                self.path,
                f"its CRC-32 is {crc:08x}, expected {member.crc:08x}",
                f"member {member.name}",
            )
