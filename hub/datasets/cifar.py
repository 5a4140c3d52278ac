"""CIFAR's archives: pickles in a tar file, read as data and never unpacked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...framework.config import image_data_format
from ..errors import ReaderError
from ..readers.data_pickle import read_data
from ..unpacking import read_members

# A batch has 10,000 images of 3,072 bytes, CIFAR-100's `train` 50,000.
MAX_BATCH = 200 << 20


def read_batches(archive: Path, names: list[str], labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images and labels of batches, one behind the other.

    Args:
        archive: the tar file.
        names: of the batches in it.
        labels: the key of the labels.

    Returns:
        Images (n, 32, 32, 3), or (n, 3, 32, 32) where the default is channels first, and labels
        (n, 1), both uint8.

    Raises:
        ValueError: the archive is damaged or lacks a batch.
        ReaderError: a batch is damaged, or holds more than data.
    """
    members = read_members(archive, names, MAX_BATCH)
    images, found = [], []
    for name in names:
        where = Path(f"{archive}:{name}")
        batch = read_data(members[name], where)
        pixels = batch.get("data") if isinstance(batch, dict) else None
        marks = batch.get(labels) if isinstance(batch, dict) else None
        if (
            not isinstance(pixels, np.ndarray)
            or pixels.ndim != 2
            or pixels.shape[1] != 3 * 32 * 32
            or not isinstance(marks, list)
            or len(marks) != len(pixels)
        ):
            raise ReaderError(where, f"it has no images with as many {labels!r}")
        images.append(pixels.astype("uint8", copy=False).reshape(-1, 3, 32, 32))
        found.append(np.array(marks, "uint8").reshape(-1, 1))
    x = np.concatenate(images)
    last = image_data_format() == "channels_last"
    return x.transpose(0, 2, 3, 1) if last else x, np.concatenate(found)
