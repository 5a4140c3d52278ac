"""What Magika's network takes of a file: bytes from its beginning and from its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...hub.bases import Preprocessor

MOST_BYTES = 1 << 20
# Types that the network has no class for.
EMPTY, TEXT, UNKNOWN = "empty", "txt", "unknown"


class Content(NamedTuple):
    """A file's content, as far as it is looked at.

    Attributes:
        size: of the file, in bytes.
        beginning: its first bytes, at most a block.
        end: its last bytes, at most a block.
    """

    size: int
    beginning: bytes
    end: bytes


class FileType(NamedTuple):
    """A type of files.

    Attributes:
        label: its short name, such as "python".
        description: its name in words.
        mime_type: such as "text/x-python"; "" where there is none.
        group: such as "code"; "" where there is none.
        is_text: whether its files are text.
    """

    label: str
    description: str
    mime_type: str
    group: str
    is_text: bool


class MagikaPreprocessor(Preprocessor):
    """Files to int32 arrays (files, begin_size + end_size) of bytes.

    White space at the ends of a file does not count; what a file lacks of bytes is filled with
    `padding`, behind its beginning and before its end.

    Args:
        labels: of the network's classes, by number.
        types: label -> description, mime_type, group and is_text of a type.
        begin_size: how many bytes from the beginning.
        end_size: how many bytes from the end.
        block_size: how many bytes are looked at on either side.
        padding: the number that stands for no byte.
        least_size: of files that the network is asked about, in bytes.
        threshold: the probability from which on a class is believed.
        thresholds: label -> the same, of classes with one of their own.
        renamed: label -> what stands for it.

    Raises:
        ValueError: sizes that do not fit, or a label without a type.
    """

    task = "file_classifier"

    def __init__(
        self,
        labels: Sequence[str],
        types: Mapping[str, Any],
        begin_size: int = 1024,
        end_size: int = 1024,
        block_size: int = 4096,
        padding: int = 256,
        least_size: int = 8,
        threshold: float = 0.5,
        thresholds: Mapping[str, float] | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        sizes = (begin_size, end_size, least_size)
        if any(type(n) is not int or n < 1 for n in sizes) or not (
            max(sizes) <= block_size <= MOST_BYTES
        ):
            raise ValueError(
                f"Sizes from 1 to `block_size`, at most {MOST_BYTES}, are expected; got {sizes} "
                f"and {block_size}."
            )
        if least_size > begin_size:
            raise ValueError("`least_size` is at most `begin_size`.")
        self.labels, self.renamed = tuple(labels), dict(renamed or {})
        wanted = [*self.labels, *self.renamed.values(), EMPTY, TEXT, UNKNOWN]
        missing = [label for label in wanted if label not in types]
        if missing:
            raise ValueError(f"There is no type for the label {missing[0]!r}.")
        self.types = {label: _file_type(label, types[label]) for label in wanted}
        self.begin_size, self.end_size, self.block_size = begin_size, end_size, block_size
        self.padding, self.least_size = padding, least_size
        self.threshold, self.thresholds = float(threshold), dict(thresholds or {})

    def content(self, source: Any) -> Content:
        """Returns what is looked at of a file.

        Args:
            source: a path, or the bytes of a file.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(source, bytes | bytearray | memoryview):
            raw = bytes(source)
            return Content(len(raw), raw[: self.block_size], raw[-self.block_size :])
        if os.path.exists(source) and not os.path.isfile(source):
            raise OSError(f"{os.fspath(source)} is no plain file")
        with open(source, "rb") as file:
            beginning = file.read(self.block_size)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - self.block_size))
            return Content(size, beginning, file.read(self.block_size))

    def features(self, content: Content) -> np.ndarray | None:
        """Returns what the network takes, int32 (begin_size + end_size,); None for too little."""
        beginning, end = content.beginning.lstrip(), content.end.rstrip()
        if content.size < self.least_size or len(beginning) < self.least_size:
            return None
        found = np.full(self.begin_size + self.end_size, self.padding, np.int32)
        first = np.frombuffer(beginning[: self.begin_size], np.uint8)
        last = np.frombuffer(end[-self.end_size :], np.uint8)
        found[: len(first)] = first
        found[len(found) - len(last) :] = last
        return found

    def __call__(self, inputs: Any) -> np.ndarray:
        """Returns several files as an array; those with too little content as padding alone.

        Args:
            inputs: paths, or bytes of files.
        """
        empty = np.full(self.begin_size + self.end_size, self.padding, np.int32)
        rows = [self.features(self.content(source)) for source in inputs]
        return np.stack([empty if row is None else row for row in rows])

    def of_little(self, content: Content) -> FileType:
        """Returns the type of a file that the network is not asked about."""
        if not content.size:
            return self.types[EMPTY]
        try:
            content.beginning.decode("utf-8")
        except UnicodeDecodeError:
            return self.types[UNKNOWN]
        return self.types[TEXT]

    def believed(self, label: str, score: float) -> FileType:
        """Returns the type for a class and its probability: a general one if that is too low."""
        found = self.types[self.renamed.get(label, label)]
        if score >= self.thresholds.get(label, self.threshold):
            return found
        return self.types[TEXT if found.is_text else UNKNOWN]


def _file_type(label: str, told: Any) -> FileType:
    if isinstance(told, FileType):
        return told
    if not isinstance(told, Mapping):
        raise ValueError(f"The type of the label {label!r} is a mapping; got {told!r:.80}.")
    description, mime_type, group = (
        str(told.get(key) or "") for key in ("description", "mime_type", "group")
    )
    return FileType(label, description, mime_type, group, bool(told.get("is_text")))
