"""Rows: threads and tasks do not see each other's calls."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import isozoo
from isozoo import layers, ops, use_backend

from ...patience import DEADLINE
from .cases import ACTIVE, ALL, over
from .helpers import SUMS, built, run, same, unchanged, values
from .user_layers import Outer

ROUNDS = 4


def _together(*functions):
    """Runs functions in threads of their own, begun at once; returns their results."""
    barrier = threading.Barrier(len(functions))

    def begin(function):
        barrier.wait(DEADLINE)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [job.result(DEADLINE) for job in [pool.submit(begin, f) for f in functions]]


@over(ALL)
def test_layer_called_in_two_threads(case, backend):
    """Each thread has a current backend of its own; the layer's own counts."""
    layer = built(case)
    expected = run(layer, case)
    calls = lambda: [run(layer, case) for _ in range(ROUNDS)]  # noqa: E731
    for results in _together(calls, calls):
        for result in results:
            same(result, expected)


@over(ACTIVE)
def test_training_in_one_thread_does_not_reach_another(case, backend):
    trained, inferred, other = Outer(built(case)), Outer(built(case)), built(case)
    expected, before = run(other, case), values(inferred)
    train = lambda: [run(trained, case, training=True) for _ in range(ROUNDS)]  # noqa: E731
    infer = lambda: [run(inferred, case) for _ in range(ROUNDS)]  # noqa: E731
    draws, results = _together(train, infer)
    for result in results:
        same(result, expected)
    unchanged(inferred, before)
    for draw in draws:
        same(draw, run(other, case, training=True))


def test_models_of_two_backends_in_two_threads(backend):
    other = "torch" if backend != "torch" else "jax"
    x = np.ones((2, 3), np.float32)

    def work(name):
        with use_backend(name):
            found = []
            for _ in range(ROUNDS):
                layer = layers.Dense(2, kernel_initializer="ones")
                found.append((layer.backend, ops.convert_to_numpy(ops.exp(layer(x)))))
            return found

    both = _together(lambda: work(backend), lambda: work(other))
    for name, results in zip((backend, other), both, strict=True):
        for got, y in results:
            assert got == name
            np.testing.assert_allclose(y, np.exp(np.full((2, 2), 3.0)), rtol=3 * SUMS)


def test_layer_made_in_many_threads_at_once_has_one_class(backend):
    class Fresh(layers.Layer):
        def call(self, x):
            return x

    def make():
        with use_backend(backend):
            return Fresh()

    assert len({type(layer) for layer in _together(*[make] * 6)}) == 1


def test_chosen_backend_does_not_leak_between_tasks(backend):
    other = "numpy" if backend != "numpy" else "torch"
    seen = {}

    async def task(name, first, second):
        with use_backend(name):
            first.set()
            await second.wait()
            seen[name] = isozoo.backend.backend()
            await asyncio.sleep(0)
            assert layers.Identity().backend == name

    async def both():
        one, two = asyncio.Event(), asyncio.Event()
        await asyncio.gather(task(backend, one, two), task(other, two, one))
        assert isozoo.backend.backend() == backend

    asyncio.run(both())
    assert seen == {backend: backend, other: other}
