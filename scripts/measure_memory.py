"""Peak memory of training steps, ours beside Keras's and a hand-written loop's.

    python -m isozoo.scripts.measure_memory
    python -m isozoo.scripts.measure_memory --backend torch --steps 5

Each number comes from a process of its own: both models are built in it, then one of them takes
some steps. Printed is the highest resident memory during the steps over that before them, in
MB: activations, gradients, the optimizer's slots, and what compiling needed. Linux alone tells it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import benchmark_steps

DEPTH = 4
LINES: dict[str, Callable[..., Any]] = {
    "ResNet-50 x8": benchmark_steps.resnet,
    "BERT 4 layers 8x128": lambda backend, scratch: benchmark_steps.bert(backend, DEPTH, scratch),
}
BY_HAND: dict[str, Callable[..., Any]] = {
    "ResNet-50 x8": benchmark_steps.resnet_by_hand,
    "BERT 4 layers 8x128": partial(benchmark_steps.bert_by_hand, DEPTH),
}
BACKENDS = ("jax", "tensorflow", "torch")


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where ours takes more than a tenth above a peer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--only", default="", help="lines whose name contains this text")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        print(_measured(*options.child, options.steps))
        return 0
    held = True
    print(f"{'line':34}{'ours MB':>10}{'peer MB':>10}{'ratio':>8}   peer")
    cells = [(b, "Keras") for b in options.backend or BACKENDS]
    cells += [("torch", "by hand")] if "torch" in (options.backend or BACKENDS) else []
    for name in (n for n in LINES if options.only in n):
        for backend, peer in cells:
            ours, theirs = (_of_child(name, backend, peer, i, options.steps) for i in (0, 1))
            ratio = ours / theirs
            held = held and ratio <= 1.1
            print(
                f"{name + ', ' + backend:34}{ours:10.0f}{theirs:10.0f}{ratio:8.2f}   {peer}"
                f"{'  <- above' if ratio > 1.1 else ''}",
                flush=True,
            )
    return 0 if held else 1


def _of_child(name: str, backend: str, peer: str, side: int, steps: int) -> float:
    command = [sys.executable, "-m", "isozoo.scripts.measure_memory", "--steps", str(steps)]
    command += ["--child", name, f"{backend}/{peer}", str(side)]
    settings = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=settings, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}, {backend}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.strip().splitlines()[-1])


def _measured(name: str, place: str, side: str, steps: int) -> float:
    """MB that the steps of one side took at most."""
    backend, peer = place.split("/")
    with tempfile.TemporaryDirectory() as scratch:
        if peer == "Keras":
            works = LINES[name](backend, scratch)
        else:
            works = BY_HAND[name](scratch)
        before = _resident("VmRSS:")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        for _ in range(steps):
            works[int(side)]()
        return _resident("VmHWM:") - before


def _resident(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


if __name__ == "__main__":
    sys.exit(main())
