"""Archives of data: their files go into a new folder, and nothing goes elsewhere."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMATS = ("tar", "zip")
MAX_MEMBERS = 2_000_000
MAX_BYTES = 1 << 40
# What a packed archive may grow by: deflate reaches 1032, and data sets stay far below.
MAX_GROWTH = 2000
_CHUNK = 1 << 20
# RuntimeError and NotImplementedError: zips with a password, or packed in a form unknown here.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


def unpack(archive: Path, folder: Path, formats: Any = "auto") -> None:
    """Writes the content of an archive to `folder`, which appears whole or not at all.

    Folders and plain files are written; the modes and owners in the archive are not.

    Args:
        archive: a tar file, also packed by gzip, bzip2 or xz, or a zip file.
        folder: a folder that is not there yet.
        formats: "tar", "zip", several of them, or "auto" for both.

    Raises:
        ValueError: another form, a damaged archive, a name that leads out of the folder, a link
            or device, or more than the bounds of this module.
        OSError: the folder cannot be written.
    """
    wanted = FORMATS if formats == "auto" else (formats,) if isinstance(formats, str) else formats
    unknown = [one for one in wanted or () if one not in FORMATS]
    if unknown:
        raise ValueError(f"Unknown archive format {unknown[0]!r}; expected one of {FORMATS}.")
    for one in wanted or ():
        fits, members = _KINDS[one]
        try:
            if fits(archive):
                _write_whole(archive, members, folder)
                return
        except _DAMAGED as error:
            raise _refused(archive, f"it is damaged ({error})") from error
    raise ValueError(
        f"Could not extract archive {archive.name}: it has none of the forms {tuple(wanted or ())}."
    )


def _refused(archive: Path, problem: str) -> ValueError:
    return ValueError(f"The archive {archive.name} is refused: {problem}.")


def read_members(archive: Path, names: Any, limit: int) -> dict[str, bytes]:
    """Returns the content of the files called `names` in a tar archive, without unpacking it.

    Raises:
        ValueError: a damaged archive, one that lacks a file, or a file of over `limit` bytes.
    """
    found: dict[str, bytes] = {}
    try:
        for name, size, file in _tar_members(archive):
            if name in names and file is not None:
                if size > limit:
                    raise _refused(archive, f"{name!r} has {size} bytes, over {limit}")
                found[name] = file.read(limit)
    except _DAMAGED as error:
        raise _refused(archive, f"it is damaged ({error})") from error
    lacking = sorted(set(names) - set(found))
    if lacking:
        raise _refused(archive, f"it lacks {lacking}")
    return found


_Member = tuple[str, int, IO[bytes] | None]


def _write_whole(archive: Path, members: Any, folder: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name[:80]}.", dir=folder.parent))
    try:
        _write(archive, members, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write(archive: Path, members: Any, folder: Path) -> None:
    most = min(MAX_BYTES, MAX_GROWTH * max(archive.stat().st_size, _CHUNK))
    total = 0
    for number, (name, size, file) in enumerate(members(archive)):
        if number >= MAX_MEMBERS:
            raise _refused(archive, f"it has more than {MAX_MEMBERS} members")
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in name or ":" in name[:2]:
            raise _refused(archive, f"the name {name[:80]!r} leads out of the folder")
        target = folder.joinpath(*path.parts)
        if file is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        total += size
        if total > most:
            raise _refused(archive, f"it unpacks to more than {most} bytes")
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as made:
            left = size
            while left and (chunk := file.read(min(left, _CHUNK))):
                made.write(chunk)
                left -= len(chunk)
        if left:
            raise _refused(archive, f"{name[:80]!r} ends too early")


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*") as opened:
        for member in opened:
            if member.isdir():
                yield member.name, 0, None
            elif member.isfile():
                file: Any = opened.extractfile(member)
                yield member.name, member.size, file
            else:
                raise _refused(archive, f"{member.name[:80]!r} is a link or a device")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if not info.filename or info.header_offset < 0:
                raise _refused(archive, "a member has no name, or lies outside of it")
            if info.is_dir():
                yield info.filename, 0, None
                continue
            if info.external_attr >> 28 not in (0, 8):  # the type of a Unix file
                raise _refused(archive, f"{info.filename[:80]!r} is a link or a device")
            with opened.open(info) as file:
                yield info.filename, info.file_size, file


_KINDS: dict[str, tuple[Any, Any]] = {
    "tar": (tarfile.is_tarfile, _tar_members),
    "zip": (zipfile.is_zipfile, _zip_members),
}
