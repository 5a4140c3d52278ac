"""One way to each kind of source: where a preset's file is, checked, or why it is not to be had."""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .cache import BlobWriter, Cache, Digests
from .download import (
    HubRepository,
    NotThere,
    RemoteFile,
    SourceFailed,
    open_url,
    progress_bar,
    stream,
)
from .lock import SourceLock
from .preset import SHA1, SHA256, FileEntry, Folder, HuggingFace, Package, Source, Url

_TRUE = {"1", "true", "yes", "on"}


def offline_reason(offline: bool | None) -> str | None:
    """Returns why the network may not be used, or None. `offline` overrules the environment."""
    if offline is not None:
        return "offline=True was given" if offline else None
    for name in ("ISOZOO_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(name, "").strip().lower() in _TRUE:
            return f"offline mode is on ({name})"
    return None


def hf_cache_root() -> Path:
    """Returns the folder of the Hugging Face client's cache, found without importing it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(name):
            return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    cache = Path(base).expanduser() if base else Path.home() / ".cache"
    return cache / "huggingface" / "hub"


@dataclass(frozen=True)
class Found:
    """A file that was found and whose content is what was promised."""

    path: Path
    digests: Digests


class Attempt(ABC):
    """One try at one source.

    Args:
        source: what is tried.
        cache: the store.
        lock: what the source was resolved to before; empty when it was not.
    """

    network = False

    def __init__(self, source: Source, cache: Cache, lock: SourceLock) -> None:
        self.source, self.cache, self.lock = source, cache, lock
        self.commit: str | None = lock.commit

    def __str__(self) -> str:
        return str(self.source)

    @abstractmethod
    def find(self, entry: FileEntry) -> Found | None:
        """Returns the file, checked against the entry; None when the source does not have it.

        Raises:
            SourceFailed: the source as a whole cannot be used.
            IntegrityError: the file is there with another content.
        """

    def path(self, name: str) -> Path | None:
        """Returns where the file lies on this machine now, unchecked; None when it does not."""
        return None

    def names_below(self, folder: str) -> list[str]:
        """Returns the names of the files below a folder, as far as the source can list them."""
        return []

    def _check(self, path: Path, entry: FileEntry) -> Found:
        return Found(path, self.cache.check(path, entry, f"{entry.name} from {self}"))


class FolderAttempt(Attempt):
    """Files under their own names in a folder."""

    def __init__(self, source: Folder, cache: Cache, lock: SourceLock) -> None:
        super().__init__(source, cache, lock)
        self.folder = Path(source.path).expanduser()

    def path(self, name: str) -> Path | None:
        """Returns where the file lies in the folder, unchecked; None when it does not."""
        path = self.folder / self.source.name_here(name)
        return path if path.is_file() else None

    def names_below(self, folder: str) -> list[str]:
        """Returns the names of the files below a folder of the folder; links are passed over."""
        return _names_below(self.folder, folder)

    def find(self, entry: FileEntry) -> Found | None:
        """Returns the file of the folder, checked against the entry; None when it has none.

        Raises:
            SourceFailed: there is no such folder.
            IntegrityError: the file has another content.
        """
        if not self.folder.is_dir():
            raise SourceFailed("there is no such folder")
        path = self.path(entry.name)
        return self._check(path, entry) if path is not None else None


class PackageAttempt(Attempt):
    """Files inside an installed package, found without importing it."""

    def __init__(self, source: Package, cache: Cache, lock: SourceLock) -> None:
        super().__init__(source, cache, lock)
        self.package = source

    def _folder(self) -> Path | None:
        try:
            spec = importlib.util.find_spec(self.package.module)
        except (ImportError, ValueError):
            return None
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            folder = Path(place) / self.package.folder
            if folder.is_dir():
                return folder
        return None

    def path(self, name: str) -> Path | None:
        """Returns where the file lies in the package, unchecked; None when it does not."""
        folder = self._folder()
        path = folder / self.source.name_here(name) if folder is not None else None
        return path if path is not None and path.is_file() else None

    def find(self, entry: FileEntry) -> Found | None:
        """Returns the file of the package, checked against the entry; None when it has none.

        Raises:
            SourceFailed: the package is not installed, or the preset gives no hash for the file.
            IntegrityError: the file has another content.
        """
        if self._folder() is None:
            raise SourceFailed("it is not installed")
        path = self.path(entry.name)
        if path is None:
            return None
        if not entry.pinned:
            raise SourceFailed(f"the preset gives no hash for its {entry.name}")
        return self._check(path, entry)


class CacheAttempt(Attempt):
    """Blobs that an earlier use left in the cache, by pinned or locked hash."""

    def __str__(self) -> str:
        return f"cache of {self.source}"

    def path(self, name: str) -> Path | None:
        """Returns the blob of the hash that the lock gives, unchecked; None without one."""
        pins = self.lock.files.get(name)
        if pins is None or pins.sha256 is None:
            return None
        path = self.cache.blob_path(pins.sha256)
        return path if path.is_file() else None

    def names_below(self, folder: str) -> list[str]:
        """Returns the names of the files that the lock has below a folder."""
        return sorted(name for name in self.lock.files if name.startswith(f"{folder}/"))

    def find(self, entry: FileEntry) -> Found | None:
        """Returns the blob of the hash that the entry gives; None where the cache lacks it."""
        path = self.cache.find(entry)
        return Found(path, self.cache.digests(path)) if path is not None else None


class HuggingFaceCacheAttempt(Attempt):
    """A snapshot that the Hugging Face client left on this machine; its files are used in place.

    A snapshot can be partial; what decides is the list of files, not the folder. A file whose hash
    is not known otherwise must match the hash that is the name of its blob.
    """

    def __init__(self, source: HuggingFace, cache: Cache, lock: SourceLock) -> None:
        super().__init__(source, cache, lock)
        self.repository = source
        name = source.repo_id.replace("/", "--")
        self.folder = hf_cache_root() / f"models--{name}"
        if self.commit is None:
            self.commit = source.commit or self._ref()

    def __str__(self) -> str:
        return f"Hugging Face cache of {self.source}"

    def _ref(self) -> str | None:
        revision = self.repository.revision or "main"
        if ".." in revision.split("/"):
            return None
        try:
            commit = (self.folder / "refs" / revision).read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return commit if SHA1.fullmatch(commit) else None

    def path(self, name: str) -> Path | None:
        """Returns where the file lies in the snapshot, unchecked; None when it does not."""
        if self.commit is None:
            return None
        snapshot = self.folder / "snapshots" / self.commit / self.repository.subfolder
        path = snapshot / self.source.name_here(name)
        return path if path.is_file() else None

    def names_below(self, folder: str) -> list[str]:
        """Returns the names of the files below a folder of the snapshot, which may be partial."""
        if self.commit is None:
            return []
        snapshot = self.folder / "snapshots" / self.commit / self.repository.subfolder
        return _names_below(snapshot, folder, links=True)

    def find(self, entry: FileEntry) -> Found | None:
        """Returns the file of the snapshot, checked against the entry or the name of its blob.

        None when the snapshot has no such file.

        Raises:
            SourceFailed: there is no snapshot, or no hash to check the file against.
            IntegrityError: the file has another content.
        """
        if self.commit is None:
            raise SourceFailed(f"no snapshot of it in {self.folder.parent}")
        path = self.path(entry.name)
        if path is None:
            return None
        if not entry.pinned:
            blob = path.resolve().name
            if SHA256.fullmatch(blob):
                entry = FileEntry(entry.name, blob)
            elif SHA1.fullmatch(blob):
                entry = FileEntry(entry.name, git_sha1=blob)
            else:
                raise SourceFailed(f"nothing says what the hash of its {entry.name} should be")
        return self._check(path, entry)


class HuggingFaceAttempt(Attempt):
    """The Hugging Face hub, at one commit."""

    network = True

    def __init__(
        self,
        source: HuggingFace,
        cache: Cache,
        lock: SourceLock,
        endpoint: str | None = None,
        progress: bool | None = None,
    ) -> None:
        super().__init__(source, cache, lock)
        self.repository = source
        self.progress = progress
        self._hub = HubRepository(source, endpoint)
        self.commit = self.commit or source.commit
        self._listed: tuple[str, dict[str, RemoteFile]] | None = None

    def _listing(self) -> tuple[str, dict[str, RemoteFile]]:
        """Returns (commit, files) of the repository, asked for once."""
        if self._listed is None:
            asked = self.commit
            self._listed = self._hub.listing(asked or self.repository.revision)
            self.commit = self._listed[0]
            if asked not in (None, self.commit):
                raise SourceFailed(f"the hub answered with commit {self.commit}, not {asked}")
        return self._listed

    def names_below(self, folder: str) -> list[str]:
        """Returns the names of the files that the repository has below a folder.

        Raises:
            SourceFailed: the hub does not answer.
        """
        own = f"{self.repository.subfolder}/" if self.repository.subfolder else ""
        names = (n.removeprefix(own) for n in self._listing()[1] if n.startswith(own))
        return sorted(name for name in names if name.startswith(f"{folder}/"))

    def find(self, entry: FileEntry) -> Found | None:
        """Downloads the file from the hub into the cache, hashed on the way.

        None when the repository has no such file.

        Raises:
            SourceFailed: the hub does not answer, or with another commit than the one asked for.
            IntegrityError: the file has another content than the entry, or the hub, promises.
        """
        folder = self.repository.subfolder
        name = self.source.name_here(entry.name)
        path = f"{folder}/{name}" if folder else name
        commit = self.commit or self._listing()[0]
        if not entry.pinned:
            remote = self._listing()[1].get(path)
            if remote is None:
                return None
            entry = remote.pins(entry.name)
            if (held := self.cache.find(entry)) is not None:
                return Found(held, self.cache.digests(held))
        return _download(
            self, entry, self.progress, lambda w, report: self._hub.fetch(path, commit, w, report)
        )


class MirrorAttempt(HuggingFaceAttempt):
    """A mirror of the hub. It gets no token, and what it calls a commit need not be the hub's.

    Files whose hashes are known are taken from any commit of its; others from the commit that was
    asked for alone.
    """

    def __init__(
        self,
        source: HuggingFace,
        cache: Cache,
        lock: SourceLock,
        address: str,
        progress: bool | None = None,
    ) -> None:
        super().__init__(source, cache, lock, address, progress)
        self.address, self._wanted = address, self.commit
        self._hub = HubRepository(source, address, token=False)

    def __str__(self) -> str:
        return f"mirror {self.address} of {self.source}"

    def _listing(self) -> tuple[str, dict[str, RemoteFile]]:
        if self._listed is None:
            try:
                self._listed = self._hub.listing(self._wanted or self.repository.revision)
            except SourceFailed:
                if self._wanted is None:
                    raise
                self._listed = self._hub.listing(None)
        return self._listed

    def find(self, entry: FileEntry) -> Found | None:
        """Downloads the file from the mirror; see `HuggingFaceAttempt.find`.

        Raises:
            SourceFailed: the mirror does not answer, or has another commit than the one asked for
                and nothing tells the file's hash.
            IntegrityError: the file has another content than the entry, or the mirror, promises.
        """
        theirs = self._listing()[0]
        if self._wanted not in (None, theirs) and not entry.pinned:
            raise SourceFailed(f"it has commit {theirs}, not {self._wanted}")
        self.commit = theirs
        try:
            return super().find(entry)
        finally:
            self.commit = self._wanted


class UrlAttempt(Attempt):
    """Files by name under an HTTP(S) address."""

    network = True

    def __init__(
        self, source: Url, cache: Cache, lock: SourceLock, progress: bool | None = None
    ) -> None:
        super().__init__(source, cache, lock)
        self.base = source.base
        self.progress = progress

    def find(self, entry: FileEntry) -> Found | None:
        """Downloads the file from the address into the cache, hashed on the way.

        None when the server answers that there is no such file.

        Raises:
            SourceFailed: the server does not answer.
            IntegrityError: the file has another content than the entry promises.
        """
        url = f"{self.base.rstrip('/')}/{self.source.name_here(entry.name)}"
        return _download(
            self, entry, self.progress, lambda w, report: stream(open_url(url), w, report)
        )


def _names_below(root: Path, folder: str, links: bool = False) -> list[str]:
    """The names of the files below `root / folder`, relative to `root`, sorted."""
    top = root / folder
    if not top.is_dir() or top.is_symlink():
        return []
    found = (path for path in top.rglob("*") if path.is_file() and (links or not path.is_symlink()))
    return sorted(path.relative_to(root).as_posix() for path in found)


def _download(
    attempt: Attempt,
    entry: FileEntry,
    progress: bool | None,
    fill: Callable[[BlobWriter, Callable[[int], None]], None],
) -> Found | None:
    """Fills a new blob; None when the source answers that it has no such file."""
    try:
        with (
            progress_bar(entry.name, entry.size, progress) as report,
            attempt.cache.writer(entry, f"{entry.name} from {attempt}") as writer,
        ):
            fill(writer, report)
            return Found(*writer.finish())
    except NotThere:
        return None
