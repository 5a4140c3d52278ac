"""Contrastive search: likely tokens whose states are unlike those of the text so far.

Definition: Su et al. 2022 (arXiv:2202.06417), as transformers' `generate(penalty_alpha=…, top_k=…)`
computed it (up to version 4.49; later versions have it outside of the library).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import numpy as np

from .beams import BranchingStep
from .loop import Rules, Written, check_prompt, check_scores, finished, without_ends
from .stopping import Stopping


class LookingStep(BranchingStep, Protocol):
    """A `BranchingStep` that also gives states and can forget; `CachedStep` is one."""

    def look(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns scores (rows, n, vocabulary) and states (rows, n, size) of (rows, n) tokens."""
        ...

    def take_back(self, count: int) -> None:
        """Forgets the last `count` tokens of each row."""
        ...


def contrast(
    step: LookingStep,
    prompt: np.ndarray,
    *,
    alpha: float,
    top_k: int,
    max_length: int,
    stop: Stopping,
    rules: Rules | None = None,
    starts: np.ndarray | None = None,
) -> Generator[list[list[int]], None, list[Written]]:
    """Yields the tokens that each row has written so far, without its end, after each step.

    Of the `top_k` likeliest tokens that one is taken for which (1 - alpha) times its probability,
    less alpha times the largest cosine between its state and those of the tokens so far, is
    highest.

    Args:
        step: the decoder, at the beginning of sequences. It has `top_k` rows for each row of the
            prompt, which lie one after the other.
        prompt: int (batch, length), of the same length in all rows.
        alpha: how much unlikeness counts, from 0 to 1.
        top_k: how many tokens are looked at.
        max_length: most tokens of a row, prompt included.
        stop: what ends a row.
        rules: which tokens may stand where; all may, if None.
        starts: int (batch,), where each row's text begins, behind padding; 0 if None.

    Returns:
        What each row has written.

    Raises:
        ValueError: the prompt is empty or leaves no room for a token; no token may stand in a row.
    """
    prompt = check_prompt(prompt, max_length)
    batch, length = prompt.shape
    scores, states = step.look(prompt.repeat(top_k, axis=0))
    logits = scores[::top_k, -1]
    # Room for the states of all tokens; those of padding are like nothing.
    said = np.zeros((batch, max_length, states.shape[2]), np.float32)
    said[:, :length] = _unit(states[::top_k])
    if starts is not None:
        said[np.arange(max_length) < np.asarray(starts)[:, None]] = 0
    counts = np.zeros((batch, max_length), bool)
    counts[:, :length] = True if starts is None else np.arange(length) >= starts[:, None]
    written: list[list[int]] = [[] for _ in range(batch)]
    endings: list[int | None] = [None] * batch
    open_rows = np.ones(batch, bool)
    lines = np.arange(batch)
    for place in range(length, max_length):
        allowed = logits if rules is None else rules(logits, written)
        check_scores(allowed, open_rows)
        tokens, shares = _likeliest(allowed, top_k)
        tokens[~open_rows] = stop.filler
        scores, states = step.look(tokens.reshape(-1, 1).astype(np.int32))
        units = _unit(states[:, 0]).reshape(batch, top_k, -1)
        likeness = np.einsum("bks,bts->bkt", units, said[:, :place])
        likeness = np.where(counts[:, None, :place], likeness, -np.inf).max(axis=2)
        worth = (1 - alpha) * shares - alpha * likeness
        # A token that may not stand has no share, and is never taken.
        taken = np.where(shares > 0, worth, -np.inf).argmax(axis=1)
        for row in np.flatnonzero(open_rows):
            written[row].append(int(tokens[row, taken[row]]))
            endings[row] = stop.ending(written[row])
            open_rows[row] = endings[row] is None
        yield without_ends(written, endings)
        if not open_rows.any():
            break
        said[:, place], counts[:, place] = units[lines, taken], True
        origins = lines * top_k + taken
        logits = scores[origins, 0]
        step.reorder(origins.repeat(top_k))
    return finished(written, endings)


def _likeliest(scores: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` likeliest tokens of each row, the first of equal ones first, and their shares."""
    exact = scores.astype(np.float64)
    exact = np.exp(exact - exact.max(axis=1, keepdims=True))
    tokens = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return tokens, np.take_along_axis(exact / exact.sum(axis=1, keepdims=True), tokens, axis=1)


def _unit(x: np.ndarray) -> np.ndarray:
    """Vectors (…, size) of length 1; those of length 0 stay."""
    sizes = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(sizes > 0, sizes, 1)
