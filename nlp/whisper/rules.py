"""Whisper's rules for the next token: what may be written where.

Definition: `whisper/decoding.py` of the original implementation (SuppressBlank, SuppressTokens,
ApplyTimestampRules).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .tokenizer import SpecialTokens

_NEVER = -np.inf


@dataclass(frozen=True)
class TokenRules:
    """Masks the logits of one decoding step.

    Attributes:
        special: the vocabulary's special tokens.
        suppress: tokens that are never written (symbols that are not speech, prompt tokens).
        suppress_first: tokens that cannot be the first one written (a blank, the end).
        timestamps: whether the transcript carries timestamps, and so follows their rules.
        max_initial_timestamp: the first timestamp is at most this many steps of 0.02 s; None
            for no limit.
    """

    special: SpecialTokens
    suppress: Sequence[int] = ()
    suppress_first: Sequence[int] = ()
    timestamps: bool = False
    max_initial_timestamp: int | None = 50
    _suppress: np.ndarray = field(init=False, repr=False, compare=False)
    _suppress_first: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_suppress", np.asarray(self.suppress, np.intp))
        object.__setattr__(self, "_suppress_first", np.asarray(self.suppress_first, np.intp))

    def __call__(self, logits: np.ndarray, written: Sequence[Sequence[int]]) -> np.ndarray:
        """Mask what the rules forbid.

        Args:
            logits: float `[batch, vocabulary]`; not changed.
            written: for each row the tokens written so far, without the prompt.

        Returns:
            float32 `[batch, vocabulary]`, -inf where a token is forbidden.
        """
        scores = np.array(logits, np.float32)
        scores[:, self._suppress] = _NEVER
        for row, tokens in zip(scores, written, strict=True):
            if not tokens:
                row[self._suppress_first] = _NEVER
            if self.timestamps:
                self._apply_timestamp_rules(row, tokens)
        return scores

    def _apply_timestamp_rules(self, row: np.ndarray, tokens: Sequence[int]) -> None:
        begin = self.special.timestamp_begin
        row[self.special.no_timestamps] = _NEVER
        if not tokens:
            row[:begin] = _NEVER
            if self.max_initial_timestamp is not None:
                row[begin + self.max_initial_timestamp + 1 :] = _NEVER
        else:
            self._keep_pairs(row, tokens)
        if _log_sum_exp(row[begin:]) > row[:begin].max():
            row[:begin] = _NEVER

    def _keep_pairs(self, row: np.ndarray, tokens: Sequence[int]) -> None:
        """Timestamps stand in pairs (end, start), except the first and the last, and grow."""
        begin = self.special.timestamp_begin
        after_timestamp = tokens[-1] >= begin
        after_pair = after_timestamp and (len(tokens) < 2 or tokens[-2] >= begin)
        if after_pair:
            row[begin:] = _NEVER
        elif after_timestamp:
            row[: self.special.end] = _NEVER
        last = next((token for token in reversed(tokens) if token >= begin), None)
        if last is not None:
            # A segment may start where the one before ends; it may not be empty.
            earliest = last if after_timestamp and not after_pair else last + 1
            row[begin:earliest] = _NEVER


def _log_sum_exp(values: np.ndarray) -> float:
    top = values.max()
    if top == _NEVER:
        return _NEVER
    return float(top + np.log(np.exp(values - top).sum(dtype=np.float64)))
