"""Exported models beside the models: errors, decisions, sizes and times, in one run.

    python -m isozoo.scripts.compare_exports                    # a small model of every family
    python -m isozoo.scripts.compare_exports BERT SAM --format onnx --format torch
    python -m isozoo.scripts.compare_exports all_minilm_l6_v2 efficientnet_lite0 --seconds 2

Each file is opened by its own runtime, in a process that knows nothing of isozoo, at two batch
sizes. Errors are against the model in float64 on NumPy, in roundings of float32 (2^-24 of the
output's scale, root mean square; the worst of all outputs), beside those of our backends. A format
holds where its error is at most four times that of the best backend, and the decisions (the largest
element of each row of each output, ties of 32 roundings aside) are equal. Runtimes that are not
installed beside isozoo are found by the environment variable EXPORT_RUNTIMES, a path as PYTHONPATH
has it; NODE_FOLDER is the folder whose node_modules have @tensorflow/tfjs.
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
from pathlib import Path
from typing import Any

import numpy as np

from .exported_models import FAMILIES, Arrays, Case, preset
from .exported_runtimes import by_name

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
# Format -> the name of the file or folder.
FORMATS = {
    "tf_saved_model": "saved",
    "litert": "model.tflite",
    "torch": "model.pt2",
    "aoti": "model.pt2",
    "onnx": "model.onnx",
    "stablehlo": "model.bin",
    "openvino": "model.xml",
    "tfjs": "web",
}
_MOST = 4.0  # times the best backend's error
_TIE = 32 * 2.0**-24  # of the scale: what two elements may differ by that no float32 tells apart
_LEAST = 2.0  # roundings that the best backend is taken to have at least


def _error(found: Arrays, right: Arrays) -> float:
    """The largest error of an output in roundings of float32, root mean square, of its scale."""
    return max(_roundings(np.asarray(found[key], np.float64), right[key]) for key in right)


def _roundings(found: np.ndarray, right: np.ndarray) -> float:
    if found.shape != right.shape:
        raise ValueError(f"shape {found.shape}, and {right.shape} is right")
    scale = np.sqrt(np.mean(np.square(right))) or 1.0
    return float(np.sqrt(np.mean(np.square(found - right))) / scale * 2.0**24)


def _same(found: Arrays, right: Arrays) -> bool:
    """Whether the largest elements of all rows are the same, or tie in float32."""
    return all(_same_rows(np.asarray(found[key]), x) for key, x in right.items())


def _same_rows(found: np.ndarray, right: np.ndarray) -> bool:
    if not right.ndim:
        return True
    at, best = found.argmax(-1)[..., None], right.max(-1, keepdims=True)
    lost = best - np.take_along_axis(right, at, -1)
    return bool((lost <= _TIE * np.sqrt(np.mean(np.square(right)))).all())


def _computed(model: Any, given: Arrays) -> Arrays:
    """What a model of ours gives."""
    from ..framework.nested import map_structure
    from ..framework.ops import convert_to_numpy

    arguments = _arguments(model, given)
    # Eagerly JAX compiles each operation by itself, which takes most of a minute.
    compiled = model.backend == "jax" and hasattr(model, "infer") and len(arguments) == 1
    found = model.infer(*arguments) if compiled else model(*arguments)
    return by_name(map_structure(lambda x: np.asarray(convert_to_numpy(x)), found))


def _arguments(model: Any, given: Arrays) -> list[Any]:
    """The arrays as the call takes them: one, a dict, or one for each parameter."""
    from ..framework.exporting import input_signature

    signature = input_signature(model)
    if "" in given or len(signature) > 1:
        return list(given.values())
    return [given]


def _seconds_of(model: Any, given: Arrays, seconds: float) -> float | None:
    """The median time of a compiled call, of at least three; None for a layer alone."""
    if not seconds or not hasattr(model, "infer"):
        return None
    (inputs,) = _arguments(model, given)
    taken, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 4:
        begun = time.perf_counter()
        _to_arrays(model.infer(inputs))
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def _to_arrays(x: Any) -> None:
    from ..framework.nested import map_structure
    from ..framework.ops import convert_to_numpy

    map_structure(convert_to_numpy, x)


class Comparison:
    """A model, what it gives in float64, and how far our backends are from that."""

    def __init__(self, case: Case, folder: Path, backends: list[str], seconds: float) -> None:
        self.folder, self.seconds = folder, seconds
        self.models = {"numpy": case.build()}
        self.batches = case.batches(self.models["numpy"])
        reference = self.models["numpy"].to_backend("numpy", dtype="float64")
        wide = [{k: x.astype("f8") if x.dtype.kind == "f" else x for k, x in given.items()}
                for given in self.batches]  # fmt: skip
        self.right = [_computed(reference, given) for given in wide]
        for number, given in enumerate(self.batches):
            np.savez(folder / f"given{number}.npz", **given)
        self.rows = [self._backend_row(backend) for backend in backends]
        self.best = max(min(row["error"] for row in self.rows), _LEAST)

    def on(self, backend: str) -> Any:
        """Returns the model on a backend."""
        if backend not in self.models:
            self.models[backend] = self.models["numpy"].to_backend(backend)
        return self.models[backend]

    def _backend_row(self, backend: str) -> dict[str, Any]:
        model = self.on(backend)
        found = [_computed(model, given) for given in self.batches]
        row = {"name": backend, **self._judged(found)}
        return row | {"ours": _seconds_of(model, self.batches[0], self.seconds)}

    def _judged(self, found: list[Arrays]) -> dict[str, Any]:
        pairs = list(zip(found, self.right, strict=True))
        return {
            "error": max(_error(one, right) for one, right in pairs),
            "decisions": all(_same(one, right) for one, right in pairs),
        }

    def export(self, format: str) -> dict[str, Any] | None:
        """Writes the model; returns the job of its runtime, or None with a row that says why."""
        from ..framework.exporting import export_model
        from ..framework.exporting.formats import backend_of

        place = self.folder / format
        place.mkdir()
        path = place / FORMATS[format]
        model = self.on(backend_of(format))
        begun = time.perf_counter()
        try:
            export_model(model, path, format=format, verbose=False)
        except ImportError as error:
            self.rows.append({"name": f"-> {format}", "absent": str(error)})
            return None
        except (RuntimeError, ValueError) as error:
            self.rows.append({"name": f"-> {format}", "refused": str(error)})
            return None
        except Exception as error:  # no error of the user's: a fault of ours, and told as one
            self.rows.append({"name": f"-> {format}", "failed": f"{type(error)}: {error}"})
            return None
        size = sum(one.stat().st_size for one in place.rglob("*") if one.is_file())
        row = {"name": f"-> {format}", "megabytes": size / 1e6}
        self.rows.append(row | {"exported": time.perf_counter() - begun})
        numbers = range(len(self.batches))
        return {
            "path": str(path),
            "given": [str(self.folder / f"given{number}.npz") for number in numbers],
            "out": [str(place / f"out{number}.npz") for number in numbers],
            "seconds": self.seconds,
        }

    def judge(self, format: str, job: dict[str, Any], report: dict[str, Any]) -> None:
        """Completes the row of a format by what its runtime gave."""
        (row,) = (row for row in self.rows if row["name"] == f"-> {format}")
        row |= report
        if "failed" in report:
            return
        try:
            row |= self._judged([dict(np.load(out)) for out in job["out"]])
        except (KeyError, ValueError) as error:
            row["failed"] = f"other outputs: {error}"
            return
        row["holds"] = row["error"] <= _MOST * self.best and row["decisions"]
        from ..framework.exporting.formats import backend_of

        row["ours"] = _seconds_of(self.on(backend_of(format)), self.batches[0], self.seconds)


class Runtime:
    """The program of a format, which waits for jobs in a process of its own."""

    def __init__(self, format: str) -> None:
        self.format = format
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Returns what the program reports of a job."""
        web = self.format == "tfjs"
        process = self._process or self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(_as_json(job) if web else job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process = None
            return {"failed": f"the runtime ended with code {process.wait()}"}
        report = json.loads(line)
        if web and "failed" not in report:
            _from_json(job)
        return report

    def _started(self) -> subprocess.Popen[str]:
        here = Path(__file__).resolve().parent
        command = [sys.executable, str(here / "exported_runtimes.py"), self.format]
        if self.format == "tfjs":
            command = ["node", str(here / "exported_runtimes.mjs")]
        paths = os.environ.get("EXPORT_RUNTIMES", "")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=tempfile.gettempdir(),
            text=True,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
        )
        return self._process

    def close(self) -> None:
        """Ends the program."""
        if self._process is not None:
            self._process.communicate()


def _as_json(job: dict[str, Any]) -> dict[str, Any]:
    """The job with its inputs as files of JSON."""
    for place in job["given"]:
        told = {
            name: {
                "shape": list(x.shape),
                "dtype": "int32" if x.dtype.kind in "iu" else str(x.dtype),
                "data": x.ravel().tolist(),
            }
            for name, x in np.load(place).items()
        }
        Path(place).with_suffix(".json").write_text(json.dumps(told))
    keys = ("given", "out")
    return {
        **job,
        **{key: [str(Path(one).with_suffix(".json")) for one in job[key]] for key in keys},
    }


def _from_json(job: dict[str, Any]) -> None:
    """Reads outputs that were written as JSON."""
    for place in job["out"]:
        if (path := Path(place).with_suffix(".json")).exists():
            told = json.loads(path.read_text())
            np.savez(
                place,
                **{
                    key: np.array(x["data"], x["dtype"]).reshape(x["shape"])
                    for key, x in told.items()
                },
            )


def compare(
    name: str, runtimes: list[Runtime], backends: list[str], seconds: float
) -> list[dict[str, Any]]:
    """Returns rows of backends, then of formats, for a model."""
    case = FAMILIES.get(name) or preset(name)
    with tempfile.TemporaryDirectory() as scratch:
        found = Comparison(case, Path(scratch), backends, seconds)
        for runtime in runtimes:
            if job := found.export(runtime.format):
                found.judge(runtime.format, job, runtime.run(job))
    return found.rows


def _told(row: dict[str, Any]) -> str:
    for key, words in (("absent", "not tried"), ("refused", "refused"), ("failed", "FAILED")):
        if key in row:
            return f"  {row['name']:22}{words}: {' '.join(row[key].split())[:600]}"

    def milliseconds(key: str) -> str:
        return "" if row.get(key) is None else f"{row[key] * 1000:.1f}"

    size = f"{row['megabytes']:.2f}" if "megabytes" in row else ""
    return (
        f"  {row['name']:22}{row['error']:10.1f}{'equal' if row['decisions'] else 'DIFFER':>11}"
        f"{size:>8}{milliseconds('seconds'):>9}{milliseconds('ours'):>9}"
        + ("" if row.get("holds", True) else "  <- does not hold")
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    known = "names of presets, or of families: " + ", ".join(FAMILIES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--seconds", type=float, default=0.0, help="of timing, for each; 0")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    runtimes = [Runtime(format) for format in arguments.format or FORMATS]
    tables: dict[str, Any] = {}
    print(f"{'':24}{'roundings':>10}{'decisions':>11}{'MB':>8}{'its ms':>9}{'our ms':>9}")
    for name in arguments.names or FAMILIES:
        backends = arguments.backend or list(BACKENDS)
        tables[name] = compare(name, runtimes, backends, arguments.seconds)
        print("\n".join([name, *map(_told, tables[name])]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(tables, indent=2) + "\n")
    for runtime in runtimes:
        runtime.close()
    every = [row for rows in tables.values() for row in rows]
    return int(any("failed" in row or not row.get("holds", True) for row in every))


if __name__ == "__main__":
    sys.exit(main())
