"""Processes that are killed at fixed places; `scripts/kill_hub` kills them at random moments."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from isozoo.hub import convert
from isozoo.hub.cache import Cache
from isozoo.hub.cache_keeping import list_blobs, prunable, prune, verify_blobs
from isozoo.hub.fetch import resolve
from isozoo.hub.lock import Lock
from isozoo.hub.preset import FileEntry, HuggingFace, Preset
from isozoo.hub.publishing import publish
from isozoo.hub.saving import save_to_preset
from isozoo.scripts.loopback.writing import WritableHub
from isozoo.scripts.small_models import small_model

from ..patience import DEADLINE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")

# Forks a child for each number: the child is killed before that call of what it counts.
CODE = """
import os, signal, sys
from pathlib import Path
from huggingface_hub import HfApi, constants
from isozoo.hub import cache_keeping, convert, lock, publish, tensors
from isozoo.hub.cache import BlobWriter, Cache
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry, HuggingFace, Preset

what, root, url = sys.argv[1:4]
constants.HF_HUB_DISABLE_XET = True
place = Path(root)
PLACES = {
    "pull": [(BlobWriter, "write"), (os, "fsync"), (os, "replace"), (lock, "write_atomically")],
    "convert": [(tensors, "write_elements"), (os, "replace"), (os, "fsync")],
    "publish": [(HfApi, "create_repo"), (HfApi, "create_commit"), (HfApi, "preupload_lfs_files"),
                (os, "replace")],
    "prune": [(Path, "unlink")],
}

def act(here):
    if what == "pull":
        files = (FileEntry("config.json"), FileEntry("model.safetensors"))
        one = Preset("tiny", "", "", "", files, (HuggingFace("acme/tiny"),))
        resolve(one, cache=Cache(here), endpoint=url)
    elif what == "convert":
        convert(place / "model", here / "out", max_shard_bytes=4000)
    elif what == "publish":
        publish(place / "model", f"hf://org/{here.name}", license="mit", endpoint=url,
                token="hf_for_this_test_alone")
    else:
        cache_keeping.prune(cache_keeping.prunable(Cache(here)), Cache(here))

def kill_at(owner, name, number):
    real, count = getattr(owner, name), [0]
    def counted(*args, **kwargs):
        count[0] += 1
        if count[0] > number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(owner, name, counted)

for owner, name in PLACES[what]:
    for number in (0, 1, 3):
        here = place / f"{what}-{name}-{number}"
        here.mkdir(exist_ok=True)
        child = os.fork()
        if child == 0:
            os.environ["ISOZOO_CACHE"] = str(here / "own")
            kill_at(owner, name, number)
            try:
                act(here)
            finally:
                os._exit(0)
        print(here.name, os.WIFSIGNALED(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def hub():
    server = WritableHub()
    yield server
    server.close()


def killed(what, root, url="-"):
    """Folder -> whether the process that worked there was killed."""
    command = [sys.executable, "-c", CODE, what, str(root), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    assert list(found.values()).count("True") >= len(found) / 3
    return [root / name for name in found]


def test_a_pull(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    files = {"config.json": b"{}", "model.safetensors": os.urandom(3 << 20)}
    hub.add("acme/tiny", files)
    one = Preset("tiny", "", "", "", tuple(map(FileEntry, files)), (HuggingFace("acme/tiny"),))
    for here in killed("pull", tmp_path, hub.url):
        cache = Cache(here)
        assert verify_blobs(cache) == []
        Lock(cache, "tiny").read()
        found = resolve(one, cache=cache, endpoint=hub.url).paths
        assert {name: path.read_bytes() for name, path in found.items()} == files
        assert list(Lock(cache, "tiny").read()) == ["hf://acme/tiny"]
        names = {path.name for path in here.iterdir()}
        assert names <= {"blobs", "lock", "verified", "used", "own"}


def test_a_conversion(tmp_path):
    save_to_preset(small_model("bert"), tmp_path / "model")
    convert(tmp_path / "model", tmp_path / "whole", max_shard_bytes=4000)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    for here in killed("convert", tmp_path):
        if not (here / "out").exists():
            convert(tmp_path / "model", here / "out", max_shard_bytes=4000)
        assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == whole
        assert {path.name for path in here.iterdir()} <= {"out", "own"}


def test_a_publication(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    save_to_preset(small_model("bert"), tmp_path / "model")
    sent = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    for here in killed("publish", tmp_path, hub.url):
        name = f"org/{here.name}"
        before = [len(commit) for commit in getattr(hub.repositories.get(name), "commits", [])]
        assert all(count in (1, len(sent) + 2) for count in before)  # all of it, or none
        monkeypatch.setenv("ISOZOO_CACHE", str(here / "own"))
        options = {"license": "mit", "endpoint": hub.url, "token": hub.token}
        publish(tmp_path / "model", f"hf://{name}", **options)
        there = hub.files(name)
        assert {file: there[file] for file in sent} == sent
        assert publish(tmp_path / "model", f"hf://{name}", **options).sent == []


def test_a_pruning(tmp_path):
    for name in ("unlink-0", "unlink-1", "unlink-3"):
        folder = tmp_path / f"prune-{name}" / "blobs" / "sha256"
        folder.mkdir(parents=True)
        for content in (b"a", b"b", b"c"):
            (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
    for here in killed("prune", tmp_path):
        cache = Cache(here)
        assert verify_blobs(cache) == []
        prune(prunable(cache), cache)
        assert list_blobs(cache) == []
