"""The choice of the next token from scores.

Definitions: top-k of Fan et al. 2018 (arXiv:1805.04833), top-p of Holtzman et al. 2019
(arXiv:1904.09751), min-p of Nguyen et al. 2024 (arXiv:2407.01082), typical tokens of Meister et al.
2022 (arXiv:2202.00666), as transformers' TemperatureLogitsWarper, TopKLogitsWarper,
TopPLogitsWarper, MinPLogitsWarper and TypicalLogitsWarper compute them, in this order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...framework.backends import host_random

Choose = Callable[[np.ndarray], np.ndarray]
"""Scores (batch, vocabulary), -inf where a token may not stand -> one token for each row."""


def greedy(scores: np.ndarray) -> np.ndarray:
    """Returns the token of the highest score in each row, the first of equal ones."""
    return scores.argmax(axis=1)


class Sampler:
    """Draws tokens from softmax(scores / temperature), or from the likeliest of them.

    Draws are Philox's, keyed by the seed and the number of the draw: the same scores give the same
    tokens on every backend. An object draws one text after the other token; another one of the same
    seed and stream draws the same.

    Args:
        temperature: scores are divided by it; 0 takes the highest score.
        top_k: only so many of the highest scores count (more where the last of them are equal).
        top_p: only the fewest likeliest tokens count that have this probability together, after
            `top_k`.
        seed: of the draws.
        stream: tells texts of one seed apart, from 0 to 65535.
        min_p: only tokens count that are at least this share as likely as the likeliest.
        typical_p: only the tokens count whose surprise is nearest to what is expected, so many of
            them that they have this probability together.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        stream: int = 0,
        min_p: float | None = None,
        typical_p: float | None = None,
    ) -> None:
        if not temperature >= 0:
            raise ValueError(f"Sampler: `temperature` must be at least 0; got {temperature!r}.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"Sampler: `top_k` must be at least 1 or None; got {top_k!r}.")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(f"Sampler: `top_p` must be above 0 and at most 1; got {top_p!r}.")
        if min_p is not None and not 0 <= min_p <= 1:
            raise ValueError(f"Sampler: `min_p` must be from 0 to 1; got {min_p!r}.")
        if typical_p is not None and not 0 < typical_p <= 1:
            raise ValueError(
                f"Sampler: `typical_p` must be above 0 and at most 1; got {typical_p!r}."
            )
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.min_p, self.typical_p = min_p, typical_p
        self._seed = seed & 0xFFFFFFFF
        self._draw = stream << 16

    def warped(self, scores: np.ndarray) -> np.ndarray:
        """Returns the scores (batch, vocabulary) that tokens are drawn by, as float64."""
        scores = scores.astype(np.float64)
        if self.temperature:
            scores /= self.temperature
        if self.top_k is not None and self.top_k < scores.shape[1]:
            least = np.partition(scores, -self.top_k, axis=1)[:, -self.top_k, None]
            scores[scores < least] = -np.inf
        if self.top_p is not None and self.top_p < 1:
            self._keep_probable(scores, self.top_p)
        if self.min_p is not None:
            weights = _weights(scores)  # the likeliest has the weight 1
            scores[weights < self.min_p] = -np.inf
        if self.typical_p is not None and self.typical_p < 1:
            self._keep_typical(scores, self.typical_p)
        return scores

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Draws one token for each row of scores (batch, vocabulary)."""
        if not self.temperature:
            return greedy(scores)
        self._draw += 1
        weights = _weights(self.warped(scores))
        total = np.cumsum(weights, axis=1)
        key = self._seed, self._draw & 0xFFFFFFFF
        shares = host_random.uniform(key, (len(scores),))
        places = (total <= shares[:, None] * total[:, -1:]).sum(axis=1)
        return np.minimum(places, scores.shape[1] - 1)

    @staticmethod
    def _keep_probable(scores: np.ndarray, share: float) -> None:
        order = np.argsort(-scores, axis=1, kind="stable")
        weights = np.take_along_axis(_weights(scores), order, axis=1)
        before = np.cumsum(weights, axis=1) - weights
        out = before >= share * weights.sum(axis=1, keepdims=True)
        out[:, 0] = False
        rows, columns = np.nonzero(out)
        scores[rows, order[rows, columns]] = -np.inf

    @staticmethod
    def _keep_typical(scores: np.ndarray, share: float) -> None:
        weights = _weights(scores)
        shares = weights / weights.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            surprise = -np.log(shares)
        likely = np.where(shares > 0, surprise, 0.0)  # what cannot come adds nothing
        expected = (shares * likely).sum(axis=1, keepdims=True)
        away = np.abs(surprise - expected)
        order = np.argsort(away, axis=1, kind="stable")
        total = np.cumsum(np.take_along_axis(shares, order, axis=1), axis=1)
        last = np.minimum((total < share).sum(axis=1, keepdims=True), scores.shape[1] - 1)
        limit = np.take_along_axis(away, np.take_along_axis(order, last, axis=1), axis=1)
        scores[away > limit] = -np.inf


def _weights(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores - scores.max(axis=1, keepdims=True))
