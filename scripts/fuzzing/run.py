"""Cases one after the other, and what is printed about them."""

import fnmatch
import time
from collections import Counter

from ...framework import config, ops, random
from . import tables as tables  # fills the table
from .judging import describe
from .rows import BACKENDS, TABLE
from .trial import Trial

# Public names that compute nothing by themselves.
LEFT_OUT = {"BackendMismatchError", "InvalidArgumentError"}


def public_names() -> set[str]:
    """Every public op, those of images and random draws with their namespace."""
    images = {f"image.{name}" for name in ops.in_namespace("image")}
    draws = {f"random.{name}" for name in tables.RANDOM if callable(getattr(random, name))}
    return {*ops.__all__, *images, *draws} - LEFT_OUT


def installed() -> list[str]:
    """The backends that can be used here."""
    return [name for name in BACKENDS if name in config.available_backends()]


def matching(patterns: list[str] | None) -> list[str]:
    """The names in the table that match one of the patterns, in order; all without patterns."""
    names = sorted(TABLE)
    if not patterns:
        return names
    return [n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)]


def _print(trial: Trial) -> None:
    for line in trial.found:
        print(f"--seed {trial.seed} --op {trial.op} --case {trial.case}   {line}", flush=True)


def one(names: list[str], seed: int, case: int, backends: tuple[str, ...]) -> int:
    """One case of each of the ops, with its arguments; 1 if anything is found."""
    found = 0
    for name in names:
        trial = Trial(name, seed, case, backends)
        print(f"{name}{describe(trial.call)}", flush=True)
        found += len(trial.run())
        print("refused by all" if trial.refused else f"{trial.ran} calls")
        _print(trial)
    return int(found > 0)


def until(end: float, names: list[str], seed: int, backends: tuple[str, ...]) -> int:
    """Cases of all ops in turn until the time is over; 1 if anything is found."""
    cases = calls = found = refused = case = 0
    by_op: Counter[str] = Counter()
    while time.monotonic() < end:
        for name in names:
            if time.monotonic() >= end:
                break
            trial = Trial(name, seed, case, backends)
            trial.run()
            _print(trial)
            cases, calls, refused = cases + 1, calls + trial.ran, refused + trial.refused
            found += len(trial.found)
            by_op[name] += bool(trial.found)
        case += 1
    print(
        f"{cases} cases of {len(names)} ops, {calls} calls on {', '.join(backends)} (seed {seed}): "
        f"{refused} refused by all alike, {found} findings"
        + (f" in {sum(1 for n in by_op.values() if n)} ops" if found else "")
    )
    return int(found > 0)
