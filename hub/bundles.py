"""Presets as wheels: a package that carries a model's files, for places without a network.

A bundle is found by the metadata of the installed packages, and never imported. Its manifest names
each file with its hash, and says what the model is.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache as cached
from pathlib import Path
from typing import Any

from ..framework.files import atomic_path
from .bundle_sources import write_source
from .cache import Cache
from .errors import ChoiceError, HubError, IntegrityError
from .preset import FileEntry, LocalPreset, Package, Preset

GROUP = "isozoo.presets"
MANIFEST = "isozoo_preset.json"
_MAX_MANIFEST = 16 << 20
# A wheel is the same, byte for byte, whenever it is written.
_MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass
class Bundle:
    """What `bundle` wrote.

    Attributes:
        path: the wheel.
        presets: names of the presets in it.
        files: name in the wheel -> size in bytes.
        source: the source distribution, where one was asked for.
    """

    path: Path
    presets: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    source: Path | None = None


def bundle(
    names: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    distribution: str | None = None,
    version: str = "1.0.0",
    name: str | None = None,
    source: bool = False,
    offline: bool | None = None,
) -> Bundle:
    """Writes presets' files, with their hashes, to a wheel that pip installs.

    Where it is installed, `from_preset(NAME)` takes the files from it.

    Args:
        names: presets, `hf://org/name`, or folders.
        folder: where the wheel goes.
        distribution: what pip calls it; "isozoo-preset-NAME" if None.
        version: of the wheel.
        name: under which a single folder or repository is found; its last part if None.
        source: whether a source distribution is written beside the wheel. It holds what the wheel
            is made of, and the program that makes it, so that `pip install` needs nothing else.
        offline: see `from_preset`.

    Returns:
        The path of the wheel, and what is in it.

    Raises:
        HubError: no presets, two of one name, or a malformed name or version.
        SourcesExhaustedError: the files of a preset cannot be had.
        OSError: the folder cannot be written.
    """
    from .loading import fetch_preset

    given = list(names)
    if not given or (name is not None and len(given) != 1):
        raise ChoiceError("name one preset, or several that have names already")
    locals_: dict[str, LocalPreset] = {}
    for one in given:
        local = fetch_preset(one, offline=offline)
        called = name or _called(local.preset.name)
        if called in locals_:
            raise ChoiceError(f"two presets are called {called!r}")
        locals_[called] = local
    distribution = distribution or f"isozoo-preset-{next(iter(locals_)).replace('_', '-')}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}[A-Za-z0-9]", distribution):
        raise ChoiceError(f"{distribution!r} is no name of a distribution")
    if not re.fullmatch(r"\d+(\.\d+){0,3}([abrc.]+\d+)?", version):
        raise ChoiceError(f"{version!r} is no version: 1.0.0 is one")
    plain = re.sub(r"[-_.]+", "_", distribution).lower()
    path = Path(folder) / f"{plain}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    done = Bundle(path, list(locals_))
    with atomic_path(path) as temporary:
        wheel = _Wheel(temporary, plain, version)
        for called, local in locals_.items():
            for file, place in local.paths.items():
                wheel.add_file(f"{plain}/{called}/{file}", place)
            manifest = json.dumps(_manifest(called, local), indent=1).encode()
            wheel.add(f"{plain}/{called}/{MANIFEST}", manifest)
        # A package with a module of its own can be found without being imported.
        wheel.add(f"{plain}/__init__.py", b'"""Files of models for isozoo."""\n')
        wheel.finish(distribution, list(locals_))
        done.files = wheel.sizes
    if source:
        done.source = write_source(path, plain, distribution, version)
    return done


def _called(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_.-]+", "_", name.rstrip("/").rpartition("/")[2].lower())
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,127}", plain):
        raise ChoiceError(f"{name!r} has no name that a preset can have: give one (--name)")
    return plain


def _manifest(name: str, local: LocalPreset) -> dict[str, Any]:
    cache, preset = Cache(), local.preset
    files = {}
    for file, path in local.paths.items():
        digests = cache.digests(path)
        files[file] = {"sha256": digests.sha256, "size": digests.size}
    return {
        "name": name,
        "family": preset.family,
        "task": preset.task,
        "layout": local.layout,
        "settings": dict(preset.settings),
        "license": preset.license,
        "description": preset.description,
        "num_parameters": preset.num_parameters,
        "files": files,
    }


class _Wheel:
    """Writes a wheel (PEP 427): files, metadata, and the record of their hashes."""

    def __init__(self, path: Path, package: str, version: str) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._info = f"{package}-{version}.dist-info"
        self._package, self._version = package, version
        self._records: list[str] = []
        self.sizes: dict[str, int] = {}

    def add(self, name: str, content: bytes) -> None:
        """Adds a file of which the content is given."""
        with self._zip.open(zipfile.ZipInfo(name, _MOMENT), "w") as member:
            member.write(content)
        self._record(name, hashlib.sha256(content), len(content))

    def add_file(self, name: str, path: Path) -> None:
        """Adds a file from the disk, in blocks."""
        digest, size = hashlib.sha256(), 0
        with open(path, "rb") as file:
            info = zipfile.ZipInfo(name, _MOMENT)
            with self._zip.open(info, "w", force_zip64=True) as member:
                while chunk := file.read(8 << 20):
                    digest.update(chunk)
                    member.write(chunk)
                    size += len(chunk)
        self._record(name, digest, size)

    def _record(self, name: str, digest: Any, size: int) -> None:
        text = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        self._records.append(f"{name},sha256={text},{size}")
        self.sizes[name] = size

    def finish(self, distribution: str, presets: list[str]) -> None:
        """Adds the metadata and closes the file."""
        info, package = self._info, self._package
        metadata = (
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {self._version}\n"
            f"Summary: Files of models for isozoo: {', '.join(presets)}\n"
        )
        self.add(f"{info}/METADATA", metadata.encode())
        kind = "Wheel-Version: 1.0\nGenerator: isozoo\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        self.add(f"{info}/WHEEL", kind.encode())
        points = "".join(f"{name} = {package}\n" for name in presets)
        self.add(f"{info}/entry_points.txt", f"[{GROUP}]\n{points}".encode())
        record = "\n".join([*self._records, f"{info}/RECORD,,"]) + "\n"
        with self._zip.open(zipfile.ZipInfo(f"{info}/RECORD", _MOMENT), "w") as member:
            member.write(record.encode())
        self._zip.close()


@cached
def installed() -> dict[str, tuple[str, str, str]]:
    """Returns name of a preset -> (distribution, version, module) of the bundle that carries it.

    Read from the metadata of the installed packages; nothing is imported.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        if point.dist is not None and re.fullmatch(r"[A-Za-z_]\w*", point.value):
            found.setdefault(point.name, (point.dist.name, point.dist.version, point.value))
    return found


def bundle_source(preset: Preset) -> Package | None:
    """Returns the source of a preset's files that an installed bundle is; None without one.

    Its files are pinned by the bundle's manifest.

    Raises:
        HubError: the bundle's manifest is malformed.
        IntegrityError: it has another content for a file that the preset pins.
    """
    manifest = _read(preset.name)
    if manifest is None:
        return None
    source = _source(preset.name, manifest)
    if source in preset.sources:
        return None
    pins: dict[str, set[str]] = {}
    for entry in (*preset.files, *(e for s in preset.sources for e in s.files or ())):
        if entry.sha256 is not None:
            pins.setdefault(entry.name, set()).add(entry.sha256)
    for entry in source.files or ():
        known = pins.get(entry.name)
        if known and entry.sha256 not in known:
            what = f"{entry.name} of the bundle {source.distribution}"
            raise IntegrityError(what, "sha256", " or ".join(sorted(known)), entry.sha256)
    return source


def _source(name: str, manifest: dict[str, Any]) -> Package:
    distribution, version, module = installed()[name]
    files = tuple(
        FileEntry(file, entry["sha256"], entry["size"]) for file, entry in manifest["files"].items()
    )
    return Package(distribution, module, name, version, layout=manifest["layout"], files=files)


def bundled_preset(name: str) -> Preset | None:
    """Returns the preset that an installed bundle describes; None where there is none."""
    manifest = _read(name)
    if manifest is None:
        return None
    source = _source(name, manifest)
    return Preset(
        name,
        manifest["family"],
        manifest["task"],
        manifest["layout"],
        source.files or (),
        (source,),
        settings=manifest["settings"],
        license=manifest["license"],
        description=manifest["description"],
        num_parameters=manifest["num_parameters"],
    )


def _read(name: str) -> dict[str, Any] | None:
    if name not in installed():
        return None
    distribution, version, module = installed()[name]
    from .loading import read_json
    from .lock import SourceLock
    from .sources import PackageAttempt

    place = PackageAttempt(Package(distribution, module, name, version), Cache(), SourceLock())
    path = place.path(MANIFEST)
    if path is None:
        return None
    found = read_json(path, MANIFEST)
    kinds = {"family": str, "task": str, "layout": str, "settings": dict, "files": dict}
    if not all(isinstance(found.get(key), kind) for key, kind in kinds.items()):
        raise HubError(f"{path} is no manifest of a bundle")
    for key, empty in (("license", ""), ("description", ""), ("num_parameters", None)):
        found.setdefault(key, empty)
    return found
