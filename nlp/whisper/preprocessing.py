"""All that lies between sound, tensors and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...hub.bases import Preprocessor
from ...hub.loading import JsonFiles
from ..audio import load_audio
from ..speech import Audio
from ..text import check_vocabulary
from .features import SAMPLE_RATE, WhisperAudioConverter
from .rules import TokenRules
from .tokenizer import WhisperTokenizer

# Where published files say which tokens are not to be written, the first that does wins:
# Hugging Face's generation_config.json and config.json, then CTranslate2's config.json.
_RULE_FILES = ("generation_config.json", "config.json")
_SUPPRESS = ("suppress_tokens", "suppress_ids")
_SUPPRESS_FIRST = ("begin_suppress_tokens", "suppress_ids_begin")


class WhisperAudioToTextPreprocessor(Preprocessor):
    """Sound to features, tokens to text, and the rules of what may be written.

    Args:
        audio_converter: sound to features.
        tokenizer: tokens to text.
        suppress_tokens: tokens that are never written.
        begin_suppress_tokens: tokens that are not written first.
        max_initial_timestamp: the first timestamp is at most this many steps of 0.02 s; None for
            no limit.
    """

    task = "audio_to_text"

    def __init__(
        self,
        audio_converter: WhisperAudioConverter,
        tokenizer: WhisperTokenizer,
        suppress_tokens: Sequence[int] = (),
        begin_suppress_tokens: Sequence[int] = (),
        max_initial_timestamp: int | None = 50,
    ) -> None:
        for token in (*suppress_tokens, *begin_suppress_tokens):
            if type(token) is not int or not 0 <= token < tokenizer.vocabulary_size:
                raise ValueError(
                    f"Token {token!r} is to be suppressed, but is not in "
                    f"0..{tokenizer.vocabulary_size - 1}."
                )
        self.audio_converter = audio_converter
        self.tokenizer = tokenizer
        self.suppress_tokens = tuple(suppress_tokens)
        self.begin_suppress_tokens = tuple(begin_suppress_tokens)
        self.max_initial_timestamp = max_initial_timestamp

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path], config: Mapping[str, Any]
    ) -> WhisperAudioToTextPreprocessor | None:
        """Makes it from a preset's files and the model's arguments; None without tokenizer files.

        Raises:
            ValueError: a file is damaged, or vocabulary and model do not belong together.
        """
        if "tokenizer.json" in files:
            tokenizer = WhisperTokenizer.from_file(files["tokenizer.json"])
        elif {"vocab.json", "merges.txt", "added_tokens.json"} <= set(files):
            tokenizer = WhisperTokenizer.from_vocabulary(
                files["vocab.json"], files["merges.txt"], files["added_tokens.json"]
            )
        else:
            return None
        check_vocabulary(tokenizer, config["vocabulary_size"])
        parsed = JsonFiles(files)
        rules = [parsed[name] for name in _RULE_FILES if name in parsed]
        return cls(
            WhisperAudioConverter(config.get("num_mels", 80)),
            tokenizer,
            _first(rules, _SUPPRESS) or (),
            _first(rules, _SUPPRESS_FIRST) or (),
            _first(rules, ("max_initial_timestamp_index",), 50),
        )

    def __call__(self, audio: Audio) -> np.ndarray:
        """A file, or a waveform at 16 kHz, as features `[frames, num_mels]`: 30 s or more.

        Raises AudioError where the sound cannot be read.
        """
        return self.audio_converter(load_audio(audio, SAMPLE_RATE))

    def rules(self, timestamps: bool) -> TokenRules:
        """Returns what may be written, with or without timestamps."""
        return TokenRules(
            self.tokenizer.special,
            self.suppress_tokens,
            self.begin_suppress_tokens,
            timestamps,
            self.max_initial_timestamp,
        )


def _first(tables: Sequence[Mapping[str, Any]], names: Sequence[str], default: Any = None) -> Any:
    return next((t[name] for t in tables for name in names if t.get(name) is not None), default)
