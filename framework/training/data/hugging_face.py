"""Datasets of the library `datasets`: rows of named columns, in files or streamed."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .columns import Column, Rows
from .foreign import inherits
from .streams import StreamBatches

# Columns that are targets unless other ones are named.
TARGETS = ("label", "labels")


class DatasetColumn(Column):
    """One column of a dataset, read batch by batch from its file."""

    def __init__(self, name: str, dataset: Any, key: str, start: int, stop: int) -> None:
        self.name, self._dataset, self._key = name, dataset, key
        self._start = start
        first = np.asarray(dataset[start : start + 1][key]) if stop > start else np.zeros((0,))
        self.shape = (stop - start, *first.shape[1:])

    def take(self, rows: Rows) -> np.ndarray:
        """Returns some rows."""
        if isinstance(rows, slice):
            part = self._dataset[self._start + rows.start : self._start + rows.stop]
        else:
            part = self._dataset[(self._start + rows).tolist()]
        return np.asarray(part[self._key])

    def part(self, start: int, stop: int) -> "DatasetColumn":
        """Returns a column of those rows; nothing is copied."""
        at = self._start
        return DatasetColumn(self.name, self._dataset, self._key, at + start, at + stop)


def is_dataset(x: Any) -> bool:
    """Returns whether `x` is a dataset of rows that can be read in any order."""
    return inherits(x, "datasets", "Dataset")


def is_stream(x: Any) -> bool:
    """Returns whether `x` is a dataset whose rows are streamed."""
    return inherits(x, "datasets", "IterableDataset")


def columns_of_dataset(dataset: Any, y: Any = None) -> tuple[Any, Any]:
    """Returns the inputs and targets of a dataset as Columns.

    Args:
        dataset: a `datasets.Dataset`.
        y: the name of the target's column, or several names; "label" or "labels" if None, where
            there is one.

    Returns:
        x: a dict of the other columns, or a single one by itself.
        y: a Column, a list of them for several names, or None.

    Raises:
        ValueError: a name that no column has, or a column of text.
    """
    names = list(dataset.column_names)
    targets = _targets(names, y)
    text = [n for n in names if str(getattr(dataset.features[n], "dtype", "")).endswith("string")]
    if text:
        raise ValueError(
            f"The dataset has columns of text: {', '.join(map(repr, text))}. Turn them into "
            f"numbers, by a tokenizer in dataset.map(...), and drop them: "
            f"dataset.remove_columns({text!r})."
        )
    arrays = dataset.with_format("numpy")

    def column(kind: str, name: str) -> DatasetColumn:
        only = arrays.select_columns([name])
        return DatasetColumn(f"{kind}[{name!r}]", only, name, 0, len(dataset))

    x = {name: column("x", name) for name in names if name not in targets}
    found = [column("y", name) for name in targets]
    single = not isinstance(y, list | tuple)
    return _alone(x), (found[0] if single else found) if found else None


class DatasetStreamBatches(StreamBatches):
    """Batches of a streamed `datasets.IterableDataset`.

    Args:
        source: the dataset.
        y: the name of the target's column; "label" or "labels" if None, where there is one.
        batch_size: rows of a batch; 32 if None.
        *args: as those of StreamBatches after its source.
        **kwargs: the same.
    """

    kind = "datasets.IterableDataset"

    def __init__(
        self, source: Any, y: Any = None, batch_size: int | None = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(source, *args, **kwargs)
        self._y, self.batch_size = y, batch_size or 32

    def _raw(self, number: int, skip: int) -> Iterator[Any]:
        arrays = self._source.with_format("numpy").iter(batch_size=self.batch_size)
        for rows in itertools.islice(arrays, skip, None):
            targets = _targets(list(rows), self._y)
            x = _alone({name: rows[name] for name in rows if name not in targets})
            y = [rows[name] for name in targets]
            if not y:
                yield (x,)
            else:
                yield x, y if isinstance(self._y, list | tuple) else y[0]


def _targets(names: Sequence[str], y: Any) -> list[str]:
    if y is None:
        return [name for name in TARGETS if name in names][:1]
    wanted = [y] if isinstance(y, str) else y
    if not isinstance(wanted, list | tuple) or any(name not in names for name in wanted):
        raise ValueError(
            "With a dataset of the library `datasets`, `y` should be the name of a column or a "
            f"list of names; the columns are {list(names)}. Received {y!r}."
        )
    return list(wanted)


def _alone(x: dict[str, Any]) -> Any:
    """A dict of inputs; the only one by itself, for models with an input without a name."""
    return next(iter(x.values())) if len(x) == 1 else x
