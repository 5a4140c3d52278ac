"""What a preset is: a name, its settings, its files by hash, and the sources that may give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")
MD5 = re.compile(r"[0-9a-f]{32}")
SHA256_START = re.compile(r"[0-9a-f]{8,63}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*")
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)


SAVED_MODEL = "keras"
"""The family, and the layout, of models of no family, as Keras saves them; see `saved_models`."""


def check_file_name(name: str) -> str:
    """Returns `name` itself when it is a plain relative path with `/`; ValueError otherwise."""
    if not _FILE_NAME.fullmatch(name) or {".", ".."} & set(PurePosixPath(name).parts):
        raise ValueError(f"{name!r} is not a plain relative file name")
    if ".." in name.split("/"):
        raise ValueError(f"{name!r} leaves its folder")
    return name


@dataclass(frozen=True)
class FileEntry:
    """One file of a preset.

    Args:
        name: its name in the preset, such as "config.json" or "1_Pooling/config.json".
        sha256: of the content, 64 hexadecimal digits; None when it is not known beforehand.
        size: in bytes; None when it is not known.
        git_sha1: git's blob hash, for small files whose sha256 is not known.
        alternatives: names that will do instead when `name` is not there, in order of preference.
            The hashes are those of `name` only.
        optional: a source may lack it.
        md5: of the content, 32 hexadecimal digits, where the publisher gives no better hash. It
            tells a damaged file; one made to deceive could have it, so the sha256 of what came
            first is locked besides.
        sha256_start: the first digits of the sha256, 8 at least, where the publisher gives no more,
            as torchvision in the names of its files. They are checked, but pin nothing: the whole
            hash of what came first is locked.
        is_folder: all files below a folder of that name are meant, as far as a source can list
            them.

    Raises:
        ValueError: a name leaves its folder, or a hash is not one.
    """

    name: str
    sha256: str | None = None
    size: int | None = None
    git_sha1: str | None = None
    alternatives: tuple[str, ...] = ()
    optional: bool = False
    md5: str | None = None
    sha256_start: str | None = None
    is_folder: bool = False

    def __post_init__(self) -> None:
        for name in (self.name, *self.alternatives):
            check_file_name(name)
        if self.sha256 is not None and not SHA256.fullmatch(self.sha256):
            raise ValueError(f"{self.name}: sha256 {self.sha256!r} is not 64 hex digits")
        if self.git_sha1 is not None and not SHA1.fullmatch(self.git_sha1):
            raise ValueError(f"{self.name}: git_sha1 {self.git_sha1!r} is not 40 hex digits")
        if self.md5 is not None and not MD5.fullmatch(self.md5):
            raise ValueError(f"{self.name}: md5 {self.md5!r} is not 32 hex digits")
        if self.sha256_start is not None and not SHA256_START.fullmatch(self.sha256_start):
            raise ValueError(f"{self.name}: {self.sha256_start!r} is not 8 to 63 hex digits")

    @property
    def pinned(self) -> bool:
        """Whether the content is fixed by a hash."""
        return any(found is not None for found in (self.sha256, self.git_sha1, self.md5))

    def named(self, name: str) -> FileEntry:
        """Returns the entry for one of its names; hashes belong to the first name alone."""
        if name == self.name:
            return replace(self, alternatives=(), optional=False)
        return FileEntry(name)


@dataclass(frozen=True)
class Source:
    """Where the files of a preset lie.

    Args:
        layout: the layout of the files here; None means the preset's.
        files: the files here; None means the preset's.
        rename: name in the preset -> name here, where they differ.
    """

    layout: str | None = field(default=None, kw_only=True)
    files: tuple[FileEntry, ...] | None = field(default=None, kw_only=True)
    rename: Mapping[str, str] = field(default_factory=dict, kw_only=True, hash=False)

    def name_here(self, name: str) -> str:
        """Returns what the preset's file `name` is called at this source."""
        return self.rename.get(name, name)


@dataclass(frozen=True)
class Folder(Source):
    """A folder on this machine."""

    path: str | Path

    def __str__(self) -> str:
        return f"folder {self.path}"


@dataclass(frozen=True)
class Package(Source):
    """Files inside an installed Python package; it is found, never imported.

    Args:
        distribution: what pip calls it.
        module: its top-level module.
        folder: the folder of the files inside the module, with `/`.
        version: the version the hashes were taken from.
    """

    distribution: str
    module: str
    folder: str = ""
    version: str | None = None

    def __post_init__(self) -> None:
        # A dotted name would make Python import the parent.
        if not self.module.isidentifier():
            raise ValueError(f"{self.module!r} is not the name of a top-level module")

    @property
    def requirement(self) -> str:
        """What to give to `pip install`."""
        return f"{self.distribution}=={self.version}" if self.version else self.distribution

    def __str__(self) -> str:
        return f"package {self.requirement}"


@dataclass(frozen=True)
class HuggingFace(Source):
    """A repository of the Hugging Face hub.

    Args:
        repo_id: "org/name".
        revision: a commit (40 hexadecimal digits: pinned), or a branch or tag, or None for "main".
        subfolder: the folder of the files in the repository, with `/`.
    """

    repo_id: str
    revision: str | None = None
    subfolder: str = ""

    def __post_init__(self) -> None:
        if not _REPO_ID.fullmatch(self.repo_id) or ".." in self.repo_id:
            raise ValueError(f"{self.repo_id!r} is not the name of a repository, `org/name`")

    @property
    def commit(self) -> str | None:
        """The commit, when the revision is one."""
        return self.revision if self.revision and SHA1.fullmatch(self.revision) else None

    def __str__(self) -> str:
        folder = f"/{self.subfolder}" if self.subfolder else ""
        return f"hf://{self.repo_id}{folder}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True)
class Url(Source):
    """An HTTP(S) address under which the files lie by name."""

    base: str

    def __post_init__(self) -> None:
        if not self.base.startswith(("https://", "http://")):
            raise ValueError(f"{self.base!r} is not an http(s) address")

    def __str__(self) -> str:
        return self.base


@dataclass(frozen=True)
class Preset:
    """A registered model: one architecture with one set of weights.

    Args:
        name: what users call it, such as "bert_base".
        family: the family that knows its layouts.
        task: the task it was trained for: a key of the family's `tasks`.
        layout: the layout of its files: a key of the family's `layouts`.
        files: its files.
        sources: where they may lie; any that gives the right bytes will do.
        settings: what the config files do not say (pooling, image size, ...).
        license: SPDX name.
        description: one line.
        num_parameters: how many weights it has.
        evidence: where revision and hashes were seen.
        languages: BCP 47 tags of the languages of its texts or speech, "mul" for many (ISO 639-2);
            empty where it has none, or none is told.
        certificate: its published certificate (`parity.json`), where one lies beside its data.
    """

    name: str
    family: str
    task: str
    layout: str
    files: tuple[FileEntry, ...]
    sources: tuple[Source, ...]
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    license: str = ""
    description: str = ""
    num_parameters: int | None = None
    evidence: str = ""
    languages: tuple[str, ...] = ()
    certificate: Path | None = None

    def files_of(self, source: Source) -> tuple[FileEntry, ...]:
        """Returns the files as they are at a source."""
        return self.files if source.files is None else source.files

    def layout_of(self, source: Source) -> str:
        """Returns the layout of the files at a source."""
        return self.layout if source.layout is None else source.layout


@dataclass(frozen=True)
class LocalPreset:
    """A preset whose files are on this machine, checked.

    Args:
        preset: the preset.
        source: which source gave the files, in words.
        layout: the layout of the files.
        paths: name in the preset -> file.
        pinned: what fixes the content: "preset" (its own hashes), "lock" (the commit and hashes
            recorded at first use), or "nothing" (a folder of the user's, taken as it is).
        commit: the commit of the repository they came from.
    """

    preset: Preset
    source: str
    layout: str
    paths: Mapping[str, Path]
    pinned: str
    commit: str | None = None
