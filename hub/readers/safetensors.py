"""Reader of safetensors files, stricter than the reference parser.

Definition: https://github.com/huggingface/safetensors (format section). A file is an unsigned
64-bit little-endian header length, a JSON header, and the tensors' bytes, which must cover the
rest of the file without overlap, hole or remainder. Beyond that, duplicate keys, unknown fields,
odd names and a header that does not begin with `{` are refused.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from .base import MappedFile, Reader, TensorInfo, check_key, check_shape

MAX_HEADER_BYTES = 100_000_000

# safetensors' name -> (NumPy's or ml_dtypes' name, bytes an element)
DTYPES: dict[str, tuple[str, int]] = {
    "BOOL": ("bool", 1),
    "U8": ("uint8", 1),
    "I8": ("int8", 1),
    "U16": ("uint16", 2),
    "I16": ("int16", 2),
    "U32": ("uint32", 4),
    "I32": ("int32", 4),
    "U64": ("uint64", 8),
    "I64": ("int64", 8),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F32": ("float32", 4),
    "F64": ("float64", 8),
    "C64": ("complex64", 8),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "F8_E8M0": ("float8_e8m0fnu", 1),
}
_FIELDS = {"dtype", "shape", "data_offsets"}


class SafetensorsReader(Reader):
    """Tensors of one safetensors file.

    Raises:
        ReaderError: the file breaks any rule of the format.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = MappedFile(self.path)
        try:
            header, self._start = self._header()
            self._metadata = self._checked_metadata(header.pop("__metadata__", {}))
            # key -> (info, begin, end), offsets from the start of the file
            self._entries = self._checked_entries(header)
        except BaseException:
            self._file.close()
            raise

    def keys(self) -> Sequence[str]:
        """Returns the names of the tensors, in the order in which they lie in the file."""
        return list(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor. KeyError for an unknown name."""
        return self._entries[key][0]

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as a C-ordered array: a view of the file, copied where unaligned.

        Raises KeyError for an unknown name.
        """
        info, begin, _ = self._entries[key]
        return self._file.array(begin, info, key)

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        _, begin, end = self._entries[key]
        self._file.release(begin, end - begin)

    def identity(self, key: str) -> Hashable:
        """Returns shape, dtype and place of a tensor: no two tensors of a file share a place."""
        return self._entries[key]

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts of the header's `__metadata__`, by name; empty where it has none."""
        return self._metadata

    def close(self) -> None:
        """Closes the file. Arrays that were read stay valid."""
        self._file.close()

    def _fail(self, problem: str, where: str = "header") -> ReaderError:
        return ReaderError(self.path, problem, where)

    def _header(self) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self._file.bytes_at(0, 8, "header length"), "little")
        if not 0 < size <= min(MAX_HEADER_BYTES, self._file.size - 8):
            raise self._fail(
                f"the header is said to be {size} bytes long, in a file of {self._file.size}",
                "offset 0",
            )
        raw = self._file.bytes_at(8, size)
        if raw[:1] != b"{":
            raise self._fail("the header does not begin with '{'", "offset 8")
        try:
            header = json.loads(
                raw.decode("utf-8"), object_pairs_hook=self._unique, parse_constant=self._constant
            )
        except (ValueError, RecursionError) as error:
            raise self._fail(f"the header is not JSON: {str(error)[:120]}") from error
        return header, 8 + size

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise self._fail(f"key {twice[:80]!r} occurs twice")
        return found

    def _constant(self, name: str) -> Any:
        raise self._fail(f"{name} is not JSON")

    def _checked_metadata(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(
            isinstance(value, str) for value in metadata.values()
        ):
            raise self._fail("__metadata__ is not a map from text to text")
        return metadata

    def _checked_entries(self, header: dict[str, Any]) -> dict[str, tuple[TensorInfo, int, int]]:
        entries = [self._entry(key, entry) for key, entry in header.items()]
        entries.sort(key=lambda item: (item[2], item[3]))
        position = 0
        for key, _, begin, end in entries:
            if begin != position:
                kind = "an overlap" if begin < position else "a hole"
                raise self._fail(f"{kind} is before byte {begin} of the data", f"tensor {key}")
            position = end
        data = self._file.size - self._start
        if position != data:
            raise self._fail(
                f"the tensors take {position} bytes, but {data} bytes follow the header"
                + (": the file is cut short" if data < position else ": bytes are left over"),
                "end of file",
            )
        return {
            key: (info, self._start + begin, self._start + end) for key, info, begin, end in entries
        }

    def _entry(self, key: str, entry: Any) -> tuple[str, TensorInfo, int, int]:
        check_key(self.path, key)
        where = f"tensor {key}"
        if not isinstance(entry, dict) or entry.keys() != _FIELDS:
            raise self._fail("its entry must have dtype, shape, data_offsets and no more", where)
        dtype, offsets = entry["dtype"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise self._fail(f"dtype {str(dtype)[:40]!r} is not known", where)
        if not isinstance(entry["shape"], list):
            raise self._fail("its shape is not a list", where)
        shape = check_shape(self.path, entry["shape"], key)
        if not (
            isinstance(offsets, list)
            and len(offsets) == 2
            and all(isinstance(o, int) and not isinstance(o, bool) and o >= 0 for o in offsets)
            and offsets[0] <= offsets[1]
        ):
            raise self._fail(f"data_offsets {str(offsets)[:60]} is not [begin, end]", where)
        name, itemsize = DTYPES[dtype]
        begin, end = offsets
        if end - begin != math.prod(shape) * itemsize:
            raise self._fail(
                f"{end - begin} bytes are given for shape {list(shape)} of {name}, "
                f"which needs {math.prod(shape) * itemsize}",
                where,
            )
        return key, TensorInfo(shape, name), begin, end
