"""Publication to a hub on this machine, through the real client."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pytest

import isozoo
from isozoo.hub import convert, fetch_preset, publish
from isozoo.hub.errors import HubError
from isozoo.hub.inspection import inspect_folder
from isozoo.scripts.loopback.reading import LFS_FROM
from isozoo.scripts.loopback.writing import WritableHub

from ..nlp import tiny_bert

pytest.importorskip("torch")
pytest.importorskip("transformers")

NAME = "org/tiny"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("ISOZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    server = WritableHub()
    yield server
    server.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    tiny_bert.save(tiny_bert.random_model("BertForMaskedLM"), folder)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    convert(original, tmp_path / "model")
    return tmp_path / "model"


def send(folder, hub, **options):
    options = {"license": "apache-2.0", "token": hub.token, **options}
    return publish(folder, f"hf://{NAME}", endpoint=hub.url, **options)


def test_what_is_published_loads_from_the_hub(hub, folder):
    done = send(folder, hub, base="org/base")
    assert done.sent == sorted(done.sent, key=done.sent.index) and "README.md" in done.sent
    files = hub.files(NAME)
    assert files.keys() == {".gitattributes", "README.md", *(p.name for p in folder.iterdir())}
    for path in folder.iterdir():
        assert files[path.name] == path.read_bytes()
    assert len(files["model.safetensors"]) >= LFS_FROM and len(hub.blobs) >= 1
    assert done.commit == hub.repositories[NAME].sha(1)
    fetch_preset(f"hf://{NAME}", endpoint=hub.url)
    ours = isozoo.from_preset(f"hf://{NAME}", backend="numpy", offline=True)
    given = tiny_bert.inputs()
    expected = isozoo.from_preset(folder, backend="numpy")(given)
    np.testing.assert_array_equal(np.asarray(ours(given)), np.asarray(expected))


def test_the_card_says_what_one_needs(hub, folder):
    certificate = {
        "backends": ["jax", "torch"],
        "outputs": [{"name": "logits", "errors": {"jax": 1.25, "torch": 2.0}}],
        "decisions_agree": True,
    }
    (folder / "parity.json").write_text(json.dumps(certificate))
    card = send(folder, hub, dry_run=True, base="org/base", description="A tiny one.").card
    head, _, body = card.removeprefix("---\n").partition("\n---\n")
    import yaml

    about = yaml.safe_load(head)
    assert about["license"] == "apache-2.0" and about["pipeline_tag"] == "fill-mask"
    assert about["base_model"] == "org/base" and about["library_name"] == "transformers"
    assert f'from_preset("hf://{NAME}"' in body and "A tiny one." in body
    assert "| logits | 1.25 | 2.00 |" in body
    weights = inspect_folder(folder).files
    assert all(file.sha256 in body for file in weights)
    assert not hub.repositories and not hub.requests  # it was a dry run


def test_a_second_time_nothing_is_sent_and_what_is_gone_is_removed(hub, folder):
    send(folder, hub)
    hub.requests.clear()
    assert send(folder, hub).sent == []
    assert len(hub.repositories[NAME].commits) == 2
    (folder / "notes.txt").write_text("of no use")
    assert send(folder, hub).sent == ["notes.txt", "README.md"]
    (folder / "notes.txt").unlink()
    done = send(folder, hub)
    assert (done.sent, done.removed) == (["README.md"], ["notes.txt"])
    assert "notes.txt" not in hub.files(NAME)
    assert not [path for verb, path, _ in hub.requests if verb == "PUT"]


def test_a_publication_that_broke_goes_on_where_it_stopped(hub, original, tmp_path):
    folder = tmp_path / "model"
    convert(original, folder, max_shard_bytes=4000)
    shards = len(list(folder.glob("*.safetensors")))
    hub.broken_puts = 1
    with pytest.raises(HubError, match="Way out: publish again"):
        send(folder, hub)
    assert len(hub.repositories[NAME].commits) == 1  # nothing of it is to be seen
    count = -1
    while count != len(hub.requests):  # the client's other threads end by themselves
        count = len(hub.requests)
        time.sleep(0.3)
    arrived = set(hub.blobs)
    hub.requests.clear()
    send(folder, hub)
    tried = {path.removeprefix("/lfs/") for verb, path, _ in hub.requests if verb == "PUT"}
    assert shards > 1 and tried and not tried & arrived
    assert len(hub.blobs) >= shards and tried | arrived == set(hub.blobs)


def test_another_s_change_is_not_written_over(hub, folder):
    send(folder, hub)
    files = {**hub.files(NAME), "notes.txt": b"by somebody else"}
    head = hub.add(NAME, files)
    (folder / "more.txt").write_text("x")
    with pytest.raises(HubError, match=f"is at commit {head}, which is not .*--parent"):
        send(folder, hub)
    proposed = send(folder, hub, pull_request=True)
    assert proposed.pull_request.endswith("/discussions/1") and len(hub.proposals) == 1
    assert hub.files(NAME) == files
    send(folder, hub, parent=head)
    assert hub.files(NAME).keys() >= {"notes.txt", "more.txt"}
    hub.before_commit = lambda: hub.add(NAME, files)
    (folder / "more.txt").write_text("y")
    with pytest.raises(HubError, match="it was changed while this ran"):
        send(folder, hub)
    assert hub.files(NAME) == files


def test_a_repository_of_others_is_not_written_over(hub, folder):
    hub.add(NAME, {"config.json": b"{}"})
    with pytest.raises(HubError, match="which was not published from here"):
        send(folder, hub)


def test_without_the_right_token(hub, folder):
    with pytest.raises(HubError, match="hf auth login"):
        send(folder, hub, token="hf_wrong")
    assert not hub.repositories


def test_what_must_not_leave_the_machine(hub, folder):
    (folder / "optimizer.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / ".env").write_text("HF_TOKEN=x")
    (folder / "tokens.pkl").write_bytes(b"x")
    done = send(folder, hub, dry_run=True)
    assert done.left_out.keys() == {"optimizer.safetensors", ".env", "tokens.pkl"}
    assert "optimizer.safetensors" in send(folder, hub, dry_run=True, training_state=True).files
    (folder / "notes.txt").write_text("token " + "hf_" + "a" * 34)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": "/home/me/model"}))
    (folder / "link.txt").symlink_to("/etc/hostname")
    (folder / "bad name.txt").write_text("x")
    with pytest.raises(HubError) as caught:
        send(folder, hub)
    told = str(caught.value)
    assert "notes.txt: its text holds what looks like a token of the Hugging Face hub" in told
    assert "config.json: _name_or_path holds a path of this machine, /home/me" in told
    assert "link.txt: a link out of the folder" in told and "bad name.txt: its name" in told
    assert "a" * 34 not in told and not hub.repositories


def test_what_is_no_preset_and_what_has_no_licence(hub, folder, tmp_path):
    with pytest.raises(HubError, match="licence: give its SPDX name"):
        send(folder, hub, license=None)
    with pytest.raises(HubError, match="'not a licence' is no name of a licence"):
        send(folder, hub, license="not a licence")
    with pytest.raises(HubError, match="there is no folder"):
        send(tmp_path / "nowhere", hub)
    with pytest.raises(HubError, match="hf://org/name is expected"):
        publish(folder, str(folder), endpoint=hub.url)
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    with pytest.raises(HubError, match="model.safetensors: "):
        send(folder, hub)
    (folder / "README.md").write_text("# no front matter")
    assert not hub.repositories


def test_signatures_that_cannot_be_checked(tmp_path, monkeypatch, capsys):
    """What signs and checks is tried by scripts/check_signing.py, with the extra that it needs."""
    from isozoo.cli import main
    from isozoo.hub.signing import check_signature, is_signed, sign_folder

    with pytest.raises(HubError, match="is no folder: signatures are checked of whole folders"):
        check_signature("hf://org/name", tmp_path / "key.pub")
    with pytest.raises(HubError, match="has no model.sig: nobody signed it"):
        check_signature(tmp_path, tmp_path / "key.pub")
    assert not is_signed(tmp_path)
    (tmp_path / "model.sig").write_text("{}")
    assert is_signed(tmp_path)
    monkeypatch.setitem(sys.modules, "model_signing", None)
    for call in (check_signature, sign_folder):
        with pytest.raises(ImportError, match="pip install 'isozoo.sign.'"):
            call(tmp_path, tmp_path / "key")
    assert main(["verify", str(tmp_path), "--signed-by", "key.pub"]) == 2
    assert "isozoo[sign]" in capsys.readouterr().err
