"""CIFAR-100: 60,000 small photographs of 100 classes in 20 groups (A. Krizhevsky, 2009)."""

import numpy as np

from .cifar import read_batches
from .files import fetch

Pair = tuple[np.ndarray, np.ndarray]
_FOLDER = "cifar-100-python"


def load_data(label_mode: str = "fine") -> tuple[Pair, Pair]:
    """Returns (images, classes) to train on and to test on.

    Args:
        label_mode: "fine" for the 100 classes, "coarse" for the 20 groups.

    Returns:
        uint8 arrays: images (50,000, 32, 32, 3) and (10,000, 32, 32, 3) from 0 to 255, channels
        first where that is the default, and classes (50,000, 1) and (10,000, 1).

    Raises:
        ValueError: another mode; the archive cannot be had, or is not the published one.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.'
        )
    archive = fetch("cifar-100-python.tar.gz")
    train, test = (
        read_batches(archive, [f"{_FOLDER}/{part}"], f"{label_mode}_labels")
        for part in ("train", "test")
    )
    return train, test
