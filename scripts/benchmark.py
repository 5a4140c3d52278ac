"""How fast we are, beside our peers, in one run.

    python -m isozoo.scripts.benchmark                      # every line
    python -m isozoo.scripts.benchmark --only bert --json benchmark.json

Each line runs in a process of its own: ours and the peer by turns, and the ratio printed is the
median of the pairs' ratios, ours over peer (below 1 we are faster). Peers: NumPy (import),
transformers (torch), Keras and KerasHub (jax, tensorflow). Needs the extra "benchmark".
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .benchmark_lines import LINES

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def main(argv: list[str] | None = None) -> int:
    """Run the chosen lines; 1 when one of them could not be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", help="lines whose name contains this text")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--pairs", type=int, default=11, help="pairs of runs for each line")
    parser.add_argument("--list", action="store_true", help="only name the lines")
    arguments = parser.parse_args(argv)
    chosen = [n for n in LINES if not arguments.only or any(text in n for text in arguments.only)]
    if arguments.list or not chosen:
        print("\n".join(LINES))
        return 0 if arguments.list else 2
    results: dict[str, Any] = {}
    print(f"{'line':34}{'ours':>11}{'peer':>11}{'ratio':>8}{'hold':>7}   peer", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in chosen:
            result = results[name] = _run(name, arguments.pairs, scratch)
            print(_row(name, result), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if any("error" in result for result in results.values()) else 0


def _run(name: str, pairs: int, scratch: str) -> dict[str, Any]:
    line = LINES[name]
    command = [sys.executable, "-m", "isozoo.scripts.benchmark_lines", name, str(pairs), scratch]
    environment = {**os.environ, **_QUIET, "KERAS_BACKEND": line.backend or "torch"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "died"}
    result = json.loads(done.stdout.strip().splitlines()[-1])
    ratios = [a / b for a, b in zip(result["ours"], result["peer"], strict=True)]
    result.update(
        ratio=statistics.median(ratios), hold=line.hold, unit=line.unit, peer_is=line.peer
    )
    return result


def _row(name: str, result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{name:34}not measured: {result['error'][:120]}"
    ours, peer = (_amount(statistics.median(result[k]), result["unit"]) for k in ("ours", "peer"))
    mark = "" if result["ratio"] <= result["hold"] else "  <- above"
    return (
        f"{name:34}{ours:>11}{peer:>11}{result['ratio']:8.2f}{result['hold']:7.2f}"
        f"   {result['peer_is']}{mark}"
    )


def _amount(value: float, unit: str) -> str:
    if unit == "times":
        return f"{value:.2f} x"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
