"""CIFAR-10: 60,000 small photographs of 10 classes (A. Krizhevsky, 2009)."""

import numpy as np

from .cifar import read_batches
from .files import fetch

Pair = tuple[np.ndarray, np.ndarray]
_FOLDER = "cifar-10-batches-py"


def load_data() -> tuple[Pair, Pair]:
    """Returns (images, classes) to train on and to test on.

    Returns:
        uint8 arrays: images (50,000, 32, 32, 3) and (10,000, 32, 32, 3) from 0 to 255, channels
        first where that is the default, and classes (50,000, 1) and (10,000, 1).

    Raises:
        ValueError: the archive cannot be had, or is not the published one.
    """
    archive = fetch("cifar-10-python.tar.gz")
    train = [f"{_FOLDER}/data_batch_{number}" for number in range(1, 6)]
    return (
        read_batches(archive, train, "labels"),
        read_batches(archive, [f"{_FOLDER}/test_batch"], "labels"),
    )
