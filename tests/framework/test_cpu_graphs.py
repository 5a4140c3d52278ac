"""Recorded steps on CPUs: they give what the call gives, and are given up where they would not.

Expected values are those of the call itself, uncompiled: a recording runs the same kernels.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from isozoo.framework.backends.torch import cpu_graphs, graphs, straight_lines  # noqa: E402

pytestmark = pytest.mark.filterwarnings("error")


def _run(function, weights=(), consumed=()):
    return graphs.GraphedFunction(
        function, lambda: list(weights), cpu_graphs.CpuDriver(), consumed=consumed
    )


def _same(run, function, make, calls=cpu_graphs.CALLS_BEFORE + 4):
    """Calls both with the same numbers, and compares."""
    with torch.inference_mode():
        for number in range(calls):
            given = make(number)
            for x, y in zip(_flat(run(*given)), _flat(function(*given)), strict=True):
                torch.testing.assert_close(x, y, rtol=1e-6, atol=1e-6)


def _flat(x):
    return [t for one in x for t in _flat(one)] if isinstance(x, list | tuple) else [x]


def _numbers(*shape):
    return lambda number: [torch.from_numpy(_rng(number).normal(size=shape).astype(np.float32))]


def _rng(seed):
    return np.random.default_rng(seed)


_WEIGHT, _BIAS = torch.randn(6, 4), torch.randn(6)


def _layers(x):
    y = torch.nn.functional.linear(x, _WEIGHT, _BIAS).unsqueeze(1)
    y = torch.nn.functional.rms_norm(y, (6,), torch.arange(6.0), 1e-5)
    y = y.transpose(1, 2).contiguous().squeeze(-1)
    table = torch.zeros(3, 6).index_copy_(0, torch.tensor([1]), y[:1])
    parts = torch.split(y * torch.tensor([1.0, 2, 3, 4, 5, 6]), 2, dim=1)
    return [torch.cat(parts[::-1], 1), table, y.add_(1).relu_()], y.argmax(1).to(torch.int32)


def _attention(x):
    q = x.reshape(1, 2, 3, 4)
    mask = torch.where(torch.arange(3) <= torch.arange(3)[:, None], 0.0, -1e9)
    y = torch.nn.functional.scaled_dot_product_attention(q, q, q, mask)
    return (
        torch.div(1.0, y.abs() + 1),
        torch.softmax(y, -1),
        2 * torch.maximum(y, torch.tensor(0.1)),
    )


@pytest.mark.parametrize("script", [True, False], ids=["script", "python"])
@pytest.mark.parametrize(("function", "shape"), [(_layers, (2, 4)), (_attention, (24,))])
def test_a_recording_gives_what_the_call_gives(function, shape, script, monkeypatch):
    if not script:
        monkeypatch.setattr(straight_lines, "_interpreted", lambda steps: None)
    run = _run(function, [_WEIGHT, _BIAS])
    _same(run, function, _numbers(*shape))
    assert len(run._graphs) == 1 and not run.failures
    if script:
        (made,) = run._graphs.values()
        assert made._replay.__name__ == "interpret", "TorchScript's interpreter takes all of it"


def test_results_on_the_way_share_memory():
    def function(x):
        for _ in range(40):
            x = torch.relu(x) * 1.5 - 0.25
        return x

    (x,) = _numbers(1000)(0)
    with torch.inference_mode():
        calls = cpu_graphs._Watch()
        with calls:
            result = function(x)
        line = straight_lines.planned(cpu_graphs._needed(calls.calls), [result], [x])
        line.run()
    moved = line.moved(result)
    assert moved.untyped_storage().nbytes() < 4 * x.nbytes
    torch.testing.assert_close(moved, result, rtol=0, atol=0)


def test_places_that_are_needed_at_once_do_not_overlap():
    rng = _rng(0)
    first = {key: int(rng.integers(0, 50)) for key in range(80)}
    last = {key: first[key] + int(rng.integers(0, 20)) for key in first}
    sizes = {key: int(rng.integers(0, 1000)) for key in first}
    starts, top = straight_lines._packed(first, last, sizes)
    for one in first:
        assert starts[one] % 64 == 0 and starts[one] + sizes[one] <= top
        for other in range(one):
            if first[one] <= last[other] and first[other] <= last[one]:
                ends = starts[one] + sizes[one], starts[other] + sizes[other]
                assert ends[0] <= starts[other] or ends[1] <= starts[one]


def _draws(x):
    return x + torch.rand(3)


def _reads(x):
    return x * float(x.sum())


def _lists(x):
    return x + sum(x.tolist())


def _arrays(x):
    return x + torch.from_numpy(x.numpy().copy())


def _finds(x):
    return x[x > 0].sum()


@pytest.mark.parametrize("function", [_draws, _reads, _lists, _arrays, _finds])
def test_what_a_replay_would_not_do_is_not_recorded(function):
    run = _run(function)
    with torch.inference_mode():
        for number in range(cpu_graphs.CALLS_BEFORE + 3):
            (x,) = _numbers(3)(number)
            torch.manual_seed(number)
            found = run(x)
            torch.manual_seed(number)
            torch.testing.assert_close(found, function(x), rtol=0, atol=0)
    assert not run._graphs and len(run.failures) == 1


def test_what_is_large_is_not_recorded(monkeypatch):
    monkeypatch.setattr(cpu_graphs, "MOST_BYTES", 100)
    run = _run(lambda x: (x + 1) * 2)
    _same(run, lambda x: (x + 1) * 2, _numbers(64))
    assert not run._graphs and "MB" in next(iter(run.failures.values()))


def test_a_weight_that_is_written_to_is_read_anew():
    weight = torch.tensor([2.0, 3.0])
    calls = []

    def function(x):
        calls.append(1)
        return x * weight

    run = _run(function, [weight])
    _same(run, lambda x: x * weight, _numbers(2))
    count = len(calls)
    weight.fill_(5.0)  # which kernels that are packed once would not notice
    _same(run, lambda x: x * weight, _numbers(2), 1)
    assert len(calls) == count + 1


def test_caches_are_written_where_they_lie():
    def function(x, held):
        for one in held:
            one.index_copy_(0, torch.zeros(1, dtype=torch.int64), x.sum().reshape(1))
        return held[0] + 0, held

    run = _run(function, consumed=(1,))
    held = [torch.zeros(2), torch.zeros(3)]
    with torch.inference_mode():
        for number in range(cpu_graphs.CALLS_BEFORE + 4):
            result, held = run(torch.tensor([1.0, number]), held)
            assert [x[0].item() for x in held] == [1 + number] * 2 and result[0] == 1 + number
    assert len(run._graphs) == 1


@pytest.mark.parametrize("around", ["mode", "autocast", "gradients"])
def test_where_something_watches_nothing_is_recorded(around):
    driver, x = cpu_graphs.CpuDriver(), torch.ones(2)
    with torch.inference_mode():
        assert driver.is_usable([x]) and not driver.is_usable([])
        if around == "mode":
            with torch.device("cpu"):
                assert not driver.is_usable([x])
        elif around == "autocast":
            with torch.autocast("cpu"):
                assert not driver.is_usable([x])
    if around == "gradients":
        assert not driver.is_usable([x])


def _llama(**more):
    from isozoo import nlp, use_backend

    with use_backend("torch"):
        return nlp.LlamaCausalLM(
            vocabulary_size=20, num_layers=2, num_heads=4, num_key_value_heads=2, hidden_dim=16,
            intermediate_dim=16, max_sequence_length=300, **more,
        )  # fmt: skip


def _opt():
    from isozoo import nlp, use_backend

    with use_backend("torch"):
        return nlp.OPTCausalLM(
            vocabulary_size=20, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16,
            max_sequence_length=300,
        )  # fmt: skip


def _scores(model, count, rows=2):
    """Scores of steps, each of which is fed the likeliest tokens of the one before."""
    step = model.begin(np.array([0, 1], np.int32)[:rows])
    tokens, found = np.array([[1, 2, 3], [0, 5, 6]], np.int32)[:rows], []
    for _ in range(count):
        found.append(step(tokens))
        tokens = found[-1].argmax(-1)[:, None].astype(np.int32)
    return np.stack(found)


def _recordings(model):
    """How many steps of a model are recorded."""
    made = [f for key, f in model._cache.items() if key[0] == "compiled"]
    cells = [cell.cell_contents for f in made for cell in f.__closure__]
    return sum(len(x._graphs) for x in cells if isinstance(x, graphs.GraphedFunction))


def _unrecorded(monkeypatch, work):
    with monkeypatch.context() as patch:
        patch.setattr(cpu_graphs.CpuDriver, "is_usable", lambda self, tensors: False)
        return work()


@pytest.mark.parametrize("make", [_llama, _opt])
def test_what_models_write(make, monkeypatch):
    model = make()
    count = cpu_graphs.CALLS_BEFORE + 6
    expected = _unrecorded(monkeypatch, lambda: _scores(model, count))
    for _ in range(2):  # the second text has a cache of its own
        np.testing.assert_allclose(_scores(model, count), expected, rtol=1e-5, atol=1e-6)
    assert _recordings(model) == 1
    for weight in model.weights:  # in their places, which packed kernels would not notice
        weight.assign(np.asarray(weight) * 0.5)
    changed = _unrecorded(monkeypatch, lambda: _scores(model, count))
    assert np.abs(changed - expected).max() > 1e-3
    np.testing.assert_allclose(_scores(model, count), changed, rtol=1e-5, atol=1e-6)


def test_models_of_few_bits_are_recorded_anew(monkeypatch):
    from isozoo.quantizers import Int8QuantizationConfig

    model = _llama(tie_embeddings=True)
    count = cpu_graphs.CALLS_BEFORE + 4
    _scores(model, count)
    with pytest.warns(UserWarning, match="RMSNormalization"):  # which has nothing to quantize
        model.quantize(config=Int8QuantizationConfig(activation_quantizer=None))
    expected = _unrecorded(monkeypatch, lambda: _scores(model, count))
    np.testing.assert_allclose(_scores(model, count), expected, rtol=1e-5, atol=1e-6)
    assert _recordings(model) == 1


def test_two_texts_by_turns(monkeypatch):
    model, count = _llama(), cpu_graphs.CALLS_BEFORE + 6
    prompts = [np.array([[number + 1, 2, 3]], np.int32) for number in range(2)]

    def by_turns():
        steps = [model.begin(np.zeros(1, np.int32)) for _ in prompts]
        tokens, found = list(prompts), []
        for _ in range(count):
            for i, step in enumerate(steps):
                scores = step(tokens[i])
                found.append(scores)
                tokens[i] = scores.argmax(-1)[:, None].astype(np.int32)
        return np.stack(found)

    expected = _unrecorded(monkeypatch, by_turns)
    np.testing.assert_allclose(by_turns(), expected, rtol=1e-5, atol=1e-6)
    assert _recordings(model) == 1
