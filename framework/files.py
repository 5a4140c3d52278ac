"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


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


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
