"""A server, a cache of the test's own, and no waiting."""

from __future__ import annotations

import pytest

from isozoo.hub.cache import Cache
from isozoo.scripts.loopback.reading import HubServer


@pytest.fixture
def hub():
    server = HubServer()
    yield server
    server.close()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Cache:
    """An empty cache; the Hugging Face cache is empty too, and no token is set."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "ISOZOO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("isozoo.hub.download.FIRST_WAIT", 0.01)
    return Cache(tmp_path / "cache")
