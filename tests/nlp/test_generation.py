"""The choice of tokens and their end, against transformers' processors; the cache's growth."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.nlp.generation.loop import generate
from isozoo.nlp.generation.penalties import Penalties
from isozoo.nlp.generation.samplers import Sampler, greedy
from isozoo.nlp.generation.sizes import CacheSizes, power_of_two
from isozoo.nlp.generation.steps import CachedStep
from isozoo.nlp.generation.stopping import Stopping

WORDS = 11


def scores_of(rows: int, seed: int = 0, size: int = WORDS) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=2.0, size=(rows, size)).astype(np.float32)


# Samplers


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(0.7, None, None), (1.0, 3, None), (1.0, None, 0.6), (1.3, 5, 0.8), (1.0, 50, 1.0)],
)
def test_warped_scores_are_those_of_transformers(temperature, top_k, top_p):
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    scores = scores_of(6).astype(np.float64)
    theirs = torch.from_numpy(scores.copy())
    theirs = TemperatureLogitsWarper(temperature)(None, theirs)
    if top_k is not None:
        theirs = TopKLogitsWarper(top_k)(None, theirs)
    if top_p is not None:
        theirs = TopPLogitsWarper(top_p)(None, theirs)
    ours = Sampler(temperature, top_k, top_p).warped(scores)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-15)
    assert np.isinf(ours).any() == (top_k == 3 or (top_p or 1.0) < 1.0)


def test_the_likeliest_token_always_counts():
    assert np.isfinite(Sampler(top_p=1e-9).warped(scores_of(4))).sum(axis=1).tolist() == [1] * 4
    assert Sampler(top_k=1, seed=1)(scores_of(4)).tolist() == greedy(scores_of(4)).tolist()
    assert Sampler(0.0)(scores_of(4)).tolist() == greedy(scores_of(4)).tolist()


def test_draws_follow_the_distribution_and_the_seed():
    scores = np.log(np.array([[0.5, 0.25, 0.25, 0.0]]) + 1e-300).repeat(4000, axis=0)
    drawn = Sampler(seed=3)(scores)
    np.testing.assert_array_equal(drawn, Sampler(seed=3)(scores))
    for other in (Sampler(seed=4), Sampler(seed=3, stream=1)):
        assert (drawn != other(scores)).any()
    again = Sampler(seed=3)
    assert (again(scores) != again(scores)).any()
    share = np.bincount(drawn, minlength=4) / 4000
    # Five standard deviations of a share of 4000 draws.
    bound = 5 * np.sqrt(0.25 / 4000)
    np.testing.assert_allclose(share, [0.5, 0.25, 0.25, 0], atol=bound)
    assert share[3] == 0
    # At half the temperature odds are squared: 4 to 1 to 1.
    assert abs((Sampler(0.5)(scores) == 0).mean() - 4 / 6) < bound
    # Of the two likeliest that are 0.5 and 0.25: 2 to 1.
    assert abs((Sampler(top_p=0.7)(scores) == 0).mean() - 2 / 3) < bound


def test_draws_are_those_of_random_uniform(backend):
    """The definition: the inverse of the distribution function at `random.uniform`'s draws."""
    scores = scores_of(500, 5)
    generator = isozoo.random.SeedGenerator(9)
    generator.next()  # the first draw of a sampler is number 1
    shares = isozoo.ops.convert_to_numpy(isozoo.random.uniform((500,), seed=generator))
    weights = np.exp(scores.astype(np.float64))
    limits = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    expected = (limits <= shares[:, None]).sum(axis=1)
    np.testing.assert_array_equal(Sampler(seed=9)(scores), expected)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}], ids=str
)
def test_samplers_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        Sampler(**wrong)


# The loop


def scripted(*texts: list[int]):
    """A step that writes the texts, a row each, and notes what it is fed."""
    fed: list[list[int]] = []

    def step(tokens):
        scores = np.zeros((len(texts), WORDS), np.float32)
        for row, text in enumerate(texts):
            scores[row, text[min(len(fed), len(text) - 1)]] = 1.0
        fed.append(tokens[:, -1].tolist())
        return scores

    return step, fed


def test_each_row_ends_by_itself():
    step, fed = scripted([4, 2], [5, 6, 7, 2], [5, 6, 8, 9])
    stop = Stopping(ends=(2, 3), sequences=((6, 8),))
    rows = generate(step, np.array([[1, 1]] * 3), max_length=10, stop=stop)
    assert [row.tokens for row in rows] == [[4], [5, 6, 7], [5]]
    assert all(row.ended for row in rows)
    assert fed == [[1, 1, 1], [4, 5, 5], [2, 6, 6], [2, 7, 8]]


def test_there_is_no_more_room():
    step, fed = scripted([4, 5, 6, 7])
    row = generate(step, np.array([[1]]), max_length=4, stop=Stopping(ends=(2,)))[0]
    assert (row.tokens, row.ended, len(fed)) == ([4, 5, 6], False, 3)


def test_log_probabilities_are_those_of_the_rules_scores():
    """Half of four equal tokens are forbidden: 1/2 each, where the raw scores say 1/4."""

    def rules(scores, written):
        return np.where(np.arange(4) < 2, scores, -np.inf)

    flat = np.zeros((1, 4), np.float32)
    row = generate(
        lambda _: flat, np.array([[1]]), max_length=5, stop=Stopping(), rules=rules, score=True
    )[0]
    assert row.tokens == [0, 0, 0, 0]
    np.testing.assert_allclose(row.mean_log_probability, -np.log(2), rtol=1e-12)


def test_scores_of_which_no_token_comes():
    prompt = np.array([[1]])
    with pytest.raises(ValueError, match="Row 0 has NaN"):
        generate(lambda _: np.full((1, 4), np.nan), prompt, max_length=5, stop=Stopping())
    with pytest.raises(ValueError, match="Row 0 has no token"):
        generate(lambda _: np.full((1, 4), -np.inf), prompt, max_length=5, stop=Stopping())
    with pytest.raises(ValueError, match="from 1 to 4, got shape"):
        generate(lambda _: None, np.zeros((1, 5)), max_length=5, stop=Stopping())
    with pytest.raises(ValueError, match="at least one token"):
        Stopping(sequences=((),))


# The cache


def test_sizes():
    assert [power_of_two(n) for n in (1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 4, 8, 1024]
    assert [CacheSizes(300).capacity(n) for n in (1, 128, 129, 257, 300)] == [
        128,
        128,
        256,
        300,
        300,
    ]
    assert [CacheSizes(300, (10, 40)).capacity(n) for n in (10, 11, 41)] == [10, 40, 300]
    with pytest.raises(ValueError, match="at most 300 tokens, prompt included; got 301"):
        CacheSizes(300).capacity(301)


class Sums:
    """A decoder whose keys are the tokens themselves: its score is the sum of all so far."""

    def __init__(self):
        self.shapes = set()

    def empty_cache(self, batch, capacity):
        zeros = np.zeros((batch, 1, capacity, 1), np.float32)
        return [(zeros, zeros)]

    def advance(self, tokens, cache, position, last):
        ops = isozoo.ops
        key, value = cache[0]
        self.shapes.add((tokens.shape, tuple(key.shape)))
        new = ops.cast(
            ops.reshape(ops.convert_to_tensor(tokens), (*key.shape[:2], -1, 1)), "float32"
        )
        start = (0, 0, ops.convert_to_tensor(position), 0)
        key = ops.slice_update(ops.convert_to_tensor(key), start, new)
        seen = np.arange(key.shape[2]) <= position + last
        total = ops.sum(ops.multiply(key, seen[:, None].astype(np.float32)), axis=(1, 2))
        return total, [(key, ops.convert_to_tensor(value))]


def test_the_cache_grows_and_blocks_are_filled_up(backend):
    sums, sizes = Sums(), CacheSizes(20, (6, 12), short_prompt=2, block=4)
    step = CachedStep(sums.advance, sums.empty_cache, backend, sizes)
    tokens = np.random.default_rng(0).integers(1, 100, (2, 20)).astype(np.int32)
    place = 0
    for count in (5, 1, 1, 4, 2, 5, 2):
        place += count
        found = step(tokens[:, place - count : place])
        np.testing.assert_array_equal(found[:, 0], tokens[:, :place].sum(axis=1))
    assert place == 20
    assert {shape[0][1] for shape in sums.shapes} == {1, 4}
    assert {shape[1][2] for shape in sums.shapes} == {6, 12, 20}
    with pytest.raises(ValueError, match="at most 20 tokens"):
        step(tokens[:, :1])


def test_rows_may_continue_others(backend):
    sums = Sums()
    step = CachedStep(sums.advance, sums.empty_cache, backend, CacheSizes(20))
    step(np.array([[1], [10], [100]], np.int32))
    step.reorder(np.array([2, 0, 0]))
    found = step(np.array([[1], [2], [3]], np.int32))
    np.testing.assert_array_equal(found[:, 0], [101, 3, 4])


@pytest.mark.parametrize(
    ("min_p", "typical_p"), [(0.3, None), (None, 0.4), (0.2, 0.7), (None, 1.0)]
)
def test_rarer_warpers_are_those_of_transformers(min_p, typical_p):
    import torch
    from transformers import MinPLogitsWarper, TypicalLogitsWarper

    scores = scores_of(6).astype(np.float64)
    theirs = torch.from_numpy(scores.copy())
    if min_p is not None:
        theirs = MinPLogitsWarper(min_p)(None, theirs)
    if typical_p is not None and typical_p < 1:
        theirs = TypicalLogitsWarper(typical_p)(None, theirs)
    ours = Sampler(min_p=min_p, typical_p=typical_p).warped(scores)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-15)
    assert np.isinf(ours).any() == (typical_p != 1.0)


def test_rules_are_those_of_transformers():
    import torch
    from transformers import (
        MinNewTokensLengthLogitsProcessor,
        NoRepeatNGramLogitsProcessor,
        RepetitionPenaltyLogitsProcessor,
        SuppressTokensLogitsProcessor,
    )

    scores = scores_of(2)
    prompts, written = [[1, 2, 3], [4, 4, 5]], [[1, 2], [5, 4]]
    so_far = torch.tensor([a + b for a, b in zip(prompts, written, strict=True)])
    theirs = torch.from_numpy(scores.copy())
    for processor in (
        RepetitionPenaltyLogitsProcessor(1.7),
        NoRepeatNGramLogitsProcessor(2),
        SuppressTokensLogitsProcessor([0, 6], "cpu"),
        MinNewTokensLengthLogitsProcessor(3, 3, torch.tensor([7]), "cpu"),
    ):
        theirs = processor(so_far, theirs)
    ours = Penalties(
        prompts,
        repetition_penalty=1.7,
        no_repeat_ngram_size=2,
        suppress_tokens=(0, 6),
        min_new_tokens=3,
        ends=(7,),
    )(scores, written)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)
    # Two suppressed tokens and the end in each row; after 2 stood 3, after 4 both 4 and 5.
    assert np.isinf(ours).sum() == 2 * 3 + 3


def test_what_was_written_counts_and_what_is_forced_stands():
    scores = scores_of(2)
    found = Penalties([[1], [2]], presence_penalty=0.5)(scores, [[3, 3], []])
    expected = scores.copy()
    expected[0, 3] -= 0.5
    np.testing.assert_array_equal(found, expected)
    forced = Penalties([[1], [2]], forced_tokens=(4, 2))
    assert forced(scores, [[], [4]]).argmax(axis=1).tolist() == [4, 2]
    assert np.isfinite(forced(scores, [[], [4]])).sum() == 2
    np.testing.assert_array_equal(forced(scores, [[4, 2], [4, 2]]), scores)
    for options, words in (
        ({"min_new_tokens": -1}, "min_new_tokens"),
        ({"suppress_tokens": ("a",)}, "`suppress_tokens` must be token ids"),
    ):
        with pytest.raises(ValueError, match=words):
            Penalties([[1]], **options)
    with pytest.raises(ValueError, match="Token 99 is suppressed or forced"):
        Penalties([[1]], suppress_tokens=(99,))(scores[:1], [[]])
