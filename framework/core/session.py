"""What one program leaves behind in the process, and how to be rid of it."""

import gc

from . import naming


def clear_session(free_memory: bool = True) -> None:
    """Numbers automatic names from the start again.

    Models and layers that exist stay as they are, and so do settings and the global seed: graphs
    are kept by the models that need them, not by the process.

    Args:
        free_memory: whether to collect garbage too.
    """
    naming.reset()
    if free_memory:
        gc.collect()
