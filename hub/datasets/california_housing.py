"""Prices of houses in California, by blocks of the census of 1990 (R. Pace, R. Barry, 1997)."""

import numpy as np

from .files import fetch, read_npz, split

Pair = tuple[np.ndarray, np.ndarray]


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """Returns (features, prices) to train on and to test on, shuffled as Keras shuffles them.

    Args:
        version: "large" for all 20,640 blocks, "small" for the first 600.
        path: the name of the file in the cache.
        test_split: the part to test on.
        seed: of the order.

    Returns:
        float32 arrays: features (n, 8), and median prices (n,) in dollars.

    Raises:
        ValueError: another version, a part that is not in [0, 1); the file cannot be had, or is
            not the published one.
    """
    if version not in ("small", "large"):
        raise ValueError(
            f"Argument `version` must be one of 'small', 'large'. Received: version={version}"
        )
    found = read_npz(fetch("california_housing.npz", path))
    count = 600 if version == "small" else None
    return split(found["x"][:count], found["y"][:count], test_split, seed)
