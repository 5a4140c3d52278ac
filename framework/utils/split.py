"""split_dataset: two parts of a dataset, such as for training and for tests."""

import random
from typing import Any

import numpy as np

from .. import tree
from ..backends import registry
from .samples import SampleBatches, Samples

_NONE = (
    "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None "
    "and right_size=None"
)


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Returns two parts of a dataset, the first samples and the last.

    Args:
        dataset: a `tf.data.Dataset`, a `torch.utils.data.Dataset`, an array, or a list or tuple of
            arrays with the same number of rows.
        left_size: how many samples the first part has, or, as a float below 1, which share of all;
            the rest of the other part if None.
        right_size: how many the second part has.
        shuffle: whether the samples are shuffled before.
        seed: where the order is drawn from.
        preferred_backend: "torch" for datasets of torch, another name for `tf.data`; that of the
            dataset, or of arrays the current one, if None.

    Returns:
        Two datasets: of `tf.data`, for "torch" of torch. Where TensorFlow is not installed, two
        PyDatasets of single samples in its place.

    Raises:
        TypeError: another kind of dataset, or sizes that are no numbers.
        ValueError: sizes out of range, or arrays of different lengths.
    """
    kind = _kind(dataset)
    if kind is None:
        raise TypeError(
            "The `dataset` argument must be either a `tf.data.Dataset` object, a "
            "`torch.utils.data.Dataset` object, or a list/tuple of arrays. Unsupported dataset "
            f"type: {type(dataset)}"
        )
    if left_size is None and right_size is None:
        raise ValueError(_NONE)
    wanted = preferred_backend or (registry.current().name if kind == "arrays" else kind)
    if kind == "arrays" and isinstance(dataset, list | tuple):
        _check_arrays(dataset)
    if wanted == "torch":
        return _of_torch(dataset, kind, left_size, right_size, shuffle, seed)
    samples, batch_size = _samples(dataset, kind)
    if shuffle:
        random.Random(seed).shuffle(samples)
    left, right = _sizes(left_size, right_size, len(samples))
    parts = samples[:left], samples[len(samples) - right :]
    if "tensorflow" in registry.available():
        of_rows = registry.get("tensorflow").datasets.of_rows
        return tuple(of_rows(_stacked(part), batch_size) for part in parts)  # pyright: ignore
    return tuple(  # pyright: ignore
        SampleBatches(Samples(len(part), part.__getitem__), batch_size) for part in parts
    )


def _kind(dataset: Any) -> str | None:
    """ "arrays", or the framework of a dataset; None for anything else."""
    if isinstance(dataset, list | tuple | np.ndarray):
        return "arrays"
    for cls in type(dataset).__mro__:
        if cls.__module__.startswith("tensorflow.") and cls.__name__ in ("DatasetV2", "Dataset"):
            return "tensorflow"
        if cls.__module__.startswith("torch.utils.data") and cls.__name__ == "Dataset":
            return "torch"
    return None


def _check_arrays(arrays: Any) -> None:
    name = type(arrays).__name__
    if not len(arrays):
        raise ValueError(
            f"Received an empty list dataset. Please provide a non-empty {name} of arrays."
        )
    for number, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            raise ValueError(
                f"Expected a {name} of `numpy.ndarray` objects, Received: {type(array)} at index "
                f"{number}."
            )
        if len(array) != len(arrays[0]):
            raise ValueError(
                f"Received a {name} of NumPy arrays with different lengths. Mismatch found at "
                f"index {number}, Expected shape={arrays[0].shape} Received shape={array.shape}. "
                f"Please provide a {name} of NumPy arrays of the same length."
            )


def _samples(dataset: Any, kind: str) -> tuple[list[Any], int | None]:
    """The samples as nested NumPy arrays, and the size of the dataset's batches, if any."""
    if kind == "tensorflow":
        return registry.get("tensorflow").datasets.samples_of(dataset)
    if kind == "torch":
        to_host = registry.get("torch").to_numpy
        found = [dataset[number] for number in range(len(dataset))]
        return [
            tree.map_structure(lambda x: to_host(x) if hasattr(x, "detach") else x, sample)
            for sample in found
        ], None
    if isinstance(dataset, np.ndarray):
        return list(dataset), None
    return list(zip(*dataset, strict=True)), None


def _stacked(samples: list[Any]) -> Any:
    return tree.map_structure(lambda *parts: np.stack(parts), *samples)


def _of_torch(
    dataset: Any, kind: str, left: Any, right: Any, shuffle: bool, seed: int | None
) -> tuple[Any, Any]:
    tools = registry.get("torch").datasets
    if kind == "tensorflow":
        rows = _stacked(_samples(dataset, kind)[0])
        dataset = tools.of_arrays(tree.flatten(rows))
    elif kind == "arrays":
        dataset = tools.of_arrays([dataset] if isinstance(dataset, np.ndarray) else dataset)
    return tools.parts(dataset, *_sizes(left, right, len(dataset)), shuffle, seed)


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """How many samples the parts have."""
    left, right = (_size(size, side, total) for size, side in ((left, "left"), (right, "right")))
    if left is None:
        left = total - right
    elif right is None:
        right = total - left
    if left + right > total:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than 1, or than the number of "
            f"samples; it should be smaller than the {total}. Received: left_size + right_size = "
            f"{left + right} and total_length = {total}"
        )
    for size, side in ((left, "left"), (right, "right")):
        if size <= 0:
            raise ValueError(
                f"With `dataset` of length={total}, `left_size`={left} and `right_size`={right}. "
                f"Resulting {side} side dataset split will be empty. Adjust any of the "
                "aforementioned parameters"
            )
    return left, right


def _size(size: Any, side: str, total: int) -> int | None:
    if size is None:
        return None
    if type(size) not in (int, float):
        raise TypeError(
            f"Invalid `{side}_size` Type. Expected: int or float or None, Received: type("
            f"{side}_size)={type(size)}. (Invalid `left_size` and `right_size` Types are "
            "neither an integer nor a float.)"
        )
    if not 0 < size < (total if isinstance(size, int) else 1):
        raise ValueError(
            f"`{side}_size` should be either a positive integer smaller than {total}, or a float "
            f"within the range `[0, 1]`. Received: {side}_size={size}"
        )
    return size if isinstance(size, int) else round(size * total)
