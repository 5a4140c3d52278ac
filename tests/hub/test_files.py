"""get_file: what is downloaded is checked, kept, and unpacked into its own folder alone."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from isozoo.hub.errors import IntegrityError
from isozoo.utils import get_file

TEXT = b"two lines\nof text\n"


@pytest.fixture
def server():
    """Serves `files` by name; counts its answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)  # pyright: ignore
            content = self.server.files.get(self.path.lstrip("/"))  # pyright: ignore
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.files, made.asked = {}, []  # pyright: ignore
    made.url = f"http://127.0.0.1:{made.server_port}"  # pyright: ignore
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def tar(members, mode="w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            file.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def zipped(members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_a_file_is_fetched_once_and_checked(server, tmp_path):
    server.files["a.txt"] = TEXT
    sha, md5 = hashlib.sha256(TEXT).hexdigest(), hashlib.md5(TEXT).hexdigest()
    where = {"origin": f"{server.url}/a.txt", "cache_dir": tmp_path}
    path = get_file(**where)
    assert path == str(tmp_path / "datasets" / "a.txt") and Path(path).read_bytes() == TEXT
    for hashes in ({"file_hash": sha}, {"file_hash": md5}, {"md5_hash": md5.upper()}):
        assert get_file(**where, **hashes) == path
    assert server.asked == ["/a.txt"]
    Path(path).write_bytes(b"changed")
    assert get_file(**where) == path and Path(path).read_bytes() == b"changed"
    assert get_file(**where, file_hash=sha) == path and Path(path).read_bytes() == TEXT
    get_file(**where, force_download=True)
    assert len(server.asked) == 3
    assert get_file("b", **where, cache_subdir="other") == str(tmp_path / "other" / "b")
    local = get_file("c", origin=Path(path).as_uri(), cache_dir=tmp_path, file_hash=sha)
    assert Path(local).read_bytes() == TEXT


def test_other_bytes_are_never_kept(server, tmp_path):
    server.files["a.txt"] = TEXT
    for wrong in ("0" * 64, "0" * 32):
        with pytest.raises(ValueError, match="Incomplete or corrupted file") as caught:
            get_file(origin=f"{server.url}/a.txt", cache_dir=tmp_path, file_hash=wrong)
        assert isinstance(caught.value, IntegrityError)
    assert list((tmp_path / "datasets").iterdir()) == []
    with pytest.raises(ValueError, match="URL fetch failure.*404"):
        get_file(origin=f"{server.url}/none.txt", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="https is expected"):
        get_file(origin="http://example.com/a.txt", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="no such file"):
        get_file(origin=(tmp_path / "x").as_uri(), cache_dir=tmp_path)


def test_arguments_that_mean_nothing(tmp_path):
    for arguments, text in (
        ({}, '"origin" argument'),
        ({"origin": "https://x.org/"}, "Can't parse the file name"),
        ({"origin": "https://x.org/a", "fname": "../a"}, "Paths are no longer accepted"),
        ({"origin": "https://x.org/a", "fname": ".."}, "Paths are no longer accepted"),
        ({"origin": "https://x.org/a", "file_hash": "12"}, "64 hex digits"),
        ({"origin": "https://x.org/a", "hash_algorithm": "crc"}, "hash_algorithm"),
    ):
        with pytest.raises(ValueError, match=text):
            get_file(**arguments, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_archives_are_unpacked(server, tmp_path):
    members = {"data/one.txt": TEXT, "data/deep/two.txt": b""}
    server.files |= {"x.tar.gz": tar(members), "x.zip": zipped(members), "x.tar": tar(members, "w")}
    for number, (name, arguments) in enumerate(
        (("x.tar.gz", {"untar": True}), ("x.zip", {"extract": True}), ("x.tar", {"extract": True}))
    ):
        origin, folder = f"{server.url}/{name}", tmp_path / str(number)
        found = Path(get_file(origin=origin, cache_dir=folder, **arguments))
        assert found == folder / "datasets" / name
        assert (found / "data/one.txt").read_bytes() == TEXT
        assert (found / "data/deep/two.txt").read_bytes() == b""
        named = Path(get_file("n", origin, cache_dir=folder, **arguments))
        assert named == folder / "datasets" / "n" and (named / "data").is_dir()
        dotted = Path(get_file(name, origin, cache_dir=folder / "dotted", **arguments))
        assert dotted.name == "x_extracted" and (dotted / "data").is_dir()
    with pytest.raises(ValueError, match="none of the forms"):
        get_file("z", f"{server.url}/x.zip", untar=True, cache_dir=tmp_path)


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_archives_that_reach_outside_are_refused(server, tmp_path):
    whole = tar({"a": TEXT * 999})
    hostile = {
        "up.tgz": (tar({"../evil": TEXT}), "leads out of the folder"),
        "deep.tgz": (tar({"a/../../evil": TEXT}), "leads out of the folder"),
        "root.tgz": (tar({f"{tmp_path}/evil": TEXT}), "leads out of the folder"),
        "link.tgz": (tar({"l": _link("l", str(tmp_path)), "l/evil": TEXT}), "link or a device"),
        "hard.tgz": (tar({"l": _link("l", "/etc/passwd", tarfile.LNKTYPE)}), "link or a device"),
        "pipe.tgz": (tar({"p": _link("p", "", tarfile.FIFOTYPE)}), "link or a device"),
        "up.zip": (zipped({"../evil": TEXT}), "leads out of the folder"),
        "back.zip": (zipped({"..\\evil": TEXT}), "leads out of the folder"),
        "short.tgz": (whole[: len(whole) // 2], "refused|none of the forms"),
    }
    linked = zipfile.ZipInfo("l")
    linked.external_attr = 0o120777 << 16
    hostile["link.zip"] = (zipped({linked: str(tmp_path)}), "link or a device")
    for name, (content, text) in hostile.items():
        server.files[name] = content
        with pytest.raises(ValueError, match=text):
            get_file("x", f"{server.url}/{name}", extract=True, cache_dir=tmp_path / name)
        left = [p.name for p in (tmp_path / name / "datasets").iterdir()]
        assert left == ["x_archive"]
    assert not list(tmp_path.rglob("evil"))


def test_an_archive_that_grows_without_bound_is_refused(tmp_path, monkeypatch):
    from isozoo.hub import unpacking

    monkeypatch.setattr(unpacking, "MAX_BYTES", 1 << 16)
    archive = tmp_path / "x.zip"
    archive.write_bytes(zipped({"zeros": bytes(1 << 17)}))
    with pytest.raises(ValueError, match="unpacks to more than 65536 bytes"):
        unpacking.unpack(archive, tmp_path / "x")
    assert list(tmp_path.iterdir()) == [archive]
