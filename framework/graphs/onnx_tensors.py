"""Reads the tensors of ONNX files: in the file, or in a file of numbers beside it."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import GraphError
from .ir import MAX_RANK, NARROW, numpy_dtype
from .onnx_skeleton import Numbers

# Numbers of dtypes in ONNX (onnx.proto, TensorProto.DataType) that have other names here.
_NAMES = {
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "FLOAT8E4M3FN": "float8_e4m3fn",
    "FLOAT8E4M3FNUZ": "float8_e4m3fnuz",
    "FLOAT8E5M2": "float8_e5m2",
    "FLOAT8E5M2FNUZ": "float8_e5m2fnuz",
    "FLOAT8E8M0": "float8_e8m0fnu",
    "FLOAT4E2M1": "float4_e2m1fn",
}
# Bits of one element, where they are fewer than a byte.
_BITS = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}
_MOST_BYTES = 1 << 40


def dtype_of_number(number: int) -> str:
    """Returns the name of ONNX's dtype `number`. GraphError for none."""
    from onnx import TensorProto

    try:
        name = TensorProto.DataType.Name(number)
    except ValueError:
        raise GraphError(f"{number} is not the number of a dtype in ONNX") from None
    if name == "UNDEFINED":
        raise GraphError("a tensor has no dtype")
    return _NAMES.get(name, name.lower())


class TensorReader:
    """Reads tensors of one file.

    Args:
        folder: where files of numbers may lie; None where there is no such folder.
        beside: name -> path of those that may be read, where they do not lie in the folder under
            their names.
        numbers: reads those of the file that were left out of its message.
    """

    def __init__(
        self,
        folder: Path | None,
        beside: Mapping[str, Path] | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self.folder, self.beside, self.numbers = folder, beside, numbers

    def read(self, proto: Any) -> np.ndarray:
        """Returns a tensor. GraphError where sizes, dtype and bytes do not fit each other."""
        from onnx import numpy_helper

        shape, dtype = tuple(proto.dims), dtype_of_number(proto.data_type)
        name = proto.name
        if len(shape) > MAX_RANK or any(n < 0 for n in shape):
            raise GraphError(f"the tensor {name!r} has the shape {list(shape)[:8]}, which is none")
        count = math.prod(shape)
        size = 0 if dtype == "string" else _bytes_of(dtype, count)
        if size > _MOST_BYTES or count > _MOST_BYTES:
            raise GraphError(f"the tensor {name!r} would have {count} elements")
        if proto.data_location == type(proto).EXTERNAL:
            return self._outside(proto, shape, dtype, size)
        if dtype == "string":
            if len(proto.string_data) != count:
                raise _unfit(name, len(proto.string_data), "texts", count)
            return _texts(proto.string_data, shape, name)
        if proto.HasField("raw_data"):
            raw = proto.raw_data
            left_out = None if self.numbers is None else self.numbers.size_of(raw)
            held = len(raw) if left_out is None else left_out
            if held != size:
                raise _unfit(name, held, "bytes", size)
            if left_out is not None and self.numbers is not None:
                raw = self.numbers.read(raw)
            if dtype not in NARROW:
                little = numpy_dtype(dtype).newbyteorder("<")
                return np.frombuffer(raw, little).reshape(shape)
            if left_out is not None:
                return self.read(_with_bytes(proto, raw.tobytes()))
        elif (held := _held(proto, dtype)) not in (count, _packed(dtype, count)):
            raise _unfit(name, held, "numbers", count)
        try:
            found = numpy_helper.to_array(proto)
        except (ValueError, TypeError, KeyError) as error:
            raise GraphError(f"the tensor {name!r} cannot be read: {error}") from error
        return found.reshape(shape)

    def read_sparse(self, proto: Any) -> np.ndarray:
        """Returns a sparse tensor with its zeros."""
        from .calls import MOST_ELEMENTS

        shape, values = tuple(proto.dims), self.read(proto.values)
        places = self.read(proto.indices)
        name = proto.values.name
        count = math.prod(shape)
        if any(n < 0 for n in shape) or count > MOST_ELEMENTS:
            raise GraphError(f"the sparse tensor {name!r} would have {count} elements")
        if places.ndim == 2 and places.shape[1] == len(shape):
            if places.size and ((places < 0) | (places >= np.array(shape))).any():
                raise GraphError(f"the sparse tensor {name!r} has a place outside its shape")
            places = np.ravel_multi_index(tuple(places.T), shape) if places.size else places[:, 0]
        if places.shape != values.shape or ((places < 0) | (places >= count)).any():
            raise GraphError(f"the sparse tensor {name!r} has a place outside its shape")
        made = np.zeros(count, values.dtype)
        made[places] = values
        return made.reshape(shape)

    def _outside(self, proto: Any, shape: Any, dtype: str, size: int) -> np.ndarray:
        """A tensor in another file: a plain one of the same folder that is long enough."""
        name, entries = proto.name, {entry.key: entry.value for entry in proto.external_data}
        location = entries.get("location", "")
        if self.folder is None and self.beside is None:
            raise GraphError(
                f"the tensor {name!r} lies in another file, {location!r}: give the path of the "
                "ONNX file, not its bytes"
            )
        if dtype == "string":
            raise GraphError(f"the tensor {name!r} of texts cannot lie in another file")
        path = self._path(location, name)
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", size))
        except ValueError:
            raise GraphError(f"the tensor {name!r} lies at no number of bytes") from None
        held = path.stat().st_size
        if length != size or offset < 0 or offset + size > held:
            raise GraphError(
                f"the tensor {name!r} takes {size} bytes; {length} at {offset} are named, of the "
                f"{held} of {location!r}"
            )
        if dtype in _BITS:
            with open(path, "rb") as file:
                file.seek(offset)
                return self.read(_with_bytes(proto, file.read(size)))
        if not size:
            return np.zeros(shape, numpy_dtype(dtype))
        raw = np.memmap(path, np.uint8, "r", offset, (size,))
        return raw.view(numpy_dtype(dtype)).reshape(shape)

    def _path(self, location: str, name: str) -> Path:
        if self.beside is None:
            assert self.folder is not None
            return _inside(self.folder, location, name)
        if location not in self.beside:
            raise GraphError(f"the tensor {name!r} lies in {location!r}, which is not there")
        return self.beside[location]


def _with_bytes(proto: Any, raw: bytes) -> Any:
    """A tensor with its numbers in it."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    copy.ClearField("external_data")
    copy.data_location = type(proto).DEFAULT
    copy.raw_data = raw
    return copy


def _inside(folder: Path, location: str, name: str) -> Path:
    """The path of a plain file of a folder. GraphError for anything else."""
    parts = Path(location).parts
    wrong = not parts or Path(location).is_absolute() or ".." in parts or "\0" in location
    path = folder / location
    if not wrong:
        for above in (path, *path.parents):
            if above == folder:
                break
            if above.is_symlink():
                wrong = True
    if wrong:
        raise GraphError(
            f"the tensor {name!r} lies in {location!r}: only plain files in the folder of the ONNX "
            "file are read, no links"
        )
    if not path.is_file() or not stat.S_ISREG(path.lstat().st_mode):
        raise GraphError(f"the tensor {name!r} lies in {location!r}, which is not there")
    return path


def _bytes_of(dtype: str, count: int) -> int:
    if dtype in _BITS:
        return -(-count * _BITS[dtype] // 8)
    return count * numpy_dtype(dtype).itemsize


def _packed(dtype: str, count: int) -> int:
    """How many numbers of a field hold `count` elements."""
    if dtype in _BITS:
        return -(-count * _BITS[dtype] // 8)
    return 2 * count if dtype.startswith("complex") else count


def _held(proto: Any, dtype: str) -> int:
    fields = (proto.float_data, proto.int32_data, proto.int64_data, proto.double_data)
    return max(*(len(field) for field in fields), len(proto.uint64_data))


def _unfit(name: str, held: int, what: str, expected: int) -> GraphError:
    return GraphError(f"the tensor {name!r} has {held} {what}; its shape takes {expected}")


def _texts(items: Any, shape: Any, name: str) -> np.ndarray:
    try:
        found = [item.decode("utf-8") for item in items]
    except UnicodeDecodeError as error:
        raise GraphError(f"the tensor {name!r} has a text that is no UTF-8: {error}") from error
    return np.array(found, np.str_).reshape(shape)
