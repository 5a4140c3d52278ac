"""Single files from an address, checked by a hash that the caller gives, and kept in a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from ..framework.files import atomic_path
from .cache import cache_root
from .download import NotThere, SourceFailed, open_url, progress_bar, stream
from .errors import CacheError, IntegrityError
from .preset import FileEntry
from .unpacking import unpack

# More than any single file of a data set has.
MAX_BYTES = 1 << 40
_CHUNK = 1 << 20
_LENGTHS = {32: "md5", 64: "sha256"}


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Returns the path of a file on this machine, which is downloaded where it is missing.

    Args:
        fname: the name that it gets, without a folder; that at the end of `origin` if None.
        origin: an https address, http on this machine, or a `file://` address.
        untar: whether it is a tar archive that is unpacked.
        md5_hash: its md5 in hex; for `file_hash` with "md5".
        file_hash: its sha256 or md5 in hex. A file of another content is never kept. Without it
            nothing is checked but that the answer is whole.
        cache_subdir: the folder below `cache_dir`, or the path of a folder.
        hash_algorithm: "sha256", "md5", or "auto", which goes by the length of `file_hash`.
        extract: whether it is an archive that is unpacked.
        archive_format: "tar" (also packed by gzip, bzip2 or xz), "zip", a list of these, "auto"
            for both, or None for no archive.
        cache_dir: the folder that keeps files; `$ISOZOO_CACHE`, else the user's cache, if None.
        force_download: whether it is downloaded though it is there.

    Returns:
        The path of the file; of an archive that is unpacked, of the folder with its content.

    Raises:
        ValueError: no address, a name with a folder, an unknown algorithm, an address that cannot
            be read, an archive of another form, or one that holds more than files and folders.
        IntegrityError: another content than the hash promises; a ValueError, too.
        CacheError: the folder cannot be written.
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm = _algorithm(hash_algorithm, file_hash)
    folder = Path(cache_dir).expanduser() if cache_dir is not None else cache_root()
    folder = folder / cache_subdir
    name = _name(fname, origin)
    archive, content = _places(folder, name, fname is not None, extract or untar)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force_download or not _is_here(archive, algorithm, file_hash):
            _download(origin, archive, algorithm, file_hash)
            if content is not None and content.exists():
                shutil.rmtree(content)
        if content is None:
            return str(archive)
        if not content.exists():
            unpack(archive, content, ("tar",) if untar else archive_format)
        return str(content)
    except OSError as error:
        raise CacheError.from_os_error(folder, error) from error


def _algorithm(given: str, digest: str | None) -> str:
    if given not in ("auto", "sha256", "md5"):
        raise ValueError(f'`hash_algorithm` must be "auto", "sha256" or "md5". Received: {given!r}')
    if digest is None:
        return "sha256"
    found = _LENGTHS.get(len(digest)) if given == "auto" else given
    if found is None or _LENGTHS.get(len(digest)) != found:
        raise ValueError(
            f"`file_hash` must be a sha256 (64 hex digits) or an md5 (32 hex digits); got "
            f"{digest!r} for {given!r}."
        )
    return found


def _name(fname: Any, origin: str) -> str:
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please specify the "
            "`fname` argument."
        )
    if name in (".", "..") or any(mark in name for mark in ("/", "\\", os.sep, "\0")):
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent "
            f"directory, use the `cache_dir` argument. Received: fname={fname}"
        )
    return name


def _places(folder: Path, name: str, given: bool, is_archive: bool) -> tuple[Path, Path | None]:
    """Where the file goes, and the content of an archive, under the names that Keras gives them."""
    if not is_archive:
        return folder / name, None
    stem = name.partition(".")[0]
    if given and "." in name and stem:
        return folder / name, folder / f"{stem}_extracted"
    return folder / f"{name}_archive", folder / name


def _is_here(path: Path, algorithm: str, digest: str | None) -> bool:
    if not path.is_file():
        return False
    if digest is None:
        return True
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest.lower()


class _Sink:
    """Takes a stream into a file, and hashes it on the way."""

    def __init__(self, file: Any, what: str, algorithm: str) -> None:
        self._file, self.what, self._algorithm = file, what, algorithm
        self.expected = FileEntry("download")  # of no known size
        self._begin()

    def _begin(self) -> None:
        self.size = 0
        self.hasher = hashlib.new(self._algorithm, usedforsecurity=False)

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(chunk)
        if self.size > MAX_BYTES:
            raise SourceFailed(f"{self.what} has more than {MAX_BYTES} bytes")
        self._file.write(chunk)
        self.hasher.update(chunk)

    def restart(self) -> None:
        """Forgets all that was taken."""
        self._file.seek(0)
        self._file.truncate()
        self._begin()


class DownloadError(IntegrityError, ValueError):
    """A download has another content than the caller's hash promises."""


def _download(origin: str, path: Path, algorithm: str, digest: str | None) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        sink = _Sink(file, origin, algorithm)
        try:
            with progress_bar(path.name, None, None) as report:
                _fill(origin, sink, report)
        except NotThere as error:
            raise ValueError(f"URL fetch failure on {origin}: {error}") from error
        except SourceFailed as error:
            raise ValueError(
                f"URL fetch failure on {origin}: {error}. An https address, or the `file://` "
                "address of a copy, works."
            ) from error
        found = sink.hasher.hexdigest()
        if digest is not None and found != digest.lower():
            raise DownloadError(
                f"Incomplete or corrupted file detected at {origin}", algorithm, digest, found
            )


def _fill(origin: str, sink: Any, report: Any) -> None:
    parts = urllib.parse.urlsplit(origin)
    if parts.scheme != "file":
        stream(open_url(origin), sink, report)
        return
    try:
        with contextlib.closing(open(urllib.request.url2pathname(parts.path), "rb")) as file:
            while chunk := file.read(_CHUNK):
                sink.write(chunk)
                report(len(chunk))
    except FileNotFoundError as error:
        raise NotThere("there is no such file") from error
