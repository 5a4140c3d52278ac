"""Keras's `.keras` archive: a zip of config.json, metadata.json, model.weights.h5 and assets.

Definition: keras/src/saving/saving_lib.py. `save_model(zipped=False)` writes the same files to a
folder.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..files import atomic_path, write_atomically
from ..serialization import object_sharing, serialize_object
from .assets import read_assets, written_assets
from .errors import FileError
from .hdf5 import H5File, Window
from .model_config import Budget, built_from, finished
from .state import read_state
from .weights import H5Source, write_weights
from .zips import Members

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_CONFIG_BYTES = 64 << 20
# Whose form the files have.
KERAS_VERSION = "3.15.1"
_ASSET = re.compile(r"assets(/[A-Za-z0-9_.+-]{1,128}){1,64}")


def config_and_metadata(model: Any) -> tuple[bytes, bytes]:
    """Returns the contents of config.json and metadata.json."""
    with object_sharing():
        config = serialize_object(model)
    metadata = {
        "keras_version": KERAS_VERSION,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"),
    }
    return json.dumps(config).encode(), json.dumps(metadata).encode()


def write_archive(model: Any, path: str | os.PathLike[str] | BinaryIO) -> None:
    """Writes a model as a `.keras` archive, whole or not at all.

    Args:
        model: what is saved.
        path: the file, or a binary file that is written to when all is ready.

    Raises:
        NotImplementedError: a part of the model has no config.
        OSError: the file cannot be written.
    """
    config, metadata = config_and_metadata(model)
    if isinstance(path, str | os.PathLike):
        with atomic_path(path) as temporary:
            _write(model, temporary, config, metadata)
        return
    made = io.BytesIO()
    _write(model, made, config, metadata)
    path.write(made.getvalue())


def _write(model: Any, target: Any, config: bytes, metadata: bytes) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(METADATA, metadata)
        archive.writestr(CONFIG, config)
        # Beside the archive, where there is room for it; it has no name and goes with the process.
        folder = target.parent if isinstance(target, Path) else None
        with tempfile.TemporaryFile(dir=folder) as weights:
            write_weights(model, weights)
            weights.seek(0)
            with archive.open(WEIGHTS, "w", force_zip64=True) as member:
                shutil.copyfileobj(weights, member, 16 << 20)
        with written_assets(model) as assets:
            for name, file in assets:
                archive.write(file, name)


def write_folder(model: Any, path: str | os.PathLike[str]) -> list[str]:
    """Writes the files of a `.keras` archive to a folder; each appears whole or not at all.

    The config comes last, so that a folder without one is not taken for a model.

    Returns:
        The names of the files.

    Raises OSError if the folder cannot be written.
    """
    config, metadata = config_and_metadata(model)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(model, folder / WEIGHTS)
    written = [WEIGHTS, METADATA, CONFIG]
    with written_assets(model) as assets:
        for name, file in assets:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, Path(file).read_bytes())
            written.append(name)
    write_atomically(folder / METADATA, metadata)
    write_atomically(folder / CONFIG, config)
    return written


def read_archive(
    path: str | os.PathLike[str] | BinaryIO, custom_objects: Any = None, compile: bool = True
) -> Any:
    """Returns the model in a `.keras` archive, with its weights.

    Args:
        path: the file, or a binary file that can be sought in.
        custom_objects: classes and functions that the config may name, too.
        compile: whether the model is compiled as it was.

    Raises:
        FileError: the archive, or a file in it, is damaged or hostile.
        MismatchError: its weights do not fit its config.
        TypeError: the config names what is not known here.
    """
    with _opened(path) as (file, name):
        members = Members(file, name, _allowed, packed=True)
        for needed in (CONFIG, WEIGHTS):
            if needed not in members.found:
                raise FileError(name, f"it has no member {needed}, so it is no model of Keras")
        config = parsed(members.read(CONFIG, MAX_CONFIG_BYTES), f"{name}/{CONFIG}")
        with open_weights(members, name) as weights:
            return _model_of(config, weights, members, custom_objects, compile)


def _model_of(
    config: dict[str, Any], weights: H5File, assets: Any, custom_objects: Any, compile: bool
) -> Any:
    model = built_from(config, custom_objects, Budget(weights.path, weights.elements))
    source = H5Source(weights)
    read_state(model, source)
    read_assets(model, assets)
    finished(model, config.get("compile_config") if compile else None, custom_objects, source)
    return model


def read_folder(
    path: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True
) -> Any:
    """Returns the model in a folder that `write_folder` wrote. Raises as `read_archive` does."""
    folder = Path(path)
    return _read_parts(folder / CONFIG, folder / WEIGHTS, folder, custom_objects, compile)


def read_files(files: Mapping[str, Path], custom_objects: Any = None, compile: bool = True) -> Any:
    """Returns the model whose files `write_folder` wrote, and which lie anywhere.

    Args:
        files: name in the folder -> path.
        custom_objects: see `read_archive`.
        compile: see `read_archive`.

    Raises what `read_archive` does.
    """
    return _read_parts(files[CONFIG], files[WEIGHTS], _Files(files), custom_objects, compile)


class _Files:
    """Files by their names in a folder; see `assets.Files`."""

    def __init__(self, found: Mapping[str, Path]) -> None:
        self.found = found

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a file. FileError if they are more than `limit`."""
        return _bounded(self.found[name], limit)


def _bounded(path: Path, limit: int) -> bytes:
    size = path.stat().st_size
    if size > limit:
        raise FileError(path, f"it has {size} bytes, more than {limit}")
    return path.read_bytes()


def _read_parts(
    config: Path, weights: Path, assets: Any, custom_objects: Any, compile: bool
) -> Any:
    described = parsed(_bounded(config, MAX_CONFIG_BYTES), config)
    with H5File(weights) as file:
        return _model_of(described, file, assets, custom_objects, compile)


def read_archive_weights(
    model: Any, path: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """Reads the weights in a `.keras` archive into a model. Raises as `read_weights` does."""
    with archive_members(path) as members, open_weights(members, os.fspath(path)) as weights:
        read_state(model, H5Source(weights), skip_mismatch)


@contextmanager
def archive_members(path: str | os.PathLike[str]) -> Iterator[Members]:
    """Yields the members of an archive. FileError if it is none, or has no weights."""
    with _opened(path) as (file, name):
        members = Members(file, name, _allowed, packed=True)
        if WEIGHTS not in members.found:
            raise FileError(name, f"it has no member {WEIGHTS}, so it is no model of Keras")
        yield members


def _allowed(name: str) -> bool:
    if name in (CONFIG, METADATA, WEIGHTS):
        return True
    if name.endswith("/"):
        name = name[:-1]
    parts = name.split("/")
    return name == "assets" or (_ASSET.fullmatch(name) is not None and ".." not in parts)


@contextmanager
def _opened(path: Any) -> Iterator[tuple[Any, str]]:
    if isinstance(path, str | os.PathLike):
        with open(path, "rb") as file:
            yield file, os.fspath(path)
    else:
        yield path, str(getattr(path, "name", "the archive"))


def open_weights(members: Members, name: str) -> H5File:
    """Returns the file of weights in an archive: in its place, unless it is packed."""
    member = members.found[WEIGHTS]
    label = f"{name}/{WEIGHTS}"
    if member.is_packed:
        # Weights hardly shrink when they are packed.
        limit = 20 * member.packed_size + MAX_CONFIG_BYTES
        return H5File(io.BytesIO(members.read(WEIGHTS, limit)), label)
    members.check(member)
    return H5File(io.BufferedReader(Window(members.file, member.offset, member.size)), label)


def parsed(text: bytes, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the config that JSON text holds. FileError if it holds none."""
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"it is not JSON: {str(error)[:120]}") from error
    if not isinstance(found, dict) or "class_name" not in found:
        raise FileError(path, "it describes no model: there is no `class_name` in it")
    return found
