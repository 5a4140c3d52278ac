"""Messages to whoever watches a program: on a terminal, or in its log."""

import logging
import sys

from .. import config

LOGGER = logging.getLogger("isozoo")
LEVELS = ("FATAL", "ERROR", "WARNING", "INFO", "DEBUG")


def print_message(text: str, line_break: bool = True) -> None:
    """Writes a message to standard output, or to the log "isozoo" where no bars are wanted.

    Characters that the output cannot encode become question marks.

    Args:
        text: the message.
        line_break: whether a line break follows.
    """
    if not config.is_interactive_logging_enabled():
        LOGGER.info(text)
        return
    text = text + "\n" if line_break else text
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))
    sys.stdout.flush()


def set_logging_verbosity(level: str) -> None:
    """Sets from which level on messages reach the log "isozoo".

    Args:
        level: "FATAL", "ERROR", "WARNING", "INFO" or "DEBUG".

    Raises:
        ValueError: another name.
    """
    if level not in LEVELS:
        raise ValueError(
            f"Please pass a valid level for logging verbosity: one of {', '.join(LEVELS)}; got "
            f"{level!r}."
        )
    LOGGER.setLevel(level)


def is_live() -> bool:
    """Returns whether standard output shows a line that is written over: a terminal, a notebook."""
    return bool(getattr(sys.stdout, "isatty", lambda: False)()) or "ipykernel" in sys.modules
