"""How much memory and time `convert`, `publish` and `bundle` take for a large model.

    python -m isozoo.scripts.measure_converting --gigabytes 2

Makes a Llama of random weights, converts it in a process of its own, and prints the peak of the
process's memory above what it had before, beside the size of the largest tensor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_CHILD = """
import json, sys, time
from pathlib import Path
import isozoo
from isozoo.hub import convert, publish
from isozoo.hub.bundles import bundle
import isozoo.nlp.llama.tasks

def peak():
    text = Path("/proc/self/status").read_text()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines()
            if line.startswith(("VmHWM", "VmRSS"))}

what, source, out = sys.argv[1:4]
isozoo.config.set_backend("numpy")
Path("/proc/self/clear_refs").write_text("5")
before, begun = peak()["VmRSS"], time.perf_counter()
if what == "convert":
    convert(source, out, dtype=sys.argv[4] if len(sys.argv) > 4 else None)
elif what == "bundle":
    bundle([source], out, name="large")
else:
    publish(source, "hf://org/large", license="apache-2.0", dry_run=True)
print(json.dumps({"above": peak()["VmHWM"] - before, "seconds": time.perf_counter() - begun}))
"""


def make(folder: Path, gigabytes: float) -> tuple[int, int]:
    """Writes a Llama of random weights; returns (bytes, bytes of the largest tensor)."""
    from ..framework.core import scopes
    from ..hub.registry import get_family
    from ..hub.tensors import PendingTensor
    from ..nlp.llama.tasks import LlamaCausalLM

    width, count = 1024, max(1, round(gigabytes * 1e9 / 4 / 13e6) - 5)
    with scopes.deferred_initialization():
        model = LlamaCausalLM(
            vocabulary_size=32_000,
            num_layers=count,
            num_heads=16,
            hidden_dim=width,
            intermediate_dim=2816,
        )
    draws = np.random.default_rng(0)
    block = draws.normal(size=1 << 22).astype("float32")

    def pending(shape: tuple[int, ...]) -> PendingTensor:
        size = int(np.prod(shape))
        return PendingTensor(
            shape,
            block.dtype,
            lambda: np.resize(block, size).reshape(shape),
        )

    values = {
        path: pending(tuple(variable.shape))
        for path, variable in get_family("llama").map_paths(model.weights_by_path()).items()
    }
    from ..hub.saving import save_to_preset

    save_to_preset(model, folder, values=values)
    sizes = [tensor.nbytes for tensor in values.values()]
    return sum(sizes), max(sizes)


def measure(gigabytes: float) -> list[dict[str, Any]]:
    """Returns a row for each thing that was done."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "source")
        size, largest = make(source, gigabytes)
        for name, arguments in (
            ("convert", ["convert", source, Path(place, "a")]),
            ("convert to float16", ["convert", source, Path(place, "b"), "float16"]),
            ("publish, without the network", ["publish", source, "-"]),
            ("bundle", ["bundle", source, Path(place, "c")]),
        ):
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", _CHILD, *map(str, arguments)],
                check=True,
                capture_output=True,
                text=True,
            )
            found = json.loads(done.stdout.splitlines()[-1])
            rows.append(
                {
                    "what": name,
                    "bytes": size,
                    "largest tensor": largest,
                    "peak above": found["above"],
                    "peak / largest": found["above"] / largest,
                    "seconds": found["seconds"],
                    "process seconds": time.perf_counter() - begun,
                }
            )
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.gigabytes)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    size, largest = rows[0]["bytes"], rows[0]["largest tensor"]
    print(f"{size / 1e9:.2f} GB, the largest tensor {largest / 1e6:.0f} MB")
    for row in rows:
        print(
            f"{row['what']:30}  peak {row['peak above'] / 1e6:7.0f} MB above, "
            f"{row['peak / largest']:.2f} of the largest tensor, {row['seconds']:.1f} s"
        )


if __name__ == "__main__":
    main()
