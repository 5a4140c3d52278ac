"""Writing by the method that the options ask for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .assisted import assist
from .beams import beam_search
from .contrastive import LookingStep, contrast
from .loop import Written, walk
from .options import GenerationOptions
from .stopping import TextStopping


@dataclass(frozen=True)
class Generated:
    """A text that was written, with what led to it.

    Attributes:
        text: without its prompt.
        tokens: of the text, without its end.
        ended: whether it came to its end before there was no more room.
        score: the mean log-probability of its tokens, the end among them; in a beam search the sum
            divided by their number to the power of the length penalty; None in a contrastive
            search and with an assistant.
        logits: the model's scores of each token, the end among them, float32 (tokens, vocabulary);
            None where `score` is, and in a beam search.
        scores: the same after rules, temperature and what else makes tokens impossible.
    """

    text: str
    tokens: list[int]
    ended: bool
    score: float | None
    logits: np.ndarray | None = field(default=None, compare=False, repr=False)
    scores: np.ndarray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, written: Written, text: str) -> Generated:
        """Makes it of what a row has written."""
        score = written.mean_log_probability
        return cls(
            text,
            written.tokens,
            written.ended,
            None if np.isnan(score) else score,
            written.logits,
            written.scores,
        )


def write(
    chosen: GenerationOptions,
    step: LookingStep,
    prompt: np.ndarray,
    *,
    draft: LookingStep | None = None,
    starts: np.ndarray | None = None,
    **limits: Any,
) -> Generator[list[list[int]], None, list[list[Written]]]:
    """Yields the tokens that each text has so far, after each step; a beam search yields none.

    Args:
        chosen: what is asked for.
        step: the decoder, at the beginning of sequences, with `chosen.rows` rows for each prompt,
            which lie one after the other.
        prompt: int (batch, length), of the same length in all rows.
        draft: the decoder of an assistant; None to write without one. With it there is one prompt.
        starts: int (batch,), where each prompt begins, behind padding; 0 if None.
        **limits: `max_length`, `stop` and `rules`, as `walk` takes them. The rules get
            `chosen.copies` rows for each prompt.

    Returns:
        For each prompt, `num_sequences` texts.
    """
    count = chosen.num_sequences
    if chosen.num_beams > 1:
        found = beam_search(
            step,
            prompt,
            beams=chosen.num_beams,
            length_penalty=chosen.length_penalty,
            early_stopping=chosen.early_stopping,
            groups=chosen.num_beam_groups,
            diversity_penalty=chosen.diversity_penalty,
            **limits,
        )
        return [
            [Written(beam.tokens, beam.score, beam.ended) for beam in beams[:count]]
            for beams in found
        ]
    if draft is not None:
        steps = assist(
            step, draft, prompt, choose=chosen.sampler(), count=chosen.num_draft_tokens, **limits
        )
    elif chosen.penalty_alpha is not None:
        steps = contrast(
            step,
            prompt,
            alpha=chosen.penalty_alpha,
            top_k=chosen.top_k or 1,
            starts=starts,
            **limits,
        )
    else:
        steps = walk(
            step,
            prompt.repeat(count, axis=0),
            choose=chosen.sampler(),
            score=chosen.details is True,
            keep=chosen.details is True,
            **limits,
        )
    rows = yield from steps
    return [rows[at : at + count] for at in range(0, len(rows), count)]


def answers(
    found: Sequence[Sequence[Written]], chosen: GenerationOptions, ending: TextStopping
) -> list[Any]:
    """Returns for each prompt its text, or a list of its texts where several were asked for.

    Args:
        found: what `write` returned.
        chosen: what is asked for.
        ending: what ended the texts.
    """

    def said(row: Written) -> Any:
        text = ending.cut(ending.decode(row.tokens))
        return Generated.of(row, text) if chosen.details else text

    told = [[said(row) for row in rows] for rows in found]
    return told if chosen.num_sequences > 1 else [rows[0] for rows in told]


def pieces(
    steps: Generator[list[list[int]], None, list[list[Written]]], ending: TextStopping
) -> Iterator[str]:
    """Yields the one text that is written, piece by piece.

    Args:
        steps: what `write` returned, for one prompt.
        ending: what ends the text.
    """
    shown = ""
    while True:
        try:
            (tokens,), done = next(steps), False
        except StopIteration as end:
            tokens, done = end.value[0][0].tokens, True
        text = ending.cut(ending.decode(tokens))
        # A character of several bytes is shown when it is whole.
        whole = text if done else text.rstrip("\ufffd")
        if len(whole) > len(shown):
            yield whole[len(shown) :]
            shown = whole
        if done:
            return


def check_streamed(prompt: Any, chosen: GenerationOptions) -> None:
    """Raises for what cannot be shown as it is written.

    Raises:
        TypeError: several texts, or something that is none.
        ValueError: a beam search, several texts for the prompt, or `details`.
    """
    if not isinstance(prompt, str):
        raise TypeError(
            f"Expected one text, a str, to be shown as it is written; got {type(prompt).__name__}."
        )
    if chosen.copies > 1 or chosen.details:
        raise ValueError(
            "One text can be shown as it is written: leave out beams, copies and details."
        )


def check_assistant(model: Any, assistant: Any, chosen: GenerationOptions) -> None:
    """Raises for an assistant that cannot propose tokens to a model.

    Raises:
        TypeError: it is no model of the same task.
        ValueError: another vocabulary, or settings that do not go with an assistant.
    """
    if getattr(assistant, "task", None) != model.task:
        raise TypeError(
            f"`assistant` must be a model of the same task, {model.task!r}; got "
            f"{type(assistant).__name__}."
        )
    sizes = [one.backbone.vocabulary_size for one in (model, assistant)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"The assistant knows {sizes[1]} tokens and the model {sizes[0]}: it must have the "
            "same vocabulary."
        )
    if chosen.rows > 1 or chosen.details:
        raise ValueError(
            "An assistant proposes one text a prompt: leave out `num_beams`, `num_sequences`, "
            "`penalty_alpha` and `details`."
        )


def last_of(steps: Generator[Any, None, list[list[Written]]]) -> list[list[Written]]:
    """Returns what a generator returns at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
