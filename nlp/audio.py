"""Sound files and arrays in, mono float32 waveforms out.

Reading needs `soundfile`, and `soxr` when the rate differs: `pip install "isozoo[audio]"`.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

_BLOCK_FRAMES = 1 << 20
_STREAMED = (0, 0xFFFFFFFF)  # data sizes that a writer leaves when it could not seek back


class AudioError(ValueError):
    """A sound that cannot be used: unreadable, cut short, empty, or not a waveform."""


def load_audio(source: Any, sample_rate: int = 16000, rate: int | None = None) -> np.ndarray:
    """Reads a sound file, or takes a waveform, as mono float32.

    Args:
        source: a path to a WAV, FLAC or any other file that libsndfile reads; such a file, open
            for reading in binary; a waveform, as an array or a tensor; a pair (samples per second,
            waveform), or a dict with "array" (or "raw") and "sampling_rate". Channels of a file
            are averaged. A waveform must be mono, of shape `[samples]`; integer samples are scaled
            to [-1, 1). What is at another rate is resampled to `sample_rate`.
        sample_rate: samples per second of the result.
        rate: samples per second of a waveform that comes without; `sample_rate` if None.

    Returns:
        float32 array of shape `[samples]`, full scale being [-1, 1].

    Raises:
        AudioError: the file is missing, not audio, cut short or empty; the array is empty,
            not one-dimensional, or holds NaN or infinity; a rate is not a positive number, or two
            differ.
        ImportError: `soundfile` or `soxr` is needed and not installed.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        samples, found = _read_file(path)
        name = str(path)
    elif hasattr(source, "read"):
        samples, found = _read_open(source)
        name = str(getattr(source, "name", "the file"))
    else:
        samples, found = _with_rate(source, rate)
        samples, name = _check_waveform(_as_array(samples)), "the waveform"
    found = sample_rate if found is None else found
    if found != sample_rate:
        samples = _resample(samples, found, sample_rate)
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: the samples hold NaN or infinity; re-export the file.")
    return samples


def _with_rate(source: Any, rate: int | None) -> tuple[Any, int | None]:
    """A waveform and its samples per second, which it may tell itself."""
    told = None
    if isinstance(source, dict):
        source, told = _of_dict(source)
    elif isinstance(source, tuple) and len(source) == 2 and np.ndim(source[0]) == 0:
        told, source = source
    for number in (told, rate):
        if number is not None and (isinstance(number, bool) or not int(number) == number > 0):
            raise AudioError(f"A sample rate is a positive whole number; got {number!r}.")
    if told is not None and rate is not None and told != rate:
        raise AudioError(
            f"The sound says that it has {told} samples per second, `sample_rate` says {rate}: "
            "give one of them."
        )
    found = rate if told is None else told
    return source, None if found is None else int(found)


def _of_dict(source: dict[str, Any]) -> tuple[Any, int]:
    name = next((key for key in ("array", "raw") if key in source), None)
    if name is None or "sampling_rate" not in source:
        raise AudioError(
            'A dict of sound holds "array" (or "raw") and "sampling_rate"; got '
            f"{', '.join(map(repr, source)) or 'nothing'}."
        )
    return source[name], source["sampling_rate"]


def _as_array(samples: Any) -> np.ndarray:
    """A waveform of any framework, or a list of numbers, as an array."""
    if isinstance(samples, np.ndarray):
        return samples
    from ..framework.ops import convert_to_numpy

    try:
        return np.asarray(convert_to_numpy(samples))
    except (TypeError, ValueError) as error:
        raise AudioError(
            "Expected the path of a sound file, an open file, a waveform, (rate, waveform) or a "
            f'dict with "array" and "sampling_rate"; got {type(samples).__name__}.'
        ) from error


def _read_open(file: Any) -> tuple[np.ndarray, int]:
    """Samples and rate of a sound file that is open for reading."""
    soundfile = _soundfile()
    try:
        with soundfile.SoundFile(file) as sound:
            samples, rate = _read_mono(sound), sound.samplerate
    except (soundfile.LibsndfileError, TypeError, OSError) as error:
        raise AudioError(
            f"The open file is no sound file that can be read, or is not open for reading in "
            f"binary: {error}"
        ) from error
    if len(samples) == 0:
        raise AudioError("The open file holds no samples.")
    return samples, rate


def _check_waveform(samples: np.ndarray) -> np.ndarray:
    if samples.ndim != 1:
        raise AudioError(
            f"Expected a mono waveform of shape [samples], got shape {samples.shape}. "
            "Average the channels first, or pass one waveform at a time."
        )
    if samples.size == 0:
        raise AudioError("The waveform is empty: it has no samples.")
    if samples.dtype.kind == "i":
        samples = samples / np.float64(-int(np.iinfo(samples.dtype).min))
    elif samples.dtype.kind != "f":
        raise AudioError(f"Expected float or signed integer samples, got {samples.dtype}.")
    samples = samples.astype(np.float32)
    if not np.isfinite(samples).all():
        raise AudioError("The waveform holds NaN or infinity.")
    return samples


def _read_file(path: Path) -> tuple[np.ndarray, int]:
    if not path.is_file():
        raise AudioError(f"{path}: no such file.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes).")
    soundfile = _soundfile()
    _check_wav_complete(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            samples, rate, declared = _read_mono(file), file.samplerate, file.frames
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path}: not a sound file that can be read, or damaged ({error.error_string}) "
            "Expected WAV, FLAC, OGG or MP3."
        ) from error
    # Some decoders end at a damaged frame without an error. A declared length of at least 2^62
    # is libsndfile's "unknown".
    if len(samples) < declared < 1 << 62:
        raise AudioError(
            f"{path}: cut short: the header declares {declared} frames, {len(samples)} could be "
            "read. Fetch or export the file again."
        )
    if len(samples) == 0:
        raise AudioError(f"{path}: the file holds no samples.")
    return samples, rate


def _read_mono(file) -> np.ndarray:
    # Block by block: a header may declare far more frames than the file holds.
    blocks = []
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _check_wav_complete(path: Path) -> None:
    """Raise if a RIFF file ends before its data chunk does (libsndfile reads on in silence)."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        riff, _, wave = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if riff != b"RIFF" or wave != b"WAVE":
            return
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", header)
            if name == b"data":
                held = size - file.tell()
                if length not in _STREAMED and held < length:
                    raise AudioError(
                        f"{path}: cut short: the header declares {length} bytes of samples, the "
                        f"file holds {held}. Fetch or export it again."
                    )
                return
            file.seek(length + length % 2, os.SEEK_CUR)
    raise AudioError(f"{path}: a WAV file without a data chunk: cut short, or not audio.")


def _soundfile():
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            'Reading sound files needs soundfile: pip install "isozoo[audio]"'
        ) from error
    return soundfile


def _resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"The file has {rate} samples per second, {target} are needed, and resampling needs "
            'soxr: pip install "isozoo[audio]"'
        ) from error
    return soxr.resample(samples, rate, target).astype(np.float32, copy=False)
