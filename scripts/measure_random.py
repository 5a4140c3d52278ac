"""Time of 12 M draws on each backend, against the backend's own generator, in one run.

    python -m isozoo.scripts.measure_random
    python -m isozoo.scripts.measure_random --backend torch --shape 3000 4096

For each backend, eager and compiled (`isozoo.ops.jit` of a function that takes the key, against the
framework's own compiler): uniform and normal draws, and dropout in a training step, that is
dropout forward and backward (on NumPy forward alone). Columns: milliseconds, ours and native, the
best of several runs that take turns, and their ratio. Below 1 ours is the faster.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..framework import config, ops, random

RATE = 0.3
Task = tuple[str, str, Callable[[], Any], Callable[[], Any]]


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", help="only these; may be given repeatedly")
    parser.add_argument("--shape", type=int, nargs="+", default=[3000, 4096])
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args(argv)
    shape = tuple(arguments.shape)
    print(f"{'backend':<12}{'mode':<10}{'what':<10}{'ours ms':>9}{'native ms':>11}{'ratio':>7}")
    for name in arguments.backend or config.available_backends():
        with config.use_backend(name):
            for mode, what, ours, native in _TASKS[name](shape):
                first, second = _best((ours, native), arguments.runs)
                row = f"{first * 1e3:>9.1f}{second * 1e3:>11.1f}{first / second:>7.2f}"
                print(f"{name:<12}{mode:<10}{what:<10}{row}", flush=True)
    return 0


def _best(functions: tuple[Callable[[], Any], ...], runs: int) -> list[float]:
    """The least time of each function, in turns, once they are compiled."""
    for function in functions:
        for _ in range(9):  # PyTorch compiles our kernels only once they were used for a while
            function()
    best = [float("inf")] * len(functions)
    for _ in range(runs):
        for i, function in enumerate(functions):
            gc.collect()
            start = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def _numpy(shape: tuple[int, ...]) -> Iterator[Task]:
    own = np.random.default_rng(0)
    seed = random.SeedGenerator(0)
    x = np.ones(shape, np.float32)

    def dropout():
        kept = own.random(shape, dtype=np.float32) >= RATE
        return np.where(kept, x * np.float32(1 / (1 - RATE)), np.float32(0))

    native = lambda draw: lambda: draw(shape, dtype=np.float32)  # noqa: E731
    yield "eager", "uniform", lambda: random.uniform(shape, seed=seed), native(own.random)
    yield "eager", "normal", lambda: random.normal(shape, seed=seed), native(own.standard_normal)
    yield "eager", "dropout", lambda: random.dropout(x, RATE, seed=seed), dropout


def _torch(shape: tuple[int, ...]) -> Iterator[Task]:
    import torch

    seed = random.SeedGenerator(0)
    x = torch.ones(shape, requires_grad=True)
    weights = torch.ones(shape)

    def step(dropout):
        def run():
            (gradient,) = torch.autograd.grad(dropout(x), x, weights)
            return gradient

        return run

    tasks = (
        ("uniform", lambda: random.uniform(shape, seed=seed), lambda: torch.rand(shape)),
        ("normal", lambda: random.normal(shape, seed=seed), lambda: torch.randn(shape)),
    )
    ours = lambda x: random.dropout(x, RATE, seed=seed)  # noqa: E731
    native = lambda x: torch.nn.functional.dropout(x, RATE)  # noqa: E731
    for what, own, other in tasks:
        yield "eager", what, own, other
    yield "eager", "dropout", step(ours), step(native)
    for what, own, other in tasks:
        yield "compiled", what, torch.compile(own, fullgraph=True), torch.compile(other)
    compiled = [torch.compile(f, fullgraph=True) for f in (ours, native)]
    yield "compiled", "dropout", step(compiled[0]), step(compiled[1])


def _jax(shape: tuple[int, ...]) -> Iterator[Task]:
    import jax
    import jax.numpy as jnp

    x = jnp.ones(shape)
    key, own = jax.random.key(0), jnp.array([0, 0], jnp.int32)

    def native(key, x):
        kept = jax.random.bernoulli(key, 1 - RATE, shape)
        return jnp.where(kept, x / (1 - RATE), 0)

    def step(dropout):
        def run(key, x):
            y, backward = jax.vjp(lambda x: dropout(key, x), x)
            return backward(y)

        return run

    ours = lambda key, x: random.dropout(x, RATE, seed=key)  # noqa: E731
    tasks = (
        (
            "uniform",
            lambda k: random.uniform(shape, seed=k),
            lambda k: jax.random.uniform(k, shape),
        ),
        ("normal", lambda k: random.normal(shape, seed=k), lambda k: jax.random.normal(k, shape)),
    )
    wait = lambda f, *args: lambda: jax.block_until_ready(f(*args))  # noqa: E731
    for what, mine, other in tasks:
        yield "eager", what, wait(mine, own), wait(other, key)
    yield "eager", "dropout", wait(step(ours), own, x), wait(step(native), key, x)
    for what, mine, other in tasks:
        yield "compiled", what, wait(ops.jit(mine), own), wait(jax.jit(other), key)
    compiled = wait(ops.jit(step(ours)), own, x), wait(jax.jit(step(native)), key, x)
    yield "compiled", "dropout", *compiled


def _tensorflow(shape: tuple[int, ...]) -> Iterator[Task]:
    import tensorflow as tf

    x = tf.ones(shape)
    seed = random.SeedGenerator(0)

    def step(dropout):
        def run():
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = dropout(x)
            return tape.gradient(y, x)

        return run

    ours = step(lambda x: random.dropout(x, RATE, seed=seed))
    native = step(lambda x: tf.nn.dropout(x, RATE))
    tasks = (
        ("uniform", lambda: random.uniform(shape, seed=seed), lambda: tf.random.uniform(shape)),
        ("normal", lambda: random.normal(shape, seed=seed), lambda: tf.random.normal(shape)),
        ("dropout", ours, native),
    )
    wait = lambda f: lambda: f()[0, 0].numpy()  # noqa: E731
    for mode, compiled in (
        ("eager", lambda f: f),
        ("graph", lambda f: tf.function(f, autograph=False)),
        ("XLA", lambda f: tf.function(f, autograph=False, jit_compile=True)),
    ):
        for what, own, other in tasks:
            yield mode, what, wait(compiled(own)), wait(compiled(other))


_TASKS: dict[str, Callable[[tuple[int, ...]], Iterator[Task]]] = {
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "tensorflow": _tensorflow,
}

if __name__ == "__main__":
    sys.exit(main())
