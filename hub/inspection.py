"""What of a folder may be published, and what must not leave the machine."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cache import hash_file
from .errors import HubError
from .preset import check_file_name
from .readers import open_reader

# What a training leaves beside a model. Some of it is large, some is pickled, none is needed.
TRAINING_STATE = (
    "optimizer*",
    "*.ckpt",
    "scheduler.pt",
    "trainer_state.json",
    "training_args.bin",
    "training_state*",
    "rng_state*",
    "events.out.tfevents*",
    "backup*",
)
_NEVER = ("*.pkl", "*.pickle", "*.tmp", "*.lock", "*~", "__pycache__")
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".h5", ".keras", ".pth", ".pt")
_TEXTS = (".json", ".md", ".txt", ".toml", ".yaml", ".yml", ".py", ".csv", ".tsv", ".cfg", ".ini")
_TEXT_BYTES = 64 << 20
_SECRETS = {
    "a token of the Hugging Face hub": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{30,})\b"),
    "a key of Amazon's cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a key of an API": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
# The folder of a user, or of a machine: nobody else can do anything with it.
_LOCAL_PATH = re.compile(
    r"(?:^|[\s\"'=:(])(/(?:home|Users|root|mnt|tmp|scratch|data)/[\w.@-]+|[A-Za-z]:\\\w+)"
)


@dataclass(frozen=True)
class PublishedFile:
    """A file that goes up: its name in the repository, where it lies, and its hashes."""

    name: str
    path: Path
    size: int
    sha256: str
    git_sha1: str


@dataclass
class Inspection:
    """What `inspect_folder` found.

    Attributes:
        files: what goes up, by name.
        left_out: name -> why it stays here.
    """

    files: list[PublishedFile] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def inspect_folder(folder: Path, training_state: bool = False) -> Inspection:
    """Looks through a folder that is to be published; opens each weights file as data.

    Hidden files, pickles, and what a training leaves behind are left out.

    Args:
        folder: the folder.
        training_state: whether optimizer states and the like go up, too.

    Raises:
        HubError: the folder is missing or holds nothing to publish; a file's name, a link out of
            the folder, a secret, a path of this machine, or a damaged weights file. All are named.
    """
    if not folder.is_dir():
        raise HubError(f"there is no folder {folder}: name the folder that holds the model's files")
    found, problems = Inspection(), []
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        if (why := _why_not(path, name, training_state)) is not None:
            found.left_out[name] = why
            continue
        problems += [f"{name}: {problem}" for problem in _problems(folder, path, name)]
        digests = hash_file(path)
        found.files.append(
            PublishedFile(name, path, digests.size, digests.sha256, digests.git_sha1)
        )
    if problems:
        raise HubError(
            f"{folder} cannot be published as it is:\n  - "
            + "\n  - ".join(problems)
            + "\nRemove or mend what is named above."
        )
    if not found.files:
        raise HubError(f"{folder} has no files to publish")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield from _walk(path)
        else:
            yield path


def _why_not(path: Path, name: str, training_state: bool) -> str | None:
    if path.name.startswith("."):
        return "hidden"
    if any(fnmatch.fnmatch(path.name, pattern) for pattern in _NEVER):
        return "a pickle, or what a program left behind"
    if any(
        fnmatch.fnmatch(part, pattern) for part in name.split("/") for pattern in TRAINING_STATE
    ):
        return None if training_state else "the state of a training"
    return None


def _problems(folder: Path, path: Path, name: str) -> Iterator[str]:
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        yield "a link out of the folder, or no file"
        return
    try:
        check_file_name(name)
    except ValueError:
        yield "its name has other signs than letters, digits and . _ -"
    if path.suffix in _WEIGHTS:
        yield from _weights_problems(path)
    elif path.suffix in _TEXTS or path.stat().st_size < 1 << 16:
        yield from _text_problems(path)


def _weights_problems(path: Path) -> Iterator[str]:
    try:
        with open_reader(path) as reader:
            yield from _told(json.dumps(dict(reader.metadata)), "its metadata")
    except HubError as error:
        yield str(error)


def _text_problems(path: Path) -> Iterator[str]:
    if path.stat().st_size > _TEXT_BYTES:
        return
    text = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix != ".json":
        yield from _told(text, "its text")
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield f"it is not JSON ({str(error)[:80]})"
        return
    for key, item in _strings(value, ""):
        if len(item) < 4096:  # vocabularies and merges are longer, or are no settings
            yield from _told(item, key or "its text")


def _told(text: str, where: str) -> Iterator[str]:
    for what, pattern in _SECRETS.items():
        if pattern.search(text):
            yield f"{where} holds what looks like {what}"
    if (match := _LOCAL_PATH.search(text)) is not None:
        yield f"{where} holds a path of this machine, {match[1]}"


def _strings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and len(value) <= 1000:
        for index, item in enumerate(value):
            yield from _strings(item, f"{place}[{index}]")
