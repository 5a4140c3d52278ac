"""What lies in the cache: which preset needs what, checked again, pinned, removed, carried away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tarfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..framework.files import atomic_path, is_locked, write_atomically
from .cache import Cache, hash_file
from .errors import CacheError, HubError, UnknownPresetError
from .lock import Lock, SourceLock, parse_entry
from .preset import SHA256, FileEntry
from .registry import list_presets

_LEFTOVER_AGE = 24 * 3600.0  # a download that took longer than a day is not going on
_MEMBER = re.compile(r"blobs/sha256/[0-9a-f]{64}|lock/[A-Za-z0-9%_.~-]{1,200}\.json")
_MAX_LOCK_BYTES = 16 << 20


@dataclass
class Blob:
    """One file in the cache.

    Attributes:
        sha256: of its content, which is its name.
        path: where it lies.
        size: in bytes.
        used: when a preset was last read from it, in seconds since 1970; when it came at first.
        presets: names of those that need it, with the file's name there: "bert_base/config.json".
        pinned: whether it is kept for a preset that was pinned.
    """

    sha256: str
    path: Path
    size: int
    used: float
    presets: list[str] = field(default_factory=list)
    pinned: bool = False


def list_blobs(cache: Cache | None = None) -> list[Blob]:
    """Returns the files in the cache, the longest unused first; reads no file's content."""
    cache = cache or Cache()
    users = _users(cache)
    pinned = {sha256 for pins in _pins(cache).values() for sha256 in pins}
    found = []
    for path in _blob_paths(cache):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            stat = path.stat()
            used = max(stat.st_mtime, cache.last_use(path.name))
            found.append(
                Blob(
                    path.name,
                    path,
                    stat.st_size,
                    used,
                    sorted(users.get(path.name, ())),
                    path.name in pinned,
                )
            )
    return sorted(found, key=lambda blob: blob.used)


def verify_blobs(cache: Cache | None = None, repair: bool = False) -> list[Blob]:
    """Reads every file in the cache again, and returns those whose content is not their name.

    Args:
        cache: the cache; the usual one when None.
        repair: whether these are removed, so that their next use fetches them again.
    """
    damaged = []
    for blob in list_blobs(cache):
        with contextlib.suppress(FileNotFoundError):
            if hash_file(blob.path).sha256 != blob.sha256:
                damaged.append(blob)
                if repair:
                    blob.path.unlink(missing_ok=True)
    return damaged


def prunable(
    cache: Cache | None = None, *, older_than: float | None = None, unknown: bool = False
) -> list[Blob]:
    """Returns what `prune` would remove: files that are not pinned.

    Args:
        cache: the cache; the usual one when None.
        older_than: only those that were not used for so many days.
        unknown: only those that no preset and no lock names.
    """
    now = time.time()
    return [
        blob
        for blob in list_blobs(cache)
        if not blob.pinned
        and (older_than is None or now - blob.used >= older_than * 86400)
        and not (unknown and blob.presets)
    ]


def prune(blobs: Iterable[Blob], cache: Cache | None = None) -> int:
    """Removes files, and what broken downloads left behind; returns how many bytes became free.

    A file that is pinned meanwhile, or was used since it was listed, stays.

    Raises:
        CacheError: the cache cannot be written.
    """
    cache = cache or Cache()
    freed = 0
    now = {blob.sha256: blob for blob in list_blobs(cache)}
    try:
        for blob in blobs:
            current = now.get(blob.sha256)
            if current is None or current.pinned or current.used > blob.used:
                continue
            current.path.unlink(missing_ok=True)
            (cache.root / "used" / blob.sha256).unlink(missing_ok=True)
            freed += current.size
        for path in _folder(cache).glob(".incoming-*"):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                stat = path.stat()
                # The clock may have jumped: what is still being written stays.
                if time.time() - stat.st_mtime > _LEFTOVER_AGE and not is_locked(path):
                    path.unlink()
                    freed += stat.st_size
    except OSError as error:
        raise CacheError.from_os_error(cache.root, error) from error
    return freed


def pin(name: str, cache: Cache | None = None) -> list[str]:
    """Keeps a preset's files in the cache, whatever is pruned; returns their sha256.

    Raises:
        HubError: the cache holds no file of it: pull it first.
        CacheError: the cache cannot be written.
    """
    cache = cache or Cache()
    held = [blob.sha256 for blob in list_blobs(cache) if _names(blob, name)]
    if not held:
        raise HubError(f"the cache holds no file of {name!r}: `isozoo pull` it first")
    content = json.dumps({"preset": name, "files": held}).encode()
    try:
        path = _pin_path(cache, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise CacheError.from_os_error(cache.root, error) from error
    return held


def unpin(name: str, cache: Cache | None = None) -> None:
    """Lets a preset's files be pruned again. UnknownPresetError when it was not pinned."""
    cache = cache or Cache()
    try:
        _pin_path(cache, name).unlink()
    except FileNotFoundError as error:
        pinned = list(_pins(cache))
        raise UnknownPresetError(
            name, pinned, f"pinned are: {', '.join(pinned) or 'none'}", f"{name!r} is not pinned"
        ) from error
    except OSError as error:
        raise CacheError.from_os_error(cache.root, error) from error


def export_cache(
    path: str | os.PathLike[str], names: Iterable[str] = (), cache: Cache | None = None
) -> list[Blob]:
    """Writes files of the cache, with the locks of their presets, to a tar archive.

    Args:
        path: the archive, which appears whole or not at all.
        names: presets whose files go there; all that the cache holds when empty.
        cache: the cache; the usual one when None.

    Raises:
        HubError: the cache holds no file of a preset.
        OSError: the archive cannot be written.
    """
    cache, names = cache or Cache(), list(names)
    blobs = list_blobs(cache)
    for name in names:
        if not any(_names(blob, name) for blob in blobs):
            raise HubError(f"the cache holds no file of {name!r}: `isozoo pull` it first")
    chosen = [blob for blob in blobs if not names or any(_names(blob, name) for name in names)]
    locks = [Lock(cache, name).path for name in names] if names else _lock_paths(cache)
    with atomic_path(path) as temporary, tarfile.open(temporary, "w") as archive:
        for lock in locks:
            if lock.is_file():
                archive.add(lock, f"lock/{lock.name}", recursive=False)
        for blob in chosen:
            archive.add(blob.path, f"blobs/sha256/{blob.sha256}", recursive=False)
    return chosen


def import_cache(path: str | os.PathLike[str], cache: Cache | None = None) -> int:
    """Reads what `export_cache` wrote into the cache, each file checked by its hash.

    Returns:
        How many files are new.

    Raises:
        HubError: the archive holds anything else, is damaged, or cannot be read.
        IntegrityError: a file has another content than its name says.
        CacheError: the cache cannot be written.
    """
    cache = cache or Cache()
    new = 0
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if not member.isfile() or not _MEMBER.fullmatch(member.name):
                    raise HubError(f"{path} is no export of a cache: it holds {member.name[:80]!r}")
                file = archive.extractfile(member)
                assert file is not None
                if member.name.startswith("lock/"):
                    _import_lock(cache, file.read(_MAX_LOCK_BYTES + 1), path)
                else:
                    new += _import_blob(cache, member, file)
    except (tarfile.TarError, EOFError) as error:
        raise HubError(f"{path} is no export of a cache: {error}") from error
    except FileNotFoundError as error:
        raise HubError(f"there is no file {path}") from error
    return new


def _import_blob(cache: Cache, member: tarfile.TarInfo, file: Any) -> int:
    entry = FileEntry("blob", member.name.rpartition("/")[2], member.size)
    if cache.find(entry) is not None:
        return 0
    with cache.writer(entry, f"{member.name} of the archive") as writer:
        while chunk := file.read(1 << 20):
            writer.write(chunk)
        writer.finish()
    return 1


def _import_lock(cache: Cache, raw: bytes, path: Any) -> None:
    try:
        found = json.loads(raw)
        name = found["preset"]
        parsed = {source: parse_entry(entry) for source, entry in found["sources"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HubError(f"{path} is no export of a cache: a lock is malformed") from error
    lock = Lock(cache, str(name))
    held = lock.read()
    for source, entry in parsed.items():
        if source not in held:  # what is recorded here already stays
            lock.record(source, entry)


def _folder(cache: Cache) -> Path:
    return cache.root / "blobs" / "sha256"


def _blob_paths(cache: Cache) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(_folder(cache)):
            if SHA256.fullmatch(entry.name):
                yield Path(entry.path)


def _lock_paths(cache: Cache) -> list[Path]:
    return sorted((cache.root / "lock").glob("*.json"))


def _users(cache: Cache) -> dict[str, set[str]]:
    """sha256 -> "preset/file" of all that need it, by the presets' own hashes and by the locks."""
    found: dict[str, set[str]] = {}

    def add(preset: str, entries: Iterable[FileEntry]) -> None:
        for entry in entries:
            if entry.sha256 is not None:
                found.setdefault(entry.sha256, set()).add(f"{preset}/{entry.name}")

    for preset in list_presets():
        add(preset.name, preset.files)
        for source in preset.sources:
            add(preset.name, source.files or ())
    for path in _lock_paths(cache):
        name = urllib.parse.unquote(path.stem)
        locked: dict[str, SourceLock] = {}
        with contextlib.suppress(CacheError):  # `pull` tells of a malformed one
            locked = Lock(cache, name).read()
        for lock in locked.values():
            add(name, lock.files.values())
    return found


def _names(blob: Blob, preset: str) -> bool:
    return any(user.startswith(f"{preset}/") for user in blob.presets)


def _pin_path(cache: Cache, name: str) -> Path:
    return cache.root / "pins" / f"{urllib.parse.quote(name, safe='')[:200]}.json"


def _pins(cache: Cache) -> dict[str, list[str]]:
    """Name of a pinned preset -> sha256 of its files. A pin that cannot be read keeps all."""
    found = {}
    for path in sorted((cache.root / "pins").glob("*.json")):
        name = urllib.parse.unquote(path.stem)
        try:
            found[name] = [str(sha256) for sha256 in json.loads(path.read_bytes())["files"]]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CacheError(
                path, f"the pin is malformed ({error})", "delete it, and pin the preset again"
            ) from error
    return found
