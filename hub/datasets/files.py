"""The files of data sets: where they come from, their hashes, and arrays out of them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from ..files import get_file
from ..readers.data_pickle import read_data

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
TORONTO = "https://www.cs.toronto.edu/~kriz/"
# name -> (address, hash), as Keras 3.15 publishes them. Fashion-MNIST's hashes are not among them.
SOURCES: dict[str, tuple[str, str | None]] = {
    "mnist.npz": (
        GOOGLE,
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    ),
    "imdb.npz": (
        GOOGLE,
        "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    ),
    "imdb_word_index.json": (GOOGLE, "bfafd718b763782e994055a2d397834f"),
    "reuters.npz": (
        GOOGLE,
        "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    ),
    "reuters_word_index.json": (GOOGLE, "4d44cc38712099c9e383dc6e5f11a921"),
    "boston_housing.npz": (
        GOOGLE,
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing.npz": (
        GOOGLE,
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "cifar-10-python.tar.gz": (
        TORONTO,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar-100-python.tar.gz": (
        TORONTO,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "train-labels-idx1-ubyte.gz": (GOOGLE, None),
    "train-images-idx3-ubyte.gz": (GOOGLE, None),
    "t10k-labels-idx1-ubyte.gz": (GOOGLE, None),
    "t10k-images-idx3-ubyte.gz": (GOOGLE, None),
}
# No array of these data sets is larger.
MAX_BYTES = 1 << 30


def fetch(name: str, path: str | None = None, folder: str = "datasets") -> Path:
    """Returns a file of `SOURCES` on this machine, fetched and checked where it is missing.

    Args:
        name: its name there.
        path: the name that it gets here; the same if None.
        folder: where in the cache it is kept.

    Raises:
        ValueError: it cannot be had, or has another content than its hash promises.
    """
    address, digest = SOURCES[name]
    return Path(get_file(path or name, address + name, file_hash=digest, cache_subdir=folder))


def read_json(path: Path) -> Any:
    """Returns what a JSON file holds. ReaderError for a damaged one."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ReaderError(path, f"it is no JSON ({error})") from error


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a `.npz` file by name; those of lists are read as data.

    Raises:
        ReaderError: it is damaged, too large, or holds more than numbers, texts and lists.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as file:
            for info in file.infolist():
                if info.file_size > MAX_BYTES:
                    raise ReaderError(path, f"{info.filename[:80]!r} has over {MAX_BYTES} bytes")
                with file.open(info) as member:
                    content = member.read(info.file_size)
                found[info.filename.removesuffix(".npy")] = _read_npy(content, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ReaderError(path, f"it is no .npz file, or a damaged one ({error})") from error
    return found


def _read_npy(content: bytes, path: Path) -> np.ndarray:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
        if not dtype.hasobject:
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise ReaderError(path, f"an array in it is malformed ({error})") from error
    found = read_data(content, path, file.tell())
    if not isinstance(found, np.ndarray) or found.shape != shape:
        raise ReaderError(path, "an array of objects in it is none, or has another shape")
    return found


def read_idx(path: Path) -> np.ndarray:
    """Returns the bytes in a file of the form IDX, packed by gzip, as an array.

    The form is that of http://yann.lecun.com/exdb/mnist/: two zeros, the type (8 for bytes), the
    number of axes, the sizes, 4 bytes each with the highest first, then the values.

    Raises:
        ReaderError: it is damaged, or of another form.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReaderError(path, f"it is no gzip file, or a damaged one ({error})") from error
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= axes <= 4 or len(content) > MAX_BYTES:
        raise ReaderError(path, "it does not begin as an IDX file of bytes")
    shape = tuple(int(n) for n in np.frombuffer(content[4 : 4 + 4 * axes], ">i4"))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if len(shape) != axes or min(shape) < 0 or values.size != np.prod(shape):
        raise ReaderError(path, f"it has {values.size} values for the shape {shape}")
    return values.reshape(shape)


def split(
    x: np.ndarray, y: np.ndarray, test_split: float, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns ((x, y) to train on, (x, y) to test on), shuffled as Keras shuffles them.

    Raises:
        ValueError: a part that is not in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(
            f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive "
            "of 1)."
        )
    order = shuffled(len(x), seed)
    x, y = x[order], y[order]
    border = int(len(x) * (1 - test_split))
    return (x[:border], y[:border]), (x[border:], y[border:])


def shuffled(count: int, seed: int | np.random.RandomState) -> np.ndarray:
    """Returns the numbers below `count` in the order that NumPy's `RandomState` gives."""
    random = np.random.RandomState(seed) if isinstance(seed, int) else seed
    order = np.arange(count)
    random.shuffle(order)
    return order
