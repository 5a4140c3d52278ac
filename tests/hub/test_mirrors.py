"""Mirrors: asked in their order and before the hub, without its token, and trusted no more."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from isozoo.cli import main
from isozoo.hub import fetch
from isozoo.hub.download import SourceFailed
from isozoo.hub.errors import HubError, SourcesExhaustedError
from isozoo.hub.fetch import resolve
from isozoo.hub.mirrors import MAX_MIRRORS, add_mirror, mirrors, remove_mirror
from isozoo.hub.preset import FileEntry, HuggingFace, Preset
from isozoo.hub.sources import HuggingFaceAttempt
from isozoo.scripts.loopback.reading import Fault, HubServer

REPO = "acme/tiny"
FILES = {"config.json": b"{}", "model.safetensors": os.urandom(5000)}
PINNED = tuple(FileEntry(n, hashlib.sha256(d).hexdigest(), len(d)) for n, d in FILES.items())


class TheHub(HuggingFaceAttempt):
    """The hub itself, which is out of reach."""

    def find(self, entry):
        raise SourceFailed("it cannot be reached")


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("ISOZOO_MIRRORS", raising=False)
    monkeypatch.setenv("ISOZOO_CONFIG", str(tmp_path / "settings"))
    monkeypatch.setattr(fetch, "HuggingFaceAttempt", TheHub)
    return tmp_path / "settings"


@pytest.fixture
def two(hub):
    other = HubServer()
    yield hub, other
    other.close()


def asked(cache, source, files=PINNED):
    one = Preset("tiny", "", "", "", files, (source,))
    found = resolve(one, cache=cache)
    assert {name: path.read_bytes() for name, path in found.paths.items()} == FILES
    return found


def test_the_list_is_kept(settings, monkeypatch, capsys):
    assert mirrors() == []
    assert add_mirror("https://a.example/") == ["https://a.example"]
    add_mirror("https://b.example:8443/models")
    assert add_mirror("http://127.0.0.1:80", first=True)[0] == "http://127.0.0.1:80"
    assert add_mirror("https://a.example")[-1] == "https://a.example"  # moved, not doubled
    assert main(["mirror", "list"]) == 0
    assert capsys.readouterr().out.split() == mirrors() and len(mirrors()) == 3
    assert main(["mirror", "remove", "https://a.example", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mirrors"] == mirrors()
    monkeypatch.setenv("ISOZOO_MIRRORS", "https://c.example https://d.example/")
    assert mirrors() == ["https://c.example", "https://d.example"]
    monkeypatch.setenv("ISOZOO_MIRRORS", "")
    assert mirrors() == []


@pytest.mark.parametrize(
    "url", ["http://a.example", "file:///x", "https://", "https://u:p@a.example", "https://a/?x=1"]
)
def test_what_cannot_be_a_mirror(settings, url, capsys):
    assert main(["mirror", "add", url]) == 2
    assert "cannot be a mirror" in capsys.readouterr().err and not settings.exists()


def test_a_file_that_is_damaged(settings):
    settings.mkdir()
    for text in ("", "[]", '{"mirrors": 3}', '{"mirrors": [1]}', "[" * 50_000):
        (settings / "mirrors.json").write_text(text)
        with pytest.raises(HubError, match="mend the file or delete it"):
            mirrors()
    (settings / "mirrors.json").unlink()
    for number in range(MAX_MIRRORS):
        add_mirror(f"https://m{number}.example")
    with pytest.raises(HubError, match="already"):
        add_mirror("https://one.more")
    with pytest.raises(HubError, match="is no mirror here"):
        remove_mirror("https://other.example")


def test_mirrors_are_asked_in_their_order_and_get_no_token(settings, two, cache, monkeypatch):
    first, second = two
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    second.add(REPO, FILES)
    add_mirror(first.url)
    add_mirror(second.url)
    # The hub's own commit, which no mirror has: the files' hashes are what counts.
    found = asked(cache, HuggingFace(REPO, "1" * 40))
    assert found.source.startswith(f"mirror {second.url}") and found.commit == "1" * 40
    assert first.requests and second.requests
    sent = [headers for server in two for _, _, headers in server.requests]
    assert not any("Authorization" in headers for headers in sent)


def test_a_mirror_is_not_believed(settings, two, cache):
    first, second = two
    add_mirror(first.url)
    add_mirror(second.url)
    for server in two:
        server.add(REPO, FILES)
    first.faults["model.safetensors"] = Fault(body=bytes(5000))
    assert asked(cache, HuggingFace(REPO, "1" * 40)).source.startswith(f"mirror {second.url}")
    # Nothing tells the hash, and the mirror has another commit than was asked for.
    plain = tuple(FileEntry(name) for name in FILES)
    with pytest.raises(SourcesExhaustedError, match="it has commit"):
        asked(cache, HuggingFace("acme/tiny", "2" * 40), plain)
    found = asked(cache, HuggingFace(REPO), plain)  # none was asked for: locked by its hashes
    assert found.pinned == "lock" and found.commit is None
