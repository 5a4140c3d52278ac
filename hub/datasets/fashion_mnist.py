"""Fashion-MNIST: 70,000 pictures of clothes (H. Xiao, K. Rasul, R. Vollgraf, 2017)."""

import os

import numpy as np

from .files import fetch, read_idx

Pair = tuple[np.ndarray, np.ndarray]
_FOLDER = os.path.join("datasets", "fashion-mnist")


def load_data() -> tuple[Pair, Pair]:
    """Returns (images, classes) to train on and to test on.

    Returns:
        uint8 arrays: images (60,000, 28, 28) and (10,000, 28, 28) from 0 to 255, classes (60,000,)
        and (10,000,) from 0 (T-shirt) to 9 (ankle boot).

    Raises:
        ValueError: a file cannot be had. Nobody published hashes of these files: their form alone
            is checked (ReaderError).
    """
    found = [
        read_idx(fetch(f"{part}-{kind}-ubyte.gz", folder=_FOLDER))
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    return (found[0], found[1]), (found[2], found[3])
