"""Pairs of texts, as encoders take them: a question with a passage, a query with a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .text import check_texts


class Located(NamedTuple):
    """The tokens of a text, and where they stand in it.

    Attributes:
        ids: of the tokens, special ones left out.
        offsets: for each token the characters from where to where it stands.
        begins: whether a token is the first of a word.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    begins: list[bool]


def check_pairs(pairs: Any) -> list[tuple[str, str]]:
    """Returns pairs of texts as a list of tuples.

    Raises:
        TypeError: something that is no pair of texts.
        ValueError: there are none.
    """
    if isinstance(pairs, str | bytes) or not hasattr(pairs, "__iter__"):
        raise TypeError(f"Expected a list of pairs of texts; got {type(pairs).__name__}.")
    found: list[tuple[str, str]] = []
    for number, pair in enumerate(pairs):
        if isinstance(pair, str | bytes) or not hasattr(pair, "__len__") or len(pair) != 2:
            raise TypeError(f"Pair {number} must be two texts; got {pair!r:.60}.")
        first, second = check_texts(pair)
        found.append((first, second))
    if not found:
        raise ValueError("Expected at least one pair of texts; got none.")
    return found


def are_pairs(x: Any) -> bool:
    """Whether `x` is a sequence of pairs of texts."""
    return (
        isinstance(x, list | tuple)
        and len(x) > 0
        and all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and all(isinstance(text, str) for text in pair)
            for pair in x
        )
    )


def joined(
    tokenizer: Any,
    first: Sequence[int],
    second: Sequence[int],
    max_length: int,
    truncate: bool,
    number: int = 0,
) -> tuple[list[int], list[int]]:
    """Returns the ids of a pair with the special tokens, and the segment of each.

    Args:
        tokenizer: gives `pair(first, second)`.
        first: ids of the first text, without special tokens.
        second: the same of the second.
        max_length: most tokens of a pair.
        truncate: whether the second text is cut where the pair is longer.
        number: of the pair, for the error.

    Raises:
        ValueError: the pair is too long, and is not to be cut or cannot be.
    """
    ids, segments = tokenizer.pair(first, second)
    surplus = len(ids) - max_length
    if surplus <= 0:
        return ids, segments
    if not truncate:
        raise ValueError(
            f"Pair {number} has {len(ids)} tokens, special ones included, and this model takes at "
            f"most {max_length}. Shorten it, or pass truncate=True to cut its second text."
        )
    if surplus >= len(second):
        raise ValueError(
            f"The first text of pair {number} has {len(first)} tokens, which leaves no room for "
            f"the second: this model takes {max_length} in all. Shorten it."
        )
    return tokenizer.pair(first, second[: len(second) - surplus])
