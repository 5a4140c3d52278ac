"""A decoder and its key/value cache, as a function from tokens to scores of what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.config import use_backend
from .sizes import CacheSizes, power_of_two

Step = Callable[[np.ndarray], np.ndarray]
"""int32 tokens (batch, n), which continue the sequences so far -> scores (batch, vocabulary) of
what follows the last of them. Its owner keeps the key/value cache."""

Advance = Callable[[np.ndarray, Any, np.ndarray, np.ndarray], tuple[Any, Any]]
"""(tokens, cache, position, last) -> (scores (batch, vocabulary), the new cache).

`tokens` int32 (batch, n) begin at `position`; `last` is the index of the last one that counts.
Both are int32 scalars, as arrays."""

Examine = Callable[[np.ndarray, Any, np.ndarray], tuple[tuple[Any, Any], Any]]
"""(tokens, cache, position) -> ((scores (batch, n, vocabulary), states (batch, n, size)), the new
cache): what follows each of the tokens."""


# Of a long prompt that go in at once: scores of attention grow with them.
_MOST_TOKENS = 512


class CachedStep:
    """A `Step` that keeps a key/value cache, and lets it grow.

    A cache is a list with a pair (keys, values) for each layer, each (batch, heads, capacity,
    head_dim). What lies behind the tokens so far is not read, and later tokens overwrite it.

    Args:
        advance: one compiled step of the decoder.
        empty_cache: (batch, capacity) -> a cache of zeros.
        backend: name of the backend that the cache lives on.
        sizes: what is compiled for which lengths.
        examine: a compiled step that gives scores and states of all its tokens, for `look`.
    """

    def __init__(
        self,
        advance: Advance,
        empty_cache: Callable[[int, int], Any],
        backend: str,
        sizes: CacheSizes,
        examine: Examine | None = None,
    ) -> None:
        self._advance, self._examine = advance, examine
        self._empty_cache = empty_cache
        self._backend = backend
        self._sizes = sizes
        self._cache: Any = None
        self._capacity = 0
        self._written = 0

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Feeds tokens (batch, n); see `Step`. ValueError for more than the model takes."""
        sizes, length = self._sizes, tokens.shape[1]
        self._reserve(len(tokens), length)
        block = 1 if length <= sizes.short_prompt else sizes.block
        logits: Any = None
        for part, size in self._parts(tokens, block):
            last = _scalar(part.shape[1] - 1)
            logits, self._cache = self._advance(*self._fed(part, size), last)
        return np.asarray(ops.convert_to_numpy(logits))

    def look(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Feeds tokens (batch, n), and returns what follows each of them.

        Returns:
            Scores (batch, n, vocabulary) and states (batch, n, size).

        Raises:
            ValueError: more tokens than the model takes.
        """
        if self._examine is None:
            raise TypeError("This step gives the scores of the last token alone: use `step(...)`.")
        self._reserve(len(tokens), tokens.shape[1])
        block = min(power_of_two(tokens.shape[1]), self._sizes.block)
        found: list[list[np.ndarray]] = [[], []]
        for part, size in self._parts(tokens, block):
            pair, self._cache = self._examine(*self._fed(part, size))
            for whole, piece in zip(found, pair, strict=True):
                whole.append(np.asarray(ops.convert_to_numpy(piece))[:, : part.shape[1]])
        scores, states = (np.concatenate(whole, axis=1) for whole in found)
        return scores, states

    def take_back(self, count: int) -> None:
        """Forgets the last `count` tokens of each row."""
        self._written -= count

    def reorder(self, rows: np.ndarray) -> None:
        """Lets row i continue what row `rows[i]` has written, as a search with beams wants it."""
        places = np.asarray(rows, np.int32)
        if np.array_equal(places, np.arange(len(places))):
            return
        with use_backend(self._backend):
            self._cache = [tuple(ops.take(x, places, axis=0) for x in pair) for pair in self._cache]

    def _parts(self, tokens: np.ndarray, block: int) -> Iterator[tuple[np.ndarray, int]]:
        """Pieces of tokens (batch, n), and how long each is made."""
        start, length = 0, tokens.shape[1]
        while start < length:
            if not self._sizes.padded:
                size = min(_MOST_TOKENS, length - start)
            else:
                # Few shapes: each is compiled once. The last block is filled up with zeros, which
                # later tokens overwrite; near the end of the cache there is no room for them.
                size = block if self._written + block <= self._capacity else 1
            yield tokens[:, start : start + size], size
            start += size

    def _fed(self, tokens: np.ndarray, size: int) -> tuple[np.ndarray, Any, np.ndarray]:
        """Tokens filled up to `size`, the cache that they follow and where; they count from now."""
        place, missing = _scalar(self._written), size - tokens.shape[1]
        self._written += tokens.shape[1]
        if missing:
            tokens = np.pad(tokens, ((0, 0), (0, missing)))
        return tokens.astype(np.int32, copy=False), self._cache, place

    def _reserve(self, batch: int, more: int) -> None:
        """Makes room in the cache for `more` tokens."""
        if not more:
            raise ValueError("A step needs at least one token a row; got none.")
        length = self._written + more
        capacity = self._sizes.capacity(length)
        if length <= self._capacity:
            return
        if self._cache is None:
            self._cache = self._empty_cache(batch, capacity)
        else:
            room = ((0, 0), (0, 0), (0, capacity - self._capacity), (0, 0))
            with use_backend(self._backend):
                self._cache = [tuple(ops.pad(x, room) for x in pair) for pair in self._cache]
        self._capacity = capacity


def _scalar(value: int) -> np.ndarray:
    # An array: a Python or NumPy number would be a constant of the compiled step.
    return np.array(value, np.int32)
