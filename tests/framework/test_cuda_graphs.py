"""Recorded inference on CUDA: when it records, what it drops, and that results do not change.

The bookkeeping is tested on a CPU with a driver that "replays" by running the call again on the
recording's own inputs, into the recording's own outputs, as CUDA does.
"""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops

torch = pytest.importorskip("torch")
from isozoo.framework.backends.torch import graphs  # noqa: E402


class Driver:
    """Counts recordings and replays; `refuse` is an error that recording raises."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.recorded = self.replayed = 0
        self.refuse = refuse

    def is_usable(self, tensors):
        return bool(tensors)

    watches_versions = False

    def calls_before(self):
        return graphs.CALLS_BEFORE

    def record(self, function, device, inputs=()):
        first = function()
        if self.refuse is not None:
            raise graphs.NotRecorded(first) from self.refuse
        self.recorded += 1
        outputs = self.told(function)

        def replay():
            self.replayed += 1
            for old, new in zip(_tensors(outputs), _tensors(function()), strict=True):
                old.copy_(new)

        return first, outputs, replay

    def told(self, function):
        """The outputs that a recording writes to: nothing but a call can tell them here."""
        return function()


def _tensors(x):
    if isinstance(x, dict):
        return [t for value in x.values() for t in _tensors(value)]
    return [t for value in x for t in _tensors(value)] if isinstance(x, list | tuple) else [x]


def _graphed(function, weights=(), **options):
    driver = Driver(**options)
    return graphs.GraphedFunction(function, lambda: list(weights), driver), driver


def test_a_call_is_recorded_after_some_calls_of_its_form():
    weight = torch.tensor([2.0, 3.0])
    calls = []

    def function(x, scale=1):
        calls.append(x)
        return {"b": x * weight * scale, "a": [x + 1]}

    run, driver = _graphed(function, [weight])
    for number in range(graphs.CALLS_BEFORE + 3):
        x = torch.tensor([1.0 + number, 2.0])
        result = run(x)
        assert list(result) == ["b", "a"], "keys stay in order"
        torch.testing.assert_close(result["b"], x * weight, rtol=0, atol=0)
        torch.testing.assert_close(result["a"][0], x + 1, rtol=0, atol=0)
    assert (driver.recorded, driver.replayed) == (1, 2)
    # Another shape, another value of what is no tensor: forms of their own.
    run(torch.ones(3, 2))
    run(torch.ones(2), scale=3)
    assert driver.recorded == 1


def test_results_are_the_callers_own():
    run, driver = _graphed(lambda x: x * 2)
    x = torch.ones(2)
    for _ in range(graphs.CALLS_BEFORE + 1):
        run(x)
    first = run(x)
    second = run(torch.full((2,), 5.0))
    assert driver.replayed == 2
    assert first.tolist() == [2, 2] and second.tolist() == [10, 10]
    second.zero_()
    assert run(x).tolist() == [2, 2]


@pytest.mark.parametrize("how", ["written", "replaced", "moved"])
def test_weights_that_change(how):
    weights = [torch.tensor([2.0])]
    run, driver = _graphed(lambda x: x * weights[0], weights=weights)
    run._weights = lambda: list(weights)
    x = torch.ones(1)
    for _ in range(graphs.CALLS_BEFORE + 1):
        run(x)
    if how == "written":
        weights[0].fill_(7.0)
    elif how == "replaced":
        weights[0] = torch.tensor([7.0])
    else:
        weights[0].data = torch.tensor([7.0])
    for _ in range(2):
        assert run(x).item() == 7
    # What was written in place lies where it lay; else the recording reads other memory.
    assert driver.recorded == (1 if how == "written" else 2)


def _count_up(x, held):
    """A cache in the simplest form: the sum so far, which is written where it lies."""
    for one in held:
        one[0] = x.sum()
    return held[0][0] + 0, held


def test_what_is_consumed_is_not_copied():
    driver = Driver()
    run = graphs.GraphedFunction(_count_up, list, driver, consumed=(1,))
    held = [torch.zeros(2), torch.zeros(3)]
    memory = [x.data_ptr() for x in held]
    for number in range(graphs.CALLS_BEFORE + 4):
        result, held = run(torch.tensor([1.0, number]), held)
        assert result.item() == 1 + number
        assert [x.data_ptr() for x in held] == memory
        assert [x[0].item() for x in held] == [1 + number] * 2
    assert (driver.recorded, driver.replayed) == (1, 3)
    # Others, when the first are gone: they are copied in, and what comes out lies in the recording.
    del held
    result, held = run(torch.tensor([1.0, 1.0]), [torch.full((2,), 5.0), torch.full((3,), 6.0)])
    assert held[0].tolist() == [2, 5] and held[1].tolist() == [2, 6, 6]
    assert [x.data_ptr() for x in held] == memory


def test_two_callers_by_turns_keep_their_own():
    driver = Driver()
    run = graphs.GraphedFunction(_count_up, list, driver, consumed=(1,))
    held = [[torch.full((2,), float(i))] for i in range(2)]
    for number in range(graphs.CALLS_BEFORE + 6):
        for i in range(2):
            _, held[i] = run(torch.tensor([float(number), 10.0 * i]), held[i])
    assert [h[0].tolist() for h in held] == [[number, 0], [number + 10, 1]]
    assert driver.replayed > 0


def test_a_text_is_written_by_recordings(monkeypatch):
    from isozoo import nlp

    driver = Driver()
    monkeypatch.setattr(graphs, "CudaDriver", lambda: driver)
    with isozoo.use_backend("torch"):
        model = nlp.LlamaCausalLM(
            vocabulary_size=20, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16
        )
        prompt = np.array([[1, 2, 3], [4, 5, 6]], np.int32)

        def written():
            step, tokens, rows = model.begin(np.zeros(2, np.int32)), prompt, []
            for _ in range(9):
                tokens = step(tokens).argmax(-1)[:, None].astype(np.int32)
                rows.append(tokens)
            return np.concatenate(rows, 1)

        found = [written() for _ in range(2)]
        assert driver.replayed >= 12
        # Without a cache: the whole text goes in for each token.
        text = prompt
        for _ in range(9):
            scores = ops.convert_to_numpy(model({"token_ids": text}))
            text = np.concatenate([text, scores[:, -1].argmax(-1)[:, None].astype(np.int32)], 1)
    for rows in found:
        np.testing.assert_array_equal(rows, text[:, 3:])


class Restoring(Driver):
    """Recording computes nothing: what the call did to variables is put back."""

    def told(self, function):
        native = [v.native for v in self.variables()]
        before = [x.detach().clone() for x in native]
        outputs = function()
        with torch.no_grad():
            for x, old in zip(native, before, strict=True):
                x.copy_(old)
        return outputs


def _trained(eagerly, metric="accuracy", loss="sparse_categorical_crossentropy", watch=None):
    isozoo.random.set_random_seed(3)
    draws = np.random.default_rng(0)
    x = draws.standard_normal((48, 6)).astype(np.float32)
    y = draws.integers(0, 3, 48)
    net = isozoo.Sequential(
        [
            isozoo.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    schedule = isozoo.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9)
    net.compile(
        isozoo.optimizers.AdamW(schedule, clipnorm=1.0),
        loss,
        metrics=[metric],
        run_eagerly=eagerly,
    )
    if watch is not None:
        watch.variables = lambda: [
            *net.variables, *net.optimizer.variables, *net.metrics_variables
        ]  # fmt: skip
    history = net.fit(x, y, batch_size=8, epochs=3, validation_split=0.25, verbose=0)
    return history.history, [v.numpy() for v in net.variables]


def test_a_training_is_recorded_and_stays_the_same(monkeypatch):
    with isozoo.use_backend("torch"):
        expected, weights = _trained(True)
        driver = Restoring()
        monkeypatch.setattr(graphs, "CudaDriver", lambda: driver)
        found, recorded = _trained(False, watch=driver)
    # Steps of one size and, for the last batch and for validation, of others: 3 calls each go
    # before a recording.
    assert driver.recorded >= 1 and driver.replayed >= 5
    assert found == expected
    for one, other in zip(recorded, weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_hooks_that_come_later_are_heard(monkeypatch):
    driver, heard = Driver(), []
    monkeypatch.setattr(graphs, "CudaDriver", lambda: driver)
    with isozoo.use_backend("torch"):
        net = isozoo.Sequential([isozoo.Input((3,)), layers.Dense(2)])
        for _ in range(graphs.CALLS_BEFORE + 2):
            net.infer(np.ones((2, 3), np.float32))
        assert driver.replayed == 1
        net.layers[0].register_forward_hook(lambda *call: heard.append(1))
        net.infer(np.ones((2, 3), np.float32))
    assert (len(heard), driver.replayed) == (1, 1)


def test_what_a_user_wrote_is_not_recorded(monkeypatch):
    calls = []

    def loss(y_true, y_pred):
        calls.append(1)
        return isozoo.losses.sparse_categorical_crossentropy(y_true, y_pred)

    driver = Restoring()
    monkeypatch.setattr(graphs, "CudaDriver", lambda: driver)
    with isozoo.use_backend("torch"):
        _trained(False, loss=loss, watch=driver)
        assert len(calls) >= 3 * 6 and not driver.recorded
        _trained(False, metric=loss, watch=driver)
    assert not driver.recorded


def test_recordings_are_bounded():
    run, driver = _graphed(lambda x: x + 1)
    for size in range(1, graphs.MAX_GRAPHS + 3):
        for _ in range(graphs.CALLS_BEFORE + 1):
            run(torch.ones(size))
    assert driver.recorded == graphs.MAX_GRAPHS + 2
    assert len(run._graphs) == graphs.MAX_GRAPHS
    replayed = driver.replayed
    run(torch.ones(graphs.MAX_GRAPHS + 2))
    assert driver.replayed == replayed + 1, "the latest is kept"
    run(torch.ones(1))
    assert driver.replayed == replayed + 1, "the oldest is not"


def test_what_cannot_be_recorded_runs_and_says_why():
    run, driver = _graphed(lambda x: x + 1, refuse=RuntimeError("a size was read\nmore"))
    for _ in range(graphs.CALLS_BEFORE + 3):
        assert run(torch.ones(1)).item() == 2
    assert list(run.failures.values()) == ["a size was read"]
    run, driver = _graphed(lambda x: x + 1, refuse=torch.OutOfMemoryError("full"))
    for _ in range(graphs.CALLS_BEFORE + 3):
        assert run(torch.ones(1)).item() == 2
    assert not run.failures, "there may be room another time"


def test_errors_of_the_call_itself_stay():
    def function(x):
        raise ValueError("not for me")

    run, _ = _graphed(function)
    for _ in range(graphs.CALLS_BEFORE + 2):
        with pytest.raises(ValueError, match="not for me"):
            run(torch.ones(1))


def test_on_a_cpu_nothing_is_recorded():
    with isozoo.use_backend("torch"):
        net = isozoo.Sequential([isozoo.Input((3,)), layers.Dense(2)])
        x = np.ones((2, 3), np.float32)
        expected = ops.convert_to_numpy(net(x))
        for _ in range(graphs.CALLS_BEFORE + 2):
            np.testing.assert_allclose(ops.convert_to_numpy(net.infer(x)), expected, atol=1e-6)
    assert not graphs.CudaDriver().is_usable([torch.ones(1)])
    assert not graphs.CudaDriver().is_usable([])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda_a_model_is_replayed():
    with isozoo.use_backend("torch"):
        net = isozoo.Sequential([isozoo.Input((3,)), layers.Dense(2)]).cuda()
        x = torch.rand(2, 3, device="cuda")
        expected = net(x)
        for _ in range(graphs.CALLS_BEFORE + 2):
            torch.testing.assert_close(net.infer(x), expected)
        net.layers[0].kernel.assign(np.zeros((3, 2), np.float32))
        torch.testing.assert_close(net.infer(x), net(x))
