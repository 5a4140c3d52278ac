"""Presets as data: the file `presets.toml` of a family's folder.

    [defaults]                       # for all presets below
    layout = "huggingface"
    license = "Apache-2.0"

    [presets.bert_tiny]
    task = "masked_lm"
    description = "BERT with 2 layers of 128, English, lower case"
    num_parameters = 4_416_698
    sources = ["hf://prajjwal1/bert-tiny@6f75de8b60a9f8a2fdf7b69cbd86d9e64bcb3837"]
    files = ["config.json 285", "pytorch_model.bin 17756393 dab2c2bd…", "vocab.txt"]

A file reads `NAME|ALTERNATIVE… SIZE HASH`: the size in bytes and the hash may be absent, 64 digits
are a sha256, 40 are git's and 32 an MD5, and `sha256:` stands before the first digits where no more
are known; a name that ends in `?` may be lacking. A source is an address:
`hf://org/name[/folder][@revision]`, `package://DISTRIBUTION==VERSION/module[/folder]`, or
`https://…`; or a table with the address as `at` and with `layout`, `files`, `rename` where they
differ there. The other keys are those of `Preset`, but for the certificate: that is the file
`certificates/NAME.json` beside the data file, if there is one (`isozoo.scripts.certify` makes it).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import HubError
from .preset import FileEntry, HuggingFace, Package, Preset, Source, Url

_TEXTS = ("task", "layout", "license", "description", "evidence")
_KEYS = {*_TEXTS, "files", "sources", "settings", "num_parameters", "languages"}
_SOURCE_KEYS = {"at", "layout", "files", "rename"}


def read_presets(path: Path, family: str) -> list[Preset]:
    """Reads the presets that a data file describes, in its order.

    Raises:
        HubError: the file is malformed, or a key is unknown, missing or of the wrong type; the
            message names the preset and the key.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise HubError(f"cannot read presets from {path}: {error}") from error
    unknown = content.keys() - {"defaults", "presets"}
    if unknown:
        raise HubError(f"{path}: unknown tables {sorted(unknown)}; [defaults], [presets.NAME]")
    found = []
    for name, entry in content.get("presets", {}).items():
        try:
            preset = _preset(name, family, {**content.get("defaults", {}), **entry})
            certificate = path.parent / "certificates" / f"{name}.json"
            if certificate.is_file():
                preset = replace(preset, certificate=certificate)
            found.append(preset)
        except (TypeError, ValueError) as error:
            raise HubError(f"{path}, preset {name!r}: {error}") from error
    return found


def _preset(name: str, family: str, entry: Mapping[str, Any]) -> Preset:
    _check_keys(entry, _KEYS, {"task", "layout", "files", "sources"})
    for key in _TEXTS:
        if not isinstance(entry.get(key, ""), str):
            raise TypeError(f"{key} is {entry[key]!r}; a text is expected")
    if not isinstance(entry.get("num_parameters", 0), int):
        raise TypeError(f"num_parameters is {entry['num_parameters']!r}; a number is expected")
    if not isinstance(entry.get("settings", {}), dict):
        raise TypeError(f"settings is {entry['settings']!r}; a table is expected")
    languages = entry.get("languages", [])
    if not isinstance(languages, list) or not all(isinstance(one, str) for one in languages):
        raise TypeError(f"languages is {languages!r}; a list of texts is expected")
    return Preset(
        **{key: entry[key] for key in _KEYS & entry.keys() - {"files", "sources", "languages"}},
        name=name,
        family=family,
        languages=tuple(languages),
        files=tuple(map(read_file_entry, entry["files"])),
        sources=tuple(map(read_source, entry["sources"])),
    )


def _check_keys(entry: Mapping[str, Any], known: set[str], needed: set[str]) -> None:
    if unknown := entry.keys() - known:
        raise ValueError(f"unknown keys {sorted(unknown)}; known are: {', '.join(sorted(known))}")
    if missing := needed - entry.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")


def read_file_entry(text: Any) -> FileEntry:
    """Reads the entry `NAME|ALTERNATIVE… SIZE HASH`. Raises ValueError, TypeError."""
    if not isinstance(text, str):
        raise TypeError(f"file {text!r}: a text is expected")
    names, *rest = text.split()
    optional = names.endswith("?")
    name, *alternatives = names.removesuffix("?").split("|")
    size = int(rest.pop(0)) if rest and rest[0].isdecimal() and len(rest[0]) < 32 else None
    digest = rest.pop(0) if rest else None
    start = None
    if digest is not None and digest.startswith("sha256:"):
        start, digest = digest.removeprefix("sha256:"), None
    if rest or (digest is not None and len(digest) not in (32, 40, 64)):
        raise ValueError(
            f"file {text!r}: NAME, SIZE and a hash of 32, 40 or 64 digits are expected"
        )
    return FileEntry(
        name,
        digest if digest and len(digest) == 64 else None,
        size,
        digest if digest and len(digest) == 40 else None,
        tuple(alternatives),
        optional,
        digest if digest and len(digest) == 32 else None,
        start,
    )


def read_source(entry: Any) -> Source:
    """Returns the source that an address, or a table with one, names. Raises ValueError."""
    if isinstance(entry, str):
        entry = {"at": entry}
    _check_keys(entry, _SOURCE_KEYS, {"at"})
    address, options = entry["at"], {k: v for k, v in entry.items() if k not in ("at", "files")}
    if "files" in entry:
        options["files"] = tuple(map(read_file_entry, entry["files"]))
    if address.startswith("hf://"):
        place, _, revision = address.removeprefix("hf://").partition("@")
        organisation, _, rest = place.partition("/")
        name, _, folder = rest.partition("/")
        if not name:
            raise ValueError(f"{address} is not hf://org/name[/folder][@revision]")
        return HuggingFace(f"{organisation}/{name}", revision or None, folder, **options)
    if address.startswith("package://"):
        requirement, _, rest = address.removeprefix("package://").partition("/")
        distribution, _, version = requirement.partition("==")
        module, _, folder = rest.partition("/")
        return Package(distribution, module, folder, version or None, **options)
    return Url(address, **options)
