"""Beam search against transformers' with a tiny random GPT-2, and against all texts there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isozoo.nlp.generation.beams import beam_search
from isozoo.nlp.generation.loop import generate
from isozoo.nlp.generation.stopping import Stopping

WORDS, END, LENGTH = 13, 12, 12


class Original:
    """transformers' model as a step, with its own cache."""

    def __init__(self, model):
        self.model, self.cache = model, None

    def __call__(self, tokens):
        import torch

        with torch.no_grad():
            output = self.model(
                torch.from_numpy(tokens).long(), past_key_values=self.cache, use_cache=True
            )
        self.cache = output.past_key_values
        return output.logits[:, -1].numpy()

    def reorder(self, rows):
        import torch

        self.cache.reorder_cache(torch.from_numpy(rows))


@pytest.fixture(scope="module", params=range(2))
def original(request):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(request.param)
    config = GPT2Config(
        vocab_size=WORDS, n_positions=LENGTH, n_embd=8, n_layer=1, n_head=2,
        initializer_range=0.7, bos_token_id=0, eos_token_id=END, pad_token_id=END,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


PROMPT = np.array([[1, 2, 3], [4, 4, 5], [6, 0, 7]], np.int32)


@pytest.mark.parametrize(
    ("beams", "penalty", "early"),
    [(3, 1.0, False), (3, 1.0, True), (4, 0.0, False), (2, 2.5, True),
     (3, -0.5, False)],
)  # fmt: skip
def test_texts_and_scores_are_those_of_transformers(original, beams, penalty, early):
    import torch

    theirs = original.generate(
        torch.from_numpy(PROMPT).long(),
        attention_mask=torch.ones(PROMPT.shape, dtype=torch.long),
        max_length=LENGTH,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        num_beams=beams,
        num_return_sequences=2,
        length_penalty=penalty,
        early_stopping=early,
    )
    ours = beam_search(
        Original(original),
        PROMPT,
        beams=beams,
        max_length=LENGTH,
        stop=Stopping((END,)),
        length_penalty=penalty,
        early_stopping=early,
    )
    flat = [beam for texts in ours for beam in texts[:2]]
    for beam, text in zip(flat, theirs.sequences[:, 3:].tolist(), strict=True):
        assert beam.tokens == [*itertools.takewhile(lambda token: token != END, text)]
        assert beam.ended == (END in text)
    # Sums of at most nine float32 log-probabilities.
    scores = theirs.sequences_scores.numpy()
    np.testing.assert_allclose([beam.score for beam in flat], scores, rtol=1e-5)


def test_one_beam_is_greedy(original):
    settings = {"max_length": LENGTH, "stop": Stopping()}
    greedy = generate(Original(original), PROMPT, **settings)
    found = beam_search(Original(original), PROMPT, beams=1, **settings)
    assert [row.tokens for row in greedy] == [beams[0].tokens for beams in found]


class Table:
    """Scores by the last token alone: a Markov chain."""

    def __init__(self, table):
        self.table = table

    def __call__(self, tokens):
        return self.table[tokens[:, -1]]

    def reorder(self, rows):
        pass


def test_many_beams_find_the_likeliest_of_all_texts():
    """Three more tokens, all texts counted; what rules and stop sequences leave of them."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 5)).astype(np.float32)
    stop = Stopping(sequences=((2, 3),))

    def rules(scores, written):
        return np.where(np.arange(5) == 4, -np.inf, scores)

    step = Table(table)
    found = beam_search(
        step, np.array([[0]]), beams=64, max_length=4, stop=stop, rules=rules, length_penalty=0.0
    )[0]
    scores = table.astype(np.float64)
    # A token that may not stand keeps its share, as in transformers.
    logs = (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))[:, :4]
    totals = {}
    for text in itertools.product(range(4), repeat=3):
        cut = text[:2] if text[:2] == (2, 3) else text
        totals[cut] = sum(logs[a, b] for a, b in zip((0, *cut), cut, strict=False))
    expected = sorted(totals.items(), key=lambda pair: -pair[1])
    assert [beam.score for beam in found] == pytest.approx([total for _, total in expected])
    ends = {(2, 3): (), **{(a, 2, 3): (a,) for a in range(4)}}
    assert [tuple(beam.tokens) for beam in found] == [ends.get(text, text) for text, _ in expected]
    assert [beam.ended for beam in found] == [text in ends for text, _ in expected]


def test_wrong_numbers():
    with pytest.raises(ValueError, match="`beams` must be at least 1"):
        beam_search(Table(None), np.array([[0]]), beams=0, max_length=4, stop=Stopping())
