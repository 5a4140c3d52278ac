"""Exported models beside the models: errors, decisions, sizes and times, in one run.

    python -m isozoo.scripts.compare_exports
    python -m isozoo.scripts.compare_exports all_minilm_l6_v2 --format onnx --format torch

Each file is opened by its own runtime, in a process that knows nothing of isozoo. Errors are
against the model in float64 on NumPy, in roundings of float32 (2^-24 of the output's scale, root
mean square), beside those of our backends. A format holds where its error is at most four times
that of the best backend, and the decisions (largest output of each row) are equal.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

MODELS = ("all_minilm_l6_v2", "efficientnet_lite0")
FORMATS = {
    "tf_saved_model": "saved",
    "litert": "model.tflite",
    "torch": "model.pt2",
    "onnx": "model.onnx",
    "stablehlo": "model.bin",
    "openvino": "model.xml",
}
_RUNTIME = """
import json, sys, time
import numpy as np
format, path, given, out, seconds = sys.argv[1:6]
given = dict(np.load(given))
x = given.pop("") if "" in given else given

def first(y):
    while isinstance(y, (dict, list, tuple)):
        y = list(y.values() if isinstance(y, dict) else y)[0]
    return np.asarray(y)

def each(function):
    if not isinstance(x, dict):
        return function(x)
    return {name: function(part) for name, part in x.items()}

if format == "torch":
    import torch
    program, tensors = torch.export.load(path).module(), each(torch.from_numpy)
    def run():
        with torch.inference_mode():
            return first(program(tensors))
elif format == "stablehlo":
    import jax
    from jax import export
    called = jax.jit(export.deserialize(bytearray(open(path, "rb").read())).call)
    def run():
        return first(called(x))
elif format == "tf_saved_model":
    import tensorflow as tf
    loaded, tensors = tf.saved_model.load(path), each(tf.constant)
    def run():
        return first(loaded.serve(tensors))
elif format == "litert":
    import tensorflow as tf
    runner = tf.lite.Interpreter(model_path=path, num_threads=2)
    places = runner.get_input_details()
    parts = list(x.values()) if isinstance(x, dict) else [x]
    def of(place):
        if not isinstance(x, dict):
            return x
        return next(part for name, part in x.items() if name in place["name"])
    for place in places:
        runner.resize_tensor_input(place["index"], of(place).shape)
    runner.allocate_tensors()
    def run():
        for place in places:
            runner.set_tensor(place["index"], of(place).astype(place["dtype"]))
        runner.invoke()
        return runner.get_tensor(runner.get_output_details()[0]["index"])
elif format == "onnx":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(path, options)
    names = [one.name for one in session.get_inputs()]
    feed = {n: x[n] if n in x else next(v for k, v in x.items() if k in n) for n in names} if (
        isinstance(x, dict)) else {names[0]: x}
    def run():
        return session.run(None, feed)[0]
elif format == "openvino":
    import openvino
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    def of(place):
        if not isinstance(x, dict):
            return x
        return next(part for name, part in x.items() if any(name in n for n in place.get_names()))
    feed = {place: of(place) for place in compiled.inputs}
    def run():
        return compiled(feed)[0]
assert not any(name.partition(".")[0] == "isozoo" for name in sys.modules)
np.save(out, run())
taken = []
end = time.perf_counter() + float(seconds)
while time.perf_counter() < end or len(taken) < 3:
    begun = time.perf_counter()
    run()
    taken.append(time.perf_counter() - begun)
print(json.dumps({"seconds": sorted(taken)[len(taken) // 2]}))
"""


def roundings(found: np.ndarray, right: np.ndarray) -> float:
    """Returns the error in roundings of float32, root mean square, of the output's scale."""
    scale = np.sqrt(np.mean(np.square(right)))
    return float(np.sqrt(np.mean(np.square(found - right))) / scale * 2.0**24)


def first(outputs: Any) -> np.ndarray:
    """Returns the first output as an array."""
    from ..framework.nested import leaves
    from ..framework.ops import convert_to_numpy

    return np.asarray(convert_to_numpy(next(iter(leaves(outputs)))))


def seconds_of(model: Any, inputs: Any, seconds: float) -> float:
    """Returns the median time of a compiled call, of at least three."""
    taken, end = [], time.perf_counter() + seconds
    first(model.infer(inputs))
    while time.perf_counter() < end or len(taken) < 3:
        begun = time.perf_counter()
        first(model.infer(inputs))
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def compare(name: str, formats: list[str], seconds: float) -> list[dict[str, Any]]:
    """Returns a row for each backend, then one for each format of a model."""
    from ..framework.exporting import input_signature
    from ..framework.exporting.formats import backend_of
    from ..hub import load_preset

    def load(backend: str, dtype: str = "float32") -> Any:
        return load_preset(name, backend=backend, dtype=dtype)

    reference = load("numpy", "float64")
    samples = reference.sample_inputs()
    inputs = reference.preprocessor(samples)
    if isinstance(inputs, Mapping):
        (wanted,) = input_signature(reference)
        inputs = {key: np.asarray(part, wanted[key].dtype) for key, part in inputs.items()}
        right = first(reference(inputs))
    else:
        inputs = np.asarray(inputs, np.float32)
        right = first(reference(inputs.astype(np.float64)))
    rows, models = [], {}
    for backend in ("numpy", "torch", "jax", "tensorflow"):
        model = models[backend] = load(backend)
        found = first(model.infer(inputs))
        rows.append(_row(backend, found, right) | {"ours": seconds_of(model, inputs, seconds)})
    best = min(row["error"] for row in rows)
    for format in formats:
        model = models[backend_of(format)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, FORMATS[format])
            begun = time.perf_counter()
            try:
                model.export(path, format=format, verbose=False)
            except ImportError as error:
                rows.append({"name": format, "absent": str(error)})
                continue
            exported = time.perf_counter() - begun
            given, out = Path(folder, "x.npz"), Path(folder, "y.npy")
            np.savez(given, **(inputs if isinstance(inputs, dict) else {"": inputs}))
            command = [sys.executable, "-c", _RUNTIME, format, path, given, out, str(seconds)]
            quiet = {**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(command, env=quiet, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["died"])[-1]
                rows.append({"name": format, "failed": last})
                continue
            size = sum(one.stat().st_size for one in _files(path))
            row = _row(format, np.load(out), right)
            row["holds"] = row["error"] <= 4 * max(best, 2.0) and row["decisions"]
            row |= json.loads(done.stdout.splitlines()[-1])
            row |= {"ours": seconds_of(model, inputs, seconds), "megabytes": size / 1e6}
            rows.append(row | {"exported": exported})
    return rows


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [one for one in path.rglob("*") if one.is_file()]
    return [path, *path.parent.glob(path.stem + ".bin")] if path.suffix == ".xml" else [path]


def _row(name: str, found: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    same = np.array_equal(found.argmax(-1), right.argmax(-1))
    return {"name": name, "error": roundings(found, right), "decisions": bool(same)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", default=MODELS, metavar="NAME")
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--seconds", type=float, default=2.0, help="of timing, for each")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tables, fine = {}, True
    for name in arguments.names or MODELS:
        rows = compare(name, arguments.format or list(FORMATS), arguments.seconds)
        tables[name] = rows
        print(f"{name:24}{'roundings':>10}{'decisions':>11}{'MB':>8}{'its ms':>9}{'our ms':>9}")
        for row in rows:
            if "absent" in row:
                print(f"  {row['name']:22}not tried: {row['absent']}")
                continue
            if "failed" in row:
                print(f"  {row['name']:22}failed: {row['failed']}")
                fine = False
                continue
            size, its = row.get("megabytes"), row.get("seconds")
            print(
                f"  {row['name']:22}{row['error']:10.1f}"
                f"{'equal' if row['decisions'] else 'DIFFER':>11}"
                f"{'' if size is None else f'{size:.1f}':>8}"
                f"{'' if its is None else f'{its * 1000:.1f}':>9}{row['ours'] * 1000:9.1f}"
                + ("" if row.get("holds", True) else "  <- does not hold"),
                flush=True,
            )
            fine &= row.get("holds", True)
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=2) + "\n")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
