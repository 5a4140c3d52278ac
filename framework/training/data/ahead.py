"""Reading ahead: a thread reads and copies the next batches while the step runs."""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

# How long `close` waits for a source that gives nothing and cannot be told to stop.
PATIENCE = 5.0


class ReadAhead:
    """An iterator over `convert(item)` for the items of a source, which a thread reads ahead.

    The thread runs in a copy of the maker's context (contextvars), reads at most `size` items more
    than were taken, and ends when the source does, when either raises, or with `close`. An error
    reaches the consumer with its own traceback, after the items before it.

    Args:
        source: an iterable; only the thread touches it, until `close` returns.
        convert: a function of one item, which the thread calls.
        size: how many items are kept ready.
    """

    def __init__(self, source: Any, convert: Callable[[Any], Any], size: int = 2) -> None:
        self._source, self._convert, self._size = source, convert, size
        self._ready: deque[Any] = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._read,), name="isozoo-data", daemon=True
        )
        self._thread.start()

    def _read(self) -> None:
        try:
            for item in self._source:
                made = self._convert(item)
                with self._changed:
                    self._ready.append(made)
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._stopped or len(self._ready) < self._size)
                    if self._stopped:
                        return
        except BaseException as error:  # the consumer's to handle, whatever it is
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> list[Any]:
        """Ends the thread; returns the items that were read and not taken."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(PATIENCE)
        return list(self._ready)
