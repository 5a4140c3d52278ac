"""What the training loop reads: batches of native tensors, epoch by epoch."""

import itertools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from .ahead import ReadAhead
from .native import Converter

RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator "
    "can generate at least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` "
    "function when building your dataset."
)


class Batches(ABC):
    """Data in batches, one source for all backends.

    A *pass* is one reading of the source from its beginning to its end. Without `steps` an epoch is
    a pass. With `steps` it is that many batches, and the next epoch goes on where it ended; where a
    pass ends within an epoch, that epoch is short, with a warning, as in Keras.

    The order of a pass follows from the seed and the number of the pass alone, so it is equal on
    every backend, and training can go on in the middle of an epoch: see `state`.

    Args:
        steps: batches of an epoch; None for the whole source.
        seed: where orders are drawn from; None where nothing is drawn.
        float_dtype: the dtype of floats; the default float if None.

    Attributes:
        batch_size: rows of a batch; None where the source decides.
        rows: rows of the source; None where unknown.
        is_shuffled: whether we draw the order.
        exhausted: whether the source gave nothing for a whole epoch, and has no more.
    """

    batch_size: int | None = None
    rows: int | None = None
    is_shuffled: bool = False
    exhausted: bool = False
    # Whether the source may write the next batch over the memory of the last one.
    _reuses_memory: bool = True
    # Whether a thread reads ahead.
    _ahead: bool = True

    def __init__(
        self, steps: int | None = None, seed: int | None = None, float_dtype: str | None = None
    ) -> None:
        if steps is not None and steps < 1:
            raise ValueError(f"The number of steps of an epoch must be positive; got {steps}.")
        self.steps, self.seed, self._float_dtype = steps, seed, float_dtype
        self._pass = self._position = self._done = 0
        self._found: int | None = None
        self._rest: Iterator[Any] | None = None
        # Batches that were read ahead in a pass that was left before its end.
        self._unread: list[Any] = []
        self._in_epoch = False

    # What a source gives ------------------------------------------------------------------------

    @property
    @abstractmethod
    def length(self) -> int | None:
        """Batches of a pass; None where unknown or endless."""

    @abstractmethod
    def read(self, number: int, skip: int) -> Iterator[Any]:
        """Yields the batches of a pass, packed like `pack_x_y_sample_weight`, in any arrays.

        Args:
            number: of the pass, from 0.
            skip: how many batches are left out at its beginning.
        """

    def close(self) -> None:
        """Frees what the source holds: threads, processes. The batches may be read again."""
        self._rest = None

    # What the loop asks -------------------------------------------------------------------------

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch; None where unknown: then the first pass tells."""
        if self.steps is not None:
            return self.steps
        length = self.length
        return self._found if length is None else length

    def on_epoch_begin(self) -> bool:
        """Begins an epoch, as `epoch` does by itself; returns whether none was under way."""
        begins = not self._in_epoch
        self._in_epoch = True
        return begins

    def on_epoch_end(self) -> bool:
        """Ends an epoch, as `epoch` does by itself; returns whether one was under way."""
        ends = self._in_epoch
        self._in_epoch = False
        return ends

    def epoch(self, backend: Any, device: Any = None) -> Iterator[Any]:
        """Yields the batches of the next epoch, packed, with native tensors.

        The next batches are read and copied by a thread while the consumer works. Close the
        iterator, or exhaust it, to end the thread.

        Args:
            backend: the model's backend.
            device: where the tensors are to lie, as `Layer._native_device` gives it.
        """
        convert = Converter(backend, device, self._float_dtype, self._reuses_memory)
        self.on_epoch_begin()
        source = self.read(self._pass, self._position) if self._rest is None else self._rest
        limit = None if self.steps is None else max(self.steps - self._done, 0)
        limited = itertools.islice(source, limit)
        reader = ReadAhead(limited, convert) if self._ahead else _Inline(limited, convert)
        finished = False
        try:
            for batch in reader:
                self._position += 1
                self._done += 1
                yield batch
            finished = True
        finally:
            self._leave(source, reader.close(), finished)

    def state(self) -> dict[str, int]:
        """Returns the place in the data: what `restore` needs to go on with the next batch.

        Taken while a batch is under way, it counts that batch as read.
        """
        return {
            "seed": -1 if self.seed is None else self.seed,
            "pass": self._pass,
            "position": self._position,
            "done": self._done,
        }

    def restore(self, state: dict[str, int]) -> None:
        """Goes to a place in the data: the next epoch yields what is left of the one under way.

        Sources that have an order of their own (generators, iterators) are read again from their
        beginning, and the batches before the place are thrown away.

        Args:
            state: what `state` gave, of batches of the same data.

        Raises:
            ValueError: an epoch is under way.
        """
        if self._in_epoch:
            raise ValueError("Close the epoch's iterator before you go to another place.")
        self.seed = None if state["seed"] < 0 else int(state["seed"])
        self._pass, self._position = int(state["pass"]), int(state["position"])
        self._done, self._rest = int(state["done"]), None

    # ------------------------------------------------------------------------------------------

    def _leave(self, source: Iterator[Any], unread: list[Any], finished: bool) -> None:
        """Note where the epoch ended, and what comes next."""
        done, self._done, self._rest = self._done, 0, None
        length = self.length
        ended = finished and (self.steps is None or done < self.steps)
        if ended and length is None:
            self._found = self._position
        if ended and (self.steps is not None or not done):
            self.exhausted = length is None and not done
            warnings.warn(RAN_OUT, stacklevel=4)
        if self.steps is None or ended or (length is not None and self._position >= length):
            self._pass, self._position = self._pass + 1, 0
            self._unread = unread
        else:
            self._rest = itertools.chain(unread, source)
        self.on_epoch_end()


class _Inline:
    """ReadAhead without the thread, for sources that are quicker than a change of threads."""

    def __init__(self, source: Iterator[Any], convert: Converter) -> None:
        self._items = map(convert, source)

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def close(self) -> list[Any]:
        """Nothing is ever read ahead."""
        return []
