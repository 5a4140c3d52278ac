"""Where files that can be made again lie, and writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def cache_root() -> Path:
    """Returns $ISOZOO_CACHE, else $XDG_CACHE_HOME/isozoo, else ~/.cache/isozoo."""
    if named := os.environ.get("ISOZOO_CACHE"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "isozoo"


def readable_size(count: float) -> str:
    """Returns a number of bytes as people read it: "1.5 MB"."""
    units = ["B", "kB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count, units = count / 1000, units[1:]
    return f"{count:.0f} B" if units[0] == "B" else f"{count:.1f} {units[0]}"


def private_folder(path: str | os.PathLike[str]) -> bool:
    """Makes a folder where there is none, and tells whether no other user can put files there."""
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.stat(path)
    except OSError:
        return False
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return own and not found.st_mode & 0o022 and os.access(path, os.W_OK)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside `path`, renamed to `path` when the block ends without error.

    The file is on the disk (fsync) before it is renamed. On any failure, Ctrl-C included, the
    temporary file is removed and `path` is as it was.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        os.chmod(temporary, 0o666 & ~current_umask())  # mkstemp's 0600 would hide it
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # some systems cannot sync a folder
        _sync(path.parent)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes `content` to `path`, whole or not at all. Raises OSError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def current_umask() -> int:
    """Returns the process's umask, which Python can only read by setting it."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def try_lock(handle: int) -> bool:
    """Whether the lock of an open file could be had; it is held until the process ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a file; False where locks are not to be had."""
    try:
        import fcntl
    except ImportError:
        return False
    with open(path, "rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
