"""Looking after the cache: nothing that is needed goes, nothing that is damaged stays unseen."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time

import pytest

from isozoo.cli import main
from isozoo.hub import HuggingFace, Preset
from isozoo.hub.cache import Cache
from isozoo.hub.cache_keeping import (
    export_cache,
    import_cache,
    list_blobs,
    pin,
    prunable,
    prune,
    unpin,
    verify_blobs,
)
from isozoo.hub.errors import HubError, IntegrityError, UnknownPresetError
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry

FILES = {"config.json": b"{}", "model.safetensors": b"w" * 5000}
NAME = "hf://org/name"


@pytest.fixture
def filled(hub, cache, monkeypatch):
    """The cache with a preset from a hub, and a file that nothing names."""
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    hub.add("org/name", FILES)
    entries = tuple(map(FileEntry, FILES))
    preset = Preset(NAME, "", "", "", entries, (HuggingFace("org/name"),))
    resolve(preset, cache=cache, endpoint=hub.url)
    with cache.writer(FileEntry("x"), "x") as writer:
        writer.write(b"nobody needs it")
        writer.finish()
    return Cache(cache.root)


def old(cache, blob, days) -> None:
    when = time.time() - days * 86400
    os.utime(blob.path, (when, when))
    used = cache.root / "used" / blob.sha256
    if used.exists():
        os.utime(used, (when, when))


def test_the_list_tells_who_needs_what(filled):
    found = {blob.size: blob for blob in list_blobs(filled)}
    assert found.keys() == {2, 5000, 15}
    assert found[2].presets == [f"{NAME}/config.json"]
    assert found[5000].presets == [f"{NAME}/model.safetensors"]
    assert found[15].presets == [] and not any(blob.pinned for blob in found.values())
    assert all(abs(blob.used - time.time()) < 600 for blob in found.values())


def test_a_use_is_noted(filled):
    blob = next(blob for blob in list_blobs(filled) if blob.size == 5000)
    old(filled, blob, 9)
    assert [one.sha256 for one in prunable(filled, older_than=5)] == [blob.sha256]
    assert Cache(filled.root).find(FileEntry("x", blob.sha256)) is not None
    assert prunable(filled, older_than=5) == []


def test_what_is_damaged_is_found(filled):
    assert verify_blobs(filled) == []
    blob = next(blob for blob in list_blobs(filled) if blob.size == 5000)
    stamp = blob.path.stat()
    blob.path.chmod(0o600)
    blob.path.write_bytes(b"v" + b"w" * 4999)
    os.utime(blob.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert [one.sha256 for one in verify_blobs(filled)] == [blob.sha256]
    verify_blobs(filled, repair=True)
    assert verify_blobs(filled) == [] and len(list_blobs(filled)) == 2


def test_what_is_pinned_or_was_used_meanwhile_stays(filled):
    held = pin(NAME, filled)
    assert len(held) == 2
    assert [blob.size for blob in prunable(filled)] == [15]
    unpin(NAME, filled)
    listed = prunable(filled)
    assert len(listed) == 3
    pin(NAME, filled)
    leftover = filled.root / "blobs" / "sha256" / ".incoming-abc"
    leftover.write_bytes(b"123")
    os.utime(leftover, (0, 0))
    assert prune(listed, filled) == 15 + 3
    assert {blob.size for blob in list_blobs(filled)} == {2, 5000} and not leftover.exists()
    unpin(NAME, filled)
    listed = prunable(filled)
    for blob in listed:
        blob.used -= 60  # as if it had been used after it was listed
    assert prune(listed, filled) == 0
    with pytest.raises(UnknownPresetError, match="is not pinned"):
        unpin(NAME, filled)
    with pytest.raises(HubError, match="holds no file of 'hf://org/other'"):
        pin("hf://org/other", filled)


def test_to_another_machine(filled, tmp_path, hub):
    assert len(export_cache(tmp_path / "x.tar", [NAME], filled)) == 2
    other = Cache(tmp_path / "other")
    assert import_cache(tmp_path / "x.tar", other) == 2
    assert import_cache(tmp_path / "x.tar", other) == 0
    entries = tuple(map(FileEntry, FILES))
    preset = Preset(NAME, "", "", "", entries, (HuggingFace("org/name"),))
    local = resolve(preset, cache=other, offline=True)
    assert {name: path.read_bytes() for name, path in local.paths.items()} == FILES


def _archive(path, **members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_archives_that_lie(tmp_path):
    cache = Cache(tmp_path / "cache")
    with pytest.raises(IntegrityError):
        import_cache(_archive(tmp_path / "a.tar", **{"blobs/sha256/" + "0" * 64: b"x"}), cache)
    for name in ("../x", "/etc/x", "blobs/sha256/../../x", "lock/../x.json"):
        with pytest.raises(HubError, match="is no export of a cache"):
            import_cache(_archive(tmp_path / "b.tar", **{name: b"x"}), cache)
    with tarfile.open(tmp_path / "c.tar", "w") as archive:
        link = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    lock = {"preset": "x", "sources": {"s": {"commit": None, "files": {"../x": {}}}}}
    _archive(tmp_path / "d.tar", **{"lock/x.json": json.dumps(lock).encode()})
    (tmp_path / "e.tar").write_bytes(b"no archive at all" * 100)
    for name in ("c.tar", "d.tar", "e.tar", "nowhere.tar"):
        with pytest.raises(HubError):
            import_cache(tmp_path / name, cache)
    assert list_blobs(cache) == []


def test_the_commands(filled, tmp_path, capsys, monkeypatch):
    assert main(["cache", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert main(["cache", "pin", NAME]) == 0 and main(["cache", "verify"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["cache", "prune"]) == 1  # nobody can be asked
    assert len(list_blobs(filled)) == 3
    assert main(["cache", "prune", "--yes"]) == 0
    assert "1 files were removed, 15 B" in capsys.readouterr().out
    assert main(["cache", "export", str(tmp_path / "x.tar")]) == 0
    assert main(["cache", "unpin", NAME]) == 0 and main(["cache", "unpin", NAME]) == 2
    assert main(["cache", "prune", "--yes", "--json"]) == 0 and list_blobs(filled) == []
    assert main(["cache", "import", str(tmp_path / "x.tar")]) == 0
    assert len(list_blobs(filled)) == 2
