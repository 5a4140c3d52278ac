"""The documentation: examples run, links lead somewhere, the reference has every public name."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shlex
import shutil
from pathlib import Path

import pytest

import isozoo
from isozoo import cli

from .forks import Program, finish

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}
PARSER = cli.make_parser()
SPEC = importlib.util.spec_from_file_location("make_pages", ROOT / "docs/make_pages.py")
make_pages = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_pages)
# Guides whose examples run in one process, one after the other; test_guides.py runs the long ones.
SHORT = ("index", "texts", "writing", "speech", "from_keras", "from_transformers")


def test_the_short_guides_run(tmp_path):
    shutil.copy(ROOT / "tests/data/librivox-0930.wav", tmp_path / "speech.wav")
    blocks = [re.findall(r"```python\n(.*?)```", PAGES[f"{n}.md"], re.DOTALL) for n in SHORT]
    assert all(blocks)
    program = "\n".join("\n".join(found) for found in blocks)
    lines = finish([Program(program, cwd=tmp_path)])[0].stdout.splitlines()
    assert lines[0].startswith("alike: [1.0, 0.7") and "torch True" in lines
    assert "equal within rounding: True" in lines
    assert {"found: Repairing a bicycle chain", "first: Repairing a bicycle chain"} <= set(lines)
    assert "named: ['Ada Lovelace']" in lines
    assert "plain:  Paris." in lines and "drawn again: True" in lines
    assert any(line.startswith("heard:") and "amiable" in line for line in lines)
    assert {"smaller: True", "same outputs: True", "bit for bit: True"} <= set(lines)
    assert {"torch as theirs: True", "numpy as theirs: True"} <= set(lines)


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as MkDocs makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *map("docs/{}".format, PAGES)])
def test_links_lead_somewhere(page):
    path = ROOT / page
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file() and target.is_relative_to(ROOT), f"{page}: {link}"
        if anchor:
            assert anchor in _anchors(target.read_text("utf-8")), f"{page}: {link}"


@pytest.mark.parametrize("page", ["README.md", *map("docs/{}".format, PAGES)])
def test_commands_that_pages_show_are_calls_that_the_command_line_takes(page):
    text = (ROOT / page).read_text("utf-8")
    for line in re.findall(r"^(?:    |)(isozoo [^`\n]+)$", text, re.M):
        words = shlex.split(re.split(r" > |; ", line)[0], comments=True)
        if words[1] in PARSER.actions:
            PARSER.parse_args(words[1:])


def test_every_page_is_in_the_site_s_menu():
    listed = re.findall(r"^ +- ([\w./]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    wanted = [*PAGES, "CONTRIBUTING.md"]
    wanted += [f"api/{n or 'isozoo'}.md" for n in make_pages.NAMESPACES if _has_names(n)]
    assert sorted(listed) == sorted(wanted)


def _has_names(namespace: str) -> bool:
    return bool(make_pages.public_names(namespace))


def test_the_reference_has_every_public_name():
    modules = {name for name, (_, attribute) in isozoo._NAMES.items() if attribute is None}
    assert modules - {"datasets"} <= set(make_pages.NAMESPACES)  # datasets holds modules alone
    told: dict[int, str] = {}
    for namespace in make_pages.NAMESPACES:
        text = make_pages.reference_page(namespace, told, lambda path: True)
        for name in make_pages.public_names(namespace):
            assert f'heading: "{name.public}"' in text or f"`{name.public}` is" in text
            assert inspect.getdoc(name.value), f"{name.public} has no docstring"
    assert len(told) > 900


def test_what_is_made_at_import_is_told_from_the_object():
    text = make_pages.reference_page("applications", {}, lambda path: "VGG16" not in path)
    assert "## `isozoo.applications.VGG16`" in text and "VGG16(include_top" in text
    assert "::: isozoo.applications.xception.network.Xception" in text
