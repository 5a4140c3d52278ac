"""When a window's transcript is not believed: it is drawn again, or the window holds no speech.

Definition: `whisper/transcribe.py` of the original implementation (Radford et al. 2022, section
4.5), whose defaults stand here.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from .tokenizer import WhisperTokenizer


@dataclass(frozen=True)
class Fallback:
    """What a transcript of a window must keep; None lifts a limit.

    Attributes:
        temperatures: tried in their order, until a transcript is believed; 0 is greedy. At another
            temperature T tokens are drawn from softmax(scores / T).
        compression_ratio: a text is repetitive if zlib makes it smaller by more than this.
        log_probability: a text is doubtful if the mean of its tokens' log-probabilities is below.
        no_speech: a window is silent if its probability of silence is above this, and the mean
            log-probability below `log_probability`.
        silence: a window without any sample above this level, in dB of full scale, is silent; the
            model does not hear it.
        seed: of the draws. The same seed draws the same tokens on every backend.
    """

    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio: float | None = 2.4
    log_probability: float | None = -1.0
    no_speech: float | None = 0.6
    silence: float | None = -60.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.temperatures or min(self.temperatures) < 0:
            raise ValueError(
                "Fallback: `temperatures` are one or more numbers of at least 0; got "
                f"{self.temperatures!r}."
            )

    def is_doubtful(self, log_probability: float) -> bool:
        """Tells whether the model itself thinks little of a text."""
        return self.log_probability is not None and log_probability < self.log_probability

    def is_repetitive(self, text: str) -> bool:
        """Tells whether a text says the same over and over."""
        return (
            self.compression_ratio is not None and compression_ratio(text) > self.compression_ratio
        )

    def is_silent(self, no_speech: float, log_probability: float) -> bool:
        """Tells whether a window is taken for one without speech."""
        if self.no_speech is None or not no_speech > self.no_speech:
            return False
        return self.log_probability is None or not log_probability > self.log_probability

    def is_believed(self, text: str, no_speech: float, log_probability: float) -> bool:
        """Tells whether a transcript stands, or is to be tried again at the next temperature."""
        doubtful = self.is_doubtful(log_probability)
        if doubtful and self.no_speech is not None and no_speech > self.no_speech:
            return True  # of silence the model writes what it does not believe
        return not (doubtful or self.is_repetitive(text))


def compression_ratio(text: str) -> float:
    """Returns how many times smaller zlib makes a text; 0 for an empty one."""
    held = text.encode("utf-8")
    return len(held) / len(zlib.compress(held)) if held else 0.0


def believed_text(tokens: list[int], tokenizer: WhisperTokenizer) -> str:
    """Returns the text of which the rules speak: without timestamps, and trimmed."""
    begin = tokenizer.special.timestamp_begin
    return tokenizer.decode([token for token in tokens if token < begin]).strip()
