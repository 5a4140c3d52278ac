"""Datasets of `tf.data`: of files, of windows of an array, and of parts of another dataset."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


def of_files(
    paths: list[str],
    labels: np.ndarray | None,
    read: Callable[[Any], Any],
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    fill: bool = False,
) -> Any:
    """A dataset of what `read(path)` gives for each file, with its label, in batches.

    `fill` says whether the parts of a batch are filled up with zeros to the longest.
    """
    found = tf.data.Dataset.from_tensor_slices(paths)
    if labels is not None:
        found = tf.data.Dataset.zip((found, tf.data.Dataset.from_tensor_slices(labels)))
    if shuffle:
        found = found.shuffle(1024 if batch_size is None else batch_size * 8, seed=seed)

    def load(path: Any, *label: Any) -> Any:
        content = read(path)
        return (content, *label) if label else content

    found = found.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if batch_size is not None:
        found = found.padded_batch(batch_size) if fill else found.batch(batch_size)
    return found.prefetch(tf.data.AUTOTUNE)


def part_of_batches(dataset: Any, parts: int, number: int) -> Any:
    """One of equal parts of each batch of a dataset: rows that follow each other.

    ValueError where the batch size is unknown, or the parts do not divide it.
    """
    size = _batch_size(dataset)
    if size is None:
        raise ValueError(
            "The batch size of the input dataset is unknown. Please config the batch size for the "
            "input dataset, e.g via `dataset.batch(batch_size)`"
        )
    if parts == 1:
        return dataset.prefetch(tf.data.AUTOTUNE)
    if size % parts:
        raise ValueError(
            "Global batch size must be divisible by the number of processes and of copies of the "
            f"model that read. `global_batch_size`={size}, and {parts} read."
        )
    return dataset.rebatch(size // parts).shard(parts, number).prefetch(tf.data.AUTOTUNE)


def _batch_size(dataset: Any) -> int | None:
    """The rows of a whole batch, as the first one has them; None for elements without rows."""
    first = next(iter(dataset.take(1)), None)
    rows = {None if not x.shape.rank else int(tf.shape(x)[0]) for x in tf.nest.flatten(first)}
    return next(iter(rows)) if len(rows) == 1 else None


def text_reader(max_length: int | None) -> Callable[[Any], Any]:
    """What reads a file as text of at most `max_length` bytes."""

    def read(path: Any) -> Any:
        text = tf.io.read_file(path)
        return text if max_length is None else tf.strings.substr(text, 0, max_length)

    return read


def image_reader(
    size: tuple[int, int], channels: int, interpolation: str, fit: str, first: bool
) -> Callable[[Any], Any]:
    """What reads an image of `channels`, which come `first` or last, and resizes it.

    `fit` is "stretch", "crop" or "pad": what is done where the sides have another ratio.
    """

    def read(path: Any) -> Any:
        content = tf.io.read_file(path)
        image = tf.io.decode_image(content, channels, expand_animations=False)
        if fit == "pad":
            image = tf.image.resize_with_pad(image, *size, method=interpolation)
        else:
            image = _middle(image, size) if fit == "crop" else image
            image = tf.image.resize(image, size, interpolation)
        image = tf.ensure_shape(tf.cast(image, tf.float32), (*size, channels))
        return tf.transpose(image, (2, 0, 1)) if first else image

    return read


def _middle(image: Any, size: tuple[int, int]) -> Any:
    """The greatest part in the middle of an image whose sides have the ratio of `size`."""
    height, width = tf.unstack(tf.shape(image)[:2])
    rows = tf.minimum(height, tf.cast(width * size[0] / size[1], tf.int32))
    columns = tf.minimum(width, tf.cast(height * size[1] / size[0], tf.int32))
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


def sound_reader(
    on_host: Callable[[str], np.ndarray] | None, length: int | None, ragged: bool
) -> Callable[[Any], Any]:
    """What reads a WAV file as (samples, channels), by TensorFlow or by a function on the host."""

    def read(path: Any) -> Any:
        if on_host is None:
            samples = -1 if length is None else length
            sound = tf.audio.decode_wav(tf.io.read_file(path), desired_samples=samples).audio
        else:
            run = on_host
            sound = tf.numpy_function(lambda name: run(name.decode()), [path], tf.float32)
            sound = tf.ensure_shape(sound, [length, None])
        ragged_type: Any = tf.RaggedTensor
        return ragged_type.from_tensor(sound) if ragged else sound

    return read


def of_windows(
    data: np.ndarray,
    targets: np.ndarray | None,
    starts: np.ndarray,
    offsets: np.ndarray,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
) -> Any:
    """A dataset of the rows of `data` at `offsets` from each start, with the target there."""
    held, wanted = tf.constant(data), None if targets is None else tf.constant(targets)
    places = tf.constant(offsets)

    def window(start: Any) -> Any:
        rows = tf.gather(held, start + places)
        return rows if wanted is None else (rows, tf.gather(wanted, start))

    found = tf.data.Dataset.from_tensor_slices(starts)
    if shuffle:
        found = found.shuffle(1024 if batch_size is None else batch_size * 8, seed=seed)
    found = found.map(window, num_parallel_calls=tf.data.AUTOTUNE)
    found = found if batch_size is None else found.batch(batch_size)
    return found.prefetch(tf.data.AUTOTUNE)


def of_rows(rows: Any, batch_size: int | None) -> Any:
    """A dataset of the rows of nested arrays."""
    found = tf.data.Dataset.from_tensor_slices(rows)
    found = found if batch_size is None else found.batch(batch_size)
    return found.prefetch(tf.data.AUTOTUNE)


def samples_of(dataset: Any) -> tuple[list[Any], int | None]:
    """The samples of a dataset as nested NumPy arrays, and the size of its batches, if any."""
    batch_size = getattr(dataset, "_batch_size", None)
    if batch_size is not None:
        dataset = dataset.unbatch()
        batch_size = int(batch_size)
    return list(dataset.as_numpy_iterator()), batch_size
