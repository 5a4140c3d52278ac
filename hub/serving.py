"""A folder of models offered over the hub's read protocol, to every client that speaks it.

`FOLDER/org/name/…` is the repository org/name; its one commit follows from its files. Nothing can
be written. Definition of the protocol: docs of the Hugging Face hub's HTTP API, and what
huggingface_hub asks for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .cache import Cache, Digests
from .errors import HubError
from .preset import check_file_name

MAX_REQUESTS = 64  # at a time; others wait
MAX_FILES = 10_000  # in a repository
_TIMEOUT = 60.0  # seconds without a byte
_CHUNK = 1 << 20
_LFS_FROM = 10 << 20  # larger files have a sha256 as their ETag, as on the hub
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"
_API = re.compile(rf"/api/models/({_NAME}/{_NAME})(?:/(revision|tree)/([^/]+)(/.*)?)?")
_FILE = re.compile(rf"/({_NAME}/{_NAME})/resolve/([^/]+)/(.+)")
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")  # from, to; or so many at the end


@dataclass(frozen=True)
class _Repository:
    name: str
    files: dict[str, tuple[Path, Digests]]
    commit: str


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024  # connections that wait; the library's 5 makes clients try again


class ModelServer:
    """Serves the models of a folder until `close`.

    Args:
        folder: holds a folder for each organisation, which holds one for each model.
        host: the address to listen on; this machine alone can reach the default.
        port: 0 takes a free one.
        cache: where the hashes of files are remembered.
        log: told a line for each request.

    Raises:
        HubError: there is no such folder, or no model in it.
        OSError: the address cannot be listened on.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        cache: Cache | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.folder = Path(folder).expanduser().resolve()
        self.cache, self.log = cache or Cache(), log or (lambda line: None)
        if not self.names():
            raise HubError(
                f"{self.folder} holds no models: one lies in FOLDER/ORG/NAME, with its config.json"
            )
        self.slots = threading.BoundedSemaphore(MAX_REQUESTS)
        handler = type("Handler", (_Handler,), {"models": self})
        self._server = _Server((host, port), handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread: threading.Thread | None = None

    def names(self) -> list[str]:
        """Returns the names of the models, "org/name"."""
        if not self.folder.is_dir():
            raise HubError(f"there is no folder {self.folder}")
        return sorted(
            f"{organisation.name}/{model.name}"
            for organisation in self.folder.iterdir()
            if organisation.is_dir() and re.fullmatch(_NAME, organisation.name)
            for model in organisation.iterdir()
            if model.is_dir() and re.fullmatch(_NAME, model.name)
        )

    def repository(self, name: str) -> _Repository | None:
        """Returns the files of a model as they are now; None when there is none."""
        folder = self.folder / name
        if not folder.is_dir() or not folder.resolve().is_relative_to(self.folder):
            return None
        files: dict[str, tuple[Path, Digests]] = {}
        for path in sorted(folder.rglob("*"))[:MAX_FILES]:
            relative = path.relative_to(folder).as_posix()
            if any(part.startswith(".") for part in relative.split("/")) or not path.is_file():
                continue
            if not path.resolve().is_relative_to(self.folder):
                continue  # a link out of the folder
            try:
                files[check_file_name(relative)] = (path, self.cache.digests(path))
            except ValueError:
                continue
        listed = "\n".join(f"{name} {digests.sha256}" for name, (_, digests) in files.items())
        return _Repository(name, files, hashlib.sha1(listed.encode()).hexdigest())

    def start(self) -> None:
        """Serves in a thread of its own."""
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()

    def serve(self) -> None:
        """Serves until `close` is called from another thread, or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "isozoo"
    sys_version = ""
    timeout = _TIMEOUT
    models: ModelServer

    def log_message(self, format: str, *args: Any) -> None:
        self.models.log(f"{self.address_string()} {format % args}")

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.close_connection = True
        self._error(405, "", "this server is read-only")

    do_PUT = do_DELETE = do_PATCH = do_POST

    def _answer(self) -> None:
        with self.models.slots:
            try:
                self._route()
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                self.close_connection = True
            except OSError:
                self._error(500, "", "a file cannot be read")

    def _route(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        if path == "/api/models":
            asked = dict(urllib.parse.parse_qsl(parts.query))
            names = [
                name
                for name in self.models.names()
                if asked.get("search", "").lower() in name.lower()
                and asked.get("author", name.partition("/")[0]) == name.partition("/")[0]
            ]
            if asked.get("limit", "").isdecimal():
                names = names[: int(asked["limit"][:9])]
            return self._send_json([{"id": name, "modelId": name} for name in names])
        if found := _API.fullmatch(path):
            return self._api(*found.groups())
        if found := _FILE.fullmatch(path):
            return self._file(*found.groups())
        return self._error(404, "RepoNotFound", "there is no such page")

    def _find(self, name: str, revision: str | None) -> _Repository | None:
        repository = self.models.repository(name)
        if repository is None:
            self._error(404, "RepoNotFound", f"there is no model {name}")
        elif revision not in (None, "main", repository.commit):
            self._error(404, "RevisionNotFound", f"{name} has no revision {revision[:80]}")
            return None
        return repository

    def _api(self, name: str, kind: str | None, revision: str | None, below: str | None) -> None:
        if (repository := self._find(name, revision)) is None:
            return
        if kind == "tree":
            prefix = (below or "").strip("/")
            return self._send_json(
                [
                    {
                        "type": "file",
                        "path": file,
                        "size": digests.size,
                        "oid": digests.git_sha1 or digests.sha256[:40],
                        **_lfs(digests, "oid"),
                    }
                    for file, (_, digests) in repository.files.items()
                    if not prefix or file.startswith(f"{prefix}/")
                ]
            )
        siblings = [
            {
                "rfilename": file,
                "size": digests.size,
                "blobId": digests.git_sha1 or digests.sha256[:40],
                **_lfs(digests, "sha256"),
            }
            for file, (_, digests) in repository.files.items()
        ]
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(0))
        return self._send_json(
            {
                "id": name,
                "modelId": name,
                "sha": repository.commit,
                "siblings": siblings,
                "private": False,
                "gated": False,
                "tags": [],
                "lastModified": moment,
            }
        )

    def _file(self, name: str, revision: str, file: str) -> None:
        if (repository := self._find(name, revision)) is None:
            return
        headers = {"X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        if file not in repository.files:
            return self._error(404, "EntryNotFound", f"{name} has no file {file[:80]}", headers)
        path, digests = repository.files[file]
        tag = digests.sha256 if _lfs(digests, "") else digests.git_sha1
        headers["ETag"] = f'"{tag}"'
        headers["Last-Modified"] = formatdate(path.stat().st_mtime, usegmt=True)
        if _lfs(digests, ""):
            headers["X-Linked-Etag"] = f'"{tag}"'
            headers["X-Linked-Size"] = str(digests.size)
        if self.headers.get("If-None-Match") == headers["ETag"]:
            return self._send(304, headers)
        start, stop = 0, digests.size
        asked = _RANGE.fullmatch(self.headers.get("Range") or "")
        if asked:
            start = max(0, stop - int(asked[3])) if asked[3] else int(asked[1])
            stop = min(int(asked[2]) + 1, stop) if asked[2] else stop
            if start >= stop:
                return self._send(416, {"Content-Range": f"bytes */{digests.size}"})
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{digests.size}"
        headers["Content-Length"] = str(stop - start)
        headers["Content-Type"] = "application/octet-stream"
        self._send(206 if asked else 200, headers)
        if self.command == "GET":
            self._copy(path, start, stop - start)

    def _copy(self, path: Path, start: int, count: int) -> None:
        with open(path, "rb") as opened:
            opened.seek(start)
            while count and (chunk := opened.read(min(_CHUNK, count))):
                self.wfile.write(chunk)
                count -= len(chunk)
        if count:  # it was cut while it was read: what was promised cannot be kept
            self.close_connection = True

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD" and body:
            self.wfile.write(body)

    def _send_json(self, value: Any) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _error(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        told = {"X-Error-Message": message.encode("ascii", "replace").decode()}
        if code:
            told["X-Error-Code"] = code
        body = json.dumps({"error": message}).encode()
        self._send(status, {**(headers or {}), **told, "Content-Type": "application/json"}, body)


def _lfs(digests: Digests, key: str) -> dict[str, Any]:
    """What the hub says of a large file beside its size; {} for a small one."""
    if digests.size < _LFS_FROM and digests.git_sha1:
        return {}
    return {"lfs": {key: digests.sha256, "size": digests.size, "pointerSize": 134}}
