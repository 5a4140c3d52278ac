"""All seeds of a program at once."""

import random

import numpy as np

from ..backends import host_random, registry


def set_random_seed(seed: int) -> None:
    """Seeds isozoo's draws, Python's `random`, NumPy's global generator and every backend in use.

    isozoo's own draws follow from its global seed alone, and are the same on every backend. The
    others are seeded for programs that draw from them too. ValueError if `seed` is no int.
    """
    if not isinstance(seed, int):
        raise ValueError(
            f"set_random_seed: expected `seed` to be an integer; got {seed!r} of type "
            f"{type(seed).__name__}."
        )
    host_random.set_random_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    for backend in (registry.current(), *registry.loaded()):
        backend.seed(seed)
