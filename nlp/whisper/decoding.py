"""Decoding token by token, and the walk over sound longer than a window.

Neither knows what computes the logits: a `Step` stands for the decoder and its cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..generation.loop import check_prompt, generate, log_probability
from ..generation.samplers import Choose, Sampler
from ..generation.samplers import greedy as likeliest
from ..generation.steps import Step
from ..generation.stopping import Stopping
from ..speech import Segment, Transcript
from .fallback import Fallback, believed_text
from .features import CHUNK_FRAMES, FRAMES_PER_SECOND
from .rules import TokenRules
from .tokenizer import TIMESTAMP_SECONDS, SpecialTokens, WhisperTokenizer

MAX_TOKENS = 448

_FRAMES_PER_TIMESTAMP = round(TIMESTAMP_SECONDS * FRAMES_PER_SECOND)

Begin = Callable[[np.ndarray], Step]
"""One window of features `[frames, num_mels]` -> the step of a sequence that hears it."""


@dataclass(frozen=True)
class Decoded:
    """What greedy decoding wrote for one row: `tokens` without prompt and end.

    With `score=True` also the mean log-probability of the tokens (the end counts) and the
    probability that the window holds no speech; else NaN.
    """

    tokens: list[int]
    mean_log_probability: float = float("nan")
    no_speech_probability: float = float("nan")


def greedy(
    step: Step,
    prompt: np.ndarray,
    rules: TokenRules,
    *,
    max_length: int = MAX_TOKENS,
    score: bool = False,
    choose: Choose = likeliest,
) -> list[Decoded]:
    """Writes one allowed token after the other until each row has ended.

    Args:
        step: the decoder, at the beginning of a sequence.
        prompt: int `[batch, length]`, the forced prefix, of the same length in all rows.
        rules: what may be written.
        max_length: most tokens of a row, prompt included.
        score: compute the probabilities of `Decoded`; `prompt` must hold the start token at the
            same place in every row.
        choose: picks a token from each row of scores.

    Raises:
        ValueError: the prompt is empty or leaves no room for a token.
    """
    prompt = check_prompt(prompt, max_length)
    silence = np.full(len(prompt), np.nan)
    logits = None
    if score:
        logits, silence = _prompt_and_silence(step, prompt, rules.special)
    rows = generate(
        step,
        prompt,
        max_length=max_length,
        stop=Stopping((rules.special.end,)),
        rules=rules,
        choose=choose,
        logits=logits,
        score=score,
    )
    return [
        Decoded(row.tokens, row.mean_log_probability, float(quiet))
        for row, quiet in zip(rows, silence, strict=True)
    ]


def transcribe(
    features: np.ndarray,
    begin: Begin,
    tokenizer: WhisperTokenizer,
    rules: TokenRules,
    prompt: Sequence[int],
    *,
    language: str = "en",
    seconds: float | None = None,
    max_length: int = MAX_TOKENS,
    condition_on_previous: bool = False,
    fallback: Fallback | None = None,
    is_quiet: Callable[[int, int], bool] | None = None,
) -> Transcript:
    """Transcribes sound of any length, window after window.

    With timestamps, a window begins where the last complete segment ended (Radford et al. 2022,
    section 3.8). Without, the sound is one window.

    Args:
        features: `[frames, num_mels]`; a last window that is short is filled with zeros.
        begin: encodes a window and gives the decoder's step for it.
        prompt: the forced prefix, as `tokenizer.prompt` gives it.
        seconds: where the sound ends, and with it the last segment; the end of the features unless
            given.
        condition_on_previous: put the text so far before the prompt of the next window. After a
            window that was drawn at a temperature above 0.5 the text begins anew.
        fallback: when a transcript is not believed; None for greedy decoding, once.
        is_quiet: whether the frames from one number to another hold no sound; never if None.

    Raises:
        ValueError: more than one window of sound, and rules without timestamps.
    """
    total = len(features)
    if seconds is not None:
        total = max(1, min(total, math.ceil(seconds * FRAMES_PER_SECOND)))
    if total > CHUNK_FRAMES and not rules.timestamps:
        raise ValueError(
            f"{total / FRAMES_PER_SECOND:.1f} s of sound need timestamps: without them a "
            "transcript is one window of 30 s."
        )
    segments: list[Segment] = []
    limit = np.inf if seconds is None else seconds
    seek, told_from, windows = 0, 0, 0
    while seek < total:
        frames = min(CHUNK_FRAMES, total - seek)
        if is_quiet is not None and is_quiet(seek, seek + frames):
            seek += frames
            continue
        forced = list(prompt)
        if condition_on_previous:
            forced = _previous(segments[told_from:], rules.special, max_length) + forced

        def decode(choose: Choose, forced: list[int] = forced, seek: int = seek) -> Decoded:
            return greedy(
                begin(_window(features, seek)),
                np.array([forced]),
                rules,
                max_length=max_length,
                score=fallback is not None,
                choose=choose,
            )[0]

        windows += 1
        decoded, temperature = _decoded(decode, tokenizer, fallback, windows)
        if fallback is not None and fallback.is_silent(
            decoded.no_speech_probability, decoded.mean_log_probability
        ):
            seek += frames
            continue
        pieces, advance = split_segments(decoded.tokens, rules.special, frames)
        for start, end, tokens in pieces:
            segments.append(
                Segment(
                    (seek + start) / FRAMES_PER_SECOND,
                    min((seek + end) / FRAMES_PER_SECOND, limit),
                    tokenizer.decode(tokens),
                    tokens,
                )
            )
        seek += advance
        if temperature > _TELLING:
            told_from = len(segments)
    # The whole is decoded at once: a character's bytes may lie in two segments.
    text = tokenizer.decode(token for segment in segments for token in segment.tokens)
    return Transcript(text, segments, language)


def split_segments(
    tokens: Sequence[int], special: SpecialTokens, frames: int
) -> tuple[list[tuple[int, int, list[int]]], int]:
    """Cuts one window's tokens at its timestamps.

    A pair of timestamps closes a segment and opens the next. What follows the last pair was cut
    off by the window, and is heard again from there; unless the window ends in one timestamp,
    after which nothing was said.

    Args:
        tokens: what was written for the window.
        frames: how many frames of sound the window holds.

    Returns:
        The segments as (start, end, tokens), in frames from the window's beginning, and by how
        many frames to move on.
    """
    begin = special.timestamp_begin
    tokens = list(tokens)
    stamped = [token >= begin for token in tokens]

    def position(token: int) -> int:
        return (token - begin) * _FRAMES_PER_TIMESTAMP

    cuts = [i for i in range(1, len(tokens)) if stamped[i - 1] and stamped[i]]
    if not cuts:
        end = frames // _FRAMES_PER_TIMESTAMP * _FRAMES_PER_TIMESTAMP
        stamps = [token for token in tokens if token >= begin]
        if stamps and stamps[-1] != begin:
            end = position(stamps[-1])
        return [(0, end, tokens)], frames
    ends_closed = stamped[-2:] == [False, True]
    if ends_closed:
        cuts.append(len(tokens))
    bounds = list(zip([0, *cuts[:-1]], cuts, strict=True))
    pieces = [
        (position(tokens[low]), position(tokens[high - 1]), tokens[low:high])
        for low, high in bounds
    ]
    if ends_closed:
        return pieces, frames
    # The opening stamp of what is heard again stays with the last segment, as a sign of it.
    low, high = bounds[-1]
    start, end, _ = pieces[-1]
    pieces[-1] = (start, end, tokens[low : high + 1])
    return pieces, end if end > 0 else frames


def most_likely_language(logits: np.ndarray, special: SpecialTokens) -> str:
    """Returns the code of the likeliest language, from the logits `[vocabulary]` that follow the
    start.
    """
    codes = list(special.languages)
    return codes[int(np.argmax(logits[[special.languages[code] for code in codes]]))]


def _window(features: np.ndarray, seek: int) -> np.ndarray:
    window = features[seek : seek + CHUNK_FRAMES]
    return np.pad(window, ((0, CHUNK_FRAMES - len(window)), (0, 0)))


def _previous(segments: Sequence[Segment], special: SpecialTokens, max_length: int) -> list[int]:
    """The text so far as a prompt: at most half of `max_length`, its start token included."""
    if not segments:
        return []
    tokens: list[int] = []
    for segment in segments:
        paired = len(segment.tokens) > 2 and segment.tokens[-2] >= special.timestamp_begin
        tokens += segment.tokens[:-1] if paired else segment.tokens
    return [special.start_of_previous, *tokens[-(max_length // 2 - 1) :]]


# What was drawn at a higher temperature is not told to the windows that follow.
_TELLING = 0.5


def _decoded(
    decode: Callable[[Choose], Decoded],
    tokenizer: WhisperTokenizer,
    fallback: Fallback | None,
    window: int,
) -> tuple[Decoded, float]:
    """A window's first transcript that is believed, else the last; and its temperature."""
    if fallback is None:
        return decode(likeliest), 0.0
    decoded, temperature = None, 0.0
    for number, temperature in enumerate(fallback.temperatures):
        draw = window * len(fallback.temperatures) + number
        decoded = decode(Sampler(temperature, seed=fallback.seed, stream=draw))
        text = believed_text(decoded.tokens, tokenizer)
        if fallback.is_believed(text, decoded.no_speech_probability, decoded.mean_log_probability):
            break
    assert decoded is not None
    return decoded, temperature


def _prompt_and_silence(
    step: Step, prompt: np.ndarray, special: SpecialTokens
) -> tuple[np.ndarray, np.ndarray]:
    """Logits after the prompt, and after its start token the probability of no speech."""
    after_start = int(np.flatnonzero(prompt[0] == special.start)[0]) + 1
    logits = step(prompt[:, :after_start])
    tokens = np.full(len(prompt), special.no_speech)
    silence = np.exp(log_probability(np.asarray(logits, np.float32), tokens))
    if after_start < prompt.shape[1]:
        logits = step(prompt[:, after_start:])
    return logits, silence
