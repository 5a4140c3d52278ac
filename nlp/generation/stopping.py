"""Where a text ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stopping:
    """What ends a text: a token, or several in a row.

    Attributes:
        ends: tokens of which any one ends a text.
        sequences: lists of tokens that end a text where they stand in it one after the other.
    """

    ends: tuple[int, ...] = ()
    sequences: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if any(not sequence for sequence in self.sequences):
            raise ValueError("Stopping: each of `sequences` needs at least one token; got none.")

    def ending(self, tokens: Sequence[int]) -> int | None:
        """Returns how many of the last tokens are the end of a text; None where it goes on."""
        if tokens and tokens[-1] in self.ends:
            return 1
        for sequence in self.sequences:
            if tuple(tokens[-len(sequence) :]) == sequence:
                return len(sequence)
        return None

    @property
    def filler(self) -> int:
        """The token that is fed for a text that has ended, while others go on."""
        return self.ends[0] if self.ends else 0


@dataclass(frozen=True)
class TextStopping(Stopping):
    """What ends a text: tokens, or words in what the tokens say.

    Attributes:
        texts: a text ends where one of them stands in it.
        decode: tokens -> text.
    """

    texts: tuple[str, ...] = ()
    decode: Callable[[Sequence[int]], str] = lambda tokens: ""

    def ending(self, tokens: Sequence[int]) -> int | None:
        """Returns how many of the last tokens are the end; 0 where a text of `texts` is in them."""
        found = super().ending(tokens)
        if found is not None or not self.texts:
            return found
        said = self.decode(tokens)
        return 0 if any(text in said for text in self.texts) else None

    def cut(self, text: str) -> str:
        """Returns what stands before the first of `texts`."""
        places = [text.find(end) for end in self.texts]
        first = min((place for place in places if place >= 0), default=None)
        return text if first is None else text[:first]
