"""Bytes from the network into the cache, hashed while they stream, resumed when a line breaks.

The Hugging Face client makes every call to the hub (its endpoint, headers, token and session), but
does not write the files: it would keep a body of the right length with other bytes, and it joins an
unchecked ETag header into a path.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import re
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..framework.config import is_interactive_logging_enabled
from .cache import BlobWriter
from .errors import IntegrityError
from .preset import SHA1, SHA256, FileEntry, HuggingFace

CHUNK = 1 << 20
TIMEOUT = 30.0
MAX_RETRIES = 5
MAX_REDIRECTS = 5
FIRST_WAIT = 0.5  # seconds before the first retry; doubled each time
LONGEST_WAIT = 120.0  # that a server may ask for
# A connection that gives less than this, in bytes a second, for so long is given up.
SLOWEST, SLOW_FOR = 1024, 60.0
_BUSY = (408, 429)

Opener = Callable[[int], "contextlib.AbstractContextManager[tuple[int, Iterator[bytes]]]"]


class SourceFailed(Exception):
    """A source cannot give a file; the message says why. Another source may."""


class NotThere(SourceFailed):
    """The source answers, and does not have this file."""


class Broken(Exception):
    """The connection broke; trying again from where it stopped may help.

    Args:
        problem: what happened.
        wait: after how many seconds the server wants to be asked again; None if it did not say.
    """

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


def loopback(host: str | None) -> bool:
    """Returns whether a host name is this machine's."""
    return host is not None and (host in ("localhost", "::1") or host.startswith("127."))


def check_url(url: str) -> str:
    """Returns `url` itself when it is https, or http on this machine. SourceFailed otherwise."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and loopback(parts.hostname)):
        return url
    shown = f"{parts.scheme}://{parts.netloc}" if parts.scheme else repr(url[:80])
    raise SourceFailed(f"refused to read {shown}: https is expected")


def stream(open_at: Opener, writer: BlobWriter, progress: Callable[[int], None]) -> None:
    """Feeds `writer` from a connection, resuming with Range when it breaks.

    Args:
        open_at: offset -> context that gives (HTTP status, chunks) from that offset on.
        writer: takes the bytes.
        progress: told the number of new bytes.

    Raises:
        SourceFailed: the connection kept breaking.
        IntegrityError: the body is longer than promised, or ends short of it each time.
    """
    expected, failures = writer.expected.size, 0
    while True:
        start, asked = writer.size, None
        try:
            with open_at(start) as (status, chunks):
                if start and status == 200:  # the server ignored Range
                    progress(-start)
                    writer.restart()
                for chunk in _fast_enough(chunks):
                    writer.write(chunk)
                    progress(len(chunk))
            if expected is None or writer.size == expected:
                return
            problem = f"the body ended at {writer.size} of {expected} bytes"
        except Broken as error:
            problem, asked = str(error), error.wait
        # Some bytes at a time are no progress: a server could keep a client for ever with them.
        moved = writer.size - start
        failures = 1 if moved >= min(CHUNK, max(1, (expected or 0) // 100)) else failures + 1
        if failures > MAX_RETRIES or (failures > 1 and problem.startswith("the body ended")):
            if problem.startswith("the body ended"):
                raise IntegrityError(writer.what, "size in bytes", expected, writer.size)
            raise SourceFailed(f"{writer.what}: {problem}, {failures} times in a row")
        time.sleep(_wait(failures, asked))


def _wait(failures: int, asked: float | None) -> float:
    """Seconds until the next try: what the server asked for, or twice as many each time."""
    if asked is not None and asked > LONGEST_WAIT:
        raise SourceFailed(f"the server is busy, and wants to be asked again in {asked:.0f} s")
    return FIRST_WAIT * 2 ** (failures - 1) if asked is None else asked


def _fast_enough(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Hands chunks on. SourceFailed where hardly any bytes come, which no time limit sees."""
    begun, count = time.monotonic(), 0
    for chunk in chunks:
        yield chunk
        count += len(chunk)
        if (passed := time.monotonic() - begun) >= SLOW_FOR:
            if count < SLOWEST * passed:
                raise SourceFailed(f"the server gave {count} bytes in {passed:.0f} s")
            begun, count = time.monotonic(), 0


def retry_after(value: str | None) -> float | None:
    """Returns the seconds that a Retry-After header asks for, or None. It may give a date."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - time.time())


@contextlib.contextmanager
def progress_bar(
    name: str, size: int | None, show: bool | None, unit: str = "B"
) -> Iterator[Callable[[int], None]]:
    """Yields a callable that takes numbers of new bytes and draws a bar, on a terminal alone.

    Other things than bytes are counted in their `unit`, such as "points".

    Silence too where interactive logging is disabled, unless `show` asks for the bar.
    """
    quiet = not (sys.stderr.isatty() and is_interactive_logging_enabled())
    if quiet if show is None else not show:
        yield lambda count: None
        return
    from tqdm import tqdm

    with tqdm(desc=name[-40:], total=size, unit=unit, unit_scale=True, leave=False) as bar:

        def report(count: int) -> None:
            bar.update(count)

        yield report


def _check_range(status: int, content_range: str | None, start: int) -> None:
    if status == 206:
        found = re.match(r"bytes (\d+)-", content_range or "")
        if found is None or int(found[1]) != start:
            raise SourceFailed(f"the server answered range {content_range!r} for offset {start}")
    elif status != 200:
        raise SourceFailed(f"the server answered {status} to a request from offset {start}")


@dataclass(frozen=True)
class RemoteFile:
    """What a repository's listing says of a file."""

    size: int
    git_sha1: str | None
    sha256: str | None

    def pins(self, name: str) -> FileEntry:
        """Returns an entry with the listing's size and hash: sha256 for LFS files, else git's."""
        return FileEntry(name, self.sha256, self.size, None if self.sha256 else self.git_sha1)


class HubRepository:
    """One repository of the Hugging Face hub, through `huggingface_hub`.

    Args:
        source: which repository.
        endpoint: the hub's address; the client's own when None.
        token: False where the hub's token is not to be sent, as to a mirror.

    Every method raises SourceFailed with the reason when the hub does not give what is asked.
    """

    def __init__(
        self, source: HuggingFace, endpoint: str | None = None, token: bool | None = None
    ) -> None:
        self.source = source
        self.endpoint = endpoint
        self.token = token

    def listing(self, revision: str | None) -> tuple[str, dict[str, RemoteFile]]:
        """Returns (commit that `revision` means now, path in the repository -> size and hashes)."""
        from huggingface_hub import HfApi

        with self._reasons():
            api = HfApi(endpoint=self.endpoint, token=self.token)
            info = _patiently(
                lambda: api.model_info(
                    self.source.repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT
                )
            )
        commit = self._checked_commit(info.sha)
        files: dict[str, RemoteFile | None] = {}
        for item in info.siblings or ():
            sha256 = item.lfs.sha256 if item.lfs is not None else None
            files[item.rfilename] = _remote_file(item.size, item.blob_id, sha256)
        known = {name: file for name, file in files.items() if file is not None}
        # Mirrors may leave sizes and hashes out there, and have them in the tree.
        return commit, known if files and len(known) == len(files) else self._tree(commit)

    def _tree(self, commit: str) -> dict[str, RemoteFile]:
        """Path in the repository -> size and hashes, by the listing of its tree at a commit."""
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers, paginate

        endpoint = self.endpoint or constants.ENDPOINT
        url = f"{endpoint}/api/models/{self.source.repo_id}/tree/{commit}"
        files: dict[str, RemoteFile] = {}
        with self._reasons():
            # HfApi.list_repo_tree makes the same calls, and takes no time limit.
            for item in paginate(
                check_url(url),
                {"recursive": True},
                dict(build_hf_headers(token=self.token)),
                timeout=TIMEOUT,
            ):
                if item.get("type") != "file":
                    continue
                sha256 = (item.get("lfs") or {}).get("oid")
                found = _remote_file(item.get("size"), item.get("oid"), sha256)
                if found is None:
                    name = str(item.get("path"))[:80]
                    raise SourceFailed(f"the hub lists {name!r} without size or hash")
                files[item["path"]] = found
        return files

    def fetch(
        self, path: str, commit: str, writer: BlobWriter, progress: Callable[[int], None]
    ) -> None:
        """Streams one file into `writer`, after comparing the hub's headers with what is known."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        url = hf_hub_url(self.source.repo_id, path, revision=commit, endpoint=self.endpoint)
        check_url(url)
        with self._reasons():
            found = _patiently(
                lambda: get_hf_file_metadata(
                    url, token=self.token, timeout=TIMEOUT, endpoint=self.endpoint
                )
            )
            headers = dict(build_hf_headers(token=self.token))
        if self._checked_commit(found.commit_hash) != commit:
            raise SourceFailed(f"the hub answered with commit {found.commit_hash}, not {commit}")
        writer.expect(_with_etag(writer.expected, found.etag, found.size, writer.what))
        headers["Accept-Encoding"] = "identity"
        if _origin(found.location) != _origin(url):
            headers.pop("authorization", None)
        stream(lambda start: self._open(found.location, headers, start), writer, progress)

    def _checked_commit(self, commit: object) -> str:
        if not isinstance(commit, str) or not SHA1.fullmatch(commit):
            raise SourceFailed(f"the hub answered with commit {str(commit)[:60]!r}, which is none")
        return commit

    @contextlib.contextmanager
    def _open(
        self, url: str, headers: dict[str, str], start: int
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        from huggingface_hub.utils import get_session

        session, broken = get_session(), transport_errors()
        asked = {**headers, "Range": f"bytes={start}-"} if start else headers
        with contextlib.ExitStack() as stack:
            for _ in range(MAX_REDIRECTS + 1):
                try:
                    answer = stack.enter_context(
                        session.stream(
                            "GET",
                            check_url(url),
                            headers=asked,
                            timeout=TIMEOUT,
                            follow_redirects=False,
                        )
                    )
                except broken as error:
                    raise Broken(f"{type(error).__name__}: {error}") from error
                if not answer.is_redirect:
                    break
                target = urllib.parse.urljoin(url, answer.headers["Location"])
                if _origin(target) != _origin(url):
                    asked = {k: v for k, v in asked.items() if k.lower() != "authorization"}
                url = target
            else:
                raise SourceFailed(f"more than {MAX_REDIRECTS} redirects")
            if answer.status_code in _BUSY or answer.status_code >= 500:
                wait = retry_after(answer.headers.get("Retry-After"))
                raise Broken(f"the server answered {answer.status_code}", wait)
            if answer.status_code == 416 and start:
                yield 206, iter(())  # there is nothing after this offset
                return
            _check_range(answer.status_code, answer.headers.get("Content-Range"), start)
            # as they come in: a chunk size would lose what was received of a chunk that breaks
            yield answer.status_code, _chunks(answer.iter_bytes(), broken)

    @contextlib.contextmanager
    def _reasons(self) -> Iterator[None]:
        """Turns the client's errors into SourceFailed with the reason in a sentence."""
        from huggingface_hub import errors

        try:
            yield
        except errors.GatedRepoError as error:
            reason = (
                "access is gated: accept the licence on the repository's page, then log in "
                "(`hf auth login`) or set HF_TOKEN"
            )
            raise SourceFailed(reason) from error
        except errors.RepositoryNotFoundError as error:
            reason = "there is no such repository, or it is private and needs a token (HF_TOKEN)"
            raise SourceFailed(reason) from error
        except errors.RevisionNotFoundError as error:
            raise SourceFailed(f"it has no revision {self.source.revision!r}") from error
        except errors.EntryNotFoundError as error:
            raise NotThere("it has no such file at this revision") from error
        except errors.OfflineModeIsEnabled as error:
            raise SourceFailed("offline mode is on (HF_HUB_OFFLINE)") from error
        except (errors.HfHubHTTPError, errors.FileMetadataError, errors.HFValidationError) as error:
            raise SourceFailed(first_line(error)) from error
        except transport_errors() as error:
            raise SourceFailed(_unreached(first_line(error))) from error


def _patiently(ask: Callable[[], Any]) -> Any:
    """Asks the hub by its client, and again where it is busy or has a fault of its own."""
    from huggingface_hub.errors import HfHubHTTPError

    failures = 0
    while True:
        try:
            return ask()
        except HfHubHTTPError as error:
            answer = getattr(error, "response", None)
            status = answer.status_code if answer is not None else 0
            failures += 1
            if failures > MAX_RETRIES or answer is None or (status not in _BUSY and status < 500):
                raise
            time.sleep(_wait(failures, retry_after(answer.headers.get("Retry-After"))))


def _remote_file(size: object, git_sha1: object, sha256: object) -> RemoteFile | None:
    """Returns what a listing says of a file; None where it lacks the size or a valid hash."""
    if not isinstance(size, int):
        return None
    git = git_sha1 if isinstance(git_sha1, str) and SHA1.fullmatch(git_sha1) else None
    if sha256 is not None:
        good = isinstance(sha256, str) and SHA256.fullmatch(sha256)
        return RemoteFile(size, git, str(sha256)) if good else None
    return RemoteFile(size, git, None) if git else None


def _with_etag(expected: FileEntry, etag: str | None, size: int | None, what: str) -> FileEntry:
    """Returns `expected`, completed by the headers; they must agree with what is known."""
    if etag is None or not (SHA256.fullmatch(etag) or SHA1.fullmatch(etag)):
        raise SourceFailed(f"{what}: the hub's ETag {str(etag)[:80]!r} is not a hash")
    if size is not None and expected.size is not None and size != expected.size:
        raise IntegrityError(what, "size in bytes announced by the hub", expected.size, size)
    known = expected.sha256 if len(etag) == 64 else expected.git_sha1
    if known is not None and etag != known:
        raise IntegrityError(what, "hash announced by the hub", known, etag)
    return FileEntry(
        expected.name,
        etag if len(etag) == 64 else expected.sha256,
        size if expected.size is None else expected.size,
        # without a size beforehand git's hash cannot be computed while streaming
        etag if len(etag) == 40 and (size or expected.size) is not None else expected.git_sha1,
        md5=expected.md5,
        sha256_start=expected.sha256_start,
    )


def transport_errors() -> tuple[type[BaseException], ...]:
    """Returns what the Hugging Face client's HTTP library raises when a connection fails."""
    import httpx2

    return (httpx2.RequestError, httpx2.InvalidURL, ConnectionError, TimeoutError, socket.gaierror)


def _chunks(chunks: Iterator[bytes], broken: tuple[type[BaseException], ...]) -> Iterator[bytes]:
    try:
        yield from chunks
    except broken as error:
        raise Broken(f"the connection broke ({type(error).__name__})") from error


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urllib.parse.urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text, or its class's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _unreached(reason: str) -> str:
    """Why a server gave no answer, with the way out where it is not known who vouches for it."""
    way = ""
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        way = (
            "; if the authority that signed its certificate is yours, SSL_CERT_FILE names its file"
        )
    return f"it cannot be reached ({reason}){way}"


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str):
        return super().redirect_request(req, fp, code, msg, headers, check_url(newurl))


def open_url(url: str) -> Opener:
    """Returns an opener for a plain HTTP(S) address, by the standard library."""
    director = urllib.request.build_opener(_CheckedRedirects())

    @contextlib.contextmanager
    def open_at(start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "isozoo"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            answer = director.open(
                urllib.request.Request(check_url(url), headers=headers), timeout=TIMEOUT
            )
        except urllib.error.HTTPError as error:
            if error.code in _BUSY or error.code >= 500:
                wait = retry_after(error.headers.get("Retry-After"))
                raise Broken(f"the server answered {error.code}", wait) from error
            if error.code == 416 and start:
                yield 206, iter(())  # there is nothing after this offset
                return
            kind = NotThere if error.code in (404, 410) else SourceFailed
            raise kind(f"the server answered {error.code}") from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Broken(_unreached(str(reason))) from error
        with answer:
            _check_range(answer.status, answer.headers.get("Content-Range"), start)
            blocks = iter(lambda: answer.read1(CHUNK), b"")
            yield answer.status, _chunks(blocks, (OSError, http.client.HTTPException))

    return open_at
