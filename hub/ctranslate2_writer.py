"""Writing CTranslate2's `model.bin`; see `readers.ctranslate2` for the layout."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path

from ..framework.files import atomic_path
from .errors import HubError
from .readers.base import MAX_KEY_LENGTH
from .readers.ctranslate2 import DTYPES, MAX_TENSOR_RANK, VERSION
from .tensors import PendingTensor, write_elements

_IDS = {name: number for number, (name, _) in enumerate(DTYPES)}
_MAX_BYTES = (1 << 32) - 1


def write_ctranslate2(
    path: str | os.PathLike[str],
    tensors: Mapping[str, PendingTensor],
    spec_name: str,
    spec_revision: int,
    aliases: Mapping[str, str] | None = None,
) -> Path:
    """Writes variables to a `model.bin` of version 6, whole or not at all.

    Each is read, written and let go of before the next one.

    Args:
        path: the file.
        tensors: name -> tensor.
        spec_name: the model's specification, such as "WhisperSpec".
        spec_revision: its revision.
        aliases: alias -> name of the variable that it stands for.

    Raises:
        HubError: a name, dtype or size for which the layout has no room.
        OSError: the file cannot be written.
    """
    path, ordered = Path(path), sorted(tensors)
    heads = {name: _head(name, tensors[name]) for name in ordered}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(struct.pack("<I", VERSION) + _text(spec_name))
        file.write(struct.pack("<II", spec_revision, len(ordered)))
        for name in ordered:
            file.write(heads[name])
            write_elements(file, name, tensors[name])
        file.write(struct.pack("<I", len(aliases or {})))
        for alias, name in sorted((aliases or {}).items()):
            file.write(_text(alias) + _text(name))
    return path


def _text(text: str) -> bytes:
    raw = text.encode() + b"\0"
    if len(raw) > MAX_KEY_LENGTH + 1:
        raise HubError(f"{text[:80]!r} is too long a name for CTranslate2's files")
    return struct.pack("<H", len(raw)) + raw


def _head(name: str, tensor: PendingTensor) -> bytes:
    number, rank = _IDS.get(tensor.dtype.name), len(tensor.shape)
    if number is None or rank > MAX_TENSOR_RANK or tensor.nbytes > _MAX_BYTES:
        raise HubError(
            f"{name}: CTranslate2's files have no room for {list(tensor.shape)} of "
            f"{tensor.dtype.name}; they hold up to 4 GiB of {', '.join(_IDS)} in a variable"
        )
    shape = struct.pack(f"<B{rank}I", rank, *tensor.shape)
    return _text(name) + shape + struct.pack("<BI", number, tensor.nbytes)
