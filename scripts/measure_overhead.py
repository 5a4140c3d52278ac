"""What a call of an op or a layer costs over the bare call of its framework, and beside Keras's.

    python -m isozoo.scripts.measure_overhead                  # every backend
    python -m isozoo.scripts.measure_overhead --backend torch --repeats 15

Each backend runs in a process of its own, for Keras knows one at a time; there ours, the bare call
and Keras's run by turns on the same small tensors. Printed are microseconds (the best of the
repeats) and Python frames of one call, then how ours compiles: the number of operations that
`jax.make_jaxpr`, `tf.function` and `torch.compile(fullgraph=True)` see, beside the bare call's.
A second table has eager calls of layers. Needs Keras (it comes with TensorFlow).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from . import overhead_layers
from .overhead_calls import NATIVE, Calls, make_tensors, of_numpy_api

# What layers of torch may cost: times a bare call, microseconds over it, Python frames.
_LAYERS = {
    "Dense": (None, 25, 40),
    "LSTM": (1.2, None, None),
    "transformer": (1.3, None, None),
}
_BINARY = ("add", "add variable", "add 1.0", "multiply", "divide", "power 2.0", "maximum", "less")


def main(argv: list[str] | None = None) -> int:
    """Print the tables; 1 when a line of the design is not held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", choices=NATIVE, help="only this one")
    parser.add_argument("--repeats", type=int, default=9, help="timings of each call")
    parser.add_argument("--only-here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    backends = arguments.backend or list(NATIVE)
    if arguments.only_here:
        print(json.dumps(_measure(backends[0], arguments.repeats)))
        return 0
    held = []
    for name in backends:
        found = _in_process(name, arguments.repeats)
        held += [_show(name, found), _show_layers(name, found["layers"])]
    return 0 if all(held) else 1


def _in_process(backend: str, repeats: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "isozoo.scripts.measure_overhead", "--only-here"]
    command += ["--backend", backend, "--repeats", str(repeats)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{backend}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _measure(backend: str, repeats: int) -> dict[str, Any]:
    import keras

    from ..framework import config, layers, ops
    from ..framework.core.variable import Variable
    from ..framework.models import Model

    config.set_backend(backend)
    convert = ops.convert_to_tensor
    tensors = make_tensors(convert, Variable)
    held = tensors["held"].native  # what a variable holds is the framework's own
    sides = {
        "ours": of_numpy_api(ops, tensors),
        "bare": NATIVE[backend]({**tensors, "held": held}),
        "keras": of_numpy_api(keras.ops, make_tensors(convert, keras.Variable)),
    }
    times = _times(sides, repeats)
    frames = {side: {op: _frames(f) for op, f in calls.items()} for side, calls in sides.items()}
    graphs = {
        side: {op: _operations(backend, call) for op, call in sides[side].items()}
        for side in ("ours", "bare")
    }
    calls = {
        "ours": overhead_layers.of_keras_api(SimpleNamespace(layers=layers, Model=Model), convert),
        "bare": overhead_layers.bare_layers(backend),
        "keras": overhead_layers.of_keras_api(keras, keras.ops.convert_to_tensor),
    }
    for name in calls["ours"].keys() - calls["bare"].keys():
        calls["bare"][name] = calls["ours"][name]  # NumPy has none
    if backend == "numpy":  # where Keras has no fast way, and says so
        calls = {
            side: {n: c for n, c in found.items() if n in calls["bare"]}
            for side, found in calls.items()
        }
    whole = {
        "times": _times(calls, repeats),
        "frames": {
            side: {n: _frames(c) for n, c in found.items()} for side, found in calls.items()
        },
    }
    return {"times": times, "frames": frames, "graphs": graphs, "layers": whole}


def _times(sides: dict[str, Calls], repeats: int) -> dict[str, dict[str, float]]:
    """Microseconds of each call: the best of `repeats` loops, the sides by turns."""
    times: dict[str, dict[str, float]] = {side: {} for side in sides}
    for op in sides["ours"]:
        count = max(20, int(4e-3 / max(_loop(sides["bare"][op], 20), 1e-7)))
        for _ in range(repeats):
            for side, calls in sides.items():
                took = _loop(calls[op], count) * 1e6
                times[side][op] = min(took, times[side].get(op, took))
    return times


def _loop(call: Callable[[], Any], count: int) -> float:
    call()
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def _frames(call: Callable[[], Any]) -> int:
    """Python functions entered in one call, the lambda's own left out."""
    entered = 0

    def count(frame, event, argument):
        nonlocal entered
        entered += event == "call"

    call()
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered - 1


def _operations(backend: str, call: Callable[[], Any]) -> int | None:
    """How many operations the framework's compiler sees; None on NumPy, which has none."""
    if backend == "jax":
        import jax

        return _equations(jax.make_jaxpr(call)().jaxpr)
    if backend == "tensorflow":
        import tensorflow as tf

        graph = tf.function(call, autograph=False).get_concrete_function().graph
        plain = ("Const", "Placeholder", "Identity", "NoOp")
        return sum(node.type not in plain for node in graph.get_operations())
    if backend == "torch":
        import torch

        seen = []

        def compiler(module, inputs):
            seen.append(sum(n.op in ("call_function", "call_method") for n in module.graph.nodes))
            return module.forward

        torch.compiler.reset()
        torch.compile(call, fullgraph=True, backend=compiler)()
        return sum(seen)
    return None


def _equations(jaxpr: Any) -> int:
    inner = [
        _equations(value.jaxpr)
        for equation in jaxpr.eqns
        for value in equation.params.values()
        if hasattr(value, "jaxpr") and hasattr(value.jaxpr, "eqns")
    ]
    own = sum(not any(hasattr(v, "jaxpr") for v in e.params.values()) for e in jaxpr.eqns)
    return own + sum(inner)


def _show(backend: str, result: dict[str, Any]) -> bool:
    times, frames, graphs = result["times"], result["frames"], result["graphs"]
    print(f"\n{backend:14}{'us':>9}{'bare':>8}{'Keras':>8}{'over':>8}{'of Keras':>10}", end="")
    print(f"{'frames':>9}{'bare':>6}{'Keras':>7}{'compiled':>11}{'bare':>6}")
    held = True
    for op in times["ours"]:
        ours, bare, keras = (times[side][op] for side in ("ours", "bare", "keras"))
        mine, theirs = graphs["ours"][op], graphs["bare"][op]
        own = frames["ours"][op] - frames["bare"][op]
        faults = []
        if ours > keras * 1.05:
            faults.append("slower than Keras")
        if mine is not None and mine > theirs:
            faults.append("more operations")
        if backend == "torch" and op in _BINARY and (ours - bare > 5 or frames["ours"][op] > 10):
            faults.append("above 5 us or 10 frames")
        held = held and not faults
        print(
            f"  {op:12}{ours:9.2f}{bare:8.2f}{keras:8.2f}{ours - bare:+8.2f}{ours / keras:10.2f}"
            f"{frames['ours'][op]:9}{frames['bare'][op]:6}{frames['keras'][op]:7}"
            f"{'-' if mine is None else mine:>11}{'-' if theirs is None else theirs:>6}"
            f"{'   own frames ' + str(own) if own > 10 else ''}"
            f"{'   <- ' + ', '.join(faults) if faults else ''}"
        )
    return held


def _show_layers(backend: str, result: dict[str, Any]) -> bool:
    times, frames = result["times"], result["frames"]
    print(f"\n{backend + ', layers':20}{'us':>9}{'bare':>9}{'Keras':>9}{'of bare':>9}", end="")
    print(f"{'of Keras':>10}{'frames':>8}{'bare':>6}{'Keras':>7}")
    held = True
    for name, ours in times["ours"].items():
        bare, keras = times["bare"][name], times["keras"][name]
        ratio, over, most = _LAYERS.get(name, (None,) * 3) if backend == "torch" else (None,) * 3
        faults = []
        if ours > keras * 1.05:
            faults.append("slower than Keras")
        if ratio is not None and ours > ratio * bare:
            faults.append(f"above {ratio} times the bare call")
        if over is not None and ours - bare > over:
            faults.append(f"more than {over} us over the bare call")
        if most is not None and frames["ours"][name] > most:
            faults.append(f"more than {most} frames")
        held = held and not faults
        counts = "".join(
            f"{frames[side][name]:{w}}" for side, w in zip(frames, (8, 6, 7), strict=True)
        )
        print(
            f"  {name:18}{ours:9.1f}{bare:9.1f}{keras:9.1f}{ours / bare:9.2f}{ours / keras:10.2f}"
            f"{counts}{'   <- ' + ', '.join(faults) if faults else ''}"
        )
    return held


if __name__ == "__main__":
    sys.exit(main())
