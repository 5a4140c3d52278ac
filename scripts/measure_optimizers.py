"""Time of an optimizer's step of 30 variables, against Keras and torch.optim, in one run.

    python -m isozoo.scripts.measure_optimizers
    python -m isozoo.scripts.measure_optimizers --backend tensorflow --width 64 Adam Lion

The variables are those of an MLP of 15 layers, kernels of (width, width) and biases of (width,).
Columns: microseconds of one eager step, the best of several runs that take turns: ours, Keras's on
the same backend, and on torch those of torch.optim, plain (`foreach=False`), `foreach=True` and
`fused=True`, where it has the optimizer.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..framework import config, optimizers, random
from ..framework.core.variable import Variable
from ..framework.ops import convert_to_tensor

LAYERS = 15
NAMES = (
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam",
    "Ftrl", "Lion", "Lamb", "Muon", "ScheduleFreeAdamW",
)  # fmt: skip
NATIVE = ("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Nadam")


def main(argv: list[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--backend", default="torch", choices=("torch", "jax", "tensorflow"))
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args(argv)
    os.environ["KERAS_BACKEND"] = arguments.backend  # read when Keras is imported
    random.set_random_seed(0)
    sizes = [(arguments.width,) * axes for _ in range(LAYERS) for axes in (2, 1)]
    draw = np.random.default_rng(0).standard_normal
    values = [draw(size).astype(np.float32) for size in sizes]
    with config.use_backend(arguments.backend):
        for name in arguments.names:
            steps = dict(_steps(name, arguments.backend, values))
            times = _best(steps, arguments.runs)
            cells = (f"{kind} {seconds * 1e6:.0f}" for kind, seconds in times.items())
            print(f"{name:<20}{arguments.backend:<12}{'   '.join(cells)}", flush=True)
    return 0


def _steps(name: str, backend: str, values: list[np.ndarray]) -> Iterator[tuple[str, Any]]:
    """Yields pairs (whose it is, function that takes a step)."""
    import keras

    gradients = [convert_to_tensor(x) for x in values]
    ours = getattr(optimizers, name)()
    ours.build([Variable(x) for x in values])
    yield "ours", lambda: ours.apply(gradients)
    theirs = getattr(keras.optimizers, name)()
    theirs.build([keras.Variable(x) for x in values])
    own = [keras.ops.convert_to_tensor(x) for x in values]
    yield "keras", lambda: theirs.apply(own)
    if backend == "torch" and name in NATIVE:
        yield from _native(name, values)


def _native(name: str, values: list[np.ndarray]) -> Iterator[tuple[str, Any]]:
    import torch

    cls: Any = getattr(torch.optim, "NAdam" if name == "Nadam" else name)
    for kind, options in (
        ("plain", {"foreach": False}),
        ("foreach", {"foreach": True}),
        ("fused", {"fused": True}),
    ):
        model = [torch.nn.Parameter(torch.tensor(x)) for x in values]
        for parameter, value in zip(model, values, strict=True):
            parameter.grad = torch.tensor(value)
        try:
            made = cls(model, lr=1e-3, **options)
        except (TypeError, RuntimeError):  # it has no such kernels
            continue
        yield kind, made.step


def _best(steps: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Seconds of one step of each, which take turns."""
    best = dict.fromkeys(steps, float("inf"))
    counts = {}
    for kind, step in steps.items():
        step()
        start = time.perf_counter()
        step()
        counts[kind] = max(1, int(0.05 / (time.perf_counter() - start)))
    for _ in range(runs):
        for kind, step in steps.items():
            start = time.perf_counter()
            for _ in range(counts[kind]):
                step()
            best[kind] = min(best[kind], (time.perf_counter() - start) / counts[kind])
    return best


if __name__ == "__main__":
    sys.exit(main())
