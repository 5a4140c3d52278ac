"""Samples by their number, as a PyDataset or a dataset of grain's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import registry
from .py_dataset import PyDataset

FORMATS = ("tf", "grain", "py")


def checked_format(format: str) -> str:
    """Returns the format of a dataset: "tf" is "py" where TensorFlow is not installed.

    Raises ValueError for another one.
    """
    if format not in FORMATS:
        raise ValueError(
            f'`format` should be either "tf" or "grain" (or "py", a PyDataset). Received: '
            f"format={format}"
        )
    return "py" if format == "tf" and "tensorflow" not in registry.available() else format


class Samples:
    """Samples that are made by their number.

    Args:
        count: how many there are.
        make: what gives sample `i`: a part, or a tuple of parts.
        join: what makes a batch of a list of one part of several samples.
    """

    def __init__(
        self,
        count: int,
        make: Callable[[int], Any],
        join: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        self.count, self.make, self._join = count, make, join

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Any:
        """Returns a sample."""
        return self.make(number)

    def joined(self, samples: list[Any]) -> Any:
        """Returns a batch of samples."""
        if isinstance(samples[0], tuple):
            return tuple(self._joined_part(list(parts)) for parts in zip(*samples, strict=True))
        return self._joined_part(samples)

    def _joined_part(self, parts: list[Any]) -> Any:
        return np.stack(parts) if self._join is None else self._join(parts)


class SampleBatches(PyDataset):
    """Batches of samples, in another order in each epoch if they are shuffled.

    Args:
        samples: the samples.
        batch_size: how many make a batch; None for single samples.
        shuffle: whether they are shuffled.
        seed: where the orders are drawn from.
        **kwargs: the arguments of `PyDataset`.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int | None,
        shuffle: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._samples, self._batch_size, self._shuffle = samples, batch_size, shuffle
        self._draws = np.random.RandomState(seed)
        self._order = np.arange(len(samples))
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._samples) // (self._batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        """Returns a batch, or a sample, of NumPy arrays."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self._batch_size is None:
            return self._samples[int(self._order[index])]
        start = index * self._batch_size
        chosen = self._order[start : start + self._batch_size]
        return self._samples.joined([self._samples[int(number)] for number in chosen])

    def on_epoch_end(self) -> None:
        """Draws another order."""
        if self._shuffle:
            self._draws.shuffle(self._order)


def grain_dataset(
    samples: Samples, batch_size: int | None, shuffle: bool = False, seed: int | None = None
) -> Any:
    """Returns a `grain.IterDataset` of batches, or of single samples, as native tensors.

    Raises ImportError where grain is not installed.
    """
    try:
        import grain  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            'format="grain" needs the package grain, which is not installed. Install it with: '
            "pip install 'isozoo[grain]'. Or pass format=\"py\" for a PyDataset."
        ) from error
    backend = registry.current()

    def native(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(native(part) for part in x)
        if isinstance(x, np.ndarray | np.generic):
            return backend.asarray(np.asarray(x))
        is_text = isinstance(x, list) and bool(x) and isinstance(x[0], str)
        return backend.asarray(np.array(x)) if is_text and backend.text_kernels else x

    found = grain.MapDataset.range(len(samples))
    if shuffle:
        found = found.shuffle(seed=seed)
    found = found.map(lambda number: samples[int(number)]).to_iter_dataset()
    if batch_size is None:
        return found.map(native)
    return found.batch(batch_size, batch_fn=lambda parts: native(samples.joined(list(parts))))
