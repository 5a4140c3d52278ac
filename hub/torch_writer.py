"""Writing files that `torch.load` reads, without torch: a state dict in the zip form.

The archive holds the tensors' bytes as they are, one member for each, and a pickle that names
their sizes; of the pickle only the opcodes of a dict of tensors are written, so that
`torch.load(path, weights_only=True)` reads it. See `readers.torch_pickle` for the way back.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np

from ..framework.files import atomic_path
from .errors import HubError
from .tensors import PendingTensor, pending, write_elements

_STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
_ALIGNMENT = 64  # of the tensors' bytes, as torch writes them, so that the file can be mapped
_EMPTY_DICT = b"ccollections\nOrderedDict\n)R"


def write_state_dict(
    path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray | PendingTensor]
) -> Path:
    """Writes tensors to a file of `torch.save`, whole or not at all.

    Each tensor is read, written and let go of before the next one.

    Args:
        path: the file.
        tensors: name -> array or pending tensor.

    Raises:
        HubError: torch has no such dtype.
        OSError: the file cannot be written.
    """
    path = Path(path)
    ready = {name: pending(value) for name, value in tensors.items()}
    for name, tensor in ready.items():
        if tensor.dtype.name not in _STORAGES:
            raise HubError(f"{name}: a file of torch has no dtype {tensor.dtype.name}")
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        _add(archive, file, "data.pkl", _pickle(ready))
        _add(archive, file, "byteorder", b"little")
        for index, (name, tensor) in enumerate(ready.items()):
            with _member(archive, file, f"data/{index}", tensor.nbytes) as member:
                write_elements(cast(BinaryIO, member), name, tensor)
        _add(archive, file, "version", b"3\n")
    return path


def _add(archive: zipfile.ZipFile, file: BinaryIO, name: str, content: bytes) -> None:
    with _member(archive, file, name, len(content)) as member:
        member.write(content)


def _member(archive: zipfile.ZipFile, file: BinaryIO, name: str, size: int) -> IO[bytes]:
    """Begins a member whose bytes lie aligned in the archive."""
    info = zipfile.ZipInfo(f"archive/{name}")  # of 1980, so that equal tensors give equal files
    info.file_size = size
    large = size >= zipfile.ZIP64_LIMIT
    # The header, and what zipfile puts into it for a large member, stand before the bytes.
    start = archive.fp.tell() if archive.fp is not None else file.tell()
    start += 30 + len(info.filename) + 4 + (20 if large else 0)
    gap = -start % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", gap) + b"Z" * gap
    return archive.open(info, "w", force_zip64=large)


def _pickle(tensors: Mapping[str, PendingTensor]) -> bytes:
    found = [b"\x80\x02", _EMPTY_DICT, b"("]
    for index, (name, tensor) in enumerate(tensors.items()):
        strides, step = [], 1
        for size in reversed(tensor.shape):
            strides.insert(0, step)
            step *= size
        kind = _STORAGES[tensor.dtype.name].encode()
        storage = b"(%sctorch\n%s\n%s%s%st" % (
            _text("storage"), kind, _text(str(index)), _text("cpu"), _integer(step),
        )  # fmt: skip
        found += [
            _text(name),
            b"ctorch._utils\n_rebuild_tensor_v2\n(",
            storage + b"Q" + _integer(0),
            _tuple(tensor.shape),
            _tuple(strides),
            b"\x89" + _EMPTY_DICT + b"tR",  # no gradient, no hooks
        ]
    return b"".join([*found, b"u."])


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _tuple(sizes: Any) -> bytes:
    return b"(" + b"".join(map(_integer, sizes)) + b"t"


def _integer(value: int) -> bytes:
    if value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(8, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw
