"""MNIST: 70,000 handwritten digits (Y. LeCun, C. Cortes, C. Burges)."""

import numpy as np

from .files import fetch, read_npz

Pair = tuple[np.ndarray, np.ndarray]


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """Returns (images, digits) to train on and to test on.

    Args:
        path: the name of the file in the cache.

    Returns:
        uint8 arrays: images (60,000, 28, 28) and (10,000, 28, 28) from 0 to 255, digits (60,000,)
        and (10,000,).

    Raises:
        ValueError: the file cannot be had, or is not the published one.
    """
    found = read_npz(fetch("mnist.npz", path))
    return (found["x_train"], found["y_train"]), (found["x_test"], found["y_test"])
