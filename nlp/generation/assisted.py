"""Assisted (speculative) decoding: a small model proposes tokens, and a large one judges several
of them in one pass.

Leviathan et al. 2023 (arXiv:2211.17192), and transformers' `generate(assistant_model=…)`. A token
is kept where it is the one that the large model would have taken there, by the same rules and the
same draw: the text is the one that the large model writes alone.
"""

from __future__ import annotations

import copy
from collections.abc import Generator

import numpy as np

from .contrastive import LookingStep
from .loop import Rules, Written, check_prompt, check_scores, finished, without_ends
from .samplers import Choose, greedy
from .stopping import Stopping


def assist(
    step: LookingStep,
    draft: LookingStep,
    prompt: np.ndarray,
    *,
    max_length: int,
    stop: Stopping,
    rules: Rules | None = None,
    choose: Choose = greedy,
    count: int = 5,
) -> Generator[list[list[int]], None, list[Written]]:
    """Yields the tokens that the one row has written so far, without its end, after each pass of
    the large model.

    Args:
        step: the large model, at the beginning of a sequence of one row.
        draft: the small model, at the beginning of the same sequence.
        prompt: int (1, length).
        max_length: most tokens, prompt included.
        stop: what ends the text.
        rules: which tokens may stand where; all may, if None.
        choose: picks tokens.
        count: how many tokens are proposed for each pass.

    Returns:
        What was written, a list of one.

    Raises:
        ValueError: more than one row; the prompt is empty or leaves no room for a token; no token
            may stand.
    """
    prompt = check_prompt(prompt, max_length)
    if len(prompt) != 1:
        raise ValueError(f"Assisted decoding writes one text at a time; got {len(prompt)} prompts.")
    if count < 1:
        raise ValueError(f"At least one token must be proposed; got {count!r}.")
    read = prompt[0].tolist()
    written: list[int] = []
    seen, guessed = 0, 0  # how many tokens of prompt and text each model has read
    ending: int | None = None

    def taken(scores: np.ndarray, text: list[int], choose: Choose) -> int:
        allowed = scores[None] if rules is None else rules(scores[None], [text])
        check_scores(allowed, np.ones(1, bool))
        return int(choose(allowed)[0])

    while ending is None and len(read) + len(written) < max_length:
        whole = [*read, *written]
        room = max_length - len(whole)
        # The draft draws as the large model will: its choices are a copy's.
        guesses: list[int] = []
        draws = copy.copy(choose)
        while len(guesses) < min(count, room - 1):
            news = [*whole, *guesses][guessed:]
            scores = draft(np.array([news], np.int32))
            guessed += len(news)
            guesses.append(taken(scores[0], [*written, *guesses], draws))
            if stop.ending([*written, *guesses]) is not None:
                break
        fed = [*whole, *guesses][seen:]
        after, _ = step.look(np.array([fed], np.int32))
        right = 0
        for place in range(len(guesses) + 1):
            token = taken(after[0, place - len(guesses) - 1], written, choose)
            written.append(token)
            ending = stop.ending(written)
            if ending is not None or place == len(guesses) or token != guesses[place]:
                break
            right += 1
        yield without_ends([written], [ending])
        # What was proposed in vain is forgotten; the last token has been read by neither.
        known = len(whole) + right
        step.take_back(len(guesses) - right)
        seen = known
        draft.take_back(max(guessed - known, 0))
        guessed = min(guessed, known)
    return finished([written], [ending])
