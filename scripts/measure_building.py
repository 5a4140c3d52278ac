"""How long it takes to build image classifiers with fresh weights, on each backend.

    python -m isozoo.scripts.measure_building                          # every net and backend
    python -m isozoo.scripts.measure_building --net ViT-base --backend jax

Each backend runs in a process of its own, which has built the small MobileNetV2 once: so its
framework is imported and started. Printed are seconds of the first build of a net, which traces
what it must, and of the best of those that follow; then seconds of the processors' work in both,
over all threads, which other work on the machine disturbs less.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import benchmark_nets

BACKENDS = ("torch", "jax", "tensorflow", "numpy")
_WARM = "MobileNetV2"


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when a first build takes longer than the line of a second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--net", action="append", choices=benchmark_nets.NETS, help="only this one")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this one")
    parser.add_argument("--builds", type=int, default=3, help="builds of each net")
    parser.add_argument("--only-here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    nets: Any = arguments.net or benchmark_nets.NETS
    backends = arguments.backend or BACKENDS
    if arguments.only_here:
        print(json.dumps(_measure(backends[0], nets, arguments.builds)))
        return 0
    print(f"{'net':18}{'backend':12}{'first':>7}{'later':>7}{'work':>7}{'later':>7}", flush=True)
    held = True
    for backend in backends:
        found = _in_process(backend, nets, arguments.builds)
        for net, (first, *rest) in found.items():
            later = [min(part) for part in zip(*rest, strict=True)] or first
            figures = "".join(f"{x:7.2f}" for x in (first[0], later[0], first[1], later[1]))
            late = first[0] > benchmark_nets.BUILD_LIMIT
            held = held and not late
            print(f"{net:18}{backend:12}{figures}{'  <- above' if late else ''}", flush=True)
    return 0 if held else 1


def _in_process(backend: str, nets: Sequence[str], builds: int) -> dict[str, list[list[float]]]:
    command = [sys.executable, "-m", "isozoo.scripts.measure_building", "--only-here"]
    command += ["--backend", backend, "--builds", str(builds)]
    command += [part for net in nets for part in ("--net", net)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{backend}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _measure(backend: str, nets: Sequence[str], builds: int) -> dict[str, Any]:
    benchmark_nets.ours(_WARM, backend)
    found: dict[str, list[tuple[float, float]]] = {}
    for net in nets:
        for _ in range(builds):
            start, work = time.perf_counter(), time.process_time()
            benchmark_nets.ours(net, backend)
            took = time.perf_counter() - start, time.process_time() - work
            found.setdefault(net, []).append(took)
    return found


if __name__ == "__main__":
    sys.exit(main())
