"""Small valid files of every form that is read from outside, made here."""

from __future__ import annotations

import io
import json
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..small_models import small_model

_DRAWS = np.random.default_rng(0)


def safetensors_file(folder: Path) -> Path:
    """Two tensors of floats, one of truths, one without elements."""
    from ...hub.tensors import write_safetensors

    tensors = {
        "a.weight": _DRAWS.normal(size=(3, 4)).astype("float32"),
        "b": np.array([True, False]),
        "half": np.ones((2, 2), "float16"),
        "none": np.zeros((0, 3), "int64"),
    }
    return write_safetensors(folder / "model.safetensors", tensors, {"note": "x"})[0]


def sharded_files(folder: Path) -> Path:
    """Two files of safetensors and their index, which is returned."""
    from ...hub.tensors import write_safetensors

    tensors = {name: _DRAWS.normal(size=(4, 4)).astype("float32") for name in "abc"}
    return write_safetensors(folder / "model.safetensors", tensors, max_shard_bytes=100)[-1]


# Pickles, opcode by opcode: nothing here, nor in the package, imports the module of that name.
def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _counts(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(b"K" + bytes([n]) for n in numbers) + b"t"


def _tensor(key: str, storage: str, count: int, shape: tuple[int, ...], old: bool) -> bytes:
    strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    pid = b"(" + _text("storage") + f"ctorch\n{storage}\n".encode() + _text(key) + _text("cpu")
    pid += b"K" + bytes([count]) + (b"N" if old else b"") + b"tQ"
    arguments = pid + b"K\x00" + _counts(shape) + _counts(strides)
    arguments += b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def _state(old: bool) -> bytes:
    found = b"\x80\x02ccollections\nOrderedDict\n)Rq\x00("
    found += _text("weight") + _tensor("0", "FloatStorage", 6, (2, 3), old) + b"q\x01"
    found += _text("count") + _tensor("1", "LongStorage", 1, (), old)
    found += _text("inner") + b"}(" + _text("again") + b"h\x01" + _text("epoch") + b"K\x03u"
    return found + b"u."


def torch_zip(folder: Path) -> Path:
    """A state dict as `torch.save` writes it."""
    path = folder / "model.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x/data.pkl", _state(False))
        file.writestr("x/byteorder", b"little")
        file.writestr("x/data/0", _DRAWS.normal(size=6).astype("<f4").tobytes())
        file.writestr("x/data/1", np.array([7], "<i8").tobytes())
        file.writestr("x/version", b"3\n")
    return path


def torch_legacy(folder: Path) -> Path:
    """The same in the older form."""
    from ...hub.readers.torch_pickle import LEGACY_PREFIX

    raw = LEGACY_PREFIX + b"." + b"\x80\x02M\xe9\x03."
    raw += b"\x80\x02}(" + _text("little_endian") + b"\x88" + _text("type_sizes") + b"}u."
    raw += _state(True) + b"\x80\x02](" + _text("0") + _text("1") + b"e."
    raw += struct.pack("<q", 6) + _DRAWS.normal(size=6).astype("<f4").tobytes()
    raw += struct.pack("<q", 1) + np.array([7], "<i8").tobytes()
    path = folder / "model.bin"
    path.write_bytes(raw)
    return path


def data_pickle(folder: Path) -> Path:
    """A dict with texts, numbers and an array, as data sets come."""
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    array += b"(K\x01K\x02K\x02\x86cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ"
    array += b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x01\x02\x03\x04tb"
    path = folder / "batch"
    path.write_bytes(b"\x80\x02}(U\x04data" + array + b"U\x06labels](K\x01K\x02M\x00\x04eu.")
    return path


def gguf(folder: Path) -> Path:
    """Tensors in several forms, with the settings of a tokenizer."""
    from ...hub.readers.blocks import FORMS

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    settings: list[tuple[str, int, bytes]] = [
        ("general.architecture", 8, text("llama")),
        ("general.alignment", 4, struct.pack("<I", 32)),
        ("llama.rope.freq_base", 6, struct.pack("<f", 1e4)),
        ("tokenizer.ggml.model", 8, text("gpt2")),
        ("tokenizer.ggml.pre", 8, text("smollm")),
        ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text("a") + text("b") + text("ab")),
        ("tokenizer.ggml.merges", 9, struct.pack("<IQ", 8, 1) + text("a b")),
        ("tokenizer.ggml.token_type", 9, struct.pack("<IQ3i", 5, 3, 1, 1, 3)),
        ("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 2)),
        ("some.flag", 7, b"\x01"),
    ]
    head, data = b"", b""
    forms = (0, 1, 2, 6, 8, 12, 14, 30)
    for number in forms:
        form = FORMS[number]
        head += text(f"blk.{number}.weight") + struct.pack("<IQI", 1, 256, number)
        head += struct.pack("<Q", len(data))
        data += _DRAWS.bytes(256 // form.numbers * form.size)
        data += bytes(-len(data) % 32)
    raw = b"GGUF" + struct.pack("<IQQ", 3, len(forms), len(settings))
    raw += b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in settings)
    raw += head
    path = folder / "model.gguf"
    path.write_bytes(raw + bytes(-len(raw) % 32) + data)
    return path


def ctranslate2(folder: Path) -> Path:
    """Two variables and an alias."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    raw = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, 2)
    raw += text("a") + struct.pack("<BII", 2, 2, 3) + struct.pack("<BI", 0, 24)
    raw += _DRAWS.normal(size=6).astype("<f4").tobytes()
    raw += text("b") + struct.pack("<B", 0) + struct.pack("<BI", 2, 2) + b"\x07\x00"
    raw += struct.pack("<I", 1) + text("c") + text("a")
    path = folder / "model.bin"
    path.write_bytes(raw)
    return path


def tfjs(folder: Path) -> Path:
    """Tensors with and without codes in two files, one of them in both."""
    tensors: list[tuple[str, str, np.ndarray, dict[str, object] | None]] = [
        ("a/kernel", "float32", _DRAWS.normal(size=(3, 4)).astype("<f4"), None),
        ("a/flags", "bool", np.array([1, 0, 1], "u1"), None),
        ("b/kernel", "float32", np.arange(9, dtype="u1"), {"scale": 0.5, "min": -2}),
        ("b/steps", "int32", np.arange(4, dtype="<u2"), {"scale": 2.5, "min": 1}),
        ("b/half", "float32", np.ones((2, 2), "<f2"), {}),
        ("b/count", "int32", np.array(7, "<i4"), None),
    ]
    weights: list[dict[str, object]] = []
    for name, dtype, codes, about in tensors:
        entry: dict[str, object] = {"name": name, "shape": list(codes.shape), "dtype": dtype}
        if about is not None:
            entry["quantization"] = {"dtype": codes.dtype.name, **about}
        weights.append(entry)
    raw = b"".join(codes.tobytes() for _, _, codes, _ in tensors)
    (folder / "group1-shard1of2.bin").write_bytes(raw[:54])
    (folder / "group1-shard2of2.bin").write_bytes(raw[54:])
    paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
    content = {"modelTopology": {}, "weightsManifest": [{"paths": paths, "weights": weights}]}
    path = folder / "model.json"
    path.write_text(json.dumps(content))
    return path


def _small_network() -> object:
    from ...framework import config, layers, models

    with config.use_backend("numpy"):
        made = models.Sequential(
            [
                layers.Input((4,)),
                layers.Dense(3, activation="relu", name="first"),
                layers.BatchNormalization(name="norm"),
                layers.Dropout(0.5, name="drop"),
            ],
            name="net",
        )
    made.compile("adam", "mse")
    return made


def keras_file(name: str) -> Callable[[Path], Path]:
    """Returns what writes a small compiled network to a file of this name."""

    def write(folder: Path) -> Path:
        model: object = _small_network()
        if "weights" in name:
            more = {"max_shard_size": 1e-7} if name.endswith(".json") else {}
            model.save_weights(folder / name, **more)  # pyright: ignore
        else:
            model.save(folder / name)  # pyright: ignore
        return folder / name

    return write


def _varint(number: int) -> bytes:
    found = b""
    while True:
        number, low = number >> 7, number & 127
        found += bytes([low | (128 if number else 0)])
        if not number:
            return found


def sentencepiece(folder: Path) -> Path:
    """A Unigram model of six pieces."""

    def field(number: int, raw: bytes) -> bytes:
        return _varint(number << 3 | 2) + _varint(len(raw)) + raw

    pieces = [("<pad>", 3), ("</s>", 3), ("<unk>", 2), ("▁", 1), ("a", 1), ("▁ab", 1)]
    raw = b""
    for at, (text, kind) in enumerate(pieces):
        score = b"\x15" + struct.pack("<f", -float(at))
        raw += field(1, field(1, text.encode()) + score + b"\x18" + bytes([kind]))
    raw += field(2, b"\x18\x01") + field(3, field(1, b"nmt_nfkc"))
    path = folder / "spiece.model"
    path.write_bytes(raw)
    return path


def tokenizer(kind: str) -> Callable[[Path], Path]:
    """Returns what writes a tokenizer.json: "words" for BERT's, "bytes" for GPT-2's, "pieces"."""

    def write(folder: Path) -> Path:
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        if kind == "words":
            words = {token: at for at, token in enumerate([*special, "a", "b", "##c"])}
            made = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
            made.normalizer = normalizers.BertNormalizer()  # pyright: ignore
            made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore
            made.decoder = decoders.WordPiece()  # pyright: ignore
            made.add_special_tokens(special)
        elif kind == "bytes":
            tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "ab"]
            made = Tokenizer(models.BPE({t: at for at, t in enumerate(tokens)}, [("a", "b")]))
            made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore
            made.decoder = decoders.ByteLevel()  # pyright: ignore
            made.add_special_tokens(["<s>", "</s>"])
        else:
            scores = [("<unk>", 0.0), ("▁", -1.0), ("a", -2.0), ("</s>", 0.0)]
            made = Tokenizer(models.Unigram(scores, unk_id=0))
            made.pre_tokenizer = pre_tokenizers.Metaspace()  # pyright: ignore
            made.decoder = decoders.Metaspace()  # pyright: ignore
        path = folder / "tokenizer.json"
        made.save(str(path))
        return path

    return write


def vocabulary(folder: Path) -> Path:
    """BERT's vocab.txt."""
    path = folder / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n", encoding="utf-8")
    return path


def pairs(folder: Path) -> Path:
    """GPT-2's vocab.json, with its merges.txt beside."""
    path = folder / "vocab.json"
    path.write_text(json.dumps({token: at for at, token in enumerate(["<s>", "a", "b", "ab"])}))
    (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    return path


def preset(family: str) -> Callable[[Path], Path]:
    """Returns what writes the folder of a small model; its config.json is returned."""

    def write(folder: Path) -> Path:
        from ...hub.saving import save_to_preset

        save_to_preset(small_model(family), folder)
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config |= {"transformers_version": "5.0.0", "use_cache": True, "initializer_range": 0.02}
        path.write_text(json.dumps(config))
        return path

    return write


def adapter(folder: Path) -> Path:
    """The description of an adapter, without its weights."""
    path = folder / "adapter.json"
    content = {
        "format": "isozoo.adapter/1",
        "base": "bert_base",
        "base_files": {"config.json": "0" * 64},
        "task": "text_classifier",
        "arguments": {"num_classes": 2},
        "labels": ["a", "b"],
    }
    path.write_text(json.dumps(content))
    return path


def peft(folder: Path) -> Path:
    """The config of an adapter of PEFT's."""
    path = folder / "adapter_config.json"
    content = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "org/name",
        "lora_alpha": 16,
        "alpha_pattern": {"layers.0.q_proj": 8},
        "bias": "none",
        "use_dora": False,
        "target_modules": ["q_proj"],
    }
    path.write_text(json.dumps(content))
    return path


def lock(folder: Path) -> Path:
    """A lock of the cache, and of a preset that is not registered."""
    path = folder / "lock" / "some_preset.json"
    path.parent.mkdir()
    files = {"config.json": {"sha256": "0" * 64, "size": 3}}
    sources = {"hf://org/name": {"commit": "1" * 40, "files": files}}
    path.write_text(json.dumps({"version": 1, "preset": "some_preset", "sources": sources}))
    return path


def cache_archive(folder: Path) -> Path:
    """What `isozoo cache export` writes."""
    path = folder / "cache.tar"
    blob = b"content"
    import hashlib

    held = lock(folder).read_bytes()
    with tarfile.open(path, "w") as file:
        for name, content in (
            ("lock/some_preset.json", held),
            (f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    shutil.rmtree(folder / "lock")
    return path


def data_archive(form: str) -> Callable[[Path], Path]:
    """Returns what writes an archive of data: "zip" or "tar.gz"."""

    def write(folder: Path) -> Path:
        path = folder / f"data.{form}"
        if form == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                file.writestr("a/b.txt", "x" * 500)
                file.writestr("c.bin", bytes(range(256)))
            return path
        with tarfile.open(path, "w:gz") as file:
            member = tarfile.TarInfo("a/b.txt")
            member.size = 500
            file.addfile(member, io.BytesIO(b"x" * 500))
        return path

    return write
