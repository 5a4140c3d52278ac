"""A server that misbehaves, a disk that is full, a clock that jumps, and many processes at once."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from email.utils import formatdate
from pathlib import Path

import pytest

from isozoo.hub import cache_keeping, download
from isozoo.hub.cache import Cache
from isozoo.hub.errors import IntegrityError, SourcesExhaustedError
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry, HuggingFace, Preset, Url
from isozoo.scripts.loopback.reading import Fault, git_sha1

from ..patience import DEADLINE

REPO = "acme/tiny"
WEIGHTS = os.urandom(100_000)
FILES = {"config.json": b'{"model_type": "tiny"}', "model.safetensors": WEIGHTS}
ROOT = Path(__file__).parents[2]


def fetched(hub, cache, source=None, files=None):
    """The files of the repository, read through the real client."""
    source = source or HuggingFace(REPO)
    entries = tuple(map(FileEntry, FILES)) if files is None else files
    local = resolve(Preset("tiny", "", "", "", entries, (source,)), cache=cache, endpoint=hub.url)
    return {name: path.read_bytes() for name, path in local.paths.items()}


def refused(hub, cache, source=None, files=None) -> SourcesExhaustedError:
    """The error, after checking that no file with a final name is other than its name."""
    with pytest.raises(SourcesExhaustedError) as caught:
        fetched(hub, cache, source, files)
    assert cache_keeping.verify_blobs(cache) == []
    left = [path for path in cache.root.rglob(".*") if path.is_file()]
    assert left == [] and not (cache.root / "lock").exists()
    return caught.value


@pytest.fixture
def waits(monkeypatch):
    """How long was waited, in the place of waiting."""
    found: list[float] = []
    monkeypatch.setattr(download.time, "sleep", found.append)
    return found


def test_a_body_that_is_cut_at_every_tenth(hub, cache):
    hub.add(REPO, FILES)
    cuts = [len(WEIGHTS) // 10 * tenth for tenth in range(10)]
    for number, cut in enumerate(cuts):
        hub.faults["model.safetensors"] = Fault(break_after=[cut])
        assert fetched(hub, Cache(cache.root / str(number))) == FILES
    # All of them in one download: each answer is cut, and the next goes on behind it.
    hub.faults["model.safetensors"] = Fault(break_after=[len(WEIGHTS) // 10] * 9)
    assert fetched(hub, cache) == FILES


@pytest.mark.parametrize("by_url", [False, True])
def test_a_server_that_is_busy_is_asked_again_when_it_says(hub, cache, waits, by_url):
    hub.add(REPO, FILES)
    soon = formatdate(time.time() + 100, usegmt=True)
    answers = [(429, "7"), (503, ""), (500, "nonsense"), (429, soon), (408, "0")]
    hub.faults["model.safetensors"] = Fault(refuse=list(answers))
    source = Url(f"{hub.url}/plain/{REPO}") if by_url else HuggingFace(REPO)
    pins = tuple(FileEntry(n, hashlib.sha256(d).hexdigest(), len(d)) for n, d in FILES.items())
    assert fetched(hub, cache, source, pins) == FILES
    own = download.FIRST_WAIT
    assert waits[:3] == [7.0, 2 * own, 4 * own] and 0 < waits[3] <= 100 and waits[4:] == [0.0]


def test_a_hub_that_is_busy_when_it_is_asked_for_the_list(hub, cache, waits):
    hub.add(REPO, FILES)
    hub.busy += [(429, "3"), (503, "")]
    assert fetched(hub, cache) == FILES
    assert waits[:1] == [3.0]
    hub.busy += [(429, "100000")]
    error = refused(hub, Cache(cache.root / "other"))
    assert "wants to be asked again in 100000 s" in str(error)


def test_an_address_is_read_through_the_proxy_that_the_environment_names(hub, cache, monkeypatch):
    hub.add("acme/other", FILES)
    base = f"{hub.url}/acme/other/resolve/main"
    monkeypatch.setenv("http_proxy", hub.url)
    monkeypatch.setenv("no_proxy", "")
    asked = "http://localhost:1/nowhere"  # where nobody listens
    refused(hub, cache, Url(asked))
    assert hub.requests[-1][2]["Host"] == "localhost:1"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetched(hub, cache, Url(base)) == FILES


def test_a_certificate_of_an_unknown_authority_is_told_with_the_way_out(monkeypatch, cache, waits):
    reason = ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    def refuse(*arguments, **options):
        raise urllib.error.URLError(reason)

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    with pytest.raises(SourcesExhaustedError, match="SSL_CERT_FILE names its file"):
        resolve(
            Preset("tiny", "", "", "", (FileEntry("a"),), (Url("https://a.example"),)), cache=cache
        )


def test_a_server_that_stays_broken_is_given_up(hub, cache, waits):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(refuse=[(500, "")] * 50)
    assert "the server answered 500, 6 times in a row" in str(refused(hub, cache))
    assert len(waits) == download.MAX_RETRIES


def test_a_slow_drip_is_given_up(hub, cache, monkeypatch):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(drip=(10, 0.02))
    monkeypatch.setattr(download, "SLOW_FOR", 0.2)
    begun = time.monotonic()
    assert re.search(r"gave \d+ bytes in \d+ s", str(refused(hub, cache)))
    assert time.monotonic() - begun < 0.02 * len(WEIGHTS) / 10  # what all of the drops would take
    monkeypatch.setattr(download, "SLOWEST", 10)  # slow, and fast enough
    hub.faults["model.safetensors"] = Fault(drip=(5000, 0.01))
    assert fetched(hub, Cache(cache.root / "other")) == FILES


@pytest.mark.parametrize("said", [len(WEIGHTS) - 1, len(WEIGHTS) + 1, 1 << 40])
def test_a_wrong_length_hurts_nobody(hub, cache, said):
    """What the hub listed counts, and the bytes are all there."""
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(length=said)
    assert fetched(hub, cache) == FILES


def test_some_bytes_at_a_time_are_no_progress(hub, cache, waits):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(length=10)
    refused(hub, cache)
    assert len(waits) <= download.MAX_RETRIES


@pytest.mark.parametrize(
    "etag",
    [git_sha1(WEIGHTS), hashlib.sha256(b"").hexdigest(), f"W/{git_sha1(b'')}", "0" * 64, "-"],
    ids=["git's", "of nothing", "weak", "of zeros", "a dash"],  # the weights are drawn anew
)
def test_an_etag_that_says_something_else(hub, cache, etag):
    """Only one that is a hash of the content is believed."""
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(etag=etag)
    if etag == git_sha1(WEIGHTS):
        assert fetched(hub, cache) == FILES
    else:
        refused(hub, cache)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://example.invalid/x",
        "http://169.254.169.254/latest/meta-data",
        "//example.invalid/x",
        "data:,x",
        "gopher://127.0.0.1:70/1",
    ],
)
def test_a_redirect_to_elsewhere_is_not_followed(hub, cache, location):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(location=location)
    told = str(refused(hub, cache))
    assert "https is expected" in told or "cannot be reached" in told


def test_redirects_in_a_circle(hub, cache):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(location=f"/{REPO}/resolve/main/model.safetensors")
    refused(hub, cache)


@pytest.mark.parametrize(
    "lies",
    [
        {"size": len(WEIGHTS) + 1},
        {"size": -1, "lfs": None},
        {"size": "many", "lfs": None},
        {"lfs": {"sha256": "0" * 64, "size": len(WEIGHTS), "pointerSize": 134}},
        {"lfs": {"sha256": "../../x", "size": len(WEIGHTS), "pointerSize": 134}},
        {"lfs": None, "blobId": "0" * 40},
        {"rfilename": "../../model.safetensors"},
    ],
)
def test_a_listing_that_lies(hub, cache, tmp_path, lies):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(listed=lies)
    hub.bare_tree = True
    refused(hub, cache)
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "hf"}


def test_a_clock_that_jumps(hub, cache, monkeypatch):
    """A download that goes on for two days by the clock keeps its temporary file."""
    hub.add(REPO, FILES)
    entry = FileEntry("model.safetensors", hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    now = time.time
    with cache.writer(entry, "weights") as writer:
        writer.write(WEIGHTS[:10])
        monkeypatch.setattr(cache_keeping.time, "time", lambda: now() + 2 * 86400)
        cache_keeping.prune([], cache)
        writer.write(WEIGHTS[10:])
        path, _ = writer.finish()
    assert path.read_bytes() == WEIGHTS
    (cache.root / "blobs" / "sha256" / ".incoming-left").write_bytes(b"x")
    monkeypatch.setattr(cache_keeping.time, "time", lambda: now() - 10 * 86400)
    assert cache_keeping.prune([], cache) == 0  # from the future: it stays
    monkeypatch.setattr(cache_keeping.time, "time", lambda: now() + 2 * 86400)
    assert cache_keeping.prune([], cache) == 1
    assert fetched(hub, cache) == FILES


MANY = """
import os, sys, threading, warnings
from isozoo.hub.cache import Cache
from isozoo.hub.fetch import resolve
from isozoo.hub.preset import FileEntry, HuggingFace, Preset
from huggingface_hub import HfApi
url, root, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
one = Preset("tiny", "", "", "", (FileEntry("config.json"), FileEntry("model.safetensors")),
             (HuggingFace("acme/tiny"),))
children = []
for process in range(16):
    child = os.fork()
    if child:
        children.append(child)
        continue
    bad = []
    def ask():
        try:
            paths = resolve(one, cache=Cache(root), endpoint=url).paths
            if paths["model.safetensors"].stat().st_size != size:
                bad.append("size")
        except Exception as error:
            bad.append(error)
            print(repr(error)[:500], file=sys.stderr)
    threads = [threading.Thread(target=ask) for _ in range(13)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    os._exit(bool(bad))
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_two_hundred_requests_from_sixteen_processes(hub, cache):
    hub.add(REPO, FILES)
    command = [sys.executable, "-c", MANY, hub.url, str(cache.root), str(len(WEIGHTS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert cache_keeping.verify_blobs(cache) == [] and fetched(hub, cache) == FILES
    assert [p for p in cache.root.rglob(".*")] == []


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from isozoo.cli import main
sys.exit(main(sys.argv[2:]))
"""


def test_a_file_that_finds_no_room(hub, tmp_path):
    """The system ends a file at a limit, as a full disk does."""
    pytest.importorskip("resource")
    from isozoo.hub.saving import save_to_preset
    from isozoo.scripts.small_models import small_model

    save_to_preset(small_model("bert"), tmp_path / "bert")
    files = {path.name: path.read_bytes() for path in (tmp_path / "bert").iterdir()}
    hub.add(REPO, files)
    environment = {
        **os.environ,
        "ISOZOO_CACHE": str(tmp_path / "cache"),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
    }
    cases = {
        "pull": ["pull", f"hf://{REPO}"],
        "convert": ["convert", str(tmp_path / "bert"), "--out", str(tmp_path / "out")],
        "bundle": ["bundle", str(tmp_path / "bert"), "--out", str(tmp_path / "wheels")],
    }
    for name, arguments in cases.items():
        command = [sys.executable, "-c", FULL, "6000", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=DEADLINE
        )
        assert done.returncode in (2, 3), (name, done.stderr)
        assert "File too large" in done.stderr, (name, done.stderr)
    blobs = list((tmp_path / "cache" / "blobs" / "sha256").iterdir())
    assert [path.name for path in blobs] == [hashlib.sha256(files["config.json"]).hexdigest()]
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "bert" not in path.parts]
    assert not [p for p in left if p.name.startswith(".") or p.suffix in (".tmp", ".whl")]
    assert not (tmp_path / "out").exists()


def test_other_bytes_of_the_same_length(hub, cache):
    hub.add(REPO, FILES)
    hub.faults["model.safetensors"] = Fault(body=bytes(len(WEIGHTS)))
    assert isinstance(refused(hub, cache).__cause__, IntegrityError)
