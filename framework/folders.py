"""Making a folder whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .files import current_umask, try_lock

_LOCK = ".lock"
EXISTING = ("refuse", "merge", "replace")


@contextlib.contextmanager
def new_folder(folder: str | os.PathLike[str], existing: str = "refuse") -> Iterator[Path]:
    """Yields a folder beside `folder` that takes its place when the block ends without error.

    What an earlier process left behind when it was killed is removed. On any failure nothing is
    left, and `folder` is as it was.

    Args:
        folder: the folder to make; its parents are made.
        existing: what is done with a folder that has files: "refuse" it, "merge" (files of the
            same names are replaced one by one), or "replace" it as a whole.

    Raises:
        FileExistsError: it has files already, and they are refused; or it is a file.
        OSError: the parent cannot be written.
    """
    if existing not in EXISTING:
        raise ValueError(f"`existing` is one of {', '.join(EXISTING)}; got {existing!r}.")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: name a folder that is to be made")
    if existing == "refuse" and folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} has files already: name a new folder, or overwrite it")
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(parent, folder.name)
    place = Path(tempfile.mkdtemp(prefix=_prefix(folder.name), suffix=".tmp", dir=parent))
    handle = os.open(place / _LOCK, os.O_CREAT | os.O_RDWR)
    try:
        try_lock(handle)
        yield place
        os.chmod(place, 0o777 & ~current_umask())
        (place / _LOCK).unlink()
        _put_in_place(place, folder, existing == "replace")
    finally:
        os.close(handle)
        shutil.rmtree(place, ignore_errors=True)


def files_of(folder: Path) -> dict[str, int]:
    """Returns name (with `/`) -> size of the files in a folder that is being made, sorted."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / _LOCK
    }


def _prefix(name: str) -> str:
    return f".{name[:80]}.incoming-"


def _put_in_place(place: Path, folder: Path, replace: bool) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()  # an empty one
    if not folder.exists():
        os.replace(place, folder)
    elif replace:
        old = Path(tempfile.mkdtemp(prefix=_prefix(folder.name), suffix=".tmp", dir=place.parent))
        os.replace(folder, old)
        os.replace(place, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        for path in sorted(place.rglob("*")):
            target = folder / path.relative_to(place)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                os.replace(path, target)


def _remove_leftovers(parent: Path, name: str) -> None:
    """Removes the folders of processes that are gone: nobody holds their locks."""
    for place in parent.glob(f"{_prefix(name)}*.tmp"):
        with contextlib.suppress(OSError):
            handle = os.open(place / _LOCK, os.O_RDWR)
            try:
                if try_lock(handle):
                    shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(handle)
