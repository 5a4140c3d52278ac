"""The readers of CTranslate2's model.bin and of sharded files."""

from __future__ import annotations

import json
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import CTranslate2Reader, ShardedReader, open_reader

IDS = ["float32", "int8", "int16", "int32", "float16", "bfloat16"]


def string(value: str) -> bytes:
    raw = value.encode() + b"\0"
    return struct.pack("<H", len(raw)) + raw


def variable(name: str, array: np.ndarray, dtype_id=None, size=None, rank=None) -> bytes:
    dtype_id = IDS.index(array.dtype.name) if dtype_id is None else dtype_id
    size = array.nbytes if size is None else size
    return (
        string(name)
        + struct.pack("<B", array.ndim if rank is None else rank)
        + struct.pack(f"<{array.ndim}I", *array.shape)
        + struct.pack("<BI", dtype_id, size)
        + array.tobytes()
    )


def model(variables, aliases=(), version=6, counts=(None, None)) -> bytes:
    """A model.bin by the documented layout; `variables` are already encoded."""
    counts = [len(v) if c is None else c for v, c in zip((variables, aliases), counts, strict=True)]
    return (
        struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<I", 3)
        + struct.pack("<I", counts[0]) + b"".join(variables)
        + struct.pack("<I", counts[1]) + b"".join(string(a) + string(b) for a, b in aliases)
    )  # fmt: skip


def arrays():
    rng = np.random.default_rng(0)
    found = {f"decoder/layer_{i}/x": rng.normal(size=(3, 2)) * 50 for i in range(len(IDS))}
    kinds = [np.dtype(getattr(ml_dtypes, d, d)) for d in IDS]
    found = {k: v.astype(t) for (k, v), t in zip(found.items(), kinds, strict=True)}
    return {**found, "decoder/num_heads": np.int16(6)[()] * np.ones((), np.int16)}


def test_reads_every_dtype_and_aliases(tmp_path):
    expected = arrays()
    raw = model([variable(k, v) for k, v in expected.items()], [("b/w", "decoder/layer_0/x")])
    (tmp_path / "model.bin").write_bytes(raw)
    with open_reader(tmp_path / "model.bin") as reader:
        assert isinstance(reader, CTranslate2Reader)
        assert (reader.spec_name, reader.spec_revision) == ("WhisperSpec", 3)
        assert list(reader) == [*expected, "b/w"] and "b/w" in reader
        for key, array in expected.items():
            assert reader.info(key).shape == array.shape
            got = reader.read(key)
            assert got.dtype == array.dtype and got.flags.aligned
            np.testing.assert_array_equal(got, array)
            reader.release(key)
        np.testing.assert_array_equal(reader.read("b/w"), expected["decoder/layer_0/x"])
        assert reader.identity("b/w") == reader.identity("decoder/layer_0/x")


def test_refuses_every_truncation_and_one_more_byte(tmp_path):
    raw = model([variable(k, v) for k, v in arrays().items()], [("b", "decoder/num_heads")])
    path = tmp_path / "model.bin"
    for size in [*range(1, len(raw)), len(raw) + 1]:
        path.write_bytes((raw + b"\0")[:size])
        with pytest.raises(ReaderError):
            CTranslate2Reader(path)
    path.write_bytes(raw)
    assert len(CTranslate2Reader(path)) == 8


ONE = np.ones((2,), np.float32)
GOOD = variable("a", ONE)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (model([GOOD], version=5), "binary version 5"),
        (model([GOOD, GOOD]), "occurs twice"),
        (model([GOOD], [("a", "a")]), "occurs twice"),
        (model([GOOD], [("b", "absent")]), "no variable"),
        (model([GOOD], [("b", "a"), ("c", "b")]), "no variable"),
        (model([GOOD], [("b", "a"), ("b", "a")]), "alias b"),
        (model([variable("a", ONE, dtype_id=6)]), "dtype id 6"),
        (model([variable("a", ONE, size=4)]), "4 bytes for shape"),
        (model([variable("a", ONE, rank=200)]), "200 axes"),
        (model([variable("../a", ONE)]), "not allowed"),
        (model([GOOD], counts=(2**32 - 1, 0)), "cannot fit"),
        (model([GOOD], counts=(1, 2**31)), "cannot fit"),
        (model([GOOD.replace(b"a\0", b"\0\0")]), "zero byte"),
        (model([GOOD.replace(b"a\0", b"\xff\0")]), "UTF-8"),
        (model([GOOD]) + b"\0", "left over"),
    ],
)
def test_refuses_a_bad_model_bin(tmp_path, raw, problem):
    (tmp_path / "model.bin").write_bytes(raw)
    with pytest.raises(ReaderError, match=problem):
        CTranslate2Reader(tmp_path / "model.bin")


# -- several files by an index


@pytest.fixture
def shards(tmp_path):
    """Two files and what an index of them holds."""
    tensors = {name: np.full((2,), value, np.float32) for value, name in enumerate("abcd")}
    save_file({k: tensors[k] for k in "ab"}, tmp_path / "m-1-of-2.safetensors")
    save_file({k: tensors[k] for k in "cd"}, tmp_path / "m-2-of-2.safetensors")
    weight_map = {k: f"m-{1 if k in 'ab' else 2}-of-2.safetensors" for k in "abcd"}
    return tmp_path, weight_map, tensors


def index(folder, weight_map, name="model.safetensors.index.json"):
    text = weight_map if isinstance(weight_map, str) else json.dumps({"weight_map": weight_map})
    (folder / name).write_text(text)
    return folder / name


def test_reads_shards_beside_the_index_or_where_they_are_said_to_be(shards):
    folder, weight_map, tensors = shards
    with open_reader(index(folder, weight_map)) as reader:
        assert isinstance(reader, ShardedReader) and set(reader) == set("abcd")
        for key, array in tensors.items():
            np.testing.assert_array_equal(reader.read(key), array)
            reader.release(key)
    files = {}
    for number, name in enumerate(sorted(set(weight_map.values()))):
        files[name] = (folder / name).rename(folder / f"blob{number}")
    reader = open_reader(folder / "model.safetensors.index.json", files)
    np.testing.assert_array_equal(reader.read("d"), tensors["d"])
    with pytest.raises(ReaderError, match="there is no such file"):
        open_reader(folder / "model.safetensors.index.json")


def test_refuses_an_index_that_does_not_fit_the_files(shards):
    folder, weight_map, _ = shards
    first, second = sorted(set(weight_map.values()))
    cases = {
        "it is in m-2": {**weight_map, "c": first},
        "no file holds it": {**weight_map, "e": first},
        "not in the index": {k: weight_map[k] for k in "abc"},
        "there is no such file": {**weight_map, "c": "absent.safetensors"},
        "not a plain file name": {**weight_map, "c": "../x.safetensors"},
        "not allowed": {**weight_map, "../c": second},
        "no weight_map": {},
    }
    for problem, bad in cases.items():
        with pytest.raises(ReaderError, match=problem):
            open_reader(index(folder, bad))


def test_refuses_an_index_that_is_not_one(shards):
    folder, weight_map, _ = shards
    for text in ("{", '{"weight_map": []}', '{"weight_map": {"a": 1}}', '{"a": 1, "a": 2}'):
        with pytest.raises(ReaderError):
            open_reader(index(folder, text))
    index(folder, weight_map, "inner.json")
    with pytest.raises(ReaderError, match="an index names another index"):
        open_reader(index(folder, {"a": "inner.json"}))


def test_refuses_a_tensor_in_two_files(shards):
    folder, weight_map, tensors = shards
    save_file({k: tensors[k] for k in "bcd"}, folder / "m-2-of-2.safetensors")
    with pytest.raises(ReaderError, match="tensor b"):
        open_reader(index(folder, weight_map))
