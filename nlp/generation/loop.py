"""The walk from token to token."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .samplers import Choose, greedy
from .steps import Step
from .stopping import Stopping

Rules = Callable[[np.ndarray, Sequence[Sequence[int]]], np.ndarray]
"""(scores (batch, vocabulary), the tokens that each row has written) -> scores, -inf where a token
may not stand. The first argument is not changed."""


@dataclass(frozen=True)
class Written:
    """What one row has written: `tokens`, without prompt and end.

    With `score=True` also the mean log-probability of its tokens, the end among them; else NaN.
    `ended` tells whether the text came to its end before there was no more room.
    """

    tokens: list[int]
    mean_log_probability: float = float("nan")
    ended: bool = True


def check_prompt(prompt: np.ndarray, max_length: int) -> np.ndarray:
    """Returns a prompt as int32 (batch, length).

    Raises:
        ValueError: it is empty or leaves no room for a token.
    """
    prompt = np.asarray(prompt, np.int32)
    if prompt.ndim != 2 or not len(prompt) or not 0 < prompt.shape[1] < max_length:
        raise ValueError(
            f"The prompt must be [batch, length] with a length from 1 to {max_length - 1}, "
            f"got shape {prompt.shape}."
        )
    return prompt


def generate(step: Step, prompt: np.ndarray, **options: Any) -> list[Written]:
    """Writes one token after the other until each row has ended.

    Args:
        step: the decoder, at the beginning of a sequence.
        prompt: int (batch, length), of the same length in all rows.
        **options: those of `walk`.

    Raises:
        ValueError: the prompt is empty or leaves no room for a token; no token may stand in a row,
            or the scores are NaN.
    """
    steps = walk(step, prompt, **options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def walk(
    step: Step,
    prompt: np.ndarray,
    *,
    max_length: int,
    stop: Stopping,
    rules: Rules | None = None,
    choose: Choose = greedy,
    logits: np.ndarray | None = None,
    score: bool = False,
) -> Generator[list[list[int]], None, list[Written]]:
    """Yields the tokens that each row has written so far, after each step; see `generate`.

    Args:
        step: the decoder, at the beginning of a sequence.
        prompt: int (batch, length), of the same length in all rows.
        max_length: most tokens of a row, prompt included.
        stop: what ends a row.
        rules: which tokens may stand where; all may, if None.
        choose: picks a token for each row.
        logits: the scores after the prompt, where the step has had it already.
        score: compute log-probabilities, by the scores that the rules give.

    Returns:
        What each row has written.
    """
    prompt = check_prompt(prompt, max_length)
    if logits is None:
        logits = step(prompt)
    count = len(prompt)
    written: list[list[int]] = [[] for _ in range(count)]
    endings: list[int | None] = [None] * count
    total = np.zeros(count)
    open_rows = np.ones(count, bool)
    for room in reversed(range(max_length - prompt.shape[1])):
        scores = logits if rules is None else rules(logits, written)
        _check_scores(scores, open_rows)
        tokens = np.where(open_rows, choose(scores), stop.filler)
        if score:
            total += np.where(open_rows, log_probability(scores, tokens), 0.0)
        for row in np.flatnonzero(open_rows):
            written[row].append(int(tokens[row]))
            endings[row] = stop.ending(written[row])
            open_rows[row] = endings[row] is None
        yield written
        if not (room and open_rows.any()):
            break
        logits = step(tokens[:, None].astype(np.int32))
    return [
        Written(
            tokens[: len(tokens) - (ending or 0)],
            float(total[row] / len(tokens)) if score else float("nan"),
            ending is not None,
        )
        for row, (tokens, ending) in enumerate(zip(written, endings, strict=True))
    ]


def log_probability(scores: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Returns the log-probability of one token a row under `scores` (batch, vocabulary)."""
    top = scores.max(axis=1)
    total = np.log(np.exp(scores - top[:, None]).sum(axis=1, dtype=np.float64))
    return scores[np.arange(len(scores)), tokens] - top - total


def _check_scores(scores: np.ndarray, open_rows: np.ndarray) -> None:
    best = scores.max(axis=1)
    bad = np.flatnonzero(open_rows & ~(best > -np.inf))
    if bad.size:
        row = int(bad[0])
        problem = "NaN among its scores" if np.isnan(best[row]) else "no token that may stand"
        raise ValueError(
            f"Row {row} has {problem}: the prompt may hold tokens that the model does not know, or "
            "the rules forbid every token."
        )
