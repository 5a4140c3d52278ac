"""The card and the licence of a model that is converted: what its source says goes along."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .errors import CacheError, HubError, SourcesExhaustedError
from .fetch import resolve
from .model_card import NAME, check_card
from .preset import FileEntry, Folder, HuggingFace, LocalPreset, Preset, Source

LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "USE_POLICY.md")
MADE = "<!-- written by isozoo convert: `publish` writes a whole card in its place -->"
_MAX_BYTES = 4 << 20


def keep_card(local: LocalPreset, folder: Path, layout: str, offline: bool | None) -> str:
    """Copies a source's README.md and licence texts to a folder; returns the licence's name.

    Where the source has no card and its preset names a licence, a short card is written.

    Args:
        local: the source.
        folder: where the files go.
        layout: what the files are converted to.
        offline: see `from_preset`.
    """
    for source in local.preset.sources:
        found = _texts(local, source, offline)
        for name, path in found.items():
            shutil.copyfile(path, folder / name)
        if NAME in found:
            return _license(found[NAME]) or local.preset.license
        if isinstance(source, HuggingFace) and local.commit:
            break
    if not local.preset.license:
        return ""
    origin = next((s for s in local.preset.sources if isinstance(s, HuggingFace)), None)
    write_short_card(
        folder,
        local.preset.name,
        local.preset.license,
        f"{local.preset.description}\n\nConverted to the layout {layout}.",
        "" if origin is None else origin.repo_id,
    )
    return local.preset.license


def write_short_card(folder: Path, name: str, licence: str, about: str, base: str = "") -> None:
    """Writes README.md, which says the licence of a converted model.

    Args:
        folder: where it goes.
        name: of the model.
        licence: its SPDX name.
        about: what else is said of it.
        base: the repository that it comes from, "org/name"; "" for none.
    """
    lines = ["---", f"license: {licence.lower()}"]
    lines += [f"base_model: {base}"] if base else []
    lines += ["---", MADE, f"# {name}", "", f"{about} Its licence is {licence}."]
    (folder / NAME).write_text("\n".join(lines) + "\n", "utf-8")


def license_of_short_card(text: str) -> str | None:
    """Returns the licence of a card that `keep_card` wrote; None for a card of somebody's own."""
    if MADE not in text:
        return None
    return str(check_card(text).get("license") or "")


def _texts(local: LocalPreset, source: Source, offline: bool | None) -> dict[str, Path]:
    """Name -> path of the card and the licence texts at a source."""
    if isinstance(source, Folder):
        places = {name: Path(source.path).expanduser() / name for name in (NAME, *LICENSES)}
        return {name: path for name, path in places.items() if _fits(path)}
    # A preset whose files are pinned is not looked up again: its licence stands in the preset.
    if not isinstance(source, HuggingFace) or not local.preset.name.startswith("hf://"):
        return {}
    found: dict[str, Path] = {}
    for entry in (FileEntry(NAME), FileEntry(LICENSES[0], alternatives=LICENSES[1:])):
        one = Preset(local.preset.name, "", "", "", (entry,), (source,))
        try:
            found |= resolve(one, offline=offline, progress=False).paths
        except (SourcesExhaustedError, CacheError):
            continue  # it has none, or it cannot be had now
    return {name: path for name, path in found.items() if _fits(path)}


def _fits(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MAX_BYTES


def _license(card: Path) -> str:
    try:
        return str(check_card(card.read_text("utf-8")).get("license") or "")
    except (HubError, ValueError):
        text = card.read_text("utf-8", errors="replace")
        found = re.search(r"^license: *[\"']?([\w.+-]+)", text, re.MULTILINE)
        return found[1] if found else ""
