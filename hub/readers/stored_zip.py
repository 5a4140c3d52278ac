"""Members of a zip archive that are stored without compression, of a file that is mapped."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from ...framework.saving.zips import MAX_MEMBERS as MAX_MEMBERS
from ...framework.saving.zips import Member as Member
from ...framework.saving.zips import Members
from ..errors import ReaderError
from .base import MappedFile

_CHUNK = 16 << 20


def stored_members(file: MappedFile, allowed: Callable[[str], bool]) -> dict[str, Member]:
    """Returns the archive's members by name.

    Raises:
        ReaderError: not a zip, a member is compressed or encrypted, occurs twice, has a name that
            is not `allowed`, overlaps another, or is described differently in its local header.
    """
    advice = "; PyTorch stores tensors plainly"
    with open(file.path, "rb") as opened:
        return Members(opened, file.path, allowed, error=ReaderError, advice=advice).found


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
