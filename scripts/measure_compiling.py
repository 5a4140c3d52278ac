"""Time of a gradient and of a training step, eager and compiled by `isozoo.ops.jit`, in one run.

    python -m isozoo.scripts.measure_compiling
    python -m isozoo.scripts.measure_compiling --backend torch --side 100

Two tasks on each backend: value and gradient of ten elementwise ops on a square tensor, and a
training step of three Dense, a BatchNormalization and a Dropout. Columns: milliseconds of a call,
eager and compiled, the best of several runs; the milliseconds that the first compiled call took.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..framework import config, ops
from ..framework.layers import BatchNormalization, Dense, Dropout
from ..framework.models import Sequential
from ..framework.typing import Tensor

BACKENDS = ("jax", "torch", "tensorflow")
Task = tuple[str, Callable[..., Any], tuple[Any, ...]]


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", help="only these; may be given repeatedly")
    parser.add_argument("--side", type=int, default=1000, help="of the square tensor")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--width", type=int, default=16, help="of the layers")
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args(argv)
    print(f"{'backend':<12}{'task':<24}{'eager ms':>9}{'jit ms':>9}{'first ms':>10}")
    for name in options.backend or BACKENDS:
        if name not in config.available_backends():
            print(f"{name:<12}is not installed")
            continue
        with config.use_backend(name):
            for what, function, args in _tasks(options.side, options.batch, options.width):
                compiled = ops.jit(function)
                first = _seconds(compiled, args)
                eager = min(_seconds(function, args) for _ in range(options.runs))
                best = min(_seconds(compiled, args) for _ in range(options.runs))
                row = f"{eager * 1e3:>9.2f}{best * 1e3:>9.2f}{first * 1e3:>10.0f}"
                print(f"{name:<12}{what:<24}{row}", flush=True)
    return 0


def _seconds(function: Callable[..., Any], args: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    # The value is read, so that what runs in the background is done.
    ops.convert_to_numpy(function(*args)[-1])
    return time.perf_counter() - start


def _tasks(side: int, batch: int, width: int) -> Iterator[Task]:
    yield "ten elementwise ops", _elementwise, (ops.ones((side, side)),)
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=(batch, width)).astype("float32") for _ in range(2))
    relu = {"activation": "relu"}
    model = Sequential([Dense(width, **relu), BatchNormalization(), Dropout(0.1)])
    model.add(Dense(width, **relu))
    model.add(Dense(width))
    model(ops.convert_to_tensor(x))
    values = model.state_values()
    yield "training step", _step(model), (*values, *map(ops.convert_to_tensor, (x, y)))


def _elementwise(x: Tensor) -> tuple[Tensor, Tensor]:
    def loss(x: Tensor) -> Tensor:
        y = ops.tanh(ops.multiply(x, 2.0))
        y = ops.multiply(ops.sigmoid(y), ops.exp(ops.negative(ops.square(y))))
        return ops.mean(ops.sqrt(ops.add(ops.square(y), 1.0)))

    value, gradient = ops.value_and_grad(loss)(x)
    return gradient, value


def _step(model: Any) -> Callable[..., Any]:
    def step(trainable: Any, others: Any, x: Tensor, y: Tensor) -> tuple[Any, Any, Tensor]:
        def loss(trainable: Any) -> tuple[Tensor, Any]:
            predicted, after = model.stateless_call(trainable, others, x, training=True)
            return ops.mean(ops.square(ops.subtract(predicted, y))), after

        (value, after), gradients = ops.value_and_grad(loss, has_aux=True)(trainable)
        steps = [ops.multiply(g, 0.1) for g in gradients]
        moved = [ops.subtract(w, s) for w, s in zip(trainable, steps, strict=True)]
        return moved, after, value

    return step


if __name__ == "__main__":
    sys.exit(main())
