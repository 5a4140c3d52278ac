"""Source distributions of bundles: the content of a wheel, and what puts it back into one.

Definition: PEP 517 (a backend of the distribution's own, by `backend-path`) and PEP 625 (names).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import IO

from ..framework.files import atomic_path

# The first of 1980, before which zip archives have no time.
_MOMENT = 315_532_800
# Nothing but Python's own library: pip builds it without a network.
_BACKEND = '''"""Makes the wheel of this distribution: the files in `wheel`, as they are."""

import pathlib
import zipfile

HERE = pathlib.Path(__file__).parent
NAME = "{wheel}"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    target = pathlib.Path(wheel_directory, NAME)
    root = HERE / "wheel"
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as made:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(root).as_posix())
    return NAME


def build_sdist(sdist_directory, config_settings=None):
    raise RuntimeError("made by `isozoo bundle --sdist`, which makes the source distribution too")
'''
_PROJECT = """[build-system]
requires = []
build-backend = "isozoo_bundle"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
"""


def write_source(wheel: Path, package: str, distribution: str, version: str) -> Path:
    """Writes the source distribution of a wheel beside it, whole or not at all; returns its path.

    Args:
        wheel: the wheel.
        package: the plain name of the distribution.
        distribution: its name.
        version: its version.

    Raises:
        OSError: the folder cannot be written.
    """
    root = f"{package}-{version}"
    path = wheel.with_name(f"{root}.tar.gz")
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as file,
        # Weights hardly shrink when they are packed; no time and no name: the same each time.
        gzip.GzipFile("", "wb", 1, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        zipfile.ZipFile(wheel) as opened,
    ):
        metadata = next(n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        texts = {
            "PKG-INFO": opened.read(metadata),
            "pyproject.toml": _PROJECT.format(name=distribution, version=version).encode(),
            "isozoo_bundle.py": _BACKEND.format(wheel=wheel.name).encode(),
        }
        for name, content in texts.items():
            _add(archive, f"{root}/{name}", io.BytesIO(content), len(content))
        for info in opened.infolist():
            with opened.open(info) as member:
                _add(archive, f"{root}/wheel/{info.filename}", member, info.file_size)
    return path


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = size, _MOMENT
    archive.addfile(member, content)
