"""Batches of a PyDataset, made in threads or processes."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...utils.py_dataset import PyDataset
from .streams import StreamBatches
from .workers import Workers


class PyDatasetBatches(StreamBatches):
    """Batches of a PyDataset, in an order of their own in each pass.

    Args:
        source: the dataset.
        steps: batches of an epoch; all if None.
        class_weight: class -> weight of its rows, where the dataset gives no weights.
        seed: where orders are drawn from.
        float_dtype: the dtype of floats; the default float if None.
        shuffle: whether the batches come in another order in each pass.
    """

    kind = "PyDataset"

    def __init__(
        self, source: PyDataset, *args: Any, shuffle: bool | str = False, **kwargs: Any
    ) -> None:
        super().__init__(source, *args, **kwargs)
        self.is_shuffled = bool(shuffle) and source.num_batches is not None
        self._pool: Workers | None = None
        if source.workers > 1 or (source.workers == 1 and source.use_multiprocessing):
            self._pool = Workers(
                source, source.workers, source.use_multiprocessing, source.max_queue_size
            )

    @property
    def length(self) -> int | None:
        """What the dataset says."""
        return self._source.num_batches

    @property
    def is_endless(self) -> bool:
        """Whether the dataset says that it has no end."""
        return self._source.num_batches is None

    def on_epoch_begin(self) -> bool:
        """Begins an epoch, of which the dataset is told first."""
        begins = super().on_epoch_begin()
        if begins:
            self._source.on_epoch_begin()
        return begins

    def on_epoch_end(self) -> bool:
        """Ends an epoch, of which the dataset is told."""
        ends = super().on_epoch_end()
        if ends:
            self._source.on_epoch_end()
        if ends and self._pool is not None and self._changes():
            self._rest = None
            self._pool.close()
        return ends

    def close(self) -> None:
        """Ends threads and processes."""
        super().close()
        if self._pool is not None:
            self._pool.close()

    def _raw(self, number: int, skip: int) -> Iterator[Any]:
        length = self.length
        if length is None:
            indices: Any = itertools.count(skip)
        else:
            indices = range(length)
            if self.is_shuffled:
                draws = np.random.default_rng((self.seed or 0, number))
                indices = draws.permutation(length).tolist()
            indices = indices[skip:]
        return (
            map(self._source.__getitem__, indices)
            if self._pool is None
            else (self._pool.results(indices))
        )

    def _packed(self, batch: Any) -> Any:
        tuples = isinstance(batch, tuple | list) and len(batch) in (1, 2, 3)
        if not (tuples or isinstance(batch, dict) or hasattr(batch, "shape")):
            raise ValueError(
                "PyDataset.__getitem__() must return a tuple or a dict. If a tuple, it must be "
                "ordered either (input,) or (inputs, targets) or (inputs, targets, "
                f"sample_weights). Received: {str(batch)[:100]}... of type {type(batch)}"
            )
        return super()._packed(batch)

    def _changes(self) -> bool:
        """Whether the dataset may be another one after an epoch: the copies in processes are old.

        Only its hooks tell; without them the processes stay.
        """
        kind = type(self._source)
        return self._source.use_multiprocessing and not (
            kind.on_epoch_begin is PyDataset.on_epoch_begin
            and kind.on_epoch_end is PyDataset.on_epoch_end
        )
