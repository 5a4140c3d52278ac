"""Which files there are in a directory, their labels, and how they are divided."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...random.seeds import make_default_seed
from ..messages import print_message
from ..samples import SampleBatches, Samples, checked_format, grain_dataset


@dataclass
class Files:
    """Files with their labels.

    Attributes:
        paths: where they lie.
        labels: a whole number for each; None without labels.
        class_names: what the numbers stand for; None without labels.
    """

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None


@dataclass
class Request:
    """The arguments that all functions for directories have in common.

    The attributes bear the names of the arguments; `what` says what the files hold, for errors.
    """

    what: str
    formats: tuple[str, ...]
    directory: Any
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    format: str
    verbose: bool

    def __post_init__(self) -> None:
        self._check_labels()
        self.format = checked_format(self.format)
        self._check_split()
        if self.labels is None or self.label_mode is None:
            self.labels = self.label_mode = None
        if self.seed is None:
            self.seed = make_default_seed() % 1_000_000

    def _check_labels(self) -> None:
        labels, mode = self.labels, self.label_mode
        if (
            isinstance(labels, str)
            and labels != "inferred"
            or (labels is not None and not isinstance(labels, str | list | tuple))
        ):
            raise ValueError(
                f"`labels` argument should be a list/tuple of integer labels, of the same size as "
                f"the number of {self.what} files in the target directory. If you wish to infer "
                "the labels from the subdirectory names in the target directory, pass "
                '`labels="inferred"`. If you wish to get a dataset that only contains '
                f"{self.what} samples (no labels), pass `labels=None`. Received: labels={labels}"
            )
        if labels not in ("inferred", None) and self.class_names:
            raise ValueError(
                'You can only pass `class_names` if `labels="inferred"`. Received: labels='
                f"{labels}, and class_names={self.class_names}"
            )
        if mode not in ("int", "categorical", "binary", None):
            raise ValueError(
                '`label_mode` argument must be one of "int", "categorical", "binary", or None. '
                f"Received: label_mode={mode}"
            )

    def _check_split(self) -> None:
        split, subset = self.validation_split, self.subset
        if split and not 0 < split < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1, received: {split}")
        if (split or subset) and not (split and subset):
            raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
        if subset not in ("training", "validation", "both", None):
            raise ValueError(
                f'`subset` must be either "training", "validation" or "both", received: {subset}'
            )
        if split and self.shuffle and self.seed is None:
            raise ValueError(
                "If using `validation_split` and shuffling the data, you must provide a `seed` "
                "argument, to make sure that there is no overlap between the training and "
                "validation subset."
            )

    def datasets(self, dataset_of: Callable[[Files, bool], Any]) -> Any:
        """Returns the dataset of the files that were asked for, or a list of two of them.

        Args:
            dataset_of: gives the dataset of files, which may be shuffled in each epoch.

        Raises:
            ValueError: there are no files.
        """
        files = self._found()
        if self.label_mode == "binary" and len(files.class_names or ()) != 2:
            raise ValueError(
                'When passing `label_mode="binary"`, there must be exactly 2 class_names. '
                f"Received: class_names={files.class_names}"
            )
        if self.subset == "both":
            return [self._made(files, part, dataset_of) for part in ("training", "validation")]
        return self._made(files, self.subset, dataset_of)

    def _made(self, files: Files, subset: str | None, dataset_of: Any) -> Any:
        chosen = self._part(files, subset)
        if not chosen.paths:
            part = f"{subset} " if self.subset == "both" else ""
            plural = "images" if self.what == "image" else f"{self.what} files"
            raise ValueError(
                f"No {part}{plural} found in directory {self.directory}. Allowed format(s): "
                f"{', '.join(self.formats)} (Allowed formats: {self.formats})"
            )
        shuffle = self.shuffle and not (self.subset == "both" and subset == "validation")
        made = dataset_of(chosen, shuffle)
        # Keras's programs read them.
        made.class_names, made.file_paths = files.class_names, chosen.paths
        return made

    def _found(self) -> Files:
        folders = [""]
        if self.labels == "inferred":
            folders = _folders(self.directory, self.class_names)
        elif self.class_names is not None and self.labels is None:
            raise ValueError(
                "When `labels=None` (no labels), argument `class_names` cannot be specified."
            )
        found = [self._files_in(folder) for folder in folders]
        paths = [path for group in found for path in group]
        labels, names = None, None
        if self.labels == "inferred":
            labels = np.repeat(np.arange(len(folders)), [len(group) for group in found])
            labels, names = labels.astype(np.int32), folders
        elif self.labels is not None:
            if len(self.labels) != len(paths):
                raise ValueError(
                    "Expected the lengths of `labels` to match the number of files in the target "
                    f"directory. len(labels) is {len(self.labels)} while we found {len(paths)} "
                    f"files in directory {self.directory}."
                )
            labels = np.asarray(self.labels, np.int32)
            names = [str(label) for label in sorted(set(self.labels))]
        if self.verbose:
            classes = "" if names is None else f" belonging to {len(names)} classes"
            print_message(f"Found {len(paths)} files{classes}.")
        if self.shuffle:
            order = np.arange(len(paths))
            np.random.RandomState(self.seed).shuffle(order)
            paths = [paths[number] for number in order]
            labels = None if labels is None else labels[order]
        return Files(paths, labels, names)

    def _files_in(self, folder: str) -> list[str]:
        top = os.path.join(self.directory, folder)
        walk = os.walk(top, followlinks=self.follow_links)
        return [
            os.path.join(root, name)
            for root, _, names in sorted(walk, key=lambda found: found[0])
            for name in sorted(names)
            if name.lower().endswith(self.formats)
        ]

    def _part(self, files: Files, subset: str | None) -> Files:
        if not self.validation_split:
            return files
        count = int(self.validation_split * len(files.paths))
        kept = len(files.paths) - count
        if subset == "training":
            print_message(f"Using {kept} files for training.")
            chosen = slice(None, kept) if count else slice(0, 0)
        else:
            print_message(f"Using {count} files for validation.")
            chosen = slice(kept, None) if count else slice(None)
        labels = None if files.labels is None else files.labels[chosen]
        return Files(files.paths[chosen], labels, files.class_names)

    def encoded_labels(self, files: Files) -> np.ndarray | None:
        """Returns the labels in the form that `label_mode` says; None without labels."""
        labels = files.labels
        if labels is None:
            return None
        if self.label_mode == "binary":
            return labels.astype(np.float32)[:, None]
        if self.label_mode == "categorical":
            classes = np.arange(len(files.class_names or ()))
            return (labels[:, None] == classes).astype(np.float32)
        return labels

    def on_host(
        self, files: Files, shuffle: bool, read: Callable[[str], Any], join: Any = None
    ) -> Any:
        """Returns a PyDataset or one of grain's, whose files are read by `read(path)`."""
        labels = self.encoded_labels(files)

        def make(number: int) -> Any:
            content = read(files.paths[number])
            return content if labels is None else (content, labels[number])

        samples = Samples(len(files.paths), make, join)
        if self.format == "grain":
            return grain_dataset(samples, self.batch_size, shuffle, self.seed)
        return SampleBatches(samples, self.batch_size, shuffle, self.seed)


def _folders(directory: Any, class_names: Sequence[str] | None) -> list[str]:
    """The folders of classes, in the order of their numbers."""
    found = sorted(
        name
        for name in os.listdir(directory)
        if not name.startswith(".") and os.path.isdir(os.path.join(directory, name))
    )
    if class_names is None:
        return found
    if not set(class_names) <= set(found):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of the target "
            f"directory. Expected: {found} (or a subset of it), but received: class_names="
            f"{class_names}"
        )
    return list(class_names)
