"""Tokenizers that the library `tokenizers` computes: what all of them share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from ..hub.bases import Tokenizer
from .word_patterns import unknown_expression

MAX_FILE_BYTES = 64 << 20
# What the names of a tokenizer's settings begin with in GGUF files.
GGUF = "tokenizer.ggml."
# Characters of many kinds: one of them is in no small vocabulary.
_TRIAL = "a \u00e9\u4e2d\U0010fffd7"


def read_library(path: str | os.PathLike[str]) -> Any:
    """Reads a `tokenizer.json` by the library, and tries it on a text.

    Raises:
        ValueError: it is missing, too large or damaged, or cannot cut a text of unknown characters.
    """
    from tokenizers import Tokenizer as Library

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such tokenizer file.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a tokenizer has at most {MAX_FILE_BYTES} bytes.")
    with library_errors(f"{path}: not a tokenizer.json that can be read"):
        found = Library.from_file(str(path))
        found.decode(found.encode(_TRIAL).ids)
    return found


@contextlib.contextmanager
def library_errors(problem: str) -> Iterator[None]:
    """Turns what the library raises, bare exceptions and panics, into ValueError."""
    try:
        yield
    except BaseException as error:
        # A panic of the library's is no Exception, and its class has no name that can be imported.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"{problem}: {error}") from error


class LibraryTokenizer(Tokenizer):
    """Text to token ids and back.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that holds the vocabulary and the special tokens.
        add_begin: the id that is put before a text; None for none.
    """

    # What a file may ask for: part -> names of the library's classes.
    parts: ClassVar[Mapping[str, Sequence[str]]]

    def __init__(self, tokenizer: Any, add_begin: int | None = None) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer, self._begin = tokenizer, add_begin

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], add_begin: int | None = None) -> Self:
        """Reads a `tokenizer.json`. ValueError if it is missing, damaged, or of another kind."""
        return cls.of_library(path, read_library(path), add_begin)

    @classmethod
    def of_library(
        cls, path: str | os.PathLike[str], found: Any, add_begin: int | None = None
    ) -> Self:
        """Makes it of what `read_library` gives of a file. ValueError where it is of another kind.

        Args:
            path: of the file, for errors.
            found: a `tokenizers.Tokenizer`.
            add_begin: the id that is put before a text; None for none.
        """
        for part, known in cls.parts.items():
            kind = type(getattr(found, part)).__name__
            if kind not in known:
                raise ValueError(f"{path}: its {part} is {kind}; known are {', '.join(known)}.")
        if (expression := unknown_expression(found)) is not None:
            raise ValueError(
                f"{path}: it cuts or changes texts by a regular expression of its own, which may "
                f"take for ever: {expression[:80]!r}. Those of published models are known: see "
                "`nlp.word_patterns`."
            )
        return cls(found, add_begin)

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest id."""
        return 1 + max(self._tokenizer.get_vocab(True).values())

    @property
    def begin(self) -> int | None:
        """The id that is put before a text; None for none."""
        if self._begin is not None:
            return self._begin
        alone = self._tokenizer.encode("").ids
        return alone[0] if alone else None

    def tokens(self) -> list[str]:
        """Returns the tokens in the order of their ids. ValueError where the ids have gaps."""
        ids: dict[str, int] = self._tokenizer.get_vocab(True)
        found = sorted(ids, key=lambda token: ids[token])
        if [ids[token] for token in found] != [*range(len(found))]:
            raise ValueError("The tokenizer's ids have gaps, and a GGUF file wants none.")
        return found

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text."""
        ids, begin = self._tokenizer.encode(text).ids, self._begin
        return ids if begin is None or ids[:1] == [begin] else [begin, *ids]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Returns the text of ids; bytes that are no whole character become U+FFFD."""
        return self._tokenizer.decode(list(map(int, ids)), skip_special_tokens=skip_special_tokens)

    def decode_behind(self, ids: Sequence[int]) -> str:
        """Returns the text of ids that go on from a text, with the space that they begin with."""
        return self.decode(ids)

    def described(self) -> str:
        """Returns what the library writes in a `tokenizer.json`."""
        return self._tokenizer.to_str()

    def id_of(self, token: str) -> int | None:
        """Returns the id of a token, or None."""
        return self._tokenizer.token_to_id(token)

    def token_of(self, index: int) -> str | None:
        """Returns the token of an id, or None."""
        return self._tokenizer.id_to_token(index)


def gguf_begin(begin: int | None) -> dict[str, Any]:
    """Returns what a GGUF file says of the id that is put before a text; None for none."""
    found: dict[str, Any] = {f"{GGUF}add_bos_token": begin is not None}
    return found if begin is None else {**found, f"{GGUF}bos_token_id": begin}


def put_before(tokenizer: Any, token: str, index: int) -> None:
    """Has a `tokenizers.Tokenizer` put a token before each text."""
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(
        single=[token, "$A"], pair=[token, "$A", "$B"], special_tokens=[(token, index)]
    )
