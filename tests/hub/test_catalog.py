"""The catalogue's pages: all presets, all links, nothing from elsewhere, nothing that runs."""

from __future__ import annotations

import json
import re
import sys
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path

import pytest

from isozoo import cli
from isozoo.hub import (
    FileEntry,
    Folder,
    HubError,
    HuggingFace,
    Preset,
    get_family,
    list_presets,
    registry,
    task_texts,
)
from isozoo.hub.catalog import build
from isozoo.hub.catalog.serving import CatalogueServer
from isozoo.hub.certificates import FORMAT
from isozoo.hub.licences import terms_of

EVIL = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'</option></textarea>"
# Attributes by which a page loads something (a link is followed by a click alone).
LOADING = {
    ("script", "src"), ("link", "href"), ("img", "src"), ("img", "srcset"), ("iframe", "src"),
    ("object", "data"), ("embed", "src"), ("source", "src"), ("video", "src"), ("audio", "src"),
    ("use", "href"), ("image", "href"),
}  # fmt: skip


class Page(HTMLParser):
    """A page's elements with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.elements, self.texts = path, [], []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, tag, name):
        return [a[name] for t, a in self.elements if t == tag and name in a]


def certificate(files, **changed):
    """A certificate of two backends, as `isozoo verify --write` writes it."""
    row = {"name": "vectors", "errors": {"jax": 1.25, "torch": 2.5}}
    made = {
        "format": FORMAT,
        "backends": ["jax", "torch"],
        "outputs": [row],
        "decisions": {"float64": [["a cat"]]},
        "decisions_agree": True,
        "ok": True,
        "files": files,
        "inputs_sha256": "ab" * 32,
        "versions": {"jax": "0.10.2"},
        "machine": {"system": "Linux", "machine": "x86_64", "cpu": "A processor"},
    }
    return json.dumps({**made, **changed})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The catalogue of all presets, of one whose texts try to run, and of a folder."""
    folder = tmp_path_factory.mktemp("private") / "my_model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["BertForMaskedLM"]}')
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# Mine\n")
    (folder / "parity.json").write_text(certificate({"model.safetensors": "cd" * 32}))
    measured = tmp_path_factory.mktemp("measured")
    times = {"jax": {"median_s": 0.004}, "torch": {"median_s": 0.002}, "numpy": {"error": "no"}}
    told = {"preset": "all_minilm_l6_v2", "backends": times, "versions": {"jax": "0.10.2"}}
    told["machine"] = {"system": "Linux", "machine": "x86_64", "cpu": "A processor"}
    (measured / "all_minilm_l6_v2.bench.json").write_text(json.dumps(told))
    evil = Preset(
        "evil",
        EVIL,
        EVIL,
        EVIL,
        (FileEntry("model.safetensors", "ef" * 32, 12),),
        (HuggingFace("org/name", EVIL), Folder(f"/home/somebody/{EVIL.replace('/', '')}")),
        license=EVIL,
        description=EVIL,
        evidence=EVIL,
        languages=(EVIL,),
    )
    registry.register_preset(evil)
    try:
        out = tmp_path_factory.mktemp("out") / "site"
        made = build(out, add=[folder], measured=measured)
        names = [preset.name for preset in list_presets()]
    finally:
        del registry._presets["evil"]
    pages = {path.relative_to(out).as_posix(): Page(path) for path in out.rglob("*.html")}
    return out, made, names, pages


def test_every_preset_has_a_card_and_a_page(site):
    out, made, names, pages = site
    assert "evil" in names and len(names) > 200
    assert made.presets == len(names) + 1 == len(pages) - 1
    index = pages["index.html"]
    cards = [a for tag, a in index.elements if tag == "li" and "data-card" in a]
    assert len(cards) == made.presets
    assert set(made.files) == {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    for preset in list_presets():
        page = pages[f"presets/{preset.name}.html"]
        assert f'from_preset("{preset.name}", backend="jax")' in page.text
        asks = " --accept-licence" if terms_of(preset.license) else ""
        assert f"isozoo pull {preset.name}{asks}" in page.text
        assert ("You agree once" in page.text) == bool(asks)
        assert " ".join(preset.description.split()) in page.text
        for entry in preset.files:
            digest = entry.sha256 or entry.git_sha1 or entry.md5
            assert entry.name in page.text and (digest or "recorded at first use") in page.text
        links = page.values("a", "href")
        for source in preset.sources:
            if isinstance(source, HuggingFace):
                revision = source.revision or "main"
                assert f"https://huggingface.co/{source.repo_id}/tree/{revision}" in links


def test_every_task_has_texts_and_its_line_calls_what_the_class_has():
    for preset in list_presets():
        assert preset.task in task_texts._TEXTS, preset.name
        (call,) = re.findall(r"\bmodel\.(\w+)\(", task_texts.task_text(preset.task).line)
        kind = get_family(preset.family).tasks[preset.task]()
        assert callable(getattr(kind, call, None)), f"{kind.__name__} has no {call}"
    unknown = task_texts.task_text("star_counter")
    assert unknown.title == "Star counter"
    order = ["image_classifier", "star_counter", "backbone"]
    assert sorted(order, key=task_texts.task_rank) == order


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    out, _, _, pages = site
    for page in pages.values():
        loaded = [
            value
            for tag, attributes in page.elements
            for name, value in attributes.items()
            if (tag, name) in LOADING
        ]
        assert len(loaded) == 3  # icon, style and script
        followed = page.values("a", "href")
        for link in (*loaded, *(one for one in followed if not one.startswith("https://"))):
            if link.startswith(("data:", "#")):
                continue
            assert ":" not in link and not link.startswith("/"), link
            assert (page.path.parent / link).is_file(), f"{page.path.name}: {link}"
        targets = {f"#{value}" for _, a in page.elements for k, value in a.items() if k == "id"}
        assert {link for link in followed if link.startswith("#")} <= targets
    style = (out / "catalog.css").read_text()
    script = (out / "catalog.js").read_text()
    assert "url(" not in style and "@import" not in style
    assert "fetch(" not in script and "innerHTML" not in script and "://" not in script


def test_texts_of_presets_cannot_run(site):
    """Names, licences, languages and sources come from files, and so may say anything."""
    _, _, _, pages = site
    for name in ("index.html", "presets/evil.html"):
        page = pages[name]
        assert [tag for tag, _ in page.elements].count("script") == 1
        assert not any(tag == "img" for tag, _ in page.elements)
        wrong = [k for _, a in page.elements for k in a if k.startswith("on") or k == "style"]
        assert not wrong
    assert " ".join(EVIL.split()) in pages["presets/evil.html"].text
    assert EVIL in pages["index.html"].values("li", "data-license")
    policy = [a["content"] for t, a in pages["index.html"].elements if a.get("http-equiv")]
    assert policy and "default-src 'none'" in policy[0] and "unsafe" not in policy[0]


def test_a_folder_is_shown_with_its_certificate_and_without_its_place(site):
    out, _, _, pages = site
    page = pages["presets/my_model.html"]
    assert 'from_preset("./my_model", backend="torch")' in page.text
    assert "cc0-1.0" in page.text and "Decisions of all backends: equal" in page.text
    assert "1.25" in page.text and "2.50" in page.text and "A processor" in page.text
    everything = "".join(path.read_text("utf-8") for path in out.rglob("*.html"))
    assert "private" not in everything and "/home/" not in everything


def test_times_are_shown_the_fastest_first(site):
    _, _, _, pages = site
    text = pages["presets/all_minilm_l6_v2.html"].text
    assert "torch 2.0 ms jax 4.0 ms" in text and "numpy no" not in text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("all_minilm_l6_v2.parity.json", certificate({"config.json": "00" * 32}), "another config"),
        ("all_minilm_l6_v2.parity.json", certificate({}, format="x"), "no certificate"),
        ("all_minilm_l6_v2.parity.json", certificate({}, outputs=[{}]), "no certificate"),
        ("all_minilm_l6_v2.bench.json", '{"preset": "bert_base"}', "is about 'bert_base'"),
        ("all_minilm_l6_v2.bench.json", '{"preset": "all_minilm_l6_v2"}', "is not what"),
        ("nobody.parity.json", certificate({}), "no preset called 'nobody'"),
    ],
)
def test_wrong_measurements_are_refused_and_nothing_is_left(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(HubError, match=said):
        build(tmp_path / "site", measured=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "index.html").write_text("my own")
    assert cli.main(["catalog", "build", "--out", str(tmp_path)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text() == "my own"


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert cli.main(["catalog", "build", "--out", str(tmp_path / "site")]) == 2
    assert "pip install 'isozoo[catalog]'" in capsys.readouterr().err


def test_the_folder_is_served_and_nothing_beside_it(site):
    out, *_ = site
    (out.parent / "secret.txt").write_text("no")
    (out / "link.txt").symlink_to(out.parent / "secret.txt")
    with pytest.raises(HubError, match="holds no catalogue"):
        CatalogueServer(out.parent)
    server = CatalogueServer(out)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        assert server.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(server.url) as answer:
            assert answer.read() == (out / "index.html").read_bytes()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for wrong in ("presets/", "../secret.txt", "%2e%2e/secret.txt", "link.txt"):
            with pytest.raises(urllib.error.HTTPError) as found:
                urllib.request.urlopen(server.url + wrong)
            assert found.value.code == 404
    finally:
        server.close()
        (out / "link.txt").unlink()
