"""text_dataset_from_directory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...backends import registry
from .listing import Request


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Returns a dataset of the ".txt" files in a directory, with the classes that they belong to.

    Args:
        directory: where the files lie; with inferred labels those of each class in a folder of its
            own, or below it.
        labels: "inferred" from the folders, None, or a list of whole numbers for the files in the
            order of their paths.
        label_mode: "int": int32; "binary": float32 (batch, 1), of two classes; "categorical":
            float32 (batch, classes); None for no labels.
        class_names: the folders in the order of their numbers; in alphabetical order if None.
        batch_size: files of a batch; None for single files.
        max_length: to how many bytes (with "grain" and "py": letters) texts are cut.
        shuffle: whether the files come in a random order, another one in each epoch.
        seed: where the order is drawn from.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a list of two datasets.
        follow_links: whether links to folders are followed.
        format: "tf" for a `tf.data.Dataset`; "grain" for a `grain.IterDataset`; "py" for a
            PyDataset, which "tf" gives, too, where TensorFlow is not installed.
        verbose: whether the number of files is told.

    Returns:
        A dataset with the attributes `class_names` and `file_paths`. Texts are string tensors on
        TensorFlow, else lists of `str`.

    Raises:
        ValueError: arguments that do not go together, or no files.
        ImportError: grain is not installed.
    """
    request = Request(
        "text",
        (".txt",),
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        format,
        verbose,
    )

    def read(path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read(-1 if max_length is None else max_length)

    def dataset_of(files: Any, shuffled: bool) -> Any:
        if request.format != "tf":
            return request.on_host(files, shuffled, read, _joined)
        tensorflow = registry.get("tensorflow").datasets
        order = (request.batch_size, shuffled, request.seed)
        given = files.paths, request.encoded_labels(files)
        return tensorflow.of_files(*given, tensorflow.text_reader(max_length), *order)

    return request.datasets(dataset_of)


def _joined(parts: list[Any]) -> Any:
    return parts if isinstance(parts[0], str) else np.stack(parts)
