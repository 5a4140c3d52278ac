"""Presets read from data files."""

from __future__ import annotations

import pytest

from isozoo.hub.errors import HubError
from isozoo.hub.preset import FileEntry, HuggingFace, Package, Preset, Url
from isozoo.hub.preset_data import read_presets

SHA256, SHA1 = "0123456789abcdef" * 4, "0123456789" * 4
ENTRY = """
[defaults]
task = "masked_lm"
layout = "hf"
[presets.one]
license = "MIT"
num_parameters = 4_000
settings = {{ pooling = "mean" }}
sources = {sources}
files = {files}
"""


def read(tmp_path, text):
    path = tmp_path / "presets.toml"
    path.write_text(text, "utf-8")
    return read_presets(path, "toy")


def test_a_file_of_presets(tmp_path):
    sources = f"""[
        "hf://org/name@{SHA1}", "hf://org/name/a/b", "package://dist-x==0.1/dist_x/m/n",
        {{ at = "https://host/x", layout = "q", files = ["w.bin"], rename = {{ "w.bin" = "v" }} }},
    ]"""
    files = f"""[
        "config.json 285 {SHA1}", "a.safetensors|b.bin 10 {SHA256}", "vocab.txt?",
        "README.md {SHA256}", "w.pth sha256:01234567",
    ]"""
    assert read(tmp_path, ENTRY.format(sources=sources, files=files)) == [
        Preset(
            "one", "toy", "masked_lm", "hf",
            (FileEntry("config.json", None, 285, SHA1),
             FileEntry("a.safetensors", SHA256, 10, None, ("b.bin",)),
             FileEntry("vocab.txt", optional=True), FileEntry("README.md", SHA256),
             FileEntry("w.pth", sha256_start="01234567")),
            (HuggingFace("org/name", SHA1), HuggingFace("org/name", None, "a/b"),
             Package("dist-x", "dist_x", "m/n", "0.1"),
             Url("https://host/x", layout="q", files=(FileEntry("w.bin"),),
                 rename={"w.bin": "v"})),
            {"pooling": "mean"}, "MIT", num_parameters=4000,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "files", "said"),
    [
        ('["ftp://x"]', '["a"]', "http"),
        ('["hf://a"]', '["a"]', "hf://a is not hf://org/name"),
        ('["package://d==1/a.b"]', '["a"]', "top-level module"),
        ('[{ path = "x" }]', '["a"]', "unknown keys"),
        ('["https://x"]', '["../a"]', "not a plain relative"),
        ('["https://x"]', '["a 12 abc"]', "40 or 64 digits"),
        ('["https://x"]', '["a b c d"]', "preset 'one'"),
        ('["https://x"]', "[3]", "a text is expected"),
        ('["https://x"]', '["a"]\nname = "b"', "unknown keys"),
        ('["https://x"]', '["a"]\ndescription = 3', "description is 3"),
        ('["https://x"]', '["a"', "cannot read presets"),
        ('["https://x"]', '["a"]\n[other]', "unknown tables"),
    ],
)
def test_malformed_data_is_an_error_that_names_it(tmp_path, sources, files, said):
    with pytest.raises(HubError, match=said):
        read(tmp_path, ENTRY.format(sources=sources, files=files))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(HubError, match="preset 'one': it lacks files, layout, sources, task"):
        read(tmp_path, "[presets.one]\n")
