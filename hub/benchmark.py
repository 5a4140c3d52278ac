"""How fast a model runs on each backend here, measured side by side in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..framework import config

Work = Callable[[], Any]
LEAST_RUNS, MOST_RUNS = 3, 200


@dataclass
class Timed:
    """One backend's times.

    Attributes:
        backend: its name.
        first: seconds of the first run, in which it compiles.
        runs: seconds of the runs that count.
        error: why there are none; "" where there are.
    """

    backend: str
    first: float = 0.0
    runs: list[float] = field(default_factory=list)
    error: str = ""

    @property
    def median(self) -> float:
        """The middle of the runs, in seconds."""
        return statistics.median(self.runs)


@dataclass
class Benchmark:
    """What was measured on all backends."""

    timed: list[Timed]

    @property
    def fastest(self) -> str | None:
        """The backend with the smallest median; None where none could run."""
        able = [one for one in self.timed if not one.error]
        return min(able, key=lambda one: one.median).backend if able else None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data: `fastest`, and `backends` with the times of each."""
        found = {}
        for one in self.timed:
            if one.error:
                found[one.backend] = {"error": one.error}
            else:
                found[one.backend] = {
                    "median_s": one.median,
                    "fastest_s": min(one.runs),
                    "first_s": one.first,
                    "runs": len(one.runs),
                }
        return {"fastest": self.fastest, "backends": found}

    def table(self) -> str:
        """Returns lines of text: each backend's times, the fastest first."""
        able = sorted((one for one in self.timed if not one.error), key=lambda one: one.median)
        lines = [f"{'backend':12} {'median':>10} {'fastest':>10} {'first run':>10}  runs"]
        for one in able:
            times = (one.median, min(one.runs), one.first)
            columns = " ".join(f"{_milliseconds(value):>10}" for value in times)
            lines.append(f"{one.backend:12} {columns}  {len(one.runs)}")
        lines += [f"{one.backend:12} failed: {one.error}" for one in self.timed if one.error]
        if able:
            lines.append(f"The fastest here is {able[0].backend}.")
        return "\n".join(lines)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def bench(works: dict[str, Work], seconds: float = 10.0) -> Benchmark:
    """Times works by turns, so that what else the machine does falls on all alike.

    Each runs twice before its times count. Works then take turns until the time is up, at least 3
    times and at most 200; a work of which one run takes longer than the whole time counts that run.

    Args:
        works: backend -> what to run on it.
        seconds: for all runs that count.

    Raises:
        ValueError: `seconds` is not positive, or there is no work.
    """
    if not seconds > 0 or not works:
        raise ValueError(
            f"`seconds` must be positive, with some work; got {seconds}, {len(works)}."
        )
    found = {name: Timed(name) for name in works}
    for name, work in works.items():
        _warm(found[name], work, seconds)
    able = [name for name in works if not found[name].error]
    turns = [name for name in able if not found[name].runs]
    start = time.perf_counter()
    for turn in range(MOST_RUNS):
        if turn >= LEAST_RUNS and time.perf_counter() - start > seconds:
            break
        for name in turns:
            found[name].runs.append(_seconds(works[name]))
    return Benchmark(list(found.values()))


def _warm(timed: Timed, work: Work, seconds: float) -> None:
    try:
        timed.first = _seconds(work)
        second = _seconds(work)
    except Exception as error:  # whatever a backend's framework raises is that backend's result
        timed.error = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return
    if second > seconds:
        timed.runs.append(second)


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bench_model(
    model: Any, inputs: Any, backends: Iterable[str] | None = None, seconds: float = 10.0
) -> Benchmark:
    """Times `model.predict_on_batch(inputs)` on copies of a model on each backend.

    Args:
        model: a model with weights.
        inputs: NumPy arrays as the model takes them, nested or not.
        backends: those to try; all installed ones if None.
        seconds: for all runs that count; see `bench`.
    """
    copies = {name: _on(model, name) for name in backends or config.available_backends()}
    works = {name: _predicting(copy, inputs) for name, copy in copies.items()}
    return bench(works, seconds)


def _on(model: Any, backend: str) -> Any:
    return model if model.backend == backend else model.to_backend(backend)


def _predicting(model: Any, inputs: Any) -> Work:
    return lambda: model.predict_on_batch(inputs)


def fastest_backend(
    model: Any, inputs: Any, backends: Iterable[str] | None = None, seconds: float = 10.0
) -> str:
    """Returns the name of the backend on which a model predicts fastest here; see `bench_model`.

    Raises:
        RuntimeError: it runs on none; the errors are named.
    """
    found = bench_model(model, inputs, backends, seconds)
    if found.fastest is None:
        raise RuntimeError(f"{model.name} runs on no backend here:\n{found.table()}")
    return found.fastest


def bench_preset(
    name: str,
    inputs: list[str] | None = None,
    backends: Iterable[str] | None = None,
    seconds: float = 10.0,
    **options: Any,
) -> Benchmark:
    """Times what a preset's task does, from texts, pictures or sounds to a decision.

    Args:
        name: of the preset, or a folder.
        inputs: texts or paths; the task's own samples if None.
        backends: those to try; all installed ones if None.
        seconds: for all runs that count; see `bench`.
        **options: those of `load_preset`.

    Raises:
        ValueError: the preset does nothing by itself.
    """
    from .bases import Task
    from .loading import load_preset

    model = load_preset(name, **options)
    if not isinstance(model, Task):
        raise ValueError(f"{name} is a {type(model).__name__}, which does nothing by itself")
    given = model.sample_inputs() if inputs is None else inputs
    copies = {one: _on(model, one) for one in backends or config.available_backends()}
    return bench({one: _deciding(copy, given) for one, copy in copies.items()}, seconds)


def _deciding(model: Any, inputs: Any) -> Work:
    return lambda: model.decide(inputs)
