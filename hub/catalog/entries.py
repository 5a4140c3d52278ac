"""What the catalogue says of a preset, as plain data: from its registration and what was measured.

Nothing of this machine goes into it: no path, and not whether files lie here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...framework.backends import registry as backends
from ..cache import Cache
from ..errors import HubError
from ..licences import terms_of
from ..preset import FileEntry, Folder, HuggingFace, Package, Preset, Source, Url
from ..task_texts import task_rank, task_text
from .measured import benchmark_of, certificate_of

_LANGUAGES = {"en": "English", "de": "German", "fr": "French", "ro": "Romanian", "mul": "Many"}
_SIZES = (
    (10e6, "under 10 M"),
    (50e6, "10 to 50 M"),
    (200e6, "50 to 200 M"),
    (1e9, "200 M to 1 B"),
    (float("inf"), "over 1 B"),
)
UNKNOWN_SIZE = "not told"


@dataclass
class Given:
    """A preset with what lies beside it.

    Attributes:
        preset: the preset.
        certificate: the path of its parity.json, if there is one.
        benchmark: the path of what `isozoo bench --json` printed, if there is one.
        names_itself: whether `from_preset` knows it by its name alone.
    """

    preset: Preset
    certificate: Path | None = None
    benchmark: Path | None = None
    names_itself: bool = True


@dataclass
class Entry:
    """A preset's page as data; all texts are plain and are escaped where they are shown."""

    name: str
    title: str
    page: str
    task: str
    task_title: str
    does: str
    rank: int
    description: str
    family: str
    license: str
    terms: str
    languages: list[str]
    parameters: str
    size: str
    bytes: int | None
    backends: list[str]
    code: dict[str, str]
    commands: list[str]
    tuning: dict[str, str]
    files: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    pinned: str
    evidence: str
    certificate: dict[str, Any] | None = None
    benchmark: dict[str, Any] | None = None
    search: str = field(default="", repr=False)


def entry_of(given: Given) -> Entry:
    """Returns a preset's page as data.

    Raises:
        HubError: its certificate or its benchmark is malformed or of other files.
    """
    preset = given.preset
    text = task_text(preset.task)
    called = preset.name if given.names_itself else _portable_name(preset)
    title = preset.name if given.names_itself else Path(called).name
    known = [entry.size for entry in preset.files if not entry.optional]
    entry = Entry(
        name=called,
        title=title,
        page=f"{_page_name(title)}.html",
        task=preset.task,
        task_title=text.title,
        does=text.does,
        rank=task_rank(preset.task),
        description=preset.description,
        family=preset.family,
        license=preset.license,
        terms=terms_of(preset.license),
        languages=[language_name(tag) for tag in preset.languages],
        parameters=_count(preset.num_parameters),
        size=_size_class(preset.num_parameters),
        bytes=sum(size for size in known if size) or None,
        backends=list(backends.BUILT_IN),
        code={name: _code(called, name, text.line) for name in backends.BUILT_IN},
        commands=_commands(called, text.argument, bool(terms_of(preset.license))),
        tuning=_tuning(called, text.data),
        files=[_file(file) for file in preset.files],
        sources=[_source(preset, source) for source in preset.sources],
        pinned=_pinned(preset),
        evidence=preset.evidence,
    )
    hashes = {file.name: file.sha256 for file in preset.files if file.sha256}
    if given.certificate is not None:
        entry.certificate = certificate_of(given.certificate, hashes)
    if given.benchmark is not None:
        entry.benchmark = benchmark_of(given.benchmark, title)
    words = [entry.title, entry.description, entry.task_title, entry.family, entry.license]
    entry.search = " ".join([*words, *entry.languages, entry.task]).lower()
    return entry


def language_name(tag: str) -> str:
    """Returns the English name of a language's tag where this table has it, else the tag."""
    return _LANGUAGES.get(tag, tag)


def size_classes() -> list[str]:
    """Returns the names of the classes of sizes, the smallest first."""
    return [name for _, name in _SIZES] + [UNKNOWN_SIZE]


def named_by_user(name: str | os.PathLike[str], cache: Cache | None = None) -> Given:
    """Returns a preset that is named by a folder or a repository, with the certificate beside it.

    Raises:
        HubError: it cannot be had, or is no preset.
    """
    from ..fetch import files_beside
    from ..loading import find_preset
    from ..registry import source_of_name

    preset = find_preset(name, cache=cache)
    source = source_of_name(name)
    if source is None:
        return Given(preset)
    found = files_beside(preset, source, "parity.json", "README.md", cache=cache)
    if "README.md" in found and not preset.license:
        preset = _with_license(preset, found["README.md"])
    return Given(preset, found.get("parity.json"), names_itself=False)


def _with_license(preset: Preset, card: Path) -> Preset:
    from dataclasses import replace

    from ..model_card import check_card

    try:
        with open(card, encoding="utf-8") as file:
            told = check_card(file.read(1 << 20)).get("license")
    except (HubError, OSError, ValueError):
        return preset  # a card that tells nothing is no reason to leave the model out
    return replace(preset, license=told) if isinstance(told, str) else preset


def _portable_name(preset: Preset) -> str:
    """How a reader of the page names a preset of the user's: no path of this machine."""
    source = preset.sources[0]
    if isinstance(source, Folder):
        return f"./{Path(source.path).name}"
    return str(source)


def _page_name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", title).lstrip(".") or "model"


def _count(number: int | None) -> str:
    if not number:
        return ""
    if number >= 1e9:
        return f"{number / 1e9:.1f} B"
    return f"{number / 1e6:.1f} M"


def _size_class(number: int | None) -> str:
    return next((name for limit, name in _SIZES if number and number < limit), UNKNOWN_SIZE)


def _code(name: str, backend: str, line: str) -> str:
    return (
        "import isozoo\n\n"
        f"model = isozoo.from_preset({json.dumps(name, ensure_ascii=False)}, "
        f'backend="{backend}")\n{line}'
    )


def _commands(name: str, argument: str, asks: bool) -> list[str]:
    """Lines for a shell; where the licence asks for an agreement, its line comes first."""
    quoted = shlex.quote(name)
    use = [f"isozoo run {quoted} {argument}", f"isozoo verify {quoted}"] if argument else []
    if asks:
        return [f"isozoo pull {quoted} --accept-licence", *use, f"isozoo info {quoted}"]
    return [*use, f"isozoo info {quoted}", f"isozoo pull {quoted}"]


def _tuning(name: str, data: str) -> dict[str, str]:
    """Fine-tuning in Python and on the command line; {} where there is none."""
    if not data:
        return {}
    boxes = data == "boxes"
    mode, shown = ("full", "") if boxes else ("lora", '["val_accuracy"]')
    told = (
        "a folder of pictures and boxes in COCO's or YOLO's form"
        if boxes
        else "a CSV file with the columns text and label"
        if data.endswith(".csv")
        else "a folder with a folder of pictures for each class"
    )
    return {
        "python": "from isozoo.hub.finetuning import finetune\n\n"
        f"done = finetune({json.dumps(name, ensure_ascii=False)}, {json.dumps(data)}, "
        f'"my_model", mode="{mode}", backend="torch")\n'
        f"print(done.history{shown})",
        "command": f"isozoo finetune {shlex.quote(name)} {data} --to my_model --mode {mode}",
        "data": told,
    }


def _file(entry: FileEntry) -> dict[str, Any]:
    kinds = (("sha256", entry.sha256), ("git sha1", entry.git_sha1), ("md5", entry.md5))
    kind, digest = next(((k, d) for k, d in kinds if d), ("", ""))
    return {
        "name": entry.name,
        "size": entry.size,
        "kind": kind,
        "hash": digest,
        "optional": entry.optional,
        "alternatives": list(entry.alternatives),
    }


def _source(preset: Preset, source: Source) -> dict[str, Any]:
    """A source in words, with a link where it is a page of the web."""
    told: dict[str, Any] = {"text": str(source), "link": "", "kind": "Python package", "pinned": ""}
    if isinstance(source, Folder):
        told.update(text=Path(source.path).name, kind="folder")
    elif isinstance(source, Package):
        told.update(text=source.requirement)
    elif isinstance(source, HuggingFace):
        told.update(
            kind="Hugging Face hub",
            link=f"https://huggingface.co/{source.repo_id}/tree/"
            + urllib.parse.quote(source.revision or "main", safe=""),
            pinned=source.commit or "",
        )
    elif isinstance(source, Url):
        told.update(kind="web address", link=source.base)
    told["layout"] = preset.layout_of(source)
    told["files"] = [_file(file) for file in source.files or ()]
    return told


def _pinned(preset: Preset) -> str:
    pinned: Mapping[bool, int] = {
        state: sum(entry.pinned is state for entry in preset.files) for state in (True, False)
    }
    if not pinned[False]:
        return "Every file is held to a hash that is part of isozoo."
    if not pinned[True]:
        return "Commit and hashes are recorded at the first use; every later use is held to them."
    return (
        f"{pinned[True]} of {len(preset.files)} files are held to a hash that is part of isozoo; "
        "the others are recorded at the first use, and every later use is held to that."
    )
