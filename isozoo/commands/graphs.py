"""Models that are graphs, on the command line: arrays in, arrays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .output import print_json


def run_graph(arguments: Any) -> int:
    """Runs an ONNX file, or a folder converted from one, on `.npy` files, and shows its outputs.

    Raises:
        ValueError: no inputs, or a preset that is no graph.
    """
    from ..hub.graphs import GraphModel, call_with_files, from_onnx
    from .opening import model_of

    if arguments.name.endswith(".onnx"):
        model = from_onnx(arguments.name, arguments.backend)
    else:
        model = model_of(arguments)
    if not isinstance(model, GraphModel):
        raise ValueError(
            f"{arguments.name} is a {type(model).__name__}, and --input is for graphs: give its "
            "inputs without --input"
        )
    outputs = call_with_files(model, [*arguments.inputs, *(arguments.input or ())])
    if arguments.out:
        with open(arguments.out, "wb") as file:
            np.savez(file, **outputs)  # pyright: ignore[reportArgumentType]
    found = {name: _summary(array) for name, array in outputs.items()}
    if arguments.json:
        told = {"model": arguments.name, "backend": model.backend, "outputs": found}
        print_json({**told, **({"file": str(Path(arguments.out))} if arguments.out else {})})
        return 0
    for name, summary in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in summary.items()))
    return 0


def _summary(array: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"dtype": str(array.dtype), "shape": list(array.shape)}
    if array.size and array.dtype.kind in "fiub":
        wide = array.astype(np.float64)
        found |= {"min": float(wide.min()), "mean": float(wide.mean()), "max": float(wide.max())}
    if array.size <= 16:
        found["values"] = array.tolist()
    return found
