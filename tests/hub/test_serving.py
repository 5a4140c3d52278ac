"""A folder of models over the hub's protocol: for our client and transformers', for nobody else."""

from __future__ import annotations

import hashlib
import http.client
import os
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest

import isozoo
from isozoo.hub import fetch_preset
from isozoo.hub.errors import HubError
from isozoo.hub.serving import ModelServer

from ..nlp import tiny_bert
from ..patience import DEADLINE

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_bert.save(tiny_bert.random_model("BertForMaskedLM"), folder / "org" / "tiny")
    (folder / "org" / "tiny" / ".secret").write_text("x")
    (folder / "org" / "tiny" / "link.txt").symlink_to("/etc/hostname")
    (folder / "outside.txt").write_text("x")
    return folder


@pytest.fixture
def server(models, cache):
    server = ModelServer(models, cache=cache)
    server.start()
    yield server
    server.close()


def get(server, path, method="GET", **headers):
    place = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(place, timeout=DEADLINE)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_our_client_loads_from_it(server, models, cache, monkeypatch):
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    local = fetch_preset("hf://org/tiny", cache=cache, endpoint=server.url)
    assert local.pinned == "lock" and "vocab.txt" in local.paths
    model = isozoo.from_preset("hf://org/tiny", backend="numpy", offline=True)
    given = tiny_bert.inputs()
    expected = isozoo.from_preset(models / "org" / "tiny", backend="numpy")(given)
    np.testing.assert_array_equal(np.asarray(model(given)), np.asarray(expected))


def test_transformers_loads_from_it(server, tmp_path):
    code = (
        "import sys, numpy as np, torch, transformers\n"
        "model = transformers.AutoModelForMaskedLM.from_pretrained('org/tiny').eval()\n"
        "ids = torch.arange(6)[None]\n"
        "np.save(sys.argv[1], model(ids).logits.detach().numpy())\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf")}
    subprocess.run([sys.executable, "-c", code, tmp_path / "y.npy"], check=True, env=environment)
    model = isozoo.from_preset(server.folder / "org" / "tiny", backend="numpy")
    found = np.asarray(model(np.arange(6, dtype="int32")[None]))
    expected = np.load(tmp_path / "y.npy")
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_ranges_and_tags(server, models):
    content = (models / "org" / "tiny" / "model.safetensors").read_bytes()
    path = "/org/tiny/resolve/main/model.safetensors"
    answer, body = get(server, path)
    assert answer.status == 200 and body == content
    tag = answer.headers["ETag"]
    blob = b"blob %d\0" % len(content) + content
    assert (
        tag == f'"{hashlib.sha1(blob).hexdigest()}"' and len(answer.headers["X-Repo-Commit"]) == 40
    )
    answer, body = get(server, path, Range="bytes=10-19")
    assert (answer.status, body) == (206, content[10:20])
    answer, body = get(server, path, Range="bytes=10-")
    assert body == content[10:] and answer.headers["Content-Range"].startswith("bytes 10-")
    for count in (7, len(content) + 5):
        answer, body = get(server, path, Range=f"bytes=-{count}")
        assert (answer.status, body) == (206, content[-count:])
    assert get(server, path, Range="bytes=-0")[0].status == 416
    assert get(server, path, Range=f"bytes={len(content)}-")[0].status == 416
    assert get(server, path, **{"If-None-Match": tag})[0].status == 304
    answer, body = get(server, path, "HEAD")
    assert body == b"" and int(answer.headers["Content-Length"]) == len(content)


@pytest.mark.parametrize(
    "path",
    [
        "/org/tiny/resolve/main/../../outside.txt",
        "/org/tiny/resolve/main/%2e%2e/%2e%2e/outside.txt",
        "/org/tiny/resolve/main/.secret",
        "/org/tiny/resolve/main/link.txt",
        "/org/tiny/resolve/main//etc/hostname",
        "/org/../resolve/main/outside.txt",
        "/org/tiny/resolve/other/config.json",
        "/org/none/resolve/main/config.json",
        "/api/models/org/none",
        "/etc/hostname",
        "/",
    ],
)
def test_nothing_else_is_to_be_had(path, server):
    answer, body = get(server, path)
    assert answer.status == 404 and b"x" != body


def test_it_is_read_only_and_lists_what_it_has(server):
    for method in ("POST", "PUT", "DELETE"):
        assert get(server, "/api/repos/create", method)[0].status == 405
    answer, body = get(server, "/api/models")
    assert b'"org/tiny"' in body
    for query in ("search=tin", "author=org", "limit=1"):
        assert b'"org/tiny"' in get(server, f"/api/models?{query}")[1]
    for query in ("search=none", "author=other", "limit=0"):
        assert get(server, f"/api/models?{query}")[1] == b"[]"
    with urllib.request.urlopen(f"{server.url}/api/models/org/tiny/tree/main") as opened:
        assert b"config.json" in opened.read()


def test_many_at_once(server, models):
    content = (models / "org" / "tiny" / "vocab.txt").read_bytes()
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(get(server, "/org/tiny/resolve/main/vocab.txt")[1])
        )
        for _ in range(200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [content] * 200


def test_a_folder_without_models(tmp_path):
    with pytest.raises(HubError, match="holds no models"):
        ModelServer(tmp_path)
    with pytest.raises(HubError, match="there is no folder"):
        ModelServer(tmp_path / "x")
