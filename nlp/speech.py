"""What speech models do, whatever their family: write down what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..hub.bases import Task

Audio = Any
"""The path of a sound file, an open file, a mono waveform `[samples]`, (rate, waveform), or a dict
with "array" and "sampling_rate"; see `nlp.audio.load_audio`."""

SAMPLE_SECONDS = 4


@dataclass(frozen=True)
class Segment:
    """A stretch of speech, `start` to `end` in seconds; `tokens` hold its timestamps too."""

    start: float
    end: float
    text: str
    tokens: list[int]


@dataclass(frozen=True)
class Transcript:
    """What was said: the whole text, its segments, and the code of the language."""

    text: str
    segments: list[Segment]
    language: str


class AudioToText(Task):
    """Sound to text. Subclasses make the network and define `transcribe`."""

    task = "audio_to_text"
    sample_rate = 16000

    def transcribe(self, audio: Audio, **options: Any) -> Transcript:
        """Returns what is said in a sound."""
        raise TypeError(f"{type(self).__name__} does not transcribe.")

    def run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, path: str
    ) -> dict[str, Any]:
        """Returns the transcript of one file as plain data, for the command line."""
        transcript = self.transcribe(path)
        return {
            "text": transcript.text.strip(),
            "language": transcript.language,
            "segments": [
                {"start": part.start, "end": part.end, "text": part.text.strip()}
                for part in transcript.segments
            ],
        }

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns `run`'s result: the text, in lines with their times where it has several
        segments.
        """
        parts: Sequence[Mapping[str, Any]] = result["segments"]
        if len(parts) < 2:
            return result["text"]
        return "\n".join(f"{p['start']:8.2f} {p['end']:8.2f}  {p['text']}" for p in parts)

    def sample_inputs(self) -> list[np.ndarray]:
        """Returns two made-up voices, a low and a high one: tones that glide and pulse, over
        noise.
        """
        time = np.arange(SAMPLE_SECONDS * self.sample_rate) / self.sample_rate
        generator = np.random.default_rng(1)
        voices = []
        for pitch in (120, 210):
            phase = 2 * np.pi * (pitch * time + 8 * np.sin(2 * np.pi * 0.7 * time))
            tone = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.sin(4 * np.pi * time) ** 2
            voices.append((0.1 * tone + 0.01 * generator.normal(size=len(time))).astype("f4"))
        return voices

    def decide(self, inputs: Sequence[Audio]) -> list[list[int]]:
        """Returns the tokens of each sound's transcript."""
        return [
            [token for part in self.transcribe(sound).segments for token in part.tokens]
            for sound in inputs
        ]
