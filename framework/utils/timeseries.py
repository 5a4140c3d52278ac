"""timeseries_dataset_from_array."""

from typing import Any

import numpy as np

from ..backends import registry
from ..random.seeds import make_default_seed
from .samples import SampleBatches, Samples, checked_format, grain_dataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Returns a dataset of windows of an array, each with the target at its start.

    Window i begins at row i * sequence_stride, counted from `start_index`, and has
    `sequence_length` rows, `sampling_rate` apart.

    Args:
        data: (rows, ...).
        targets: (rows, ...), the target of the window that begins at each row; or None.
        sequence_length: rows of a window.
        sequence_stride: rows from one window to the next.
        sampling_rate: rows from one row of a window to the next.
        batch_size: windows of a batch; None for single windows.
        shuffle: whether windows come in a random order, another one in each epoch.
        seed: where the order is drawn from.
        start_index: the first row that is used.
        end_index: the first row that is not used any more.
        format: "tf" for a `tf.data.Dataset`; "grain" for a `grain.IterDataset`; "py" for a
            PyDataset, which "tf" gives, too, where TensorFlow is not installed.

    Raises:
        ValueError: rows or steps out of range.
        ImportError: grain is not installed.
    """
    _check_rows(len(data), start_index, end_index)
    _check_steps(len(data), sampling_rate=sampling_rate, sequence_stride=sequence_stride)
    format = checked_format(format)
    first, last = start_index or 0, end_index or len(data)
    count = last - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets))
        targets = np.asarray(targets[first:last])
    rows = np.asarray(data[first:last])
    starts, offsets = np.arange(0, count, sequence_stride), np.arange(sequence_length)
    offsets = offsets * sampling_rate
    if shuffle:
        seed = make_default_seed() % 1_000_000 if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    if format == "tf":
        of_windows = registry.get("tensorflow").datasets.of_windows
        return of_windows(rows, targets, starts, offsets, batch_size, shuffle, seed)

    def make(number: int) -> Any:
        window = rows[starts[number] + offsets]
        return window if targets is None else (window, targets[starts[number]])

    samples = Samples(len(starts), make)
    if format == "grain":
        return grain_dataset(samples, batch_size, shuffle, seed)
    return SampleBatches(samples, batch_size, shuffle, seed)


def _check_rows(size: int, first: int | None, last: int | None) -> None:
    if first and first < 0:
        raise ValueError(f"`start_index` must be 0 or greater. Received: start_index={first}")
    if first and first >= size:
        raise ValueError(
            "`start_index` must be lower than the length of the data. Received: start_index="
            f"{first}, for data of length {size}"
        )
    if last and first and last <= first:
        raise ValueError(
            f"`end_index` must be higher than `start_index`. Received: start_index={first}, and "
            f"end_index={last} "
        )
    if last and last >= size:
        raise ValueError(
            "`end_index` must be lower than the length of the data. Received: end_index="
            f"{last}, for data of length {size}"
        )
    if last and last <= 0:
        raise ValueError(f"`end_index` must be higher than 0. Received: end_index={last}")


def _check_steps(size: int, **steps: int) -> None:
    for name, step in steps.items():
        if step <= 0:
            raise ValueError(f"`{name}` must be higher than 0. Received: {name}={step}")
        if step >= size:
            raise ValueError(
                f"`{name}` must be lower than the length of the data. Received: {name}={step}, "
                f"for data of length {size}"
            )
