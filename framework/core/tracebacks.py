"""Tracebacks without the framework's own frames."""

import traceback
from pathlib import Path
from types import TracebackType

from .. import config

_OWN = str(Path(__file__).parents[1])


def trim(error: BaseException) -> None:
    """Leaves the frames of the user, and of the frameworks that were called, in the traceback.

    Where none would be left the innermost stays. With
    `isozoo.config.disable_traceback_filtering()` the traceback stays whole.
    """
    if not config.is_traceback_filtering_enabled():
        return
    frames = list(traceback.walk_tb(error.__traceback__))
    kept = [f for f in frames if not f[0].f_code.co_filename.startswith(_OWN)] or frames[-1:]
    chain: TracebackType | None = None
    for frame, line in reversed(kept):
        chain = TracebackType(chain, frame, frame.f_lasti, line)
    error.__traceback__ = chain
