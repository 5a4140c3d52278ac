"""The safetensors reader against the reference library, and against files it must refuse."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import SafetensorsReader, TensorInfo, open_reader


def write(path: Path, header: object, data: bytes = b"") -> Path:
    """A file with any header (text, bytes or a value for JSON) and any data."""
    raw = header if isinstance(header, bytes) else None
    if raw is None:
        raw = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def entry(shape, begin, end, dtype="F32", **more):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end], **more}


DTYPES = [
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64",
]  # fmt: skip


def test_reads_what_the_library_writes(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {d: (rng.random((3, 4)) * 2).astype(d) for d in DTYPES}
    arrays["scalar"] = np.asarray(np.float32(2.5))
    arrays["none"] = np.zeros((0, 3), np.float32)
    arrays["nan"] = np.array([np.nan, np.inf], np.float32)
    save_file(arrays, tmp_path / "a.safetensors", metadata={"format": "np"})
    with open_reader(tmp_path / "a.safetensors") as reader:
        assert isinstance(reader, SafetensorsReader)
        assert set(reader) == set(arrays) and len(reader) == len(arrays)
        assert reader.metadata == {"format": "np"}
        for key, array in arrays.items():
            assert reader.info(key) == TensorInfo(array.shape, array.dtype.name)
            got = reader.read(key)
            assert got.dtype == array.dtype and got.shape == array.shape
            np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("BF16", ml_dtypes.bfloat16),
        ("F8_E4M3", ml_dtypes.float8_e4m3fn),
        ("F8_E5M2", ml_dtypes.float8_e5m2),
    ],
)
def test_reads_the_small_floats(tmp_path, name, dtype):
    array = np.array([1.0, -2.0, 0.5, 3.0], dtype)
    header = {"x": entry([4], 0, array.nbytes, name)}
    reader = open_reader(write(tmp_path / "x", header, array.tobytes()))
    np.testing.assert_array_equal(reader.read("x").astype(np.float32), [1.0, -2.0, 0.5, 3.0])
    assert reader.info("x").dtype == np.dtype(dtype).name


def test_a_view_is_private(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"x": np.arange(4, dtype=np.float32)}, path)
    before = path.read_bytes()
    reader = open_reader(path)
    view = reader.read("x")
    view[0] = 7.0  # allowed, so that a framework can wrap it without copying
    reader.close()
    assert view[0] == 7.0 and path.read_bytes() == before
    with pytest.raises(ReaderError, match="closed"):
        reader.read("x")


def test_release_keeps_neighbours(tmp_path):
    """The pages at both ends are shared with the tensors before and after."""
    path = tmp_path / "a.safetensors"
    save_file({name: np.full(5000, i, np.float32) for i, name in enumerate("abc")}, path)
    reader = open_reader(path)
    before, after = reader.read("a"), reader.read("c")
    before[:], after[:] = 8, 9
    reader.release("b")
    assert (before == 8).all() and (after == 9).all() and (reader.read("b") == 1).all()


def test_unaligned_tensors_are_copied(tmp_path):
    data = b"\x01" + np.float32(2.5).tobytes()
    header = {"flag": entry([1], 0, 1, "U8"), "x": entry([1], 1, 5)}
    raw = json.dumps(header)
    reader = open_reader(write(tmp_path / "x", raw + " " * (-len(raw) % 8), data))
    assert reader.read("x")[0] == 2.5 and reader.read("x").flags.aligned


def test_accepts_an_empty_header_and_trailing_spaces(tmp_path):
    assert len(open_reader(write(tmp_path / "a", "{}"))) == 0
    assert list(open_reader(write(tmp_path / "b", '{"x":' + json.dumps(entry([0], 0, 0)) + "}   ")))


ONE = np.float32(1).tobytes()
REFUSED = {
    "overlap": ({"a": entry([1], 0, 4), "b": entry([1], 2, 6)}, ONE + b"\0\0"),
    "hole": ({"a": entry([1], 0, 4), "b": entry([1], 6, 10)}, bytes(10)),
    "trailing bytes": ({"a": entry([1], 0, 4)}, bytes(5)),
    "short file": ({"a": entry([2], 0, 8)}, bytes(4)),
    "begin after end": ({"a": entry([1], 4, 0)}, ONE),
    "negative begin": ({"a": entry([2], -4, 4)}, ONE),
    "shape is not bytes": ({"a": entry([2], 0, 4)}, ONE),
    "negative dimension": ({"a": entry([-1], 0, 4)}, ONE),
    "shape overflows": ({"a": entry([2**33, 2**33], 0, 4)}, ONE),
    "dimension is a float": ({"a": entry([1.0], 0, 4)}, ONE),
    "dimension is a bool": ({"a": entry([True], 0, 4)}, ONE),
    "too many axes": ({"a": entry([1] * 40, 0, 4)}, ONE),
    "unknown dtype": ({"a": entry([1], 0, 4, "F32X")}, ONE),
    "dtype is a list": ({"a": entry([1], 0, 4, ["F32"])}, ONE),
    "extra field": ({"a": entry([1], 0, 4, code="x")}, ONE),
    "missing field": ({"a": {"dtype": "F32", "shape": [1]}}, ONE),
    "entry is a list": ({"a": [1]}, ONE),
    "three offsets": ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}}, ONE),
    "header is a list": ("[]", b""),
    "leading space": (" {}", b""),
    "not UTF-8": (b'{"\xff": 1}', b""),
    "NaN in the header": ('{"a": NaN}', b""),
    "nested": ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", b""),
    "huge integer": ('{"a": ' + "9" * 5000 + "}", ONE),
    "metadata is not text": ({"__metadata__": {"a": 1}}, b""),
    "metadata is a list": ({"__metadata__": ["a"]}, b""),
    "path as a key": ({"../../x": entry([1], 0, 4)}, ONE),
    "inner path": ({"a/../x": entry([1], 0, 4)}, ONE),
    "empty key": ({"": entry([1], 0, 4)}, ONE),
    "NUL in a key": ({"a\0b": entry([1], 0, 4)}, ONE),
    "lone surrogate": ('{"\\ud800": 1}', ONE),
    "long key": ({"a" * 600: entry([1], 0, 4)}, ONE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(tmp_path, case):
    header, data = REFUSED[case]
    path = write(tmp_path / "bad.safetensors", header, data)
    with pytest.raises(ReaderError, match="bad.safetensors"):
        SafetensorsReader(path)


@pytest.mark.parametrize("same_range", [True, False])
def test_refuses_a_duplicate_key(tmp_path, same_range):
    second = entry([1], 0, 4) if same_range else entry([1], 4, 8)
    header = f'{{"a": {json.dumps(entry([1], 0, 4))}, "a": {json.dumps(second)}}}'
    path = write(tmp_path / "x", header, ONE if same_range else ONE * 2)
    with pytest.raises(ReaderError, match="'a' occurs twice"):
        SafetensorsReader(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02\x00\x00",
        struct.pack("<Q", 0) + b"{}",
        struct.pack("<Q", 200) + b"{}",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100_000_001) + b"{}",
    ],
    ids=["empty", "under 8 bytes", "header 0", "header past the end", "2**63", "over 100 MB"],
)
def test_refuses_a_bad_header_length(tmp_path, raw):
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(ReaderError):
        SafetensorsReader(tmp_path / "x")


def test_refuses_a_boolean_that_is_neither(tmp_path):
    reader = open_reader(write(tmp_path / "x", {"a": entry([2], 0, 2, "BOOL")}, b"\x01\x02"))
    with pytest.raises(ReaderError, match="neither 0 nor 1"):
        reader.read("a")


def test_unknown_files_are_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"<html>not weights</html>")
    with pytest.raises(ReaderError, match="neither safetensors"):
        open_reader(tmp_path / "x.safetensors")
    with pytest.raises(ReaderError, match="cannot be opened"):
        open_reader(tmp_path / "absent")
