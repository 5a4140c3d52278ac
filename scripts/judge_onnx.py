"""Runs ONNX's own cases on models made of them: passed, wrong and refused, for each backend.

    python -m isozoo.scripts.judge_onnx --backend numpy --backend torch --out refused.json

The cases are those that `onnx.backend.test.case.node.collect_testcases` makes, and of the sets that
the package carries `simple`, `pytorch-converted`, `pytorch-operator` and `light`. A case passes if
all outputs have the expected shapes and dtypes, and the numbers are within the case's tolerances
(as onnx.backend.test.runner compares). A case is refused if an error names something that is not
known here, and wrong if it fails in any other way. Numbers of a few bits, which no framework has,
come in the dtype that stands for them, and are compared as numbers.

    python -m isozoo.scripts.judge_onnx --contrib

runs random cases of onnxruntime's operators (`onnx_contrib`), which it judges by its results.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
# Of cases of onnxruntime's operators: some hundred roundings.
CONTRIB = (1e-4, 1e-5)
SETS = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")


class Case(NamedTuple):
    """A model, pairs of inputs and expected outputs, and how near these must be met."""

    name: str
    kind: str
    model: Any
    data: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float


def cases(sets: tuple[str, ...], pattern: str = "") -> Iterator[Case]:
    """Yields the cases of some sets whose names hold `pattern`."""
    if "node" in sets:
        from onnx.backend.test.case.node import collect_testcases

        for found in collect_testcases(None):
            if pattern in found.name:
                pairs = [(list(given), list(wanted)) for given, wanted in found.data_sets or ()]
                yield Case(found.name, "node", found.model, pairs, found.rtol, found.atol)
    import onnx.backend.test as tests

    root = Path(tests.__file__).parent / "data"
    for kind in sets:
        if kind == "light":
            yield from _light(root / kind, pattern)
        elif kind != "node":
            for folder in sorted((root / kind).iterdir()):
                if pattern in folder.name and (folder / "model.onnx").exists():
                    yield _stored(folder, kind)


def contrib(pattern: str = "") -> Iterator[Case]:
    """Yields cases of onnxruntime's operators whose names hold `pattern`."""
    from .onnx_contrib import contrib_cases

    for name, model, given, wanted in contrib_cases(pattern):
        yield Case(name, "contrib", model, [(given, wanted)], *CONTRIB)


def _stored(folder: Path, kind: str) -> Case:
    import onnx

    model = onnx.load(folder / "model.onnx")
    data = []
    for place in sorted(folder.glob("test_data_set_*")):
        pairs = []
        for what, values in (("input", model.graph.input), ("output", model.graph.output)):
            files = sorted(place.glob(f"{what}_*.pb"), key=lambda f: int(f.stem.split("_")[1]))
            pairs.append([_value(f, v.type) for f, v in zip(files, values, strict=False)])
        data.append((pairs[0], pairs[1]))
    return Case(folder.name, kind, model, data, 1e-3, 1e-7)


def _light(folder: Path, pattern: str) -> Iterator[Case]:
    import onnx
    from onnx.backend.test.runner import Runner

    for path in sorted(folder.glob("*.onnx")):
        if pattern not in path.stem:
            continue
        model = onnx.load(path)
        held = {tensor.name for tensor in model.graph.initializer}
        values = [value for value in model.graph.input if value.name not in held]
        name = path.stem.removeprefix("light_")
        given = [
            Runner.generate_dummy_data(v, seed=0, name=f"test_{name}", random=False) for v in values
        ]
        wanted = [_value(folder / f"{path.stem}_output_0.pb", model.graph.output[0].type)]
        yield Case(path.stem, "light", model, [(given, wanted)], 1e-3, 1e-7)


def _value(path: Path, kind: Any) -> Any:
    import onnx
    from onnx import numpy_helper

    raw = path.read_bytes()
    if kind.HasField("sequence_type"):
        proto = onnx.SequenceProto()
        proto.ParseFromString(raw)
        return numpy_helper.to_list(proto)
    if kind.HasField("optional_type"):
        proto = onnx.OptionalProto()
        proto.ParseFromString(raw)
        return numpy_helper.to_optional(proto)
    tensor = onnx.TensorProto()
    tensor.ParseFromString(raw)
    return numpy_helper.to_array(tensor)


def judged(case: Case, backend: str) -> tuple[str, str]:
    """Returns "passed", "wrong" or "refused", and why."""
    from ..framework.graphs import UnknownOperatorError
    from ..hub import from_onnx

    try:
        model = from_onnx(case.model.SerializeToString(), backend)
        names = [value.name for value in model.graph.inputs]
        held = {tensor.name for tensor in case.model.graph.initializer}
        listed = [value.name for value in case.model.graph.input]
        if case.kind == "light":  # old files name their weights among the inputs
            listed = [name for name in listed if name not in held]
        for given, wanted in case.data:
            inputs = {n: _array(x) for n, x in zip(listed, given, strict=False) if n in names}
            found = model(inputs)
            outputs = (
                [found[v.name] for v in model.graph.outputs] if isinstance(found, dict) else [found]
            )
            problem = _compared(outputs, wanted, case)
            if problem:
                return "wrong", problem
    except UnknownOperatorError as error:
        return "refused", "no rule for " + ", ".join(sorted(op for _, op in error.missing))
    except Exception as error:  # whatever it is, the case did not pass
        text = str(error).strip().split("\n", 1)[0]
        return "wrong", f"{type(error).__name__}: {text[:300]}"
    return "passed", ""


def _array(x: Any) -> Any:
    if isinstance(x, list):
        return [_array(part) for part in x]
    if hasattr(x, "SerializeToString"):
        from onnx import numpy_helper

        return numpy_helper.to_array(x)
    if isinstance(x, np.ndarray) and x.dtype == object:
        flat = [v.decode() if isinstance(v, bytes) else str(v) for v in x.reshape(-1)]
        return np.array(flat, np.str_).reshape(x.shape)
    return x if x is None else np.asarray(x)


def _compared(outputs: list[Any], wanted: list[Any], case: Case) -> str:
    """What is wrong with the outputs; "" if nothing is."""
    from ..framework.ops import convert_to_numpy

    if len(outputs) != len(wanted):
        return f"{len(outputs)} outputs; {len(wanted)} are expected"
    for number, (x, y) in enumerate(zip(outputs, wanted, strict=True)):
        if isinstance(y, list) or y is None:
            if (x is None) != (y is None) or not isinstance(x, list | None):
                return f"output {number} is {type(x).__name__}"
            problem = _compared(x or [], y or [], case)
            if problem:
                return problem
            continue
        if x is None:
            return f"output {number} is missing"
        y = _array(y)
        x = x if isinstance(x, np.ndarray) and x.dtype.kind in "UT" else convert_to_numpy(x)
        if tuple(x.shape) != tuple(y.shape):
            return f"output {number} has shape {tuple(x.shape)}; {tuple(y.shape)} is expected"
        if y.dtype.kind == "U":
            if not np.array_equal(x, y):
                return f"output {number}: {x.reshape(-1)[:4]}; {y.reshape(-1)[:4]} are expected"
            continue
        plain = y.dtype.name in NUMPY_DTYPES
        if plain and x.dtype != y.dtype:
            return f"output {number} is {x.dtype}; {y.dtype} is expected"
        rtol = max(case.rtol, 2**-6) if y.dtype.name == "bfloat16" else case.rtol
        wide = np.complex128 if y.dtype.kind == "c" else np.float64
        try:
            np.testing.assert_allclose(x.astype(wide), y.astype(wide), rtol=rtol, atol=case.atol)
        except AssertionError as error:
            lines = [line for line in str(error).split("\n") if "ismatch" in line or "Max" in line]
            return f"output {number}: {'; '.join(lines[:3])}"
    return ""


# Dtypes that outputs must have themselves; others come in the dtype that stands for them.
NUMPY_DTYPES = {
    *("bool", "float16", "float32", "float64", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bfloat16"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--contrib", action="store_true", help="onnxruntime's operators instead")
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--out", help="a JSON file for the cases that did not pass, with reasons")
    parser.add_argument("--show", action="store_true", help="print each case that did not pass")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # JAX compiles a program for each operator and shape, of which a case has ten: optimizing them
    # takes most of the time, and keeping them gigabytes.
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    warnings.filterwarnings("ignore")
    failed: dict[str, dict[str, list[str]]] = {}
    if arguments.contrib:
        found = list(contrib(arguments.only))
    else:
        found = list(cases(tuple(arguments.set or SETS), arguments.only))
    print(f"{len(found)} cases: {dict(Counter(case.kind for case in found))}")
    for backend in arguments.backend or BACKENDS:
        began, counts, reasons = time.perf_counter(), Counter(), Counter()
        failed[backend] = {}
        for number, case in enumerate(found, 1):
            if backend == "jax" and number % 150 == 0:
                import jax

                jax.clear_caches()
            verdict, why = judged(case, backend)
            counts[verdict] += 1
            if why:
                failed[backend][case.name] = [verdict, why]
                reasons[why if verdict == "refused" else "wrong"] += 1
                if arguments.show:
                    print(f"  {backend} {verdict:8} {case.name}: {why}", flush=True)
        share = counts["passed"] / max(len(found), 1)
        print(
            f"{backend:11} passed {counts['passed']:5} ({share:.1%})  wrong {counts['wrong']:4}  "
            f"refused {counts['refused']:4}  in {time.perf_counter() - began:.0f} s"
        )
        for why, count in reasons.most_common(40):
            print(f"  {count:4}  {why}")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(failed, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
