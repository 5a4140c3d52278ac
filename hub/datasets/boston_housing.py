"""Prices of houses around Boston (D. Harrison, D. Rubinfeld, 1978).

One of its columns counts Black inhabitants, after an assumption about their influence on prices
that its authors did not show; see the note at scikit-learn, which took the data out. California's
houses are there instead.
"""

import numpy as np

from .files import fetch, read_npz, split

Pair = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """Returns (features, prices) to train on and to test on, shuffled as Keras shuffles them.

    Args:
        path: the name of the file in the cache.
        test_split: the part to test on.
        seed: of the order.

    Returns:
        float64 arrays: features (n, 13), and prices (n,) in thousands of dollars; 506 in all.

    Raises:
        ValueError: a part that is not in [0, 1); the file cannot be had, or is not the published
            one.
    """
    found = read_npz(fetch("boston_housing.npz", path))
    return split(found["x"], found["y"], test_split, seed)
