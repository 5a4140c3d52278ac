"""Readers of weights files: safetensors, PyTorch's, CTranslate2's, GGUF, Keras's, TensorFlow.js's.

`open_reader` looks at a file's first bytes, not at its name, and returns the reader for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import ReaderError
from .base import Reader, TensorInfo
from .ctranslate2 import CTranslate2Reader
from .gguf import MAGIC, GGUFReader
from .keras import SIGNATURE, KerasReader, is_archive
from .safetensors import SafetensorsReader
from .sharded import ShardedReader
from .tfjs import TFJSReader, is_manifest
from .torch_pickle import LEGACY_PREFIX, TorchPickleReader

__all__ = [
    "CTranslate2Reader",
    "GGUFReader",
    "KerasReader",
    "Reader",
    "SafetensorsReader",
    "ShardedReader",
    "TFJSReader",
    "TensorInfo",
    "TorchPickleReader",
    "open_reader",
]


def open_reader(path: str | os.PathLike[str], files: Mapping[str, Path] | None = None) -> Reader:
    """Returns the reader for a weights file, chosen by its content.

    Args:
        path: a safetensors file, an index of sharded files, a file of `torch.save`, CTranslate2's
            `model.bin`, a GGUF file, Keras's `.weights.h5`, `.h5` or `.keras`, or TensorFlow.js's
            `model.json`.
        files: for an index or a `model.json`: file name -> path, where the files do not lie beside
            it.

    Raises:
        ReaderError: the file cannot be opened, is of no known form, or is damaged.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise ReaderError(path, f"it cannot be opened: {error.strerror or error}") from error
    # a header of 4 GiB or more is refused by the reader anyway
    if head[4:9] == b"\x00\x00\x00\x00{":
        return SafetensorsReader(path)
    if head.startswith(SIGNATURE) or (head.startswith(b"PK\x03\x04") and is_archive(path)):
        return KerasReader(path)
    if head.startswith(b"PK\x03\x04") or head.startswith(LEGACY_PREFIX):
        return TorchPickleReader(path)
    if head.startswith(MAGIC):
        return GGUFReader(path)
    if head.lstrip().startswith(b"{"):
        if is_manifest(path):
            return TFJSReader(path, files)
        return ShardedReader(path, _open_shard, files)
    if head.startswith(b"\x06\x00\x00\x00"):
        return CTranslate2Reader(path)
    raise ReaderError(
        path,
        f"it begins with {head[:8]!r}, which is neither safetensors (or an index of it), "
        "nor a file of torch.save, nor CTranslate2's model.bin, nor GGUF, nor one of Keras's "
        "or TensorFlow.js's",
        "offset 0",
    )


def _open_shard(path: Path) -> Reader:
    reader = open_reader(path)
    if isinstance(reader, ShardedReader | TFJSReader):
        reader.close()
        raise ReaderError(path, "an index names another index")
    return reader
