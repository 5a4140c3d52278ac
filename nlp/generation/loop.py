"""The walk from token to token."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .samplers import Choose, Sampler, greedy
from .steps import Step
from .stopping import Stopping

Rules = Callable[[np.ndarray, Sequence[Sequence[int]]], np.ndarray]
"""(scores (batch, vocabulary), the tokens that each row has written) -> scores, -inf where a token
may not stand. The first argument is not changed."""


@dataclass(frozen=True)
class Written:
    """What one row has written.

    Attributes:
        tokens: without prompt and end.
        mean_log_probability: of its tokens, the end among them, with `score=True`; else NaN.
        ended: whether the text came to its end before there was no more room.
        logits: with `keep=True` the model's scores of each token, the end among them, float32
            (tokens, vocabulary); else None.
        scores: the same after the rules and what `choose` does to them.
    """

    tokens: list[int]
    mean_log_probability: float = float("nan")
    ended: bool = True
    logits: np.ndarray | None = field(default=None, compare=False)
    scores: np.ndarray | None = field(default=None, compare=False)


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
    keep: bool = False,
) -> Generator[list[list[int]], None, list[Written]]:
    """Yields the tokens that each row has written so far, without its end, after each step; see
    `generate`.

    Args:
        step: the decoder, at the beginning of a sequence.
        prompt: int (batch, length), of the same length in all rows.
        max_length: most tokens of a row, prompt included.
        stop: what ends a row.
        rules: which tokens may stand where; all may, if None.
        choose: picks a token for each row.
        logits: the scores after the prompt, where the step has had it already.
        score: compute log-probabilities, by the scores that the rules give.
        keep: keep the scores of each step.

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
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for room in reversed(range(max_length - prompt.shape[1])):
        scores = logits if rules is None else rules(logits, written)
        check_scores(scores, open_rows)
        tokens = np.where(open_rows, choose(scores), stop.filler)
        if keep:
            warped = choose.warped(scores) if isinstance(choose, Sampler) else scores
            kept.append((np.array(logits, np.float32), warped.astype(np.float32)))
        if score:
            total += np.where(open_rows, log_probability(scores, tokens), 0.0)
        for row in np.flatnonzero(open_rows):
            written[row].append(int(tokens[row]))
            endings[row] = stop.ending(written[row])
            open_rows[row] = endings[row] is None
        yield without_ends(written, endings)
        if not (room and open_rows.any()):
            break
        logits = step(tokens[:, None].astype(np.int32))
    means = [
        float(t / len(w)) if score else float("nan") for t, w in zip(total, written, strict=True)
    ]
    return finished(written, endings, means, kept)


def without_ends(
    written: Sequence[Sequence[int]], endings: Sequence[int | None]
) -> list[list[int]]:
    """Returns the tokens of each row without its end, of so many tokens; None where it has none."""
    return [
        [*tokens[: len(tokens) - (ending or 0)]]
        for tokens, ending in zip(written, endings, strict=True)
    ]


def finished(
    written: Sequence[Sequence[int]],
    endings: Sequence[int | None],
    means: Sequence[float] | None = None,
    kept: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> list[Written]:
    """Returns what each row has written, cut where it ended.

    Args:
        written: the tokens of each row, its end among them.
        endings: how many of them are the end; None for a row that did not come to one.
        means: log-probabilities; NaN if None.
        kept: logits and scores (batch, vocabulary) of each step; none were kept if empty.
    """
    found = []
    for row, (tokens, ending) in enumerate(zip(written, endings, strict=True)):
        both: list[np.ndarray] = []
        if kept:
            steps = kept[: len(tokens)]
            both = [np.stack([step[which][row] for step in steps]) for which in (0, 1)]
        found.append(
            Written(
                [*tokens[: len(tokens) - (ending or 0)]],
                float("nan") if means is None else means[row],
                ending is not None,
                *both,
            )
        )
    return found


def log_probability(scores: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Returns the log-probability of one token a row under `scores` (batch, vocabulary)."""
    top = scores.max(axis=1)
    total = np.log(np.exp(scores - top[:, None]).sum(axis=1, dtype=np.float64))
    return scores[np.arange(len(scores)), tokens] - top - total


def check_scores(scores: np.ndarray, open_rows: np.ndarray) -> None:
    """Raises ValueError where an open row of scores (batch, vocabulary) gives no token."""
    best = scores.max(axis=1)
    bad = np.flatnonzero(open_rows & ~(best > -np.inf))
    if bad.size:
        row = int(bad[0])
        problem = "NaN among its scores" if np.isnan(best[row]) else "no token that may stand"
        raise ValueError(
            f"Row {row} has {problem}: the prompt may hold tokens that the model does not know, or "
            "the rules forbid every token."
        )
