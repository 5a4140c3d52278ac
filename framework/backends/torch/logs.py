"""What torch logs beside raising it, dropped for the thread that handles the error."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_depth = threading.local()


def _is_wanted(record: logging.LogRecord) -> bool:
    return getattr(_depth, "value", 0) == 0


@contextmanager
def unlogged(logger: str) -> Iterator[None]:
    """Drops what this thread logs to `logger` within the block; other threads log as before."""
    logging.getLogger(logger).addFilter(_is_wanted)  # once: it is not added again
    before = getattr(_depth, "value", 0)
    _depth.value = before + 1
    try:
        yield
    finally:
        _depth.value = before
