"""Lock files: what an unpinned source was resolved to at first use.

`lock/PRESET.json` in the cache records, for each source, the commit, and sha256 and size of every
file that came from it. Later uses are held to it, even when the branch has moved. Delete the file
to resolve anew.
"""

from __future__ import annotations

import json
import urllib.parse
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..framework.files import write_atomically
from .cache import Cache, Digests
from .errors import CacheError
from .preset import SHA1, SHA256, FileEntry, check_file_name

VERSION = 1


@dataclass
class SourceLock:
    """What one source was resolved to.

    Attributes:
        commit: of the repository; None where there is none.
        files: name in the preset -> its hashes.
    """

    commit: str | None = None
    files: dict[str, FileEntry] = field(default_factory=dict)

    def add(self, name: str, digests: Digests) -> None:
        """Records one file."""
        self.files[name] = FileEntry(name, digests.sha256, digests.size)

    def pins(self, entry: FileEntry) -> FileEntry:
        """Returns the entry, with the recorded hash where it has none of its own."""
        held = self.files.get(entry.name)
        if held is None or entry.sha256 is not None:
            return entry
        pinned = replace(entry, sha256=held.sha256, size=held.size)
        return replace(pinned, alternatives=(), optional=False)


class Lock:
    """The lock file of one preset in a cache.

    Raises:
        CacheError: the file is there but malformed.
    """

    def __init__(self, cache: Cache, preset: str) -> None:
        self.preset = preset
        self.path: Path = cache.root / "lock" / f"{urllib.parse.quote(preset, safe='')[:200]}.json"
        self._cache = cache

    def read(self) -> dict[str, SourceLock]:
        """Returns a map of source (in words) -> what is recorded of it; {} when there is no lock
        file.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CacheError.from_os_error(self.path, error) from error
        try:
            content = json.loads(raw)
            if content.get("version", VERSION) != VERSION:
                raise CacheError(
                    self.path,
                    f"the lock file has version {content['version']!r}, and {VERSION} is read here",
                    "use the isozoo that wrote it, or set ISOZOO_CACHE to a folder of its own",
                )
            return {source: parse_entry(entry) for source, entry in content["sources"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CacheError(
                self.path, f"the lock file is malformed ({error})", "delete it to resolve anew"
            ) from error

    def record(self, source: str, lock: SourceLock) -> bool:
        """Adds what a source was resolved to; True if it is now on the disk.

        In a cache that cannot be written this warns and returns False.

        Raises:
            CacheError: another process recorded another commit meanwhile.
        """
        held = self.read()
        before = held.get(source)
        if before is not None:
            if before.commit != lock.commit:
                raise CacheError(
                    self.path,
                    f"{source} was locked to {before.commit} while {lock.commit} was fetched",
                    "run again; the recorded commit will be used",
                )
            lock = SourceLock(lock.commit, {**before.files, **lock.files})
        held[source] = lock
        content = {
            "version": VERSION,
            "preset": self.preset,
            "sources": {name: _plain(entry) for name, entry in held.items()},
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, (json.dumps(content, indent=2) + "\n").encode())
        except OSError as error:
            warnings.warn(
                f"preset {self.preset!r} could not be locked to {lock.commit}: "
                f"{self.path}: {error.strerror}; the next use may find other files",
                stacklevel=2,
            )
            return False
        return True


def _plain(lock: SourceLock) -> dict[str, Any]:
    files = {
        name: {"sha256": entry.sha256, "size": entry.size}
        for name, entry in sorted(lock.files.items())
    }
    return {"commit": lock.commit, "files": files}


def parse_entry(entry: Any) -> SourceLock:
    """Reads what a lock file says of one source. Raises ValueError, KeyError, TypeError."""
    commit = entry["commit"]
    if commit is not None and not SHA1.fullmatch(commit):
        raise ValueError(f"commit {commit!r}")
    lock = SourceLock(commit)
    for name, held in entry["files"].items():
        if not SHA256.fullmatch(held["sha256"]) or not isinstance(held["size"], int):
            raise ValueError(f"file {name!r}")
        lock.files[name] = FileEntry(check_file_name(name), held["sha256"], held["size"])
    return lock
