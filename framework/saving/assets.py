"""Files that layers keep beside their weights, such as vocabularies."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from .layout import parts_of_model

FOLDER = "assets"
MAX_BYTES = 1 << 30
_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,127}")


@contextmanager
def written_assets(model: Any) -> Iterator[list[tuple[str, str]]]:
    """Yields pairs (name in the archive, file) of what layers write by `save_assets(folder)`.

    The files are gone when the block ends.
    """
    owners = [part for part in parts_of_model(model) if hasattr(part.owner, "save_assets")]
    if not owners:
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        for part in owners:
            own = Path(folder, part.path)
            own.mkdir(parents=True, exist_ok=True)
            part.owner.save_assets(str(own))
        found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        yield [(f"{FOLDER}/{x.relative_to(folder).as_posix()}", os.fspath(x)) for x in found]


class Files(Protocol):
    """Files by their names: an archive, or what is like one."""

    @property
    def found(self) -> Mapping[str, Any]:
        """What there is, by name."""
        ...

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a file. FileError if they are more than `limit`."""
        ...


def read_assets(model: Any, source: Files | Path) -> None:
    """Lets layers read their files by `load_assets(folder)`.

    The folder is a new one, in which each layer finds the files that stand under its own path and
    no others; it is gone afterwards.

    Args:
        model: whose layers read.
        source: an archive, or the folder that a model was written to.
    """
    for part in parts_of_model(model):
        if not hasattr(part.owner, "load_assets"):
            continue
        prefix = f"{FOLDER}/{part.path}/" if part.path else f"{FOLDER}/"
        contents = dict(_contents(source, prefix))
        with tempfile.TemporaryDirectory() as folder:
            for name, content in contents.items():
                if not _NAME.fullmatch(name):
                    continue
                Path(folder, name).write_bytes(content)
            part.owner.load_assets(folder)


def _contents(source: Files | Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Pairs (name, content) of the files directly below a folder."""
    if not isinstance(source, Path):
        for name in source.found:
            inner = name.removeprefix(prefix)
            if name.startswith(prefix) and inner and "/" not in inner:
                yield inner, source.read(name, MAX_BYTES)
        return
    folder = source / prefix
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_BYTES:
            yield path.name, path.read_bytes()
