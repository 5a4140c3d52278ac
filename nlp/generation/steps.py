"""A decoder and its key/value cache, as a function from tokens to scores of what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.config import use_backend
from .sizes import CacheSizes

Step = Callable[[np.ndarray], np.ndarray]
"""int32 tokens (batch, n), which continue the sequences so far -> scores (batch, vocabulary) of
what follows the last of them. Its owner keeps the key/value cache."""

Advance = Callable[[np.ndarray, Any, np.ndarray, np.ndarray], tuple[Any, Any]]
"""(tokens, cache, position, last) -> (scores (batch, vocabulary), the new cache).

`tokens` int32 (batch, n) begin at `position`; `last` is the index of the last one that counts.
Both are int32 scalars, as arrays."""


class CachedStep:
    """A `Step` that keeps a key/value cache, and lets it grow.

    A cache is a list with a pair (keys, values) for each layer, each (batch, heads, capacity,
    head_dim). What lies behind the tokens so far is not read, and later tokens overwrite it.

    Args:
        advance: one compiled step of the decoder.
        empty_cache: (batch, capacity) -> a cache of zeros.
        backend: name of the backend that the cache lives on.
        sizes: what is compiled for which lengths.
    """

    def __init__(
        self,
        advance: Advance,
        empty_cache: Callable[[int, int], Any],
        backend: str,
        sizes: CacheSizes,
    ) -> None:
        self._advance = advance
        self._empty_cache = empty_cache
        self._backend = backend
        self._sizes = sizes
        self._cache: Any = None
        self._capacity = 0
        self._written = 0

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Feeds tokens (batch, n); see `Step`. ValueError for more than the model takes."""
        # Few shapes: each is compiled once. A short prompt goes in token by token, a long one
        # as blocks, the last of them filled up with zeros, which later tokens overwrite.
        sizes, length = self._sizes, tokens.shape[1]
        if not length:
            raise ValueError("A step needs at least one token a row; got none.")
        self._reserve(len(tokens), self._written + length)
        block = sizes.block
        logits: Any = None
        if length <= sizes.short_prompt or self._written + block > self._capacity:
            for column in range(length):
                logits = self._feed(tokens[:, column : column + 1], 1)
        else:
            for start in range(0, length, block):
                part = tokens[:, start : start + block]
                if self._written + block <= self._capacity:
                    logits = self._feed(part, block)
                    continue
                for column in range(part.shape[1]):
                    logits = self._feed(part[:, column : column + 1], 1)
        return np.asarray(ops.convert_to_numpy(logits))

    def reorder(self, rows: np.ndarray) -> None:
        """Lets row i continue what row `rows[i]` has written, as a search with beams wants it."""
        places = np.asarray(rows, np.int32)
        if np.array_equal(places, np.arange(len(places))):
            return
        with use_backend(self._backend):
            self._cache = [tuple(ops.take(x, places, axis=0) for x in pair) for pair in self._cache]

    def _feed(self, tokens: np.ndarray, size: int) -> Any:
        count = tokens.shape[1]
        tokens = np.pad(tokens, ((0, 0), (0, size - count))).astype(np.int32)
        logits, self._cache = self._advance(
            tokens, self._cache, _scalar(self._written), _scalar(count - 1)
        )
        self._written += count
        return logits

    def _reserve(self, batch: int, length: int) -> None:
        """Makes room in the cache for `length` tokens in all."""
        capacity = self._sizes.capacity(length)
        if length <= self._capacity:
            return
        if self._cache is None:
            self._cache = self._empty_cache(batch, capacity)
        else:
            more = ((0, 0), (0, 0), (0, capacity - self._capacity), (0, 0))
            with use_backend(self._backend):
                self._cache = [tuple(ops.pad(x, more) for x in pair) for pair in self._cache]
        self._capacity = capacity


def _scalar(value: int) -> np.ndarray:
    # An array: a Python or NumPy number would be a constant of the compiled step.
    return np.array(value, np.int32)
