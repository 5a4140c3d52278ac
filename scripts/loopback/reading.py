"""A small server of the Hugging Face hub's protocol on 127.0.0.1, honest unless told otherwise."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?")
LFS_FROM = 1024  # files of this size and more are LFS files, with a sha256


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repository:
    """Commits of one repository, oldest first; `main` is the last."""

    commits: list[dict[str, bytes]] = field(default_factory=list)
    gated: bool = False
    token: str | None = None  # who does not send it is told that there is no such repository

    def sha(self, index: int) -> str:
        named = [(name, git_sha1(data)) for name, data in sorted(self.commits[index].items())]
        return hashlib.sha1(repr((index, named)).encode()).hexdigest()

    def find(self, revision: str) -> int | None:
        if revision == "main":
            return len(self.commits) - 1
        shas = [self.sha(index) for index in range(len(self.commits))]
        return shas.index(revision) if revision in shas else None


@dataclass
class Fault:
    """How one file is served wrongly."""

    body: bytes | None = None  # sent instead of the content
    break_after: list[int] = field(default_factory=list)  # cut each next answer after that many
    etag: str | None = None
    commit: str | None = None
    redirect: str | None = None  # LFS storage at this address
    ignore_range: bool = False
    # Statuses of the next answers in the place of the content, each with its Retry-After.
    refuse: list[tuple[int, str]] = field(default_factory=list)
    length: int | None = None  # said in the place of the true one
    drip: tuple[int, float] | None = None  # so many bytes at a time, with a pause in seconds
    location: str | None = None  # where the file is said to lie, as it is
    listed: dict[str, object] = field(default_factory=dict)  # what the listing says otherwise


def sibling(name: str, data: bytes, lies: Mapping[str, object] | None = None) -> dict:
    """What the hub lists of a file, or what a hub that lies does."""
    entry = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
    if len(data) >= LFS_FROM:
        sha256 = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 134}
    return {**entry, **(lies or {})}


class HubServer:
    """Serves `repositories` (org/name -> Repository); `requests` logs (method, path, headers).

    With `bare_info` a repository's info names its files alone, as mirrors do; the tree, in pages of
    `page` files, has sizes and hashes unless `bare_tree`.
    """

    bare_info = bare_tree = False
    busy: list[tuple[int, str]]  # statuses of the next answers about files, with Retry-After
    page = 2
    handler: type[_Handler]

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: dict[str, Fault] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.busy = []
        kind = getattr(self, "handler", _Handler)
        handler: Any = type("Handler", (kind,), {"server_state": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, repo_id: str, files: dict[str, bytes], **options) -> str:
        """A new commit of a repository; returns its hash."""
        repository = self.repositories.setdefault(repo_id, Repository(**options))
        repository.commits.append(dict(files))
        return repository.sha(len(repository.commits) - 1)

    def paths(self, method: str = "GET") -> list[str]:
        return [path for verb, path, _ in self.requests if verb == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: HubServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        headers = {name.title(): value for name, value in self.headers.items()}
        self.server_state.requests.append((self.command, path, headers))
        if self.server_state.busy and (self.command == "HEAD" or path.startswith("/api/")):
            status, after = self.server_state.busy.pop(0)
            self.send_bytes(status, b"", {"Retry-After": after} if after else {})
        elif found := _API.fullmatch(path):
            self.answer_api(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.answer_file(*found.groups())
        elif found := re.fullmatch(r"/(?:storage|plain)/([^/]+/[^/]+)/(.+)", path):
            repository = self.server_state.repositories[found[1]]
            if found[2] not in repository.commits[-1]:
                return self.error(404, "EntryNotFound")
            self.send_content(found[2], repository.commits[-1][found[2]], {})
        else:
            self.error(404, "RepoNotFound")

    def repository(self, repo_id: str) -> Repository | None:
        repository = self.server_state.repositories.get(repo_id)
        if repository is None:
            self.error(401, "RepoNotFound")
            return None
        if repository.token is not None:
            if self.headers.get("Authorization") != f"Bearer {repository.token}":
                if repository.gated:
                    self.error(403, "GatedRepo")
                else:
                    self.error(401, "RepoNotFound")
                return None
        return repository

    def answer_api(self, repo_id: str, kind: str | None, revision: str | None) -> None:
        if (repository := self.repository(repo_id)) is None:
            return
        index = repository.find(revision or "main")
        if index is None:
            return self.error(404, "RevisionNotFound")
        faults = self.server_state.faults
        siblings = [
            sibling(name, data, faults.get(name, Fault()).listed)
            for name, data in repository.commits[index].items()
        ]
        if kind == "tree":
            return self.answer_tree(siblings)
        if self.server_state.bare_info:
            siblings = [{"rfilename": entry["rfilename"]} for entry in siblings]
        self.send_json({"id": repo_id, "sha": repository.sha(index), "siblings": siblings})

    def answer_tree(self, siblings: list[dict]) -> None:
        """One page of a listing, with the address of the next."""
        parts = urllib.parse.urlsplit(self.path)
        start = int(dict(urllib.parse.parse_qsl(parts.query)).get("cursor", 0))
        entries: list[dict] = [{"type": "directory", "path": "folder", "oid": "0" * 40, "size": 0}]
        for entry in siblings:
            entries.append({"type": "file", "path": entry["rfilename"]})
            if not self.server_state.bare_tree:
                entries[-1] |= {"size": entry["size"], "oid": entry["blobId"]}
                if "lfs" in entry:
                    entries[-1]["lfs"] = {**entry["lfs"], "oid": entry["lfs"]["sha256"]}
        stop = start + self.server_state.page
        headers = {"Content-Type": "application/json"}
        if stop < len(entries):
            following = f"{self.server_state.url}{parts.path}?cursor={stop}"
            headers["Link"] = f'<{following}>; rel="next"'
        self.send_bytes(200, json.dumps(entries[start:stop]).encode(), headers)

    def answer_file(self, repo_id: str, revision: str, name: str) -> None:
        if (repository := self.repository(repo_id)) is None:
            return
        index = repository.find(revision)
        if index is None:
            return self.error(404, "RevisionNotFound")
        data = repository.commits[index].get(name)
        fault = self.server_state.faults.get(name, Fault())
        headers = {"X-Repo-Commit": fault.commit or repository.sha(index)}
        if data is None:
            return self.error(404, "EntryNotFound", headers)
        if len(data) >= LFS_FROM:
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(data))
        headers["ETag"] = f'"{git_sha1(data)}"'
        if fault.etag is not None:
            headers["ETag"] = headers["X-Linked-Etag"] = f'"{fault.etag}"'
        if fault.location is not None:
            return self.send_bytes(302, b"", {**headers, "Location": fault.location})
        if fault.redirect is not None:
            headers["Location"] = f"{fault.redirect}/storage/{repo_id}/{name}"
            return self.send_bytes(302, b"", headers)
        self.send_content(name, data, headers)

    def send_content(self, name: str, data: bytes, headers: dict[str, str]) -> None:
        fault = self.server_state.faults.get(name, Fault())
        start, status = 0, 200
        asked = self.headers.get("Range")
        if asked and not fault.ignore_range:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(data))
            return self.send_bytes(200, b"", headers)
        if fault.refuse:
            refused, after = fault.refuse.pop(0)
            return self.send_bytes(refused, b"", {"Retry-After": after} if after else {})
        body = (data if fault.body is None else fault.body)[start:]
        if status == 206 and not body:
            return self.send_bytes(416, b"", {})
        if fault.break_after:
            cut = fault.break_after.pop(0)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[:cut])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if fault.length is not None:
            headers["Content-Length"] = str(fault.length)
            self.close_connection = True
        if fault.drip is not None:
            return self.send_slowly(status, body, headers, *fault.drip)
        self.send_bytes(status, body, headers)

    def send_slowly(
        self, status: int, body: bytes, headers: dict[str, str], step: int, pause: float
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has had enough
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                self.wfile.flush()
                time.sleep(pause)

    def send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, value: object) -> None:
        self.send_bytes(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, b"", {"X-Error-Code": code, **(headers or {})})
