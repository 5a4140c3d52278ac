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
    lines = ["---", f"license: {local.preset.license.lower()}"]
    lines += [f"base_model: {origin.repo_id}"] if origin is not None else []
    lines += ["---", MADE, f"# {local.preset.name}", "", local.preset.description, ""]
    lines += [f"Converted to the layout {layout}. Its licence is {local.preset.license}."]
    (folder / NAME).write_text("\n".join(lines) + "\n", "utf-8")
    return local.preset.license


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
