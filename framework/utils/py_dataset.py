"""PyDataset: batches that a user's class makes by their number."""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any


class PyDataset:
    """Base of datasets that make a batch by its number, as in Keras.

    A subclass defines `__getitem__(index)`, which returns a whole batch, and `__len__`, or the
    property `num_batches`, which may be None for an endless dataset.

    Args:
        workers: how many threads or processes make batches. With 1 and no multiprocessing, batches
            are made by the one thread that reads ahead.
        use_multiprocessing: whether the workers are processes. Each gets a copy of the dataset, so
            it must be possible to pickle it, and a script must guard what it runs with
            `if __name__ == "__main__":`.
        max_queue_size: how many batches may be under way or ready at a time.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        """How many threads or processes make batches."""
        return self._setting("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        """Sets how many threads or processes make batches."""
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether the workers are processes."""
        return self._setting("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        """Sets whether the workers are processes."""
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches may be under way or ready at a time."""
        return self._setting("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        """Sets how many batches may be under way or ready at a time."""
        self._max_queue_size = value

    def _setting(self, name: str, default: Any) -> Any:
        if name not in vars(self):
            warnings.warn(
                "Your `PyDataset` class should call `super().__init__(**kwargs)` in its "
                "constructor. `**kwargs` can include `workers`, `use_multiprocessing`, "
                "`max_queue_size`. Do not pass these arguments to `fit()`, as they will be "
                "ignored.",
                stacklevel=3,
            )
            setattr(self, name, default)
        return getattr(self, name)

    def __getitem__(self, index: int) -> Any:
        """Returns the batch with this number: x, (x,), (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__} must define `__getitem__(index)`.")

    def __iter__(self) -> Iterator[Any]:
        """Yields all batches in order, without workers."""
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None for an endless dataset."""
        size = getattr(type(self), "__len__", None)
        if size is None:
            raise NotImplementedError(
                "You need to implement the `num_batches` property:\n\n"
                "@property\ndef num_batches(self):\n  return ..."
            )
        return size(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch; a subclass may change what it gives."""

    def on_epoch_end(self) -> None:
        """Called after each epoch; a subclass may change what it gives."""
