"""From a folder to a repository of the hub, by the hub's own client."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..framework.files import cache_root, write_atomically
from .cache import Hasher
from .converted_cards import license_of_short_card
from .download import HubRepository, RemoteFile, SourceFailed, first_line, transport_errors
from .errors import ChoiceError, HubError
from .inspection import Inspection, PublishedFile, inspect_folder
from .loading import find_preset
from .model_card import NAME as CARD
from .model_card import check_card, model_card
from .preset import SHA1, HuggingFace
from .registry import source_of_name
from .signing import sign_folder

# What the hub puts into a repository that it makes.
_FIRST_FILES = {".gitattributes", CARD}


@dataclass
class Publication:
    """What `publish` did, or would do.

    Attributes:
        repository: "org/name".
        files: name -> size in bytes, of all that belongs to the model.
        sent: names of those that were not there already.
        removed: names of an earlier publication that are not in the folder any more.
        left_out: name -> why it stayed on this machine.
        card: the text of README.md.
        commit: the commit that now holds the files; "" for a dry run.
        url: where to look at it.
        pull_request: the address of the pull request, where one was asked for.
    """

    repository: str
    files: dict[str, int] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    card: str = ""
    commit: str = ""
    url: str = ""
    pull_request: str = ""


def publish(
    folder: str | os.PathLike[str],
    to: str,
    *,
    message: str = "",
    license: str | None = None,
    base: str | None = None,
    description: str = "",
    private: bool = False,
    pull_request: bool = False,
    parent: str | None = None,
    training_state: bool = False,
    sign: str | os.PathLike[str] | None = None,
    sign_password: str | None = None,
    dry_run: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
) -> Publication:
    """Uploads a preset's folder to a repository of the hub, in one commit.

    The folder must be one that `from_preset` takes. A README.md is written where it has none. The
    repository is made where there is none. Files that are there already are not sent again, so
    that a publication that broke goes on where it stopped. A repository that somebody else changed
    since is not written over: what was published from here last is remembered in the cache.

    Args:
        folder: the preset's folder.
        to: `hf://org/name`, or with `@branch`.
        message: of the commit.
        license: SPDX name of the model's licence, needed where neither card nor preset tell it.
        base: the model that it was trained from, "org/name", for the card.
        description: a sentence or two for the card.
        private: whether a repository that is made can be seen by its owners alone.
        pull_request: whether the commit is proposed instead of made.
        parent: the commit that the repository is known to be at, where it was not published from
            here, or changed since.
        training_state: whether optimizer states go up, too.
        sign: a private key by which the folder is signed first; see `signing.sign_folder`.
        sign_password: of that key, where it has one.
        dry_run: whether nothing is sent.
        endpoint: the hub's address; that of HF_ENDPOINT, or the public hub, when None.
        token: for the hub; what HF_TOKEN or `hf auth login` gave when None.

    Raises:
        HubError: the folder is no preset, or holds what must not leave the machine; no licence is
            known; the repository was changed, or the hub refuses.
    """
    folder = Path(folder).expanduser()
    repository, branch = _repository(to)
    if sign is not None:
        sign_folder(folder, sign, password=sign_password, training_state=training_state)
    inspection = inspect_folder(folder, training_state)
    preset = find_preset(str(folder.resolve()))
    done = Publication(
        repository,
        {file.name: file.size for file in inspection.files},
        left_out=inspection.left_out,
    )
    written = {file.name: file for file in inspection.files}
    short = None
    if CARD in written:
        done.card = written[CARD].path.read_text("utf-8")
        short = license_of_short_card(done.card)
    if CARD not in written or short is not None:
        inspection.files = [file for file in inspection.files if file.name != CARD]
        license = license or short
        done.card = model_card(
            repository,
            preset,
            inspection.files,
            license=license,
            base=base,
            description=description,
            folder=folder,
        )
        done.files[CARD] = len(done.card.encode())
    check_card(done.card)
    hub = _Hub(repository, branch, endpoint, token)
    if dry_run:
        done.sent = sorted(done.files)
        return done
    with _quiet_in_pipes(), hub.reasons():
        hub.prepare(private)
        head, remote = hub.head()
        record = _Record(hub.address, branch)
        operations = _operations(inspection, done, remote, record)
        if not operations:
            done.commit = head
        else:
            if not pull_request:
                _check_head(hub, head, remote, record, parent)
            message = message or f"Publish {preset.family} ({preset.task}) with isozoo"
            made = hub.commit(operations, message, head, pull_request)
            done.commit, done.pull_request = made.oid, made.pr_url or ""
    done.url = f"{hub.address}" + (f"/tree/{branch}" if branch != "main" else "")
    if not pull_request:
        _check_arrived(hub, done)
        record.write(done.commit, done.files)
    return done


def _repository(to: str) -> tuple[str, str]:
    source = source_of_name(to)
    if not isinstance(source, HuggingFace) or "/" not in source.repo_id:
        raise ChoiceError(f"{to!r} names no repository: hf://org/name is expected")
    if source.commit is not None:
        raise ChoiceError(f"{to!r} names a commit; a branch can be published to")
    return source.repo_id, source.revision or "main"


class _Hub:
    """The calls to the hub that a publication makes."""

    def __init__(
        self, repository: str, branch: str, endpoint: str | None, token: str | None
    ) -> None:
        from huggingface_hub import HfApi

        self.repository, self.branch = repository, branch
        self.api: Any = HfApi(endpoint=endpoint, token=token, library_name="isozoo")
        self._reader = HubRepository(HuggingFace(repository, branch), endpoint)

    @property
    def address(self) -> str:
        """The address of the repository's page."""
        return f"{self.api.endpoint}/{self.repository}"

    def prepare(self, private: bool) -> None:
        """Makes the repository, and the branch, where there is none."""
        self.api.create_repo(self.repository, private=private or None, exist_ok=True)
        if self.branch != "main":
            self.api.create_branch(self.repository, branch=self.branch, exist_ok=True)

    def head(self) -> tuple[str, dict[str, RemoteFile]]:
        """Returns the commit that the branch is at, and its files."""
        try:
            return self._reader.listing(self.branch)
        except SourceFailed as error:
            raise HubError(f"{self.address} cannot be read: {error}") from error

    def commit(self, operations: list[Any], message: str, head: str, pull_request: bool) -> Any:
        """Sends the files, and makes the commit on top of `head` or not at all."""
        return self.api.create_commit(
            self.repository,
            operations,
            commit_message=message,
            revision=self.branch,
            parent_commit=head,
            create_pr=pull_request,
        )

    @contextlib.contextmanager
    def reasons(self) -> Iterator[None]:
        """Turns the client's errors into HubError with the reason and the way out."""
        from huggingface_hub import errors

        try:
            yield
        except errors.OfflineModeIsEnabled as error:
            raise HubError(
                "nothing can be published: offline mode is on (HF_HUB_OFFLINE)"
            ) from error
        except errors.HfHubHTTPError as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            ways = {
                401: "the hub wants a token that may write: `hf auth login`, or set HF_TOKEN",
                403: "the token may not write there: make one that may, or name another repository",
                412: "it was changed while this ran: look at it, and publish again",
                429: "the hub is busy: publish again later; what was sent is not sent again",
            }
            way = ways.get(status or 0, "publish again; what was sent is not sent again")
            reason = first_line(error).rstrip(".")
            raise HubError(f"{self.address}: {reason}. Way out: {way}.") from error
        except (*transport_errors(), RuntimeError) as error:
            reason = first_line(error.__cause__ or error)
            way = "publish again; what was sent is not sent again"
            if "/xet-write-token/" in str(error):
                way = "set HF_HUB_DISABLE_XET=1, where the server takes large files by LFS alone"
            raise HubError(
                f"{self.address}: the connection broke, or was refused ({reason}). Way out: {way}."
            ) from error


class _Record:
    """What was published from here last, kept in the cache."""

    def __init__(self, address: str, branch: str) -> None:
        name = urllib.parse.quote(f"{address}@{branch}", safe="")
        if len(name) > 200:
            name = hashlib.sha256(name.encode()).hexdigest()
        self.path = cache_root() / "published" / f"{name}.json"
        self.commit, self.files = "", []
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            found = json.loads(self.path.read_text("utf-8"))
            if SHA1.fullmatch(found["commit"]):
                self.commit = found["commit"]
                self.files = [name for name in found["files"] if isinstance(name, str)]

    def write(self, commit: str, files: Mapping[str, int]) -> None:
        """Remembers a publication. A cache that cannot be written is no reason to fail."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = {"commit": commit, "files": sorted(files)}
            write_atomically(self.path, json.dumps(content).encode())


def _check_head(
    hub: _Hub, head: str, remote: Mapping[str, RemoteFile], record: _Record, parent: str | None
) -> None:
    known = [commit for commit in (parent, record.commit) if commit]
    if head in known or (not known and set(remote) <= _FIRST_FILES):
        return
    since = f"which is not {' or '.join(known)}" if known else "which was not published from here"
    raise HubError(
        f"{hub.address} is at commit {head}, {since}: its files would be written over. Look at "
        f"them; then say parent={head!r} (--parent), or propose the change (--pr)."
    )


def _operations(
    inspection: Inspection, done: Publication, remote: Mapping[str, RemoteFile], record: _Record
) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = []
    for file in inspection.files:
        if not _is_there(file, remote.get(file.name)):
            operations.append(CommitOperationAdd(file.name, str(file.path)))
            done.sent.append(file.name)
    if all(file.name != CARD for file in inspection.files):
        content = done.card.encode()
        there = remote.get(CARD)
        if there is None or there.git_sha1 != _git_sha1(content):
            operations.append(CommitOperationAdd(CARD, content))
            done.sent.append(CARD)
    for name in record.files:
        if name in remote and name not in done.files:
            operations.append(CommitOperationDelete(name))
            done.removed.append(name)
    return operations


def _is_there(file: PublishedFile, remote: RemoteFile | None) -> bool:
    if remote is None or remote.size != file.size:
        return False
    if remote.sha256 is not None:
        return remote.sha256 == file.sha256
    return bool(file.git_sha1) and remote.git_sha1 == file.git_sha1


def _git_sha1(content: bytes) -> str:
    hasher = Hasher(len(content))
    hasher.update(content)
    return hasher.digests().git_sha1


def _check_arrived(hub: _Hub, done: Publication) -> None:
    _, remote = hub.head()
    arrived = {name: file.size for name, file in remote.items()}
    missing = [name for name, size in done.files.items() if arrived.get(name) != size]
    if missing:
        raise HubError(
            f"{hub.address} does not list {', '.join(missing)} as they were sent: publish again"
        )


@contextlib.contextmanager
def _quiet_in_pipes() -> Iterator[None]:
    """The client's progress bars on a terminal alone; the user's own setting is put back."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
