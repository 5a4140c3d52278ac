"""The hub's protocol for writing, beside that for reading: repositories, LFS, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.parse

from .reading import LFS_FROM, HubServer, Repository, _Handler, git_sha1


class _WritingHandler(_Handler):
    server_state: WritableHub  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self.write()

    def do_PUT(self) -> None:
        self.write()

    def write(self) -> None:
        hub = self.server_state
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        hub.requests.append((self.command, path, dict(self.headers)))
        if path.startswith("/lfs/"):
            return self.put_blob(path.removeprefix("/lfs/"), body)
        if self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.error(401, "RepoNotFound")
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if path == "/api/validate-yaml":
            valid = json.loads(body)["content"].lstrip().startswith("---\n")
            return self.send_json({}) if valid else self.error(400, "Invalid")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/([^/]+)", path):
            return self.preupload(json.loads(body))
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self.batch(json.loads(body))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/([^/]+)", path):
            return self.commit(found[1], body, "create_pr=1" in parts.query)
        self.error(404, "RepoNotFound")

    def create(self, asked: dict) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = {"url": f"{self.server_state.url}/{name}", "name": name}
        status = 409 if name in self.server_state.repositories else 200
        if status == 200:
            self.server_state.add(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
        raw = json.dumps(url).encode()
        self.send_bytes(status, raw, {"Content-Type": "application/json"})

    def preupload(self, asked: dict) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] >= LFS_FROM else "regular",
                "shouldIgnore": False,
            }
            for file in asked["files"]
        ]
        self.send_json({"files": files})

    def batch(self, asked: dict) -> None:
        hub = self.server_state
        objects = []
        for entry in asked["objects"]:
            known = {"oid": entry["oid"], "size": entry["size"]}
            if entry["oid"] not in hub.blobs:
                known["actions"] = {"upload": {"href": f"{hub.url}/lfs/{entry['oid']}"}}
            objects.append(known)
        self.send_json({"transfer": "basic", "objects": objects})

    def put_blob(self, oid: str, body: bytes) -> None:
        hub = self.server_state
        if hub.broken_puts:
            hub.broken_puts -= 1
            return self.error(400, "Broken")
        if hashlib.sha256(body).hexdigest() != oid:
            return self.error(400, "WrongBytes")
        hub.blobs[oid] = body
        self.send_bytes(200, b"", {})

    def commit(self, repo_id: str, body: bytes, pull_request: bool) -> None:
        hub = self.server_state
        repository = hub.repositories[repo_id]
        if hub.before_commit is not None:
            hub.before_commit()
        head = repository.sha(len(repository.commits) - 1)
        files = dict(repository.commits[-1])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit") not in (None, head):
                return self.error(412, "PreconditionFailed")
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        url = f"{hub.url}/{repo_id}"
        if pull_request:
            hub.proposals.append(files)
            made = {"commitOid": git_sha1(repr(files).encode()), "commitUrl": f"{url}/commit/x"}
            return self.send_json({**made, "pullRequestUrl": f"{url}/discussions/1"})
        oid = hub.add(repo_id, files)
        self.send_json({"commitOid": oid, "commitUrl": f"{url}/commit/{oid}"})


class WritableHub(HubServer):
    """A hub that takes publications from whoever has its token.

    Attributes:
        blobs: sha256 -> content of what LFS was given.
        broken_puts: how many uploads to LFS fail from now on.
        before_commit: called before a commit is looked at.
        proposals: the files of pull requests.
    """

    handler = _WritingHandler
    token = "hf_for_this_test_alone"

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.broken_puts = 0
        self.before_commit = None
        self.proposals: list[dict[str, bytes]] = []
        super().__init__()

    def files(self, repo_id: str) -> dict[str, bytes]:
        repository: Repository = self.repositories[repo_id]
        return repository.commits[-1]
