"""Beam search: the likeliest texts among those that begin well.

Definition: transformers' `generate(num_beams=…)`, with its length penalty (Wu et al. 2016,
arXiv:1609.08144, simplified to a power of the length) and its rule of when to stop. In groups:
Vijayakumar et al. 2016 (arXiv:1610.02424), as `generate(num_beam_groups=…, diversity_penalty=…)`
computed it (up to version 4.49; later versions have it outside of the library).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .loop import Rules, check_prompt
from .stopping import Stopping


class BranchingStep(Protocol):
    """A `Step` whose rows may continue what other rows have written; `CachedStep` is one."""

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Returns the scores of each next token, (rows, vocabulary), after (rows, n) new tokens."""
        ...

    def reorder(self, rows: np.ndarray) -> None:
        """Lets row i continue what row `rows[i]` has written."""
        ...


@dataclass(frozen=True)
class Beam:
    """A text that was found: `tokens` without prompt and end.

    `score` is the sum of its log-probabilities, the end's among them, divided by the number of its
    tokens to the power of the length penalty. `ended` tells whether it came to its end before there
    was no more room.
    """

    tokens: list[int]
    score: float
    ended: bool


def beam_search(
    step: BranchingStep,
    prompt: np.ndarray,
    *,
    beams: int,
    max_length: int,
    stop: Stopping,
    rules: Rules | None = None,
    length_penalty: float = 1.0,
    early_stopping: bool = False,
    groups: int = 1,
    diversity_penalty: float = 0.0,
) -> list[list[Beam]]:
    """Searches for the likeliest texts, `beams` of them for each prompt.

    Args:
        step: the decoder, at the beginning of sequences. It has `beams` rows for each prompt, which
            lie one after the other.
        prompt: int (batch, length), of the same length in all rows.
        beams: how many texts are followed at once.
        max_length: most tokens of a text, prompt included.
        stop: what ends a text.
        rules: which tokens may stand where; all may, if None.
        length_penalty: above 0 it favours long texts, below 0 short ones.
        early_stopping: whether the search for a prompt ends when `beams` texts have ended; else it
            ends when none of those that go on has a better score at its present length.
        groups: into how many groups the texts are parted, each a search of its own.
        diversity_penalty: taken from the log-probability of a token for each text of the groups
            before that has got it in the same step.

    Returns:
        For each prompt up to `beams` texts, the best first.

    Raises:
        ValueError: the prompt is empty or leaves no room for a token; fewer than one beam; groups
            that do not divide the beams.
    """
    prompt = check_prompt(prompt, max_length)
    if beams < 1:
        raise ValueError(f"beam_search: `beams` must be at least 1; got {beams!r}.")
    if groups < 1 or beams % groups:
        raise ValueError(f"beam_search: `groups` must divide the {beams} beams; got {groups!r}.")
    size = beams // groups
    # A search for each group of each prompt, in the order of the rows.
    searches = [
        _Search(size, stop, length_penalty, early_stopping, groups > 1)
        for _ in range(len(prompt) * groups)
    ]
    logits = step(prompt.repeat(beams, axis=0))
    for room in reversed(range(max_length - prompt.shape[1])):
        scores = _log_softmax(logits)
        texts = [row for search in searches for row in search.texts]
        rows = np.empty(len(texts), np.int64)
        chosen = np.zeros((len(prompt), scores.shape[1])) if groups > 1 else None
        # One group after the other, for the later ones see what the former have taken.
        for group in range(groups):
            allowed = (
                scores
                if chosen is None
                else scores - diversity_penalty * chosen.repeat(beams, axis=0)
            )
            if rules is not None:
                # On log-probabilities, which are not made to sum up to 1 again: as transformers.
                allowed = rules(allowed, texts)
            for number, search in enumerate(searches[group::groups]):
                first = (number * groups + group) * size
                part = allowed[first : first + size]
                origins = search.advance(part, last=not room)
                rows[first : first + size] = first + np.array(origins)
                if chosen is not None:
                    np.add.at(chosen[number], [text[-1] for text in search.texts], 1)
        if not room or all(search.is_done for search in searches):
            break
        step.reorder(rows)
        tokens = [[row[-1]] for search in searches for row in search.texts]
        logits = step(np.array(tokens, np.int32))
    found = [search.found() for search in searches]
    parted = [found[at : at + groups] for at in range(0, len(found), groups)]
    return [
        sorted((beam for part in parts for beam in part), key=lambda beam: -beam.score)
        for parts in parted
    ]


@dataclass
class _Search:
    """The search for one prompt: the texts that go on, and those that have ended."""

    beams: int
    stop: Stopping
    length_penalty: float
    early_stopping: bool
    # Whether the search goes on while any candidate, an end too, would be better than what there
    # is: the rule of groups. Else the texts that go on are asked alone.
    by_candidates: bool = False
    texts: list[list[int]] = field(init=False)
    ended: list[Beam] = field(default_factory=list)
    is_done: bool = False

    def __post_init__(self) -> None:
        # All begin alike: the first alone counts.
        self.texts = [[] for _ in range(self.beams)]
        self._totals = np.array([0.0] + [-np.inf] * (self.beams - 1))

    def advance(self, scores: np.ndarray, last: bool) -> list[int]:
        """Adds a token to each text; returns which text each of them was before.

        Args:
            scores: log-probabilities (beams, vocabulary).
            last: whether there is no room for another token.
        """
        if self.is_done:
            self.texts = [[*text, self.stop.filler] for text in self.texts]
            return list(range(self.beams))
        going: list[tuple[int, list[int], float]] = []
        candidates = self._candidates(scores)
        for rank, (origin, token, total) in enumerate(candidates):
            text = [*self.texts[origin], token]
            ending = self.stop.ending(text)
            if ending is None and len(going) < self.beams:
                going.append((origin, text, total))
            if (last or ending is not None) and rank < self.beams:
                self._end(text, ending, total)
        # Where the rules leave too few texts, the first stands for the rest, and does not count.
        spare = [going[0]] if going else [(0, [*self.texts[0], self.stop.filler], -np.inf)]
        missing = self.beams - len(going)
        going += [(origin, text, -np.inf) for origin, text, _ in spare * missing]
        self.texts = [text for _, text, _ in going]
        self._totals = np.array([total for *_, total in going])
        best = candidates[0][2] if self.by_candidates and candidates else self._totals.max()
        self._conclude(best)
        return [origin for origin, *_ in going]

    def found(self) -> list[Beam]:
        """Returns the texts that have ended, the best first."""
        return self.ended

    def _candidates(self, scores: np.ndarray) -> list[tuple[int, int, float]]:
        """(text, token, sum) of the likeliest: so many that `beams` of them go on."""
        totals = (self._totals[:, None] + scores).reshape(-1)
        endings = len(self.stop.ends) + len(self.stop.sequences)
        count = min(max(2, 1 + endings) * self.beams, len(totals))
        places = np.argpartition(-totals, count - 1)[:count]
        places = places[np.lexsort((places, -totals[places]))]
        size = scores.shape[1]
        return [
            (int(p) // size, int(p) % size, float(totals[p])) for p in places if totals[p] > -np.inf
        ]

    def _end(self, text: list[int], ending: int | None, total: float) -> None:
        kept = text[: len(text) - (ending or 0)]
        self.ended.append(Beam(kept, total / self._norm(len(text)), ending is not None))
        self.ended.sort(key=lambda beam: -beam.score)
        del self.ended[self.beams :]

    def _conclude(self, best: float) -> None:
        full = len(self.ended) == self.beams
        best = best / self._norm(len(self.texts[0]))
        hopeless = full and best <= self.ended[-1].score
        self.is_done = hopeless or (full and self.early_stopping) or best == -np.inf

    def _norm(self, length: int) -> float:
        return length**self.length_penalty


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
