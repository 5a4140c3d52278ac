"""Rules that make repetition less likely, and that forbid or force tokens.

Definitions: transformers' RepetitionPenaltyLogitsProcessor (Keskar et al. 2019, arXiv:1909.05858),
NoRepeatNGramLogitsProcessor, SuppressTokensLogitsProcessor, ForcedBOSTokenLogitsProcessor and
MinNewTokensLengthLogitsProcessor.
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
        presence_penalty: taken from the score of each token that the text, prompt apart, has.
        suppress_tokens: tokens that are never written.
        forced_tokens: what a text begins with, behind the prompt.
        min_new_tokens: no text ends before it has so many tokens.
        ends: tokens that end a text.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        repetition_penalty: float = 1.0,
        no_repeat_ngram_size: int = 0,
        presence_penalty: float = 0.0,
        suppress_tokens: Sequence[int] = (),
        forced_tokens: Sequence[int] = (),
        min_new_tokens: int = 0,
        ends: Sequence[int] = (),
    ) -> None:
        if not repetition_penalty > 0:
            raise ValueError(f"`repetition_penalty` must be above 0; got {repetition_penalty!r}.")
        if not isinstance(no_repeat_ngram_size, int) or no_repeat_ngram_size < 0:
            raise ValueError(
                f"`no_repeat_ngram_size` must be a whole number from 0; got "
                f"{no_repeat_ngram_size!r}."
            )
        if not isinstance(min_new_tokens, int) or min_new_tokens < 0:
            raise ValueError(
                f"`min_new_tokens` must be a whole number from 0; got {min_new_tokens!r}."
            )
        for name, tokens in (
            ("suppress_tokens", suppress_tokens),
            ("forced_tokens", forced_tokens),
        ):
            if not all(isinstance(token, int) and token >= 0 for token in tokens):
                raise ValueError(f"`{name}` must be token ids; got {list(tokens)!r}.")
        self._presence, self._least = presence_penalty, min_new_tokens
        self._never, self._forced, self._ends = (
            list(suppress_tokens),
            list(forced_tokens),
            list(ends),
        )
        self._prompts = [list(prompt) for prompt in prompts]
        self._penalty, self._size = repetition_penalty, no_repeat_ngram_size

    def __call__(self, scores: np.ndarray, written: Sequence[Sequence[int]]) -> np.ndarray:
        """Returns the scores (batch, vocabulary) of the next tokens; the argument stays.

        Raises:
            ValueError: a token that is suppressed or forced, and that the vocabulary does not have.
        """
        scores = np.array(scores)
        named = [*self._never, *self._forced]
        if named and max(named) >= scores.shape[1]:
            raise ValueError(
                f"Token {max(named)} is suppressed or forced, and the model knows the numbers 0 to "
                f"{scores.shape[1] - 1}."
            )
        for row, tokens in enumerate(written):
            so_far = [*self._prompts[row], *tokens]
            if self._penalty != 1:
                seen = np.unique(so_far)
                found = scores[row, seen]
                scores[row, seen] = np.where(
                    found < 0, found * self._penalty, found / self._penalty
                )
            if self._presence and len(tokens):
                scores[row, np.unique(tokens)] -= self._presence
            if self._size:
                scores[row, self._banned(so_far)] = -np.inf
            if self._never:
                scores[row, self._never] = -np.inf
            if len(tokens) < self._least:
                scores[row, self._ends] = -np.inf
            if len(tokens) < len(self._forced):
                scores[row] = -np.inf
                scores[row, self._forced[len(tokens)]] = 0
        return scores

    def _banned(self, so_far: list[int]) -> list[int]:
        size = self._size
        begun = so_far[len(so_far) - size + 1 :] if size > 1 else []
        return [
            so_far[start + size - 1]
            for start in range(len(so_far) - size + 1)
            if so_far[start : start + size - 1] == begun
        ]
