"""Greedy decoding and long sound, against transformers' `generate` on a tiny random Whisper."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo.nlp.whisper.decoding import (
    greedy,
    most_likely_language,
    split_segments,
    transcribe,
)
from isozoo.nlp.whisper.fallback import Fallback, compression_ratio
from isozoo.nlp.whisper.rules import TokenRules
from isozoo.nlp.whisper.tokenizer import WhisperTokenizer

from . import tiny_whisper as tiny


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> WhisperTokenizer:
    paths = tiny.write_vocabulary(tmp_path_factory.mktemp("vocabulary"))
    return WhisperTokenizer.from_vocabulary(*paths)


@pytest.fixture(scope="module", params=range(2))
def original(request):
    return tiny.tiny_original(request.param)


def rules(original, tokenizer, timestamps: bool) -> TokenRules:
    config = original.generation_config
    return TokenRules(
        tokenizer.special, config.suppress_tokens, config.begin_suppress_tokens, timestamps
    )


def begin_with(original):
    """The step of transformers' decoder, with its own cache."""
    import torch

    def begin(window):
        with torch.no_grad():
            features = torch.from_numpy(np.atleast_3d(window.T).reshape(-1, *window.T.shape[-2:]))
            heard = original.model.encoder(features.contiguous()).last_hidden_state
        cache = None

        def step(tokens):
            nonlocal cache
            with torch.no_grad():
                output = original(
                    encoder_outputs=(heard.expand(len(tokens), -1, -1),),
                    decoder_input_ids=torch.from_numpy(tokens).long(),
                    past_key_values=cache,
                    use_cache=True,
                )
            cache = output.past_key_values
            return output.logits[:, -1].numpy()

        return step

    return begin


def random_features(frames: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    slow = np.repeat(generator.normal(size=(frames // 50 + 1, tiny.NUM_MELS)), 50, axis=0)
    return (slow[:frames] + 0.3 * generator.normal(size=(frames, tiny.NUM_MELS))).astype("f4")


def generate(original, features, **settings):
    """transformers' segments for one sound, by way of its long-form generation."""
    import torch

    output = original.generate(
        torch.from_numpy(features.T[None].copy()),
        language="en",
        return_segments=True,
        temperature=0.0,
        **settings,
    )
    return [
        (float(part["start"]), float(part["end"]), part["tokens"].tolist())
        for part in output["segments"][0]
    ]


def assert_same(transcript, expected):
    assert [part.tokens for part in transcript.segments] == [tokens for *_, tokens in expected]
    times = [(part.start, part.end) for part in transcript.segments]
    np.testing.assert_allclose(times, [part[:2] for part in expected], atol=1e-9)


@pytest.mark.parametrize("timestamps", [False, True])
def test_one_window(original, tokenizer, timestamps):
    features = random_features(3000)
    expected = generate(original, features, return_timestamps=timestamps)
    transcript = transcribe(
        features,
        begin_with(original),
        tokenizer,
        rules(original, tokenizer, timestamps),
        tokenizer.prompt("en", timestamps=timestamps),
        max_length=tiny.MAX_TOKENS,
    )
    assert_same(transcript, expected)
    assert transcript.text == tokenizer.decode(t for *_, tokens in expected for t in tokens)


@pytest.mark.parametrize("condition", [False, True])
def test_long_sound(original, tokenizer, condition):
    features = random_features(7301, seed=1)
    expected = generate(
        original, features, return_timestamps=True, condition_on_prev_tokens=condition
    )
    assert len(expected) > 2
    transcript = transcribe(
        features,
        begin_with(original),
        tokenizer,
        rules(original, tokenizer, True),
        tokenizer.prompt("en", timestamps=True),
        max_length=tiny.MAX_TOKENS,
        condition_on_previous=condition,
    )
    assert_same(transcript, expected)


@pytest.mark.parametrize("limit", [-100.0, -2.0, 0.0])
def test_windows_without_speech(original, tokenizer, limit):
    features = random_features(7301, seed=1)
    expected = generate(
        original,
        features,
        return_timestamps=True,
        no_speech_threshold=1e-9,
        logprob_threshold=limit,
        return_dict_in_generate=True,
    )
    transcript = transcribe(
        features,
        begin_with(original),
        tokenizer,
        rules(original, tokenizer, True),
        tokenizer.prompt("en", timestamps=True),
        max_length=tiny.MAX_TOKENS,
        fallback=Fallback((0.0,), None, limit, 1e-9, None),
    )
    assert_same(transcript, expected)
    if limit == 0.0:
        assert not transcript.segments


def test_rows_of_a_batch_are_independent(original, tokenizer):
    import torch

    features = np.stack([random_features(3000, seed) for seed in range(3)])
    prompt = tokenizer.prompt("en")
    with torch.no_grad():
        heard = original.model.encoder(torch.from_numpy(features.transpose(0, 2, 1).copy()))
    cache = None

    def step(tokens):
        nonlocal cache
        with torch.no_grad():
            output = original(
                encoder_outputs=heard,
                decoder_input_ids=torch.from_numpy(tokens).long(),
                past_key_values=cache,
                use_cache=True,
            )
        cache = output.past_key_values
        return output.logits[:, -1].numpy()

    limits = rules(original, tokenizer, False)
    rows = greedy(step, np.array([prompt] * 3), limits, max_length=tiny.MAX_TOKENS)
    for row, window in zip(rows, features, strict=True):
        # A random model writes timestamps even when it is told not to, and so gets cut.
        pieces, _ = split_segments(row.tokens, tokenizer.special, 3000)
        expected = generate(original, window, return_timestamps=False)[: len(pieces)]
        assert [tokens for *_, tokens in pieces] == [tokens for *_, tokens in expected]
        assert len(row.tokens) <= tiny.MAX_TOKENS - len(prompt)


def test_language(original, tokenizer):
    import torch

    features = random_features(3000)
    expected = original.detect_language(torch.from_numpy(features.T[None].copy())).item()
    step = begin_with(original)(features)
    language = most_likely_language(step(np.array([[tiny.START]]))[0], tokenizer.special)
    assert tokenizer.language_token(language) == expected


# Fixed sequences


def test_a_row_that_ended_stays_ended(tokenizer):
    """Row 0 ends at once; row 1 writes 5, 6, 7 and ends."""
    script = iter([[tiny.END, 5], [9, 6], [9, 7], [9, tiny.END]])
    fed = []

    def step(tokens):
        fed.append(tokens.tolist())
        logits = np.zeros((2, tiny.VOCABULARY_SIZE), np.float32)
        logits[[0, 1], next(script)] = 1.0
        return logits

    rows = greedy(step, np.array([[tiny.START]] * 2), TokenRules(tokenizer.special))
    assert [row.tokens for row in rows] == [[], [5, 6, 7]]
    assert fed == [[[tiny.START]] * 2, [[tiny.END], [5]], [[tiny.END], [6]], [[tiny.END], [7]]]


def test_probabilities(tokenizer):
    """Two tokens of probability 1/2 and 1/4 and an end of 1/8: closed forms."""

    def logits_of(token, probability):
        row = np.full(tiny.VOCABULARY_SIZE, (1 - probability) / (tiny.VOCABULARY_SIZE - 1))
        row[token] = probability
        return np.log(row)[None]

    steps = [logits_of(266, 0.9), logits_of(5, 0.5), logits_of(6, 0.25), logits_of(tiny.END, 0.125)]
    script = iter(steps)
    prompt = np.array([[tiny.PREVIOUS, tiny.START, tiny.ENGLISH]])
    row = greedy(lambda _: next(script), prompt, TokenRules(tokenizer.special), score=True)[0]
    assert row.tokens == [5, 6]
    np.testing.assert_allclose(row.no_speech_probability, 0.9, rtol=1e-6)
    np.testing.assert_allclose(row.mean_log_probability, -2 * np.log(2), rtol=1e-6)


def test_prompts_that_do_not_fit(tokenizer):
    for length in (0, 448):
        with pytest.raises(ValueError, match="from 1 to 447"):
            greedy(lambda _: None, np.zeros((1, length)), TokenRules(tokenizer.special))


def test_long_sound_needs_timestamps(tokenizer):
    limits = TokenRules(tokenizer.special)
    with pytest.raises(ValueError, match="30.0 s of sound need timestamps"):
        transcribe(np.zeros((3001, 8)), lambda _: None, tokenizer, limits, [tiny.START])


S = tiny.NO_TIMESTAMPS + 1


@pytest.mark.parametrize(
    ("tokens", "pieces", "advance"),
    [
        # A pair closes a segment; what follows is heard again from its second stamp.
        ([S, 1, S + 9, S + 9, 2], [(0, 18, [S, 1, S + 9, S + 9])], 18),
        # One stamp at the end: nothing was said after it.
        (
            [S, 1, S + 9, S + 10, 2, S + 20],
            [(0, 18, [S, 1, S + 9]), (20, 40, [S + 10, 2, S + 20])],
            3000,
        ),
        # No pair: the window is one segment, to its last stamp if it has one.
        ([S, 1, S + 9], [(0, 18, [S, 1, S + 9])], 3000),
        ([S, 1, 2], [(0, 3000, [S, 1, 2])], 3000),
        ([], [(0, 3000, [])], 3000),
    ],
)
def test_segments(tokenizer, tokens, pieces, advance):
    assert split_segments(tokens, tokenizer.special, 3000) == (pieces, advance)


# What is not believed -----------------------------------------------------------------------------


def test_compression_ratio_is_zlibs():
    import zlib

    text = "and then and then and then and then and then and then and then"
    assert compression_ratio(text) == len(text) / len(zlib.compress(text.encode())) > 2.4
    assert compression_ratio("The cat sat.") < 1
    assert compression_ratio("") == 0


def _speech(tokenizer, scripts):
    """A `begin` whose n-th decoding prefers the n-th script: tokens, logit, and that of silence."""
    special, made = tokenizer.special, []

    def begin(window):
        tokens, sure, silence = scripts[min(len(made), len(scripts) - 1)]
        made.append(window)
        state = {"after": 0, "written": 0}

        def step(given):
            logits = np.zeros((len(given), tiny.VOCABULARY_SIZE), np.float32)
            if given[0, -1] == special.start:
                logits[:, special.no_speech] = silence
                return logits
            place = state["written"]
            state["written"] += 1
            logits[:, tokens[place] if place < len(tokens) else special.end] = sure
            return logits

        return step

    return begin, made


def _decoded(tokenizer, scripts, fallback, **options):
    begin, made = _speech(tokenizer, scripts)
    transcript = transcribe(
        np.zeros((3000, tiny.NUM_MELS), np.float32),
        begin,
        tokenizer,
        TokenRules(tokenizer.special),
        tokenizer.prompt("en"),
        max_length=tiny.MAX_TOKENS,
        fallback=fallback,
        **options,
    )
    return transcript, len(made)


SURE, UNSURE = 20.0, 1.0
LOUD, SILENT = 0.0, 20.0


@pytest.mark.parametrize(
    ("scripts", "limits", "text", "tries"),
    [
        # Believed at once.
        ([([5, 6], SURE, LOUD)], {}, [5, 6], 1),
        # Repetitive text is drawn again; what comes then is believed.
        ([([5] * 30, SURE, LOUD), ([5, 6], SURE, LOUD)], {}, [5, 6], 2),
        ([([5] * 30, SURE, LOUD)], {"compression_ratio": None}, [5] * 30, 1),
        # Doubtful text is drawn again.
        ([([5, 6], UNSURE, LOUD), ([6, 5], SURE, LOUD)], {}, [6, 5], 2),
        # Doubtful, and silence is likely: no speech, and no second try.
        ([([5, 6], UNSURE, SILENT)], {}, None, 1),
        # Silence is likely, but the text is sure: it stands.
        ([([5, 6], SURE, SILENT)], {}, [5, 6], 1),
        ([([5, 6], SURE, SILENT)], {"log_probability": None}, None, 1),
        ([([5, 6], UNSURE, SILENT)], {"no_speech": None, "temperatures": (0.0,)}, [5, 6], 1),
    ],
)
def test_the_rules_of_the_original(tokenizer, scripts, limits, text, tries):
    transcript, made = _decoded(tokenizer, scripts, Fallback(**limits))
    assert made == tries
    written = [token for part in transcript.segments for token in part.tokens]
    assert written == (text or [])
    assert bool(transcript.segments) == (text is not None)


def test_all_temperatures_are_tried_and_the_last_stands(tokenizer):
    limits = Fallback((0.0, 0.5, 1.0), compression_ratio=0.0)
    transcript, made = _decoded(tokenizer, [([5, 6], SURE, LOUD)], limits)
    assert made == 3 and transcript.segments[0].tokens == [5, 6]
    assert _decoded(tokenizer, [([5] * 30, SURE, LOUD)], None)[1] == 1
    with pytest.raises(ValueError, match="temperatures"):
        Fallback(())


def test_quiet_windows_are_not_heard_and_ends_are_clamped(tokenizer):
    heard = []
    stamp = tokenizer.special.timestamp_begin
    script = [([stamp, 5, stamp + 400], SURE, LOUD)]
    begin, made = _speech(tokenizer, script)
    transcript = transcribe(
        np.zeros((9000, tiny.NUM_MELS), np.float32),
        begin,
        tokenizer,
        TokenRules(tokenizer.special, timestamps=True),
        tokenizer.prompt("en", timestamps=True),
        seconds=62.5,
        max_length=tiny.MAX_TOKENS,
        is_quiet=lambda first, last: heard.append((first, last)) or first == 3000,
    )
    assert heard == [(0, 3000), (3000, 6000), (6000, 6250)]
    assert len(made) == 2
    assert [(part.start, part.end) for part in transcript.segments] == [(0, 8), (60, 62.5)]
