"""Writes the catalogue: an index that is searched in the browser, and a page for each preset.

The pages load nothing from elsewhere, so that they work from a disk (`file://`) and offline. Names,
licences and descriptions are data: the templates escape all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...framework.files import readable_size
from ...framework.folders import files_of, new_folder
from ..errors import HubError
from .entries import Entry, Given, entry_of, named_by_user, size_classes

_HERE = Path(__file__).parent
_STATIC = ("catalog.css", "catalog.js")
CERTIFICATE, BENCHMARK = ".parity.json", ".bench.json"


@dataclass
class Catalogue:
    """What `build` wrote.

    Attributes:
        path: its first page.
        presets: how many presets it has.
        files: name -> size in bytes.
    """

    path: Path
    presets: int
    files: dict[str, int]


def build(
    out: str | os.PathLike[str],
    *,
    add: Iterable[str | os.PathLike[str]] = (),
    measured: str | os.PathLike[str] | None = None,
    registered: bool = True,
) -> Catalogue:
    """Writes the catalogue's pages to a folder, which appears whole or not at all.

    Args:
        out: the folder; a catalogue that was written there before is replaced.
        add: folders of models, or `hf://org/name`, that are shown beside the registered presets,
            each with the certificate (parity.json) that lies beside its files.
        measured: a folder of certificates, NAME.parity.json (`isozoo verify NAME --write`), which
            stand in the place of published ones, and of benchmarks, NAME.bench.json (`isozoo bench
            NAME --json`).
        registered: whether the registered presets and those of installed bundles are shown.

    Raises:
        HubError: a preset cannot be had; a certificate or benchmark is malformed, about other
            files, or about no preset; or two presets have one name.
        FileExistsError: the folder holds something else.
        ImportError: the extra `catalog` is not installed.
    """
    given = _presets() if registered else []
    given += [named_by_user(name) for name in add]
    if not given:
        raise HubError("there is nothing to show: no preset is registered, and none was named")
    if measured is not None:
        _find_measured(given, Path(measured))
    entries = sorted(map(entry_of, given), key=_order)
    pages = [entry.page.lower() for entry in entries]
    if twice := {entry.title for entry in entries if pages.count(entry.page.lower()) > 1}:
        raise HubError(f"two presets are called {sorted(twice)[0]!r}: rename a folder")
    environment = _environment()
    out = Path(out)
    _check_replaceable(out)
    with new_folder(out, existing="replace") as folder:
        (folder / "presets").mkdir()
        for name in _STATIC:
            (folder / name).write_bytes((_HERE / name).read_bytes())
        index = environment.get_template("index.html").render(**_index(entries))
        (folder / "index.html").write_text(index, encoding="utf-8")
        page = environment.get_template("preset.html")
        for entry in entries:
            text = page.render(entry=entry, root="../")
            (folder / "presets" / entry.page).write_text(text, encoding="utf-8")
        files = files_of(folder)
    return Catalogue(out / "index.html", len(entries), files)


def _presets() -> list[Given]:
    """The registered presets, and those of installed bundles."""
    from ..bundles import installed
    from ..registry import get_preset, list_presets

    found = {preset.name: preset for preset in list_presets()}
    for name in installed():
        found.setdefault(name, get_preset(name))
    return [Given(preset, preset.certificate) for preset in found.values()]


def _find_measured(given: list[Given], folder: Path) -> None:
    """Notes the measured files of each preset. HubError when one is about none of them."""
    if not folder.is_dir():
        raise HubError(f"there is no folder {folder}: name one that holds NAME{CERTIFICATE}")
    named = {Path(one.preset.name).name: one for one in given}
    for path in sorted(folder.iterdir()):
        for ending, field in ((CERTIFICATE, "certificate"), (BENCHMARK, "benchmark")):
            if not path.name.endswith(ending):
                continue
            name = path.name.removesuffix(ending)
            if name not in named:
                raise HubError(f"{path}: the catalogue shows no preset called {name!r}")
            setattr(named[name], field, path)


def _check_replaceable(out: Path) -> None:
    """Refuses a folder that holds something else than a catalogue."""
    if out.is_dir() and any(out.iterdir()):
        if not (out / _STATIC[0]).is_file() or not (out / "presets").is_dir():
            raise FileExistsError(f"{out} holds other files: name a new folder")


def _order(entry: Entry) -> tuple[Any, ...]:
    """By task; what was proven or measured here first, then by name."""
    return entry.rank, not (entry.certificate or entry.benchmark), entry.title


def _index(entries: list[Entry]) -> dict[str, Any]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.task_title, []).append(entry)

    def values(name: str) -> list[str]:
        found: set[str] = set()
        for entry in entries:
            value = getattr(entry, name)
            found.update(value if isinstance(value, list) else [value])
        return sorted(filter(None, found))

    sizes = {entry.size for entry in entries}
    filters = [
        ("task", "Task", list(groups)),
        ("size", "Parameters", [name for name in size_classes() if name in sizes]),
        ("license", "Licence", values("license")),
        ("language", "Language", values("languages")),
        ("backend", "Backend", list(entries[0].backends)),
    ]
    return {"groups": groups, "filters": filters, "count": len(entries), "root": ""}


def _environment() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "the catalogue's pages need Jinja2: pip install 'isozoo[catalog]'", name="jinja2"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bytes"] = readable_size
    return environment
