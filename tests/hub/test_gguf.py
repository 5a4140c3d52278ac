"""Files of GGUF: blocks as their definition says, and files that lie."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import GGUFReader, open_reader
from isozoo.hub.readers.blocks import FORMS
from isozoo.nlp.gguf_tokenizers import of_gguf


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _file(path, tensors=(), settings=(), version=3, **lies):
    """A file of (name, sizes, form, bytes) and of packed settings."""
    head = b"GGUF" + struct.pack("<I", version)
    head += struct.pack("<QQ", lies.get("count", len(tensors)), len(settings))
    for key, kind, value in settings:
        head += _text(key) + struct.pack("<I", kind) + value
    data = b""
    for name, sizes, form, raw in tensors:
        place = lies.get("place", len(data))
        head += _text(name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", form, place)
        data += raw + bytes(-len(raw) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)
    return path


def _half(x: float) -> bytes:
    return np.float16(x).tobytes()


def _by_definition(name: str, raw: bytes) -> list[float]:
    """The 32 numbers of a block, bit by bit."""
    scale = float(np.frombuffer(raw[:2], "<f2")[0])
    if name == "Q8_0":
        return [scale * struct.unpack("b", raw[2 + i : 3 + i])[0] for i in range(32)]
    least = float(np.frombuffer(raw[2:4], "<f2")[0]) if name.endswith("_1") else 0.0
    at = 4 if name.endswith("_1") else 2
    high = 0
    if name.startswith("Q5"):
        high, at = int.from_bytes(raw[at : at + 4], "little"), at + 4
    found = []
    for i in range(32):
        byte = raw[at + i % 16]
        number = (byte & 15 if i < 16 else byte >> 4) | ((high >> i & 1) << 4)
        middle = {"Q4_0": 8, "Q5_0": 16}.get(name, 0)
        found.append(scale * (number - middle) + least)
    return found


def _by_definition_of_256(name: str, raw: bytes) -> list[float]:
    """The 256 numbers of a super-block, bit by bit."""

    def number(at: int) -> float:
        return float(np.frombuffer(raw[at : at + 2], "<f2")[0])

    def six_bits(part: int) -> tuple[int, int]:
        q = raw[4:16]
        if part < 4:
            return q[part] & 63, q[part + 4] & 63
        low = q[part + 4]
        return (low & 15) | (q[part - 4] >> 6) << 4, (low >> 4) | (q[part] >> 6) << 4

    found = []
    for i in range(256):
        half, place, row = i // 128, i % 32, i % 128 // 32  # of 128 numbers, 32 share their bytes
        two = {"Q2_K": 16, "Q3_K": 32, "Q6_K": 128}.get(name)
        if two is not None:
            pair = raw[two + 32 * half + place] >> 2 * row & 3
        if name == "Q2_K":
            scale = raw[i // 16]
            found.append(number(80) * (scale & 15) * pair - number(82) * (scale >> 4))
        elif name == "Q3_K":
            part = i // 16
            low = raw[96 + part % 8] >> (0 if part < 8 else 4) & 15
            scale = (low | (raw[104 + part % 4] >> 2 * (part // 4) & 3) << 4) - 32
            top = raw[place] >> (i // 32) & 1
            found.append(number(108) * scale * (pair - (0 if top else 4)))
        elif name == "Q6_K":
            byte = raw[64 * half + i % 64]
            low = byte & 15 if i % 128 < 64 else byte >> 4
            scale = struct.unpack("b", raw[192 + i // 16 : 193 + i // 16])[0]
            found.append(number(208) * scale * ((low | pair << 4) - 32))
        else:
            part = i // 32
            byte = raw[(48 if name == "Q5_K" else 16) + 32 * (i // 64) + place]
            value = byte & 15 if part % 2 == 0 else byte >> 4
            if name == "Q5_K":
                value |= (raw[16 + place] >> part & 1) << 4
            scale, least = six_bits(part)
            found.append(number(0) * scale * value - number(2) * least)
    return found


BLOCKS = [number for number, form in FORMS.items() if form.read and form.numbers == 32]
SUPER_BLOCKS = [number for number, form in FORMS.items() if form.numbers == 256]


@pytest.mark.parametrize("number", BLOCKS, ids=lambda n: FORMS[n].name)
def test_blocks_are_what_their_definition_says(number, tmp_path):
    form, draws = FORMS[number], np.random.default_rng(number)
    blocks = [
        _half(0.125) + (_half(-1.5) if form.name.endswith("_1") else b"") + draws.bytes(form.size)
        for _ in range(6)
    ]
    blocks = [block[: form.size] for block in blocks]
    path = _file(tmp_path / "x.gguf", [("a.weight", (64, 3), number, b"".join(blocks))])
    with open_reader(path) as reader:
        assert isinstance(reader, GGUFReader) and reader.form("a.weight") == form.name
        assert reader.info("a.weight").shape == (3, 64)
        found = reader.read("a.weight")
    wanted = np.array([x for block in blocks for x in _by_definition(form.name, block)])
    np.testing.assert_array_equal(found, wanted.reshape(3, 64).astype("float32"))


@pytest.mark.parametrize("number", SUPER_BLOCKS, ids=lambda n: FORMS[n].name)
def test_super_blocks_are_what_their_definition_says(number, tmp_path):
    form, draws = FORMS[number], np.random.default_rng(number)
    # Where the two float16 numbers of a super-block stand.
    places = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,)}.get(form.name, (0, 2))
    blocks = []
    for _ in range(3):
        block = bytearray(draws.bytes(form.size))
        for place, value in zip(places, (0.125, -1.5), strict=False):
            block[place : place + 2] = _half(value)
        blocks.append(bytes(block))
    path = _file(tmp_path / "x.gguf", [("a.weight", (256, 3), number, b"".join(blocks))])
    with open_reader(path) as reader:
        found = reader.read("a.weight")
    wanted = np.array([_by_definition_of_256(form.name, block) for block in blocks])
    np.testing.assert_array_equal(found, wanted.astype("float32"))


def test_plain_tensors_and_settings(tmp_path):
    x = np.arange(6, dtype="<f4").reshape(2, 3)
    half = np.arange(4, dtype="<f2")
    numbers = struct.pack("<IQ3i", 5, 3, -1, 0, 7)
    texts = struct.pack("<IQ", 8, 2) + _text("a") + _text("é")
    path = _file(
        tmp_path / "x.gguf",
        [("x", (3, 2), 0, x.tobytes()), ("half", (4,), 1, half.tobytes())],
        [
            ("name", 8, _text("Ada")),
            ("size", 4, struct.pack("<I", 9)),
            ("on", 7, b"\x01"),
            ("numbers", 9, numbers),
            ("texts", 9, texts),
        ],
    )
    with GGUFReader(path) as reader:
        assert reader.settings == {
            "name": "Ada",
            "size": 9,
            "on": True,
            "numbers": [-1, 0, 7],
            "texts": ["a", "é"],
        }
        assert reader.metadata == {"name": "Ada"}
        np.testing.assert_array_equal(reader.read("x"), x)
        np.testing.assert_array_equal(reader.read("half"), half)
        assert list(reader) == ["x", "half"]


RAW = np.zeros(8, "<f4").tobytes()
HUGE = struct.pack("<IQ", 8, 1 << 40)


@pytest.mark.parametrize(
    ("tensors", "settings", "lies", "words"),
    [
        ([], [], {"version": 9}, "version 9"),
        ([], [], {"count": 1 << 60}, "cannot fit"),
        ([("x", (8,), 0, RAW)], [], {"place": 1 << 40}, "past the end"),
        ([("x", (8,), 0, RAW)], [], {"place": 3}, "past the end|another"),
        ([("x", (8,), 0, RAW), ("y", (8,), 0, RAW)], [], {"place": 0}, "another"),
        ([("x", (1 << 40, 1 << 40), 0, RAW)], [], {}, "impossibly large"),
        ([("x", (8,), 99, RAW)], [], {}, "form 99"),
        ([("x", (9,), 8, RAW * 9)], [], {}, "not a multiple of 32"),
        ([("x", (1, 1, 1, 1, 8), 0, RAW)], [], {}, "5 axes"),
        ([("../x", (8,), 0, RAW)], [], {}, "not allowed"),
        ([("x", (8,), 0, RAW), ("x", (8,), 0, RAW)], [], {}, "occurs twice"),
        ([], [("k", 9, HUGE)], {}, "cannot fit"),
        ([], [("k", 8, struct.pack("<Q", 1 << 50))], {}, "bytes long"),
        ([], [("k", 77, b"")], {}, "type 77"),
        ([], [("k", 9, struct.pack("<IQ", 9, 1))], {}, "type 9"),
        ([], [("general.alignment", 4, struct.pack("<I", 0))], {}, "alignment"),
        ([], [("k", 7, b"\x01")] * 2, {}, "occurs twice"),
    ],
)
def test_files_that_lie_are_refused(tensors, settings, lies, words, tmp_path):
    path = _file(tmp_path / "x.gguf", tensors, settings, **lies)
    with pytest.raises(ReaderError, match=words):
        GGUFReader(path)


def test_files_that_are_cut_are_refused(tmp_path):
    settings = [("name", 8, _text("Ada"))]
    whole = _file(tmp_path / "x.gguf", [("x", (8,), 0, RAW)], settings).read_bytes()
    for length in range(len(whole) - 1):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:length])
        with pytest.raises(ReaderError):
            GGUFReader(path)


def test_tokenizers_of_another_kind_are_refused():
    for settings, words in (
        ({}, "kind None"),
        ({"model": "t5", "pre": "default"}, "kind 't5'; known are gpt2, llama"),
        ({"model": "llama", "tokens": ["a"]}, "lacks scores"),
        ({"model": "gpt2", "pre": "bert", "tokens": ["a"]}, "words of the kind 'bert'"),
        ({"model": "gpt2", "pre": "smollm"}, "lacks tokens"),
        ({"model": "gpt2", "pre": "smollm", "tokens": ["a"], "merges": [1]}, "lacks merges"),
        ({"model": "gpt2", "pre": "smollm", "tokens": ["a", "a"], "merges": []}, "twice"),
        ({"model": "gpt2", "pre": "smollm", "tokens": ["a"], "merges": ["b c"]}, "do not fit"),
    ):
        given = {f"tokenizer.ggml.{name}": value for name, value in settings.items()}
        with pytest.raises(ValueError, match=words):
            of_gguf("x.gguf", given, 8)
