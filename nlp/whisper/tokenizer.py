"""Whisper's tokenizer: byte-level BPE, and the special tokens that steer the model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...hub.bases import Tokenizer as BaseTokenizer
from ..tokenizing import library_errors, read_library
from .languages import LANGUAGES, language_code

TIMESTAMP_SECONDS = 0.02
NUM_TIMESTAMPS = 1501  # 0.00 s to 30.00 s


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that are not text.

    `languages` maps a language's code to its token. Timestamps follow `no_timestamps`: token
    `timestamp_begin + n` stands for `0.02 * n` seconds. Every id below `end` is text.
    """

    end: int
    start: int
    translate: int
    transcribe: int
    start_of_previous: int
    no_speech: int
    no_timestamps: int
    languages: dict[str, int]

    @property
    def timestamp_begin(self) -> int:
        """The id of the token that stands for 0 seconds."""
        return self.no_timestamps + 1


class WhisperTokenizer(BaseTokenizer):
    """Text to token ids and back, for one Whisper vocabulary.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that holds the vocabulary and the special tokens.
        multilingual: whether the model takes a language and a task. Default: whether the
            vocabulary is the multilingual one (its <|endoftext|> is not token 50256).

    Raises:
        ValueError: one of Whisper's special tokens is not in the vocabulary.
    """

    task = "audio_to_text"

    def __init__(self, tokenizer: Any, multilingual: bool | None = None) -> None:
        # Text is text: "<|endoftext|>" written by a user must not end a prompt.
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.special = _special_tokens(tokenizer)
        self.multilingual = self.special.end != 50256 if multilingual is None else multilingual

    @classmethod
    def from_file(cls, path: str | os.PathLike, **settings: Any) -> WhisperTokenizer:
        """Reads a `tokenizer.json`. Raises ValueError if it is missing or not understood."""
        return cls(read_library(path), **settings)

    @classmethod
    def from_vocabulary(
        cls,
        vocabulary: str | os.PathLike,
        merges: str | os.PathLike,
        added_tokens: str | os.PathLike,
        **settings: Any,
    ) -> WhisperTokenizer:
        """Reads the older layout: `vocab.json`, `merges.txt` and `added_tokens.json`.

        Raises:
            ValueError: a file is missing or damaged, or the ids of the added tokens do not
                follow the vocabulary without gaps.
        """
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

        added = _read_token_ids(Path(added_tokens))
        with library_errors(f"{vocabulary}, {merges}: not a BPE vocabulary"):
            model = models.BPE.from_file(str(vocabulary), str(merges))
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        ordered = sorted(added.items(), key=lambda item: item[1])
        tokenizer.add_special_tokens(
            [AddedToken(text, special=True, normalized=False) for text, _ in ordered]
        )
        for text, index in ordered:
            if tokenizer.token_to_id(text) != index:
                raise ValueError(
                    f"{added_tokens}: {text!r} is given id {index}, but its place after the "
                    f"vocabulary is {tokenizer.token_to_id(text)}."
                )
        return cls(tokenizer, **settings)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, timestamps included."""
        return self.special.timestamp_begin + NUM_TIMESTAMPS

    def encode(self, text: str) -> list[int]:
        """Returns the ids of `text` alone, with no special token added or read."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(
        self,
        tokens: Iterable[int],
        *,
        skip_special_tokens: bool = True,
        timestamps: bool = False,
    ) -> str:
        """Returns the text of token ids.

        Args:
            tokens: ids; bytes that are not UTF-8 become U+FFFD.
            skip_special_tokens: leave out everything that is neither text nor timestamp.
            timestamps: write timestamps as `<|1.08|>` instead of leaving them out.

        Raises:
            ValueError: an id beyond the vocabulary.
        """
        pieces: list[str] = []
        text: list[int] = []
        for token in map(int, tokens):
            if not 0 <= token < self.vocabulary_size:
                raise ValueError(f"Token {token} is not in 0..{self.vocabulary_size - 1}.")
            if token < self.special.end:
                text.append(token)
                continue
            shown = self._show_special(token, skip_special_tokens, timestamps)
            # A character can reach over a token that is left out.
            if shown:
                pieces += [self._decode_text(text), shown]
                text = []
        return "".join([*pieces, self._decode_text(text)])

    def prompt(
        self,
        language: str | None = None,
        task: str = "transcribe",
        timestamps: bool = False,
    ) -> list[int]:
        """Returns the forced prefix of a transcript.

        Args:
            language: code or English name of the speech's language. A multilingual model needs
                one, an English one takes none but English.
            task: `"transcribe"`, or `"translate"` (to English).
            timestamps: whether the model is to write timestamps.

        Raises:
            ValueError: an unknown language or task, or one that this model does not have.
        """
        special = self.special
        if task not in ("transcribe", "translate"):
            raise ValueError(f"task must be 'transcribe' or 'translate', got {task!r}.")
        ids = [special.start]
        if self.multilingual:
            ids += [self.language_token(language), getattr(special, task)]
        elif task != "transcribe" or (language and language_code(language) != "en"):
            raise ValueError(
                f"This model knows English alone, and cannot {task} from {language or 'en'}. "
                "Use a multilingual one, such as whisper_tiny instead of whisper_tiny_en."
            )
        return ids if timestamps else [*ids, special.no_timestamps]

    def language_token(self, language: str | None) -> int:
        """Returns the token of a language given by code or English name; ValueError if there is
        none.
        """
        if language is None:
            raise ValueError("A multilingual model needs the language of the speech.")
        code = language_code(language)
        if code not in self.special.languages:
            raise ValueError(
                f"This vocabulary has no token for {language!r}; it has "
                f"{', '.join(self.special.languages)}."
            )
        return self.special.languages[code]

    def _decode_text(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=False) if tokens else ""

    def _show_special(self, token: int, skip: bool, timestamps: bool) -> str:
        seconds = (token - self.special.timestamp_begin) * TIMESTAMP_SECONDS
        if seconds >= 0:
            return f"<|{seconds:.2f}|>" if timestamps else ""
        return "" if skip else self._tokenizer.id_to_token(token)


def _special_tokens(tokenizer: Any) -> SpecialTokens:
    def find(*names: str) -> int:
        for name in names:
            index = tokenizer.token_to_id(f"<|{name}|>")
            if index is not None:
                return index
        raise ValueError(f"Not a Whisper vocabulary: it has no token <|{names[0]}|>.")

    languages = {code: tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES}
    if languages["he"] is None:
        languages["he"] = tokenizer.token_to_id("<|iw|>")  # Hebrew's older code, in older files
    return SpecialTokens(
        end=find("endoftext"),
        start=find("startoftranscript"),
        translate=find("translate"),
        transcribe=find("transcribe"),
        start_of_previous=find("startofprev"),
        no_speech=find("nospeech", "nocaptions"),
        no_timestamps=find("notimestamps"),
        languages={code: index for code, index in languages.items() if index is not None},
    )


def _read_token_ids(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a table of tokens: {error}") from error
    if not isinstance(content, dict) or not all(type(i) is int for i in content.values()):
        raise ValueError(f"{path}: expected a JSON object of token: id.")
    return content
