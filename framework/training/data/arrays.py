"""Batches of arrays in memory, or in a file that is read like one."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import config
from ...nested import flatten, map_structure
from ...utils.packing import pack_x_y_sample_weight
from .batches import Batches
from .columns import ArrayColumn, Column, columns
from .hugging_face import columns_of_dataset, is_dataset
from .weights import (
    BOTH,
    checked_class_weight,
    for_each_target,
    needs_one_target,
    weights_of_classes,
)

# A batch of up to so many bytes is copied sooner than threads change.
SMALL = 1 << 19


class ArrayBatches(Batches):
    """Batches of rows of arrays.

    Args:
        x: inputs: arrays or tensors, nested in any way.
        y: targets.
        sample_weight: weights of the rows: one array, or arrays nested like `y`.
        batch_size: rows of a batch; 32 if None, or as many as `steps` batches need.
        steps: batches of an epoch; all if None.
        shuffle: whether rows come in another order in each pass; "batch" for another order within
            each batch alone.
        class_weight: class -> weight of its rows, in place of `sample_weight`.
        seed: where orders are drawn from.
        float_dtype: the dtype of floats; the default float if None.

    Raises:
        ValueError: arrays that differ in their number of rows or have none; weights that do not fit
            the targets.
    """

    _reuses_memory = False

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool | str = True,
        class_weight: Any = None,
        seed: int | None = None,
        float_dtype: str | None = None,
    ) -> None:
        super().__init__(steps, seed, float_dtype)
        if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
            raise ValueError(f"`batch_size` must be a positive integer; got {batch_size!r}.")
        x, y = columns("x", x), columns("y", y)
        weights = for_each_target(y, columns("sample_weight", sample_weight))
        self.rows = _common_rows(x, y, weights)
        class_weight = checked_class_weight(class_weight)
        if class_weight is not None:
            if weights is not None:
                raise ValueError(BOTH)
            needs_one_target(y)
            weights = ArrayColumn("class_weight", weights_of_classes(y.whole(), class_weight))
        if batch_size is None:
            batch_size = math.ceil(self.rows / steps) if steps else 32
        self.batch_size, self._shuffle = batch_size, shuffle
        self.is_shuffled = bool(shuffle)
        self._packed = pack_x_y_sample_weight(x, y, weights)
        self._ahead = batch_size * _row_bytes(self._packed) > SMALL

    @property
    def length(self) -> int:
        """Batches of a pass."""
        assert self.rows is not None and self.batch_size is not None
        return math.ceil(self.rows / self.batch_size)

    def read(self, number: int, skip: int) -> Iterator[Any]:
        """Yields the batches of a pass, in its order."""
        assert self.rows is not None and self.batch_size is not None
        numbers: np.ndarray | None = None
        draws = np.random.default_rng((self.seed or 0, number)) if self.is_shuffled else None
        if draws is not None:
            numbers = draws.permutation(self.rows) if self._shuffle != "batch" else None
        for start in range(0, self.rows, self.batch_size):
            stop = min(start + self.batch_size, self.rows)
            rows: slice | np.ndarray = slice(start, stop)
            if numbers is not None:
                rows = numbers[rows]
            elif draws is not None:
                rows = start + draws.permutation(stop - start)
            if start >= skip * self.batch_size:
                yield map_structure(lambda c: None if c is None else c.take(rows), self._packed)  # noqa: B023


def split_for_validation(arrays: Any, fraction: float) -> tuple[Any, Any]:
    """Returns arrays in two parts; the last rows are the second. Nothing is copied.

    Args:
        arrays: (x, y, sample_weight), nested arrays and None, or a Hugging Face dataset as x.
        fraction: the share of the second part, between 0 and 1; the first has rows x (1 - fraction)
            rows, rounded down, as in Keras.

    Returns:
        Two tuples like `arrays`, whose leaves `batches_of` takes in place of arrays.

    Raises:
        ValueError: no arrays, or a part without rows.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1; got {fraction!r}.")
    try:
        x, y, sample_weight = arrays
        if is_dataset(x):
            x, y = columns_of_dataset(x, y)
        named = {"x": x, "y": y, "sample_weight": sample_weight}
        made = tuple(columns(name, value) for name, value in named.items())
    except ValueError as error:
        raise ValueError(
            "Argument `validation_split` is only supported for tensors or NumPy arrays; pass "
            f"`validation_data` for other sources. {error}"
        ) from error
    rows = _common_rows(*made)
    middle = math.floor(rows * (1.0 - fraction))
    if middle in (0, rows):
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a "
            f"validation and training set as specified by `validation_split={fraction}`. Either "
            "provide more data, or a different value for the `validation_split` argument."
        )

    def part(start: int, stop: int) -> Any:
        return map_structure(lambda c: None if c is None else c.part(start, stop), made)

    return part(0, middle), part(middle, rows)


def _common_rows(x: Any, y: Any, sample_weight: Any) -> int:
    """The number of rows that all columns have."""
    found: list[Column] = [c for c in flatten((x, y, sample_weight)) if c is not None]
    if not found:
        raise ValueError("The data hold no array: x is empty or None. Give at least one array.")
    if len({c.shape[0] for c in found}) > 1:
        counts = "\n".join(f"  {c.name}: {c.shape[0]} rows" for c in found)
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
            f"samples.\n{counts}"
        )
    if not found[0].shape[0]:
        names = ", ".join(f"{c.name} {c.shape}" for c in found)
        raise ValueError(f"The data have no rows: {names}. Give at least one row.")
    return found[0].shape[0]


def _row_bytes(packed: Any) -> int:
    """About how many bytes a row takes."""
    found = [c for c in flatten(packed) if c is not None]
    size = np.dtype(config.floatx() if config.floatx() != "bfloat16" else "float16").itemsize
    return sum(size * math.prod(c.shape[1:]) for c in found)
