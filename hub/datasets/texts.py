"""Texts as lists of words' numbers: what IMDB and Reuters have in common."""

from __future__ import annotations

from typing import Any

import numpy as np


def marked(texts: Any, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Returns texts whose numbers are moved up by `index_from`, and that begin with `start_char`.

    Without either they stay what they are.
    """
    shift = index_from or 0
    if start_char is not None:
        return [[start_char, *(word + shift for word in text)] for text in texts]
    return [[word + shift for word in text] for text in texts]


def shorter(
    texts: list[list[int]], labels: np.ndarray, maxlen: int
) -> tuple[list[list[int]], np.ndarray]:
    """Returns the texts of fewer than `maxlen` words, and their labels."""
    kept = [number for number, text in enumerate(texts) if len(text) < maxlen]
    return [texts[number] for number in kept], np.asarray(labels)[kept]


def limited(
    texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> np.ndarray:
    """Returns texts, as an array of lists, with other words put in the place of rare ones.

    Args:
        texts: lists of words' numbers.
        num_words: words from this number on are rare; the greatest there is if None.
        skip_top: words below this number are left out, too.
        oov_char: what stands in their place; None to drop them.
    """
    most = num_words or max(max(text) for text in texts)
    found = np.empty(len(texts), object)
    for number, text in enumerate(texts):
        if oov_char is None:
            found[number] = [word for word in text if skip_top <= word < most]
        else:
            found[number] = [word if skip_top <= word < most else oov_char for word in text]
    return found
