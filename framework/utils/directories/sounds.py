"""audio_dataset_from_directory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...backends import registry
from .listing import Request


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
    *,
    format: str = "tf",
) -> Any:
    """Returns a dataset of the ".wav" files in a directory, with the classes that they belong to.

    Sounds are float32 from -1 to 1, (batch, samples, channels); in a batch they are filled up with
    zeros to the longest.

    Args:
        directory: where the files lie; with inferred labels those of each class in a folder of its
            own, or below it.
        labels: "inferred" from the folders, None, or a list of whole numbers for the files in the
            order of their paths.
        label_mode: "int": int32; "binary": float32 (batch, 1), of two classes; "categorical":
            float32 (batch, classes); None for no labels.
        class_names: the folders in the order of their numbers; in alphabetical order if None.
        batch_size: files of a batch; None for single files.
        sampling_rate: samples per second to which sounds are resampled; None for the file's own.
        output_sequence_length: samples to which sounds are cut or filled up.
        ragged: whether sounds keep their lengths, for "tf" only.
        shuffle: whether the files come in a random order, another one in each epoch.
        seed: where the order is drawn from.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a tuple of two datasets.
        follow_links: whether links to folders are followed.
        verbose: whether the number of files is told.
        format: "tf" for a `tf.data.Dataset`; "grain" for a `grain.IterDataset`; "py" for a
            PyDataset, which "tf" gives, too, where TensorFlow is not installed.

    Returns:
        A dataset with the attributes `class_names` and `file_paths`.

    Raises:
        ValueError: arguments that do not go together, or no files.
        ImportError: grain, soundfile or soxr is needed and not installed.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`")
    if sampling_rate is not None and not isinstance(sampling_rate, int):
        raise ValueError(
            f"`sampling_rate` should have an integer value. Received: sampling_rate={sampling_rate}"
        )
    if sampling_rate is not None and sampling_rate <= 0:
        raise ValueError(
            f"`sampling_rate` should be higher than 0. Received: sampling_rate={sampling_rate}"
        )
    request = Request(
        "audio",
        (".wav",),
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
    if ragged and request.format != "tf":
        raise ValueError('`ragged=True` needs format="tf", and TensorFlow.')

    def read(path: str) -> np.ndarray:
        return _read(path, sampling_rate, output_sequence_length)

    def dataset_of(files: Any, shuffled: bool) -> Any:
        if request.format != "tf":
            return request.on_host(files, shuffled, read, _joined)
        tensorflow = registry.get("tensorflow").datasets
        made = tensorflow.sound_reader(
            None if sampling_rate is None else read, output_sequence_length, ragged
        )
        order = (request.batch_size, shuffled, request.seed)
        fill = output_sequence_length is None and not ragged
        return tensorflow.of_files(
            files.paths, request.encoded_labels(files), made, *order, fill=fill
        )

    found = request.datasets(dataset_of)
    return tuple(found) if subset == "both" else found


def _read(path: str, rate: int | None, length: int | None) -> np.ndarray:
    """A file as float32 (samples, channels)."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            "Reading sound needs the package soundfile, which is not installed. Install it with: "
            "pip install 'isozoo[audio]'."
        ) from error
    samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate is not None and rate != own_rate:
        try:
            import soxr
        except ImportError as error:
            raise ImportError(
                "Resampling sound needs the package soxr, which is not installed. Install it with: "
                "pip install 'isozoo[audio]'."
            ) from error
        samples = soxr.resample(samples, own_rate, rate).astype(np.float32, copy=False)
    if length is None:
        return samples
    samples = samples[:length]
    return np.pad(samples, [(0, length - len(samples)), (0, 0)])


def _joined(parts: list[Any]) -> np.ndarray:
    """Parts of a batch, sounds filled up with zeros to the longest."""
    if parts[0].ndim != 2:
        return np.stack(parts)
    longest = max(len(part) for part in parts)
    return np.stack([np.pad(part, [(0, longest - len(part)), (0, 0)]) for part in parts])
