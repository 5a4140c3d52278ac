"""Runs trained ONNX files on models made of them, and compares with onnxruntime.

    python -m isozoo.scripts.judge_onnx_files FOLDER --backend numpy --backend torch

Every `.onnx` below the folder is run on random inputs of the sizes that its graph allows: two lots
of sizes where it leaves some free, near N by `--size NAME.AXIS=N`. Inputs whose names end in
`_lens` are lengths along the first input's second axis; `--input NAME=FILE.npy` gives a real one.
What is printed is the largest deviation of an output from onnxruntime's, over the largest magnitude
of it, by the call and by `infer`; 1e-4 is the line. Beside it stands what onnxruntime deviates from
the same graph in float64, for where that is the larger part, ours cannot be nearer to it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
LINE = 1e-4


def inputs_for(model: Any, lot: int, hints: dict[str, int]) -> dict[str, np.ndarray]:
    """Returns random inputs in the graph's dtypes; free sizes are small, or what `hints` says."""
    random = np.random.default_rng(lot)
    free: dict[Any, int] = {}
    found = {}
    for value in model.graph.inputs:
        sizes = []
        for place, n in enumerate(value.shape or ()):
            if isinstance(n, int):
                sizes.append(n)
                continue
            key = n or (value.name, place)
            small = (lot + 1) if place == 0 else 64 + 32 * lot
            sizes.append(free.setdefault(key, hints.get(f"{value.name}.{place}", small)))
        if value.name.endswith(("_lens", "_lengths")):
            length = next(iter(found.values())).shape[1]
            found[value.name] = (length - np.arange(*sizes) * (length // 4)).astype(value.dtype)
        elif value.dtype == "float32":
            found[value.name] = random.standard_normal(sizes).astype(np.float32)
        elif value.dtype in ("int64", "int32"):
            most = int(np.prod([n for n in sizes[1:]] or [2])) if len(sizes) > 1 else 2
            found[value.name] = random.integers(0, min(most, 200), sizes).astype(value.dtype)
        else:
            found[value.name] = random.integers(0, 2, sizes).astype(value.dtype)
    return found


def run_file(
    path: Path, backends: list[str], hints: dict[str, int], real: dict[str, str], compiled: bool
) -> bool:
    """Prints a line for each lot of inputs and backend; returns whether all are within the line."""
    import onnxruntime

    from ..framework.ops import convert_to_numpy
    from ..hub import from_onnx

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    good = True
    for backend in backends:
        began = time.perf_counter()
        try:
            model = from_onnx(path, backend)
        except Exception as error:
            print(f"  {backend:11} cannot be read: {type(error).__name__}: {str(error)[:300]}")
            good = False
            continue
        opened = time.perf_counter() - began
        for lot in range(2):
            given = inputs_for(model, lot, {k: v * (lot + 1) for k, v in hints.items()})
            given |= {k: np.load(v) for k, v in real.items() if k in given}
            try:
                wanted = session.run(None, given)
            except Exception as error:
                print(f"  onnxruntime refuses {_shapes(given)}: {str(error)[:200]}")
                continue
            told = [f"onnxruntime {_from_exact(path, given, wanted):.1e} from float64"]
            for what in ("call", "infer") if compiled else ("call",):
                try:
                    began = time.perf_counter()
                    outputs = model(given) if what == "call" else model.infer(given)
                    took = time.perf_counter() - began
                except Exception as error:
                    told.append(f"{what}: {type(error).__name__}: {str(error)[:300]}")
                    good = False
                    continue
                names = [v.name for v in model.graph.outputs]
                found = outputs if isinstance(outputs, dict) else {names[0]: outputs}
                worst = max(
                    deviation(np.asarray(convert_to_numpy(found[n])), y)
                    for n, y in zip(names, wanted, strict=True)
                )
                good &= worst <= LINE
                told.append(f"{what} {worst:.1e}{'' if worst <= LINE else ' OVER'} ({took:.2f} s)")
            print(f"  {backend:11} {_shapes(given):40} {'; '.join(told)}; opened in {opened:.2f} s")
    return good


def _from_exact(path: Path, given: dict[str, np.ndarray], wanted: list[Any]) -> float:
    """The largest deviation of onnxruntime's outputs from those of the graph in float64."""
    from ..hub import from_onnx

    model = from_onnx(path, "numpy").to_backend("numpy", dtype="float64")
    found = model(given)
    found = found if isinstance(found, dict) else {model.graph.outputs[0].name: found}
    pairs = zip((found[v.name] for v in model.graph.outputs), wanted, strict=True)
    return max(deviation(y, np.asarray(x)) for x, y in pairs)


def deviation(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the largest difference over the largest magnitude; infinity for another shape."""
    if x.shape != y.shape:
        return float("inf")
    if not y.size:
        return 0.0
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    if not np.array_equal(np.isfinite(wide_x), np.isfinite(wide_y)):
        return float("inf")
    kept = np.isfinite(wide_y)
    if not kept.any():
        return 0.0
    scale = np.abs(wide_y[kept]).max() or 1.0
    return float(np.abs(wide_x[kept] - wide_y[kept]).max() / scale)


def _shapes(given: dict[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {list(x.shape)}" for name, x in given.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--only", default="", help="files whose paths hold this")
    parser.add_argument("--call-only", action="store_true", help="leave out `infer`")
    parser.add_argument("--input", action="append", default=[], metavar="NAME=FILE.npy")
    parser.add_argument("--size", action="append", default=[], metavar="NAME.AXIS=N")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore")
    real = dict(text.split("=", 1) for text in arguments.input)
    hints = {k: int(v) for k, v in (text.split("=") for text in arguments.size)}
    bad = []
    for path in sorted(arguments.folder.rglob("*.onnx")):
        if arguments.only in str(path):
            print(path.relative_to(arguments.folder))
            backends = arguments.backend or list(BACKENDS)
            if not run_file(path, backends, hints, real, not arguments.call_only):
                bad.append(path.name)
    print("all within the line" if not bad else f"not within the line: {', '.join(bad)}")
    return 0 if not bad else 1


if __name__ == "__main__":
    sys.exit(main())
