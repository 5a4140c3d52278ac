"""Reader of TensorFlow.js's `model.json` with the files of numbers beside it.

Definition: `decodeWeights` in `tfjs-core/src/io/io_utils.ts` (4.22) and `write_weights.py` of the
package tensorflowjs. `weightsManifest` is a list of groups:

    {"paths": [file, …],
     "weights": [{"name": …, "shape": […], "dtype": "float32" | "int32" | "bool" | "complex64",
                  "quantization": {"dtype": "uint8" | "uint16" | "float16", "min": …, "scale": …}}]}

The files of a group, one behind the other, are the tensors of the group, one behind the other,
C-ordered and little-endian; a tensor may begin in one file and end in another. A code q of uint8 or
uint16 stands for q · scale + min, computed in float64 and rounded to the tensor's dtype; float16 is
widened to float32. Beyond the definition, the files must hold as many bytes as the tensors need.
Weights of the group "optimizer" are left out. The model's graph and the layers are not looked at.
"""

from __future__ import annotations

import math
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from .base import (
    MappedFile,
    Reader,
    TensorInfo,
    check_booleans,
    check_key,
    check_shape,
    numpy_dtype,
)
from .json_file import MAX_BYTES, MAX_SHARDS, read_strictly

KEY = "weightsManifest"
DTYPES = ("float32", "int32", "bool", "complex64")
# Form of the codes -> what tensors may be stored in it.
CODES = {"uint8": ("float32", "int32"), "uint16": ("float32", "int32"), "float16": ("float32",)}
# A text is the value of that key in an index of safetensors, where a tensor could have the name.
_MARK = re.compile(rb'(?<!\\)"weightsManifest"\s*:\s*[^"\s]')
# The browser writes "./" before the names.
_SHARD = re.compile(r"(?:\./)?([A-Za-z0-9_][A-Za-z0-9_.-]{0,200})")


def is_manifest(path: Path) -> bool:
    """Returns whether a JSON file has a list of TensorFlow.js's weights, by its text alone."""
    try:
        with open(path, "rb") as file:
            return _MARK.search(file.read(MAX_BYTES)) is not None
    except OSError:
        return False


def shard_names(path: Path) -> list[str]:
    """Returns the plain names of the files that a `model.json` names, in their order.

    Raises:
        ReaderError: the list is malformed, or names a file outside its folder or one twice.
    """
    return [name for _, names, _ in _groups(path) for name in names]


def _groups(path: Path) -> Iterator[tuple[str, list[str], list[Any]]]:
    """Where a group stands, the names of its files, and its entries of weights."""
    content = read_strictly(path, "model.json")
    groups = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(groups, list):
        raise ReaderError(path, f"a list of groups of weights is expected as {KEY}")
    seen: set[str] = set()
    for number, group in enumerate(groups):
        where = f"{KEY}[{number}]"
        paths = group.get("paths") if isinstance(group, dict) else None
        weights = group.get("weights") if isinstance(group, dict) else None
        if not isinstance(paths, list) or not isinstance(weights, list):
            raise ReaderError(path, "an object with the lists paths and weights is expected", where)
        names = []
        for given in paths:
            match = _SHARD.fullmatch(given) if isinstance(given, str) else None
            if match is None:
                problem = f"{_told(given)} is not the plain name of a file beside it"
                raise ReaderError(path, problem, f"{where}.paths")
            if match[1] in seen:
                raise ReaderError(path, f"{match[1]} is named twice", f"{where}.paths")
            seen.add(match[1])
            names.append(match[1])
        if len(seen) > MAX_SHARDS:
            raise ReaderError(path, f"it names more than {MAX_SHARDS} files", f"{where}.paths")
        yield where, names, weights


def _told(value: Any) -> str:
    """A text as it stands in the file, cut; of all else its kind, for it may be nested deeply."""
    return repr(value[:80]) if isinstance(value, str) else f"a value of type {type(value).__name__}"


class _Files:
    """The files of one group, as one run of bytes."""

    def __init__(self) -> None:
        self._files: list[MappedFile] = []
        self._starts: list[int] = []
        self.size = 0

    def add(self, file: MappedFile) -> None:
        self._starts.append(self.size)
        self._files.append(file)
        self.size += file.size

    def parts(self, offset: int, count: int) -> Iterator[tuple[MappedFile, int, int]]:
        """The stretches of files in which `count` > 0 bytes lie: (file, offset in it, bytes)."""
        number = bisect_right(self._starts, offset) - 1
        while count > 0:
            file, inner = self._files[number], offset - self._starts[number]
            length = min(count, file.size - inner)
            yield file, inner, length
            number, offset, count = number + 1, offset + length, count - length

    def close(self) -> None:
        for file in self._files:
            file.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies, and as what; `scale` and `least` are for codes of uint8 and uint16."""

    info: TensorInfo
    stored: TensorInfo
    files: _Files
    offset: int
    scale: float = 0.0
    least: float = 0.0

    @property
    def count(self) -> int:
        return math.prod(self.stored.shape) * numpy_dtype(self.stored.dtype).itemsize


class TFJSReader(Reader):
    """Tensors of a `model.json` of TensorFlow.js and the files that it names.

    Args:
        path: the `model.json`.
        files: file name -> path, where the files do not lie beside it under their names.

    Raises:
        ReaderError: the list of weights is malformed, names a file outside its folder or a link,
            a file is missing, or the tensors do not take exactly the files' bytes.
    """

    def __init__(
        self, path: str | os.PathLike[str], files: Mapping[str, Path] | None = None
    ) -> None:
        self.path = Path(path)
        self._groups: list[_Files] = []
        self._places: dict[str, _Place] = {}
        seen: set[str] = set()
        try:
            for where, names, weights in _groups(self.path):
                group = _Files()
                self._groups.append(group)
                for name in names:
                    group.add(MappedFile(self._shard_path(name, files, where)))
                self._add(where, weights, group, seen)
        except BaseException:
            self.close()
            raise

    def keys(self) -> Sequence[str]:
        """Returns the names of the tensors, in the order in which they lie in the files."""
        return list(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor as `read` gives it. KeyError for an unknown name."""
        return self._places[key].info

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as a C-ordered array.

        A view of the file where it lies in one, aligned and without codes; else a copy.

        Raises:
            KeyError: there is none of the name.
            ReaderError: a boolean is neither 0 nor 1, or the reader is closed.
        """
        place = self._places[key]
        codes = self._stored(key, place)
        if place.info.dtype == place.stored.dtype:
            return codes
        if place.stored.dtype == "float16":
            return codes.astype("float32")
        return _values(place)[codes]

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        place = self._places[key]
        for file, offset, count in place.files.parts(place.offset, place.count):
            file.release(offset, count)

    def close(self) -> None:
        """Closes all files. Arrays that were read stay valid."""
        for group in self._groups:
            group.close()

    def _stored(self, key: str, place: _Place) -> np.ndarray:
        """The numbers as they stand in the files."""
        if place.count == 0:
            return np.zeros(place.stored.shape, numpy_dtype(place.stored.dtype))
        parts = list(place.files.parts(place.offset, place.count))
        if len(parts) == 1:
            return parts[0][0].array(parts[0][1], place.stored, key)
        joined = bytearray()
        for file, offset, count in parts:
            joined += memoryview(file.buffer)[offset : offset + count]
        flat = np.frombuffer(joined, numpy_dtype(place.stored.dtype))
        check_booleans(self.path, flat, key)
        return flat.reshape(place.stored.shape)

    def _shard_path(self, name: str, files: Mapping[str, Path] | None, where: str) -> Path:
        path = files.get(name) if files is not None else self.path.parent / name
        problem = ""
        if path is None or not path.is_file():
            problem = f"it names {name}, and there is no such file beside it"
        elif files is None and path.is_symlink():
            problem = f"it names {name}, which is a link: a file is expected"
        if path is None or problem:
            raise ReaderError(self.path, problem, f"{where}.paths")
        return path

    def _add(self, where: str, weights: list[Any], group: _Files, seen: set[str]) -> None:
        offset = 0
        for number, entry in enumerate(weights):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str):
                problem = "an object with name, shape and dtype is expected"
                raise ReaderError(self.path, problem, f"{where}.weights[{number}]")
            key = check_key(self.path, name)
            if key in seen:
                raise self._fail("the name occurs twice", key)
            seen.add(key)
            place = self._place(key, entry, group, offset)
            offset += place.count
            if offset > group.size:
                raise self._fail(
                    f"it ends at byte {offset} of the files of {where}, which hold {group.size}: "
                    "a file is cut short, or the shape or dtype is wrong",
                    key,
                )
            if entry.get("group") != "optimizer":
                self._places[key] = place
        if offset != group.size:
            problem = f"its files hold {group.size} bytes, and its tensors take {offset}"
            raise ReaderError(self.path, problem, where)

    def _place(self, key: str, entry: dict[str, Any], group: _Files, offset: int) -> _Place:
        dtype = entry.get("dtype")
        if dtype not in DTYPES:
            known = ", ".join(DTYPES)
            raise self._fail(f"dtype {_told(dtype)} is not read; {known} are", key)
        if not isinstance(entry.get("shape"), list):
            raise self._fail("its shape is not a list", key)
        info = TensorInfo(check_shape(self.path, entry["shape"], key), dtype)
        if "quantization" not in entry:
            return _Place(info, info, group, offset)
        about = entry["quantization"]
        form = about.get("dtype") if isinstance(about, dict) else None
        if not isinstance(form, str) or dtype not in CODES.get(form, ()):
            known = "uint8 or uint16 for float32 and int32, float16 for float32"
            raise self._fail(f"{dtype} stored as {_told(form)} is not read; {known} is", key)
        stored = TensorInfo(info.shape, form)
        if form == "float16":
            return _Place(info, stored, group, offset)
        scale, least = (self._number(about, word, key) for word in ("scale", "min"))
        limits = np.iinfo(np.int32) if dtype == "int32" else np.finfo(np.float32)
        last = least + scale * np.iinfo(form).max
        if not all(float(limits.min) <= value <= float(limits.max) for value in (least, last)):
            problem = f"scale {scale:g} and min {least:g} lead out of {dtype}"
            raise self._fail(problem, key)
        return _Place(info, stored, group, offset, scale, least)

    def _number(self, about: dict[str, Any], word: str, key: str) -> float:
        value = about.get(word)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                if math.isfinite(found := float(value)):
                    return found
            except OverflowError:
                pass
        raise self._fail(f"its quantization has no finite number {word}", key)

    def _fail(self, problem: str, key: str) -> ReaderError:
        return ReaderError(self.path, problem, f"tensor {key}")


def _values(place: _Place) -> np.ndarray:
    """What each code stands for: (256,) or (65536,) numbers of the tensor's dtype."""
    values = np.arange(np.iinfo(place.stored.dtype).max + 1) * place.scale + place.least
    # JavaScript's Math.round takes halves up.
    rounded = np.floor(values + 0.5) if place.info.dtype == "int32" else values
    return rounded.astype(numpy_dtype(place.info.dtype))
