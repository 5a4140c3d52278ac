"""Tiny data sets in the published forms: what is read from them is what Keras reads."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from isozoo import datasets
from isozoo.hub.datasets import files
from isozoo.hub.errors import ReaderError
from isozoo.hub.readers.data_pickle import read_data

RNG = np.random.default_rng(5)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Puts content in the place of a published file, for isozoo and for Keras."""
    monkeypatch.setenv("ISOZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "origin").mkdir()

    def publish(name: str, content: bytes) -> None:
        path = tmp_path / "origin" / name
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(files.SOURCES, name, (f"{path.parent.as_uri()}/", digest))

    for name in ("imdb", "reuters", "mnist", "boston_housing", "california_housing"):
        module = getattr(keras.src.datasets, name)
        take = lambda *a, origin, **k: str(tmp_path / "origin" / origin.rpartition("/")[2])  # noqa: E731
        monkeypatch.setattr(module, "get_file", take)
    return publish


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def lists(count: int, words: int) -> np.ndarray:
    found = np.empty(count, object)
    for number in range(count):
        found[number] = [int(x) for x in RNG.integers(1, words, RNG.integers(1, 30))]
    return found


def same(ours, theirs) -> None:
    for pair, expected in zip(ours, theirs, strict=True):
        for a, b in zip(pair, expected, strict=True):
            if isinstance(b, np.ndarray) and b.dtype != object:
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b)
            else:
                assert [list(x) for x in a] == [list(x) for x in b]


def test_texts(published):
    published(
        "imdb.npz",
        npz(
            x_train=lists(40, 70_000), y_train=RNG.integers(0, 2, 40),
            x_test=lists(30, 200), y_test=RNG.integers(0, 2, 30),
        ),
    )  # fmt: skip
    published("reuters.npz", npz(x=lists(50, 300), y=RNG.integers(0, 46, 50)))
    for options in (
        {},
        {"num_words": 150, "skip_top": 5},
        {"maxlen": 15, "start_char": None, "oov_char": None, "num_words": 100},
        {"start_char": None, "index_from": None, "seed": 3},
    ):
        same(datasets.imdb.load_data(**options), keras.datasets.imdb.load_data(**options))
        if "index_from" not in options:
            options = {**options, "test_split": 0.3}
            same(datasets.reuters.load_data(**options), keras.datasets.reuters.load_data(**options))
    with pytest.raises(ValueError, match="Increase maxlen"):
        datasets.imdb.load_data(maxlen=1)
    for name in ("imdb", "reuters"):
        published(f"{name}_word_index.json", json.dumps({"the": 1, "of": 2}).encode())
        assert getattr(datasets, name).get_word_index() == {"the": 1, "of": 2}
    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_tables_and_digits(published):
    x, y = RNG.normal(size=(700, 13)), RNG.normal(size=700)
    published("boston_housing.npz", npz(x=x, y=y))
    published("california_housing.npz", npz(x=x.astype("float32"), y=y.astype("float32")))
    digits = RNG.integers(0, 256, (9, 28, 28)).astype("uint8")
    arrays = {"x_train": digits, "y_train": digits[:, 0, 0], "x_test": digits[:4],
              "y_test": digits[:4, 0, 0]}  # fmt: skip
    published("mnist.npz", npz(**arrays))
    same(datasets.mnist.load_data(), keras.datasets.mnist.load_data())
    for options in ({}, {"test_split": 0.5, "seed": 1}):
        ours, theirs = datasets.boston_housing, keras.datasets.boston_housing
        same(ours.load_data(**options), theirs.load_data(**options))
        for version in ("small", "large"):
            ours, theirs = datasets.california_housing, keras.datasets.california_housing
            same(ours.load_data(version, **options), theirs.load_data(version, **options))
    with pytest.raises(ValueError, match="test_split"):
        datasets.boston_housing.load_data(test_split=1)
    with pytest.raises(ValueError, match="version=huge"):
        datasets.california_housing.load_data("huge")


def test_fashion(published):
    images = RNG.integers(0, 256, (5, 28, 28)).astype("uint8")
    labels = np.arange(5, dtype="uint8")
    header = b"\0\0\x08\x03" + struct.pack(">3i", 5, 28, 28)
    for part in ("train", "t10k"):
        published(f"{part}-images-idx3-ubyte.gz", gzip.compress(header + images.tobytes()))
        content = gzip.compress(b"\0\0\x08\x01" + struct.pack(">i", 5) + labels.tobytes())
        published(f"{part}-labels-idx1-ubyte.gz", content)
    expected = (images, labels)
    same(datasets.fashion_mnist.load_data(), (expected, expected))
    for wrong in (header + images.tobytes()[:-1], b"\0\0\x0d\x01" + bytes(8), b""):
        published("train-images-idx3-ubyte.gz", gzip.compress(wrong))
        with pytest.raises(ReaderError):
            datasets.fashion_mnist.load_data()


def python2_batch(images: np.ndarray, labels: dict[str, list[int]]) -> bytes:
    """A batch of CIFAR as Python 2 pickled it: texts are strings of bytes."""

    def text(x: bytes) -> bytes:
        return b"U" + bytes([len(x)]) + x

    dtype = (
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )  # fmt: skip
    rows = struct.pack("<H", len(images))
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85" + text(b"b")
        + b"\x87R(K\x01M" + rows + b"M\x00\x0c\x86" + dtype + b"\x89T"
        + struct.pack("<I", images.nbytes) + images.tobytes() + b"tb"
    )  # fmt: skip
    made = b"\x80\x02}(" + text(b"batch_label") + text(b"a batch") + text(b"data") + array
    for name, values in labels.items():
        made += text(name.encode()) + b"](" + b"".join(b"K" + bytes([v]) for v in values) + b"e"
    return made + b"u."


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_cifar(published):
    images = RNG.integers(0, 256, (6, 2, 3072)).astype("uint8")
    labels = RNG.integers(0, 10, (6, 2))
    names = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    members = {
        f"cifar-10-batches-py/{name}": python2_batch(x, {"labels": [int(i) for i in y]})
        for name, x, y in zip(names, images, labels, strict=True)
    }
    published("cifar-10-python.tar.gz", archive(members))
    pictures = images.reshape(6, 2, 3, 32, 32).transpose(0, 1, 3, 4, 2)
    expected = (
        (pictures[:5].reshape(10, 32, 32, 3), labels[:5].reshape(10, 1).astype("uint8")),
        (pictures[5], labels[5].reshape(2, 1).astype("uint8")),
    )
    same(datasets.cifar10.load_data(), expected)
    members = {
        f"cifar-100-python/{name}": python2_batch(
            images[number], {"fine_labels": [99, 7], "coarse_labels": [19, 3]}
        )
        for number, name in enumerate(("train", "test"))
    }
    published("cifar-100-python.tar.gz", archive(members))
    for mode, marks in (("fine", [[99], [7]]), ("coarse", [[19], [3]])):
        found = datasets.cifar100.load_data(mode)
        marks = np.array(marks, "uint8")
        same(found, ((pictures[0], marks), (pictures[1], marks)))
    with pytest.raises(ValueError, match="label_mode"):
        datasets.cifar100.load_data("all")
    published("cifar-100-python.tar.gz", archive({k: members[k] for k in list(members)[:1]}))
    with pytest.raises(ValueError, match="lacks.*test"):
        datasets.cifar100.load_data()


def test_another_file_is_refused(published, tmp_path):
    published("mnist.npz", npz(x=np.zeros(3)))
    path = tmp_path / "origin" / "mnist.npz"
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ValueError, match="corrupted"):
        datasets.mnist.load_data()


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


def test_pickles_are_data_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = {"a": [1, 300, -7, 70_000, 2**40], "b": (1.5, None, True, b"\xff", "é"), "c": {}}
    arrays = {
        "x": np.arange(6, dtype=">i2").reshape(2, 3), "y": np.asfortranarray(np.eye(2, 3)),
        "z": np.array(7.0), "e": np.zeros((0, 3), "float32"), "t": np.array([True, False]),
    }  # fmt: skip
    for protocol in (2, 3, 4):
        assert read_data(pickle.dumps(value, protocol), Path("p")) == value
        found = read_data(pickle.dumps(arrays, protocol), Path("p"))
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype.newbyteorder("=")
    loop: list = []
    loop.append(loop)
    doubled: list = [[1]]
    for _ in range(40):
        doubled = [doubled, doubled]
    hostile = [
        pickle.dumps(thing, protocol)
        for thing in (Evil(), {"a": Evil()}, loop, doubled, {1, 2}, np.float32, 1j)
        for protocol in (2, 4)
    ]
    hostile += [
        b"\x80\x02cos\nsystem\nU\x04echo\x85R.",
        b"\x80\x02cbuiltins\neval\n(U\x011tR.",
        b"\x80\x02cnumpy\nload\n.",
        b"\x80\x02cnumpy\ndtype\n.",
        b"\x80\x02X\xff\xff\xff\x7fa.",
        b"\x80\x02",
        b"",
        pickle.dumps(np.array([Evil()], object), 2),
        pickle.dumps(np.array(["a"]), 2),
        pickle.dumps(arrays, 2)[:-60] + b".",
    ]
    start = time.process_time()
    for content in hostile:
        with pytest.raises(ReaderError):
            read_data(content, Path("p"))
    assert time.process_time() - start < 5
    assert list(tmp_path.iterdir()) == []
    whole = npz(x=np.array([[1], [2, 3]], object))
    for wrong in (whole[:50], b"", whole.replace(b"(2,)", b"(9,)")):
        (tmp_path / "x.npz").write_bytes(wrong)
        with pytest.raises(ReaderError):
            files.read_npz(tmp_path / "x.npz")
