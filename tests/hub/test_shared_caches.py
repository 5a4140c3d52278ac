"""A cache of several users, and of several versions of isozoo."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from isozoo.hub import cache as cache_module
from isozoo.hub.cache import Cache
from isozoo.hub.cache_keeping import list_blobs
from isozoo.hub.errors import CacheError
from isozoo.hub.fetch import resolve
from isozoo.hub.lock import Lock
from isozoo.hub.preset import FileEntry, HuggingFace, Preset

REPO = "acme/tiny"
FILES = {"config.json": b"{}", "model.safetensors": os.urandom(5000)}
ENTRIES = tuple(map(FileEntry, FILES))


def fetched(cache, hub=None, files=ENTRIES):
    one = Preset("tiny", "", "", "", files, (HuggingFace(REPO),))
    found = resolve(one, cache=cache, endpoint=hub and hub.url, offline=hub is None)
    return {name: path.read_bytes() for name, path in found.paths.items()}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have owners")
def test_what_another_user_says_of_a_hash_is_not_believed(hub, cache, monkeypatch):
    hub.add(REPO, FILES)
    fetched(cache, hub)
    read = []
    real = cache_module.hash_file
    monkeypatch.setattr(cache_module, "hash_file", lambda p, *a: read.append(p) or real(p, *a))
    blob = cache.blob_path(hashlib.sha256(FILES["model.safetensors"]).hexdigest())
    later = blob.stat().st_mtime_ns - 10**10
    os.utime(blob, ns=(later, later))
    assert fetched(Cache(cache.root)) == FILES  # its time is another: it is read again
    assert blob in read
    read.clear()
    assert fetched(Cache(cache.root)) == FILES and not read  # and then known
    owner = os.getuid()
    monkeypatch.setattr(cache_module.os, "fstat", lambda handle: Owned(owner + 1))
    assert fetched(Cache(cache.root)) == FILES and blob in read
    # A record that lies, with other bytes under the blob's name.
    monkeypatch.undo()
    os.chmod(blob, 0o644)
    blob.write_bytes(bytes(5000))
    monkeypatch.setattr(cache_module.os, "fstat", lambda handle: Owned(owner + 1))
    monkeypatch.setattr(cache_module, "hash_file", real_hash)
    assert Cache(cache.root).find(FileEntry("model.safetensors", blob.name, 5000)) is None


class Owned:
    """What the system says of a file: its owner."""

    st_size = 5000

    def __init__(self, owner):
        self.st_uid = owner


real_hash = cache_module.hash_file


def test_a_lock_of_another_version_stays_as_it_is(hub, cache):
    hub.add(REPO, FILES)
    fetched(cache, hub)
    path = Lock(cache, "tiny").path
    newer = {**json.loads(path.read_text()), "version": 2, "more": {"a": 1}}
    path.write_text(json.dumps(newer))
    with pytest.raises(CacheError, match="version 2, and 1 is read here.*ISOZOO_CACHE"):
        fetched(cache, hub)
    assert json.loads(path.read_text()) == newer
    assert len(list_blobs(cache)) == 2  # what lies there can still be looked at
    # Keys that a later isozoo adds to version 1 do no harm.
    path.write_text(json.dumps({**newer, "version": 1}))
    assert fetched(cache) == FILES


def test_a_cache_that_another_filled_is_used_without_writing(hub, cache, monkeypatch):
    """As on a disk that is mounted for reading alone, and by users without the right to write."""
    hub.add(REPO, FILES)
    fetched(cache, hub)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    for owner, name in (
        (cache_module, "write_atomically"),
        (cache_module.tempfile, "mkstemp"),
        (cache_module.Path, "mkdir"),
        (cache_module.Path, "touch"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    assert fetched(Cache(cache.root)) == FILES
    assert len(list_blobs(Cache(cache.root))) == 2
    more = (*ENTRIES, FileEntry("vocab.txt"))
    hub.add(REPO, {**FILES, "vocab.txt": b"a"})
    with pytest.raises(Exception, match="lacks vocab.txt|cannot be written"):
        fetched(Cache(cache.root), hub, more)
