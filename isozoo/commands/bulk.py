"""`isozoo run NAME --input lines.txt --out out.jsonl`: a model over all lines of a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import run_options

_SUFFIXES = (".txt", ".jsonl")


def is_bulk(arguments: Any) -> bool:
    """Returns whether `isozoo run` is asked for the lines of a file."""
    given = arguments.input or ()
    return len(given) == 1 and given[0].endswith(_SUFFIXES)


def run_bulk(arguments: Any, tell: Any) -> int:
    """Runs the model over all lines; returns how many have an error.

    Raises:
        ValueError: no --out, inputs beside the file, or a model that does nothing by itself.
        OSError: a process failed, and the lines are not done.
    """
    from ..hub.bulk import run_lines

    source = arguments.input[0]
    if not arguments.out:
        raise ValueError(f"--input {source} needs --out FILE.jsonl for the results")
    if arguments.inputs or arguments.draw or arguments.csv or arguments.table:
        raise ValueError(
            f"--input {source} takes all its lines from there and writes JSON lines: no other "
            "inputs, --draw, --csv or --table"
        )
    if arguments.processes < 1:
        raise ValueError(f"--processes must be at least 1; got {arguments.processes}")
    options = {name: getattr(arguments, name) for name in run_options.OPTIONS}
    options = {name: value for name, value in options.items() if value is not None}
    what = {"model": arguments.name, "file": arguments.file, "options": options}
    if arguments.processes > 1:
        if Path(arguments.out).exists():
            raise ValueError(f"{arguments.out} is there already: remove it, or choose another name")
        others = [_start(arguments) for _ in range(arguments.processes)]
        codes = [other.wait() for other in others]
        if not Path(arguments.out).exists():
            raise OSError(
                f"{sum(map(bool, codes))} of {len(codes)} processes failed, and {arguments.out} is "
                "not whole. What is done stays beside it: run the same command again to go on."
            )
        return _errors(Path(arguments.out))
    return run_lines(lambda: _model(arguments), source, arguments.out, what, tell)


def _model(arguments: Any) -> Any:
    """What gives results of texts."""
    from .opening import task_of

    model = task_of(arguments)
    options = run_options.chosen(arguments, model.command_line_adapter(model))
    return lambda texts: model.run_many(texts, **options)


def _start(arguments: Any) -> subprocess.Popen[bytes]:
    """A process that does a part of the lines."""
    command = [sys.executable, "-m", (__package__ or "").partition(".")[0], "run", arguments.name]
    command += ["--input", arguments.input[0], "--out", arguments.out]
    for name in ("backend", "folder", "file"):
        if getattr(arguments, name):
            command += [f"--{name}", getattr(arguments, name)]
    if arguments.offline:
        command.append("--offline")
    command += run_options.written(arguments)
    threads = str(max(1, (os.cpu_count() or 1) // arguments.processes))
    return subprocess.Popen(command, env={"OMP_NUM_THREADS": threads, **os.environ})


def _errors(path: Path) -> int:
    import json

    with open(path, "rb") as file:
        return sum("error" in json.loads(line) for line in file)
