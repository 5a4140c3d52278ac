"""Rules that make repetition less likely.

Definitions: transformers' RepetitionPenaltyLogitsProcessor (Keskar et al. 2019, arXiv:1909.05858)
and NoRepeatNGramLogitsProcessor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Penalties:
    """Scores that count what a text has said already.

    Args:
        prompts: the tokens before each text.
        repetition_penalty: above 1 makes tokens that stand in the prompt or the text less likely:
            a score above 0 is divided by it, one below multiplied.
        no_repeat_ngram_size: no sequence of so many tokens is written twice; 0 for any.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        repetition_penalty: float = 1.0,
        no_repeat_ngram_size: int = 0,
    ) -> None:
        if not repetition_penalty > 0:
            raise ValueError(f"`repetition_penalty` must be above 0; got {repetition_penalty!r}.")
        if not isinstance(no_repeat_ngram_size, int) or no_repeat_ngram_size < 0:
            raise ValueError(
                f"`no_repeat_ngram_size` must be a whole number from 0; got "
                f"{no_repeat_ngram_size!r}."
            )
        self._prompts = [list(prompt) for prompt in prompts]
        self._penalty, self._size = repetition_penalty, no_repeat_ngram_size

    def __call__(self, scores: np.ndarray, written: Sequence[Sequence[int]]) -> np.ndarray:
        """Returns the scores (batch, vocabulary) of the next tokens; the argument stays."""
        scores = np.array(scores)
        for row, tokens in enumerate(written):
            so_far = [*self._prompts[row], *tokens]
            if self._penalty != 1:
                seen = np.unique(so_far)
                found = scores[row, seen]
                scores[row, seen] = np.where(
                    found < 0, found * self._penalty, found / self._penalty
                )
            if self._size:
                scores[row, self._banned(so_far)] = -np.inf
        return scores

    def _banned(self, so_far: list[int]) -> list[int]:
        size = self._size
        begun = so_far[len(so_far) - size + 1 :] if size > 1 else []
        return [
            so_far[start + size - 1]
            for start in range(len(so_far) - size + 1)
            if so_far[start : start + size - 1] == begun
        ]
