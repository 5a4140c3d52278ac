"""Reads damaged and hostile files with every reader of files from outside.

    python -m isozoo.scripts.fuzz_readers                              # ten minutes, all readers
    python -m isozoo.scripts.fuzz_readers --seconds 60 --seed 7 --reader gguf
    python -m isozoo.scripts.fuzz_readers --seed 7 --reader gguf --case 17 --keep file.gguf

A small valid file of each form is made here and changed: bytes, numbers, JSON values, opcodes,
members of archives. The changed files are read through in a process of their own. Findings are a
crash, more than 2 s of the processor or 15 s on the clock, memory that grows by more than 50 MB,
and an exception that isozoo does not raise on purpose. The line of a finding begins with the
arguments that show it again; the table counts.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WAIT = 15.0
# What a file may make the process ask for beyond what it has: more is refused by the system.
ADDRESS_SPACE = 4 << 30


@dataclass
class Count:
    """How the cases of one reader went."""

    inputs: int = 0
    accepted: int = 0
    seconds: float = 0.0
    growth: int = 0
    findings: list[str] = field(default_factory=list)


def work(names: list[str], seed: int, first: int) -> None:
    """Runs cases for ever, and tells of each on the standard output: before it, and after it."""
    import resource

    from .reader_fuzzing.trial import Folders, run

    folders = Folders()
    for name in names:  # what the first call imports does not count
        if (found := run(name, seed, -1, folders)).wrong and not found.accepted:
            print(json.dumps(["valid", name, -1, found.wrong]), flush=True)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESS_SPACE, resource.RLIM_INFINITY))
    for number in itertools.count(first):
        name, case = names[number % len(names)], number // len(names)
        print(json.dumps(["begin", name, case, number]), flush=True)
        found = run(name, seed, case, folders)
        print(json.dumps(["end", name, case, list(found)]), flush=True)


class Worker:
    """A process that runs cases from a number on."""

    def __init__(self, names: list[str], seed: int, first: int) -> None:
        command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, "--work"]
        command += ["--seed", str(seed), "--first", str(first)]
        for name in names:
            command += ["--reader", name]
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0
        )
        self._left = b""

    def line(self, seconds: float) -> list[Any] | None:
        """Returns what it tells next; None when it ends or is silent for so long."""
        assert self.process.stdout is not None
        while b"\n" not in self._left:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return None
            if not (more := self.process.stdout.read(1 << 16)):
                return None
            self._left += more
        line, _, self._left = self._left.partition(b"\n")
        return json.loads(line)

    def end(self) -> str:
        """Stops it, and tells how it ended by itself; "" where it did not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)  # its output ends before it does
        alive = self.process.poll() is None
        if alive:
            self.process.kill()
            self.process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        self._errors.close()
        return "" if alive else f"the process ended with {self.process.returncode} {last}"


def fuzz(names: list[str], seed: int, seconds: float, first: int = 0) -> dict[str, Count]:
    """Runs cases of readers, in turn, and prints findings as they come.

    Args:
        names: of the readers.
        seed: of all changes.
        seconds: for all.
        first: the number of the first case, counted over all readers.
    """
    counts = {name: Count() for name in names}
    seen: set[tuple[str, str]] = set()
    end, number = time.monotonic() + seconds, first

    def tell(name: str, case: int, wrong: str) -> None:
        counts[name].findings.append(wrong)
        if (name, wrong.split(":")[0]) not in seen:
            seen.add((name, wrong.split(":")[0]))
            print(f"--seed {seed} --reader {name!r} --case {case}: {wrong}", flush=True)

    while time.monotonic() < end:
        worker, current = Worker(names, seed, number), None
        while time.monotonic() < end:
            told = worker.line(WAIT if current else 120.0)
            if told is None:
                break
            kind, name, case, value = told
            if kind == "valid":
                tell(name, case, value)
            elif kind == "begin":
                current, number = (name, case), value + 1
            else:
                accepted, took, growth, wrong = value
                count, current = counts[name], None
                count.inputs += 1
                count.accepted += accepted
                count.seconds, count.growth = max(count.seconds, took), max(count.growth, growth)
                if wrong:
                    tell(name, case, wrong)
        ended = worker.end()
        if current and time.monotonic() < end:
            tell(*current, ended or f"it hung for {WAIT:.0f} s")
        elif time.monotonic() < end:
            raise RuntimeError(f"between two cases {ended or 'nothing came'}")
    return counts


def one(name: str, seed: int, case: int, keep: str) -> int:
    """Runs one case and tells of it; writes its file where `keep` says."""
    from .reader_fuzzing.trial import Folders, run

    folders = Folders()
    run(name, seed, -1, folders)
    found = run(name, seed, case, folders)
    if keep:
        Path(keep).write_bytes(folders.place(name)[0].read_bytes())
    folders.close()
    print(f"accepted: {found.accepted}, {found.seconds:.2f} s, {found.growth >> 20} MB")
    print(found.wrong or "nothing is wrong")
    return 1 if found.wrong else 0


def main(argv: list[str] | None = None) -> int:
    """Print the findings and the table; 1 if there are findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", action="append", help="only these; may be repeated")
    parser.add_argument("--case", type=int, help="this case alone")
    parser.add_argument("--keep", default="", metavar="FILE", help="where the case's file goes")
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    from .reader_fuzzing.readers import SUBJECTS

    names = arguments.reader or list(SUBJECTS)
    if unknown := [name for name in names if name not in SUBJECTS]:
        parser.error(f"no reader is called {unknown[0]!r}; there are: {', '.join(SUBJECTS)}")
    if arguments.work:
        work(names, arguments.seed, arguments.first)
        return 0
    if arguments.case is not None:
        return one(names[0], arguments.seed, arguments.case, arguments.keep)
    counts = fuzz(names, arguments.seed, arguments.seconds, arguments.first)
    print(f"{'reader':<26}{'inputs':>8}{'accepted':>9}{'slowest':>9}{'growth':>9}{'findings':>10}")
    for name, count in counts.items():
        print(
            f"{name:<26}{count.inputs:>8}{count.accepted:>9}{count.seconds:>7.2f} s"
            f"{count.growth / 1e6:>6.1f} MB{len(count.findings):>10}"
        )
    found = sum(len(count.findings) for count in counts.values())
    print(f"{sum(c.inputs for c in counts.values())} inputs, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
