"""Whisper's front end: the log-mel spectrogram.

Definition: Radford et al. 2022 (arXiv:2212.04356), section 2.2; the filters are those of
M. Slaney's Auditory Toolbox (1998), each scaled to unit area.
"""

from __future__ import annotations

import functools

import numpy as np

SAMPLE_RATE = 16000
WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
CHUNK_SECONDS = 30
CHUNK_SAMPLES = CHUNK_SECONDS * SAMPLE_RATE
CHUNK_FRAMES = CHUNK_SAMPLES // HOP_SAMPLES
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_SAMPLES

_POWER_FLOOR = 1e-10


class WhisperAudioConverter:
    """Waveforms to log-mel features.

    Args:
        num_mels: mel channels; 80, or 128 for large-v3 and turbo.
    """

    def __init__(self, num_mels: int = 80):
        if num_mels < 1:
            raise ValueError(f"num_mels must be at least 1, got {num_mels}.")
        self.num_mels = num_mels
        self._filters = mel_filter_bank(num_mels).astype(np.float32)

    def __call__(self, audio: np.ndarray, *, pad: bool = True) -> np.ndarray:
        """Log-mel features of one waveform.

        Args:
            audio: `[samples]` at 16 kHz, full scale [-1, 1].
            pad: fill a waveform shorter than 30 s with silence, before the transform, as the
                model was trained. A longer one is never cut.

        Returns:
            float32 `[frames, num_mels]`, 100 frames a second; 3000 frames for 30 s. Values lie
            at most 2 below their maximum.

        Raises:
            ValueError: `audio` is not one-dimensional, or shorter than a frame when not padded.
        """
        audio = np.asarray(audio)
        if audio.ndim != 1:
            raise ValueError(f"Expected a waveform of shape [samples], got {audio.shape}.")
        length = max(len(audio), CHUNK_SAMPLES) if pad else len(audio)
        if length < HOP_SAMPLES + WINDOW_SAMPLES // 2:
            raise ValueError(f"{length} samples are too few for one frame without padding.")
        power = self._mel_power(audio, length)
        log = np.log10(np.maximum(power, np.float32(_POWER_FLOOR)))
        return (np.maximum(log, log.max() - 8.0) + 4.0) / 4.0

    def _mel_power(self, audio: np.ndarray, length: int) -> np.ndarray:
        """Mel power of `audio` followed by silence up to `length` samples: [frames, num_mels]."""
        frames = length // HOP_SAMPLES
        half = WINDOW_SAMPLES // 2
        # Frames beyond the last sample hold silence alone: their power is zero, and need no
        # transform. The reflection at the far end is taken from whatever lies there.
        sounding = min(frames, -(-(len(audio) + half) // HOP_SAMPLES))
        needed = min(length, len(audio) + 2 * WINDOW_SAMPLES)
        wave = np.zeros(needed, np.float64)
        wave[: len(audio)] = audio
        wave = np.pad(wave, half, mode="reflect")
        # float64: in float32 the transform alone errs by 1e-5 in quiet channels.
        views = np.lib.stride_tricks.sliding_window_view(wave, WINDOW_SAMPLES)
        spectrum = np.fft.rfft(views[::HOP_SAMPLES][:sounding] * _hann(), axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        mel = np.zeros((frames, self.num_mels), np.float32)
        np.matmul(power, self._filters, out=mel[:sounding])
        return mel


def mel_filter_bank(num_mels: int) -> np.ndarray:
    """Returns triangular mel filters of unit area, 0 to 8 kHz.

    Returns:
        float64 `[frequencies=201, num_mels]`: weight of each FFT bin (40 Hz apart) in each
        channel. Slaney's scale: linear (200/3 Hz a mel) to 1 kHz, then 27 mels to a factor 6.4.
    """
    top = float(_hertz_to_mel(np.array(SAMPLE_RATE / 2)))
    edges = _mel_to_hertz(np.linspace(0.0, top, num_mels + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.linspace(0.0, SAMPLE_RATE / 2, 1 + WINDOW_SAMPLES // 2)[:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)


def _hertz_to_mel(hertz: np.ndarray) -> np.ndarray:
    logarithmic = 15.0 + np.log(np.maximum(hertz, 1000.0) / 1000.0) * 27.0 / np.log(6.4)
    return np.where(hertz < 1000.0, hertz * 3.0 / 200.0, logarithmic)


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    exponential = 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0)
    return np.where(mel < 15.0, mel * 200.0 / 3.0, exponential)


@functools.cache
def _hann() -> np.ndarray:
    """The periodic Hann window, `[WINDOW_SAMPLES]`."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)
