"""The content-addressed store: `blobs/sha256/HASH`, and what is known of files by their hash.

Nothing is seen under its final name before its hash was compared: bytes go to a unique temporary
file, which is synced and renamed. A cache that cannot be written still serves what it holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..framework.files import cache_root, current_umask, try_lock, write_atomically
from .errors import CacheError, IntegrityError
from .preset import SHA1, SHA256, FileEntry

_CHUNK = 8 << 20
# A file changed within this time of being hashed could change again without its time changing.
_RACY_NS = 50_000_000
_USE_NOTED_EVERY = 3600.0  # seconds
# Git's hash is only ever needed for files that are not in LFS, and those are small.
_GIT_LIMIT = 64 << 20


@dataclass(frozen=True)
class Digests:
    """What a file's content hashes to; `git_sha1` is "" for large files, `md5` if not asked for."""

    sha256: str
    size: int
    git_sha1: str
    md5: str = ""


def hash_file(path: Path, md5: bool = False) -> Digests:
    """Reads the whole file once, for its MD5 too if `md5` says so. Raises OSError."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        hasher = Hasher(size, md5)
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.digests()


class Hasher:
    """sha256, size, and (for a small size known beforehand) git's blob hash of a stream."""

    def __init__(self, size: int | None, md5: bool = False) -> None:
        self.sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self.size = 0
        self._git = None
        if size is not None and size <= _GIT_LIMIT:
            # usedforsecurity: it names what git promised; sha256 is what is trusted
            self._git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        """Takes in the next bytes of the stream."""
        self.sha256.update(chunk)
        if self._git is not None:
            self._git.update(chunk)
        if self._md5 is not None:
            self._md5.update(chunk)
        self.size += len(chunk)

    def digests(self) -> Digests:
        """Returns the hashes and the size of what was taken in; git's is "" where not wanted."""
        git = self._git.hexdigest() if self._git is not None else ""
        md5 = self._md5.hexdigest() if self._md5 is not None else ""
        return Digests(self.sha256.hexdigest(), self.size, git, md5)


def check_digests(what: str, expected: FileEntry, got: Digests) -> None:
    """Raises IntegrityError when the content is not what the entry promises."""
    if expected.size is not None and got.size != expected.size:
        raise IntegrityError(what, "size in bytes", expected.size, got.size)
    if expected.sha256 is not None and got.sha256 != expected.sha256:
        raise IntegrityError(what, "sha256", expected.sha256, got.sha256)
    if expected.git_sha1 is not None and got.git_sha1 != expected.git_sha1:
        raise IntegrityError(what, "git blob sha1", expected.git_sha1, got.git_sha1)
    if expected.md5 is not None and expected.sha256 is None and got.md5 != expected.md5:
        raise IntegrityError(what, "md5", expected.md5, got.md5)
    start = expected.sha256_start
    if start is not None and not got.sha256.startswith(start):
        raise IntegrityError(what, "beginning of the sha256", start, got.sha256[: len(start)])


class Cache:
    """The store under one root folder, which is made when something is first written.

    Args:
        root: the folder; `cache_root()` when None.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root) if root is not None else cache_root()
        self._memory: dict[str, dict[str, Any]] = {}  # records that could not be written

    def blob_path(self, sha256: str) -> Path:
        """Returns where the content of this hash lies, if it is here."""
        if not SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a sha256")
        return self.root / "blobs" / "sha256" / sha256

    def find(self, expected: FileEntry) -> Path | None:
        """Returns the checked blob with the entry's sha256; None when it is absent or damaged."""
        if expected.sha256 is None:
            return None
        path = self.blob_path(expected.sha256)
        if not path.is_file():
            return None
        if self.digests(path).sha256 == expected.sha256:
            self._note_use(expected.sha256)
            return path
        with contextlib.suppress(OSError):  # a damaged blob is worth nothing to anyone
            path.unlink()
        return None

    def last_use(self, sha256: str) -> float:
        """Returns when a blob was last asked for, in seconds since 1970; 0.0 if not known."""
        try:
            return (self.root / "used" / sha256).stat().st_mtime
        except OSError:
            return 0.0

    def _note_use(self, sha256: str) -> None:
        # Beside the blob: its own times tell whether it was changed.
        if time.time() - self.last_use(sha256) < _USE_NOTED_EVERY:
            return
        with contextlib.suppress(OSError):
            path = self.root / "used" / sha256
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def digests(self, path: Path) -> Digests:
        """Returns a file's hashes, by the record of an earlier reading if it has not changed since.

        Raises:
            OSError: the file cannot be read.
        """
        path = path.resolve()
        stamp = _stamp(path)
        record = self._record(path)
        if record is not None and record["stamp"] == stamp:
            return Digests(record["sha256"], stamp["size"], record["git_sha1"])
        before = time.time_ns()
        digests = hash_file(path)
        if _stamp(path) == stamp and before - stamp["mtime_ns"] > _RACY_NS:
            self._remember(path, stamp, digests)
        return digests

    def check(self, path: Path, expected: FileEntry, what: str) -> Digests:
        """Returns the file's hashes after comparing them with the entry. Raises IntegrityError."""
        if expected.size is not None and path.stat().st_size != expected.size:
            raise IntegrityError(what, "size in bytes", expected.size, path.stat().st_size)
        needs_md5 = expected.md5 is not None and expected.sha256 is None
        digests = hash_file(path, md5=True) if needs_md5 else self.digests(path)
        check_digests(what, expected, digests)
        return digests

    @contextlib.contextmanager
    def writer(self, expected: FileEntry, what: str) -> Iterator[BlobWriter]:
        """Yields a writer of one blob; call its `finish` last. A failed block leaves nothing.

        Raises:
            CacheError: the cache cannot be written, or the disk is full.
        """
        folder = self.root / "blobs" / "sha256"
        temporary: Path | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".incoming-", dir=folder)
            temporary = Path(name)
            with os.fdopen(handle, "w+b") as file:
                try_lock(file.fileno())  # it is being written: `prune` leaves it
                yield BlobWriter(self, file, temporary, expected, what)
        except OSError as error:
            raise CacheError.from_os_error(self.root, error) from error
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink()

    def _record_path(self, path: Path) -> Path:
        return self.root / "verified" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()}.json"

    def _record(self, path: Path) -> dict[str, Any] | None:
        if (kept := self._memory.get(str(path))) is not None:
            return kept
        try:
            with open(self._record_path(path), "rb") as file:
                if not _ours(file):
                    return None
                record = json.loads(file.read())
        except (OSError, ValueError, RecursionError):
            return None
        if (
            isinstance(record, dict)
            and record.get("path") == str(path)
            and SHA256.fullmatch(str(record.get("sha256")))
            and (record.get("git_sha1") == "" or SHA1.fullmatch(str(record.get("git_sha1"))))
            and isinstance(record.get("stamp"), dict)
        ):
            return record
        return None

    def _remember(self, path: Path, stamp: dict[str, int], digests: Digests) -> None:
        record = {
            "path": str(path),
            "stamp": stamp,
            "sha256": digests.sha256,
            "git_sha1": digests.git_sha1,
        }
        self._memory[str(path)] = record
        try:
            target = self._record_path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, json.dumps(record).encode())
        except OSError:
            pass  # read-only or full: the record lives in memory only


class BlobWriter:
    """Takes a stream of bytes into a temporary file, hashing it on the way."""

    def __init__(
        self, cache: Cache, file: Any, temporary: Path, expected: FileEntry, what: str
    ) -> None:
        self._cache, self._file, self._temporary = cache, file, temporary
        self.expected, self.what = expected, what
        self._hasher = Hasher(expected.size, expected.md5 is not None)

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._hasher.size

    def expect(self, expected: FileEntry) -> None:
        """Holds the stream, which must not have begun, to more than was known before."""
        self.expected = expected
        self._hasher = Hasher(expected.size, expected.md5 is not None)

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes. IntegrityError as soon as there are more than expected."""
        if self.expected.size is not None and self.size + len(chunk) > self.expected.size:
            raise IntegrityError(
                self.what, "size in bytes", self.expected.size, f"over {self.expected.size}"
            )
        self._file.write(chunk)
        self._hasher.update(chunk)

    def restart(self) -> None:
        """Forgets all that was taken: the sender begins again."""
        self._file.seek(0)
        self._file.truncate()
        self._hasher = Hasher(self.expected.size, self.expected.md5 is not None)

    def finish(self) -> tuple[Path, Digests]:
        """Compares the hashes and moves the blob into place. Raises IntegrityError."""
        digests = self._hasher.digests()
        check_digests(self.what, self.expected, digests)
        self._file.flush()
        os.fsync(self._file.fileno())
        if self.expected.size is None and digests.size <= _GIT_LIMIT:
            digests = hash_file(self._temporary)
        target = self._cache.blob_path(digests.sha256)
        os.chmod(self._temporary, 0o444 & ~current_umask())  # blobs never change
        os.replace(self._temporary, target)
        self._cache._remember(target.resolve(), _stamp(target), digests)
        return target, digests


def _ours(file: Any) -> bool:
    """Whether an open file is this user's, or the administrator's.

    In a cache that several users share, what another says of a file's hash is not believed.
    """
    return not hasattr(os, "getuid") or os.fstat(file.fileno()).st_uid in (0, os.getuid())


def _stamp(path: Path) -> dict[str, int]:
    """Returns what changes whenever the content does (ctime too: mtime can be set back)."""
    stat = path.stat()
    return {
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "ctime_ns": stat.st_ctime_ns,
        "inode": stat.st_ino,
    }
