"""Each reader of files from outside: a valid file, how it is changed, and how it is read."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from . import mutations, seeds


class Subject(NamedTuple):
    """What is fuzzed.

    Attributes:
        make: writes a valid file, with what it needs beside it, to a folder; returns its path.
        mutate: (bytes of the file, draws) -> others.
        read: reads the file through, as a user's call would.
        model: whether `read` makes a whole model, which takes longer than reading numbers.
    """

    make: Callable[[Path], Path]
    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], Any]
    model: bool = False


def _weights(path: Path) -> None:
    from ...hub.readers import open_reader

    with open_reader(path) as reader:
        for key in reader:
            reader.info(key)
            reader.identity(key)
            reader.read(key)
            reader.release(key)


def _audited(path: Path) -> None:
    from ...hub.auditing import audit

    audit(path)


def _data(path: Path) -> None:
    from ...hub.readers.data_pickle import read_data

    read_data(path.read_bytes(), path)


def _gguf_tokenizer(path: Path) -> None:
    from ...hub.readers import GGUFReader
    from ...nlp.gguf_tokenizers import of_gguf

    reader = GGUFReader(path)
    try:
        tokenizer, _, _ = of_gguf(path, reader.settings, 8)
    finally:
        reader.close()
    tokenizer.decode(tokenizer.encode("abba"))


def _loaded(path: Path) -> None:
    from ...framework import config
    from ...framework.saving import load_model

    with config.use_backend("numpy"):
        load_model(path)


def _loaded_weights(path: Path) -> None:
    from ...framework import config
    from ...framework.saving import load_weights

    with config.use_backend("numpy"):
        load_weights(seeds._small_network(), path)


def _pieces(path: Path) -> None:
    from ...nlp.t5.tokenizer import T5Tokenizer

    made = T5Tokenizer.from_pieces(path, gaps=2)
    made.decode(made.encode("ab a"))


def _tokenizer(kind: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        from ...nlp.bert.preprocessing import BertTokenizer
        from ...nlp.byte_level import ByteLevelTokenizer
        from ...nlp.t5.tokenizer import T5Tokenizer

        found: Any = {
            "words": BertTokenizer.from_file,
            "bytes": ByteLevelTokenizer.from_file,
            "pieces": T5Tokenizer.from_file,
            "vocabulary": BertTokenizer.from_vocabulary,
        }[kind](path)
        found.decode(found.encode("a ba <s> [MASK] 7"))

    return read


def _pairs(path: Path) -> None:
    from ...nlp.byte_level import ByteLevelTokenizer

    made = ByteLevelTokenizer.from_pairs(path, path.with_name("merges.txt"), ["<s>"])
    made.decode(made.encode("ab"))


def _preset(path: Path) -> None:
    from ...hub.loading import load_preset

    load_preset(path.parent, backend="numpy", offline=True)


def _adapter(path: Path) -> None:
    from ...hub.loading import ADAPTER
    from ...hub.lora_presets import _config
    from ...hub.preset import FileEntry, Folder, LocalPreset, Preset

    entry = FileEntry(path.name)
    made = Preset("x", "", "", ADAPTER, (entry,), (Folder(path.parent),))
    _config(LocalPreset(made, "", ADAPTER, {path.name: path}, "nothing"))


def _peft(path: Path) -> None:
    from ...hub.peft_adapters import _config

    _config(path)


def _lock(path: Path) -> None:
    from ...hub.cache import Cache
    from ...hub.cache_keeping import list_blobs
    from ...hub.lock import Lock

    cache = Cache(path.parent.parent)
    list_blobs(cache)
    Lock(cache, path.stem).read()


def _imported(path: Path) -> None:
    from ...hub.cache import Cache
    from ...hub.cache_keeping import import_cache

    place = path.parent / "cache"
    try:
        import_cache(path, Cache(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _unpacked(path: Path) -> None:
    from ...hub.unpacking import unpack

    place = path.parent / "content"
    try:
        unpack(path, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


_plain, _json = mutations.mutated_bytes, mutations.json_text
_keras = mutations.archive({".json": _json})
_torch = mutations.archive({".pkl": mutations.pickled})
FAMILIES = ("bert", "roberta", "distilbert", "llama", "mistral", "opt", "t5", "whisper", "vit",
            "resnet", "efficientnet_lite", "sam", "clip", "yolov8")  # fmt: skip

SUBJECTS: dict[str, Subject] = {
    "safetensors": Subject(seeds.safetensors_file, mutations.safetensors, _weights),
    "index": Subject(seeds.sharded_files, _json, _weights),
    "torch zip": Subject(seeds.torch_zip, _torch, _weights),
    "torch legacy": Subject(seeds.torch_legacy, mutations.pickled, _weights),
    "gguf": Subject(seeds.gguf, _plain, _weights),
    "gguf tokenizer": Subject(seeds.gguf, _plain, _gguf_tokenizer),
    "ctranslate2": Subject(seeds.ctranslate2, _plain, _weights),
    "tfjs": Subject(seeds.tfjs, _json, _weights),
    "keras weights": Subject(seeds.keras_file("x.weights.h5"), _plain, _weights),
    "keras archive": Subject(seeds.keras_file("x.keras"), _keras, _weights),
    "keras 2": Subject(seeds.keras_file("x.h5"), _plain, _weights),
    "load .keras": Subject(seeds.keras_file("x.keras"), _keras, _loaded, True),
    "load .h5": Subject(seeds.keras_file("x.h5"), _plain, _loaded, True),
    "load .safetensors": Subject(
        seeds.keras_file("x.safetensors"), mutations.safetensors, _loaded, True
    ),
    "weights .h5": Subject(seeds.keras_file("x.weights.h5"), _plain, _loaded_weights, True),
    "weights .json": Subject(seeds.keras_file("x.weights.json"), _json, _loaded_weights, True),
    "data pickle": Subject(seeds.data_pickle, mutations.pickled, _data),
    "sentencepiece": Subject(seeds.sentencepiece, _plain, _pieces),
    "tokenizer words": Subject(seeds.tokenizer("words"), _json, _tokenizer("words")),
    "tokenizer bytes": Subject(seeds.tokenizer("bytes"), _json, _tokenizer("bytes")),
    "tokenizer pieces": Subject(seeds.tokenizer("pieces"), _json, _tokenizer("pieces")),
    "vocab.txt": Subject(seeds.vocabulary, _plain, _tokenizer("vocabulary")),
    "vocab.json": Subject(seeds.pairs, _json, _pairs),
    **{
        f"config {family}": Subject(seeds.preset(family), _json, _preset, True)
        for family in FAMILIES
    },
    "adapter.json": Subject(seeds.adapter, _json, _adapter),
    "adapter_config.json": Subject(seeds.peft, _json, _peft),
    "lock": Subject(seeds.lock, _json, _lock),
    "cache archive": Subject(seeds.cache_archive, _plain, _imported),
    "zip": Subject(seeds.data_archive("zip"), _plain, _unpacked),
    "tar": Subject(seeds.data_archive("tar.gz"), _plain, _unpacked),
    "audit zip": Subject(seeds.torch_zip, _torch, _audited),
    "audit .keras": Subject(seeds.keras_file("x.keras"), _keras, _audited),
    "audit tfjs": Subject(seeds.tfjs, _json, _audited),
    "audit .json": Subject(seeds.preset("bert"), _json, _audited),
}
"""Name -> what is fuzzed under it."""
