"""A progress bar of steps, with values beside it."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from .messages import is_live, print_message

_BOLD, _DONE, _LEFT, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """A bar that shows how many steps are done, how long the rest takes, and values, as in Keras.

    Args:
        target: how many steps there are; None if unknown.
        width: of the bar, in characters.
        verbose: 0 shows nothing, 1 a bar, 2 one line at the end.
        interval: how many seconds pass at least between two updates of the screen.
        stateful_metrics: names of values that are shown as they are; others are averaged over the
            steps.
        stateless_metrics: names of values that are averaged; others are shown as they are.
        unit_name: what a step is called.

    Raises:
        ValueError: both lists of names.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided: the first "
                "names the values that are not averaged, the second those that are."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._live = is_live()
        self._seen = 0
        # name -> (sum, number of steps in it)
        self._sums: dict[str, tuple[float, float]] = {}
        self._start = time.monotonic()
        self._after_first: float | None = None
        self._shown_at = float("-inf")
        self._shown_width = 0

    @property
    def is_due(self) -> bool:
        """Whether the next update would be shown: enough time has passed since the last."""
        return time.monotonic() - self._shown_at >= self.interval

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Notes values, and shows the bar if it is time to.

        Args:
            current: how many steps are done.
            values: (name, value in the last step) pairs.
            finalize: whether this is the last update; if None, whether the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._note(name, float(np.mean(value)), current, finalize)
        self._seen = current
        now = time.monotonic()
        seconds = self._seconds_per_step(current, now)
        if self.verbose == 1 and (finalize or now - self._shown_at >= self.interval):
            self._shown_at = now
            self._show_bar(current, now, seconds, finalize)
        elif self.verbose == 2 and finalize and self.target:
            line = f"{self._count(current)} - {now - self._start:.0f}s - {self._pace(seconds)}"
            print_message(line + self._values())

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Notes that `n` more steps are done; see `update`."""
        self.update(self._seen + n, values)

    def _note(self, name: str, value: float, current: int, finalize: bool) -> None:
        if self.stateless_metrics is not None:
            averaged = name in self.stateless_metrics
        else:
            averaged = name not in (self.stateful_metrics or ())
        if not averaged or finalize:
            self._sums[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + value * steps, count + steps)

    def _seconds_per_step(self, current: int, now: float) -> float:
        """The time of a step; the first one, which compiles, is left out when there are others."""
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            return (now - self._after_first) / (current - 1)
        if current == 1:
            self._after_first = now
        return (now - self._start) / current

    def _show_bar(self, current: int, now: float, seconds: float, finalize: bool) -> None:
        plain = self._count(current)
        bar = f"{_BOLD}{plain}{_PLAIN}" if self.target else plain
        if self.target:
            done = int(self.width * min(current / self.target, 1.0))
            bar += f" {_DONE}{'━' * done}{_PLAIN}{_LEFT}{'━' * (self.width - done)}{_PLAIN}"
            plain += " " + "━" * self.width
        if self.target and not finalize:
            clock = _clock(seconds * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        info = f" {self._pace(seconds)}{self._values()}"
        width = len(plain) + 1 + len(clock) + len(info)
        text = f"{bar} {_BOLD}{clock}{_PLAIN}{info}"
        text += " " * (self._shown_width - width)  # covers what is left of a longer line
        self._shown_width = width
        print_message(("\r" if self._live else "") + text, finalize or not self._live)

    def _count(self, current: int) -> str:
        if not self.target:
            return f"{current:7d}/Unknown"
        return f"{current:{len(str(self.target))}d}/{self.target}"

    def _pace(self, seconds: float) -> str:
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/{self.unit_name}"
        if seconds >= 1e-3:
            return f"{seconds * 1e3:.0f}ms/{self.unit_name}"
        return f"{seconds * 1e6:.0f}us/{self.unit_name}"

    def _values(self) -> str:
        found = ""
        for name, (total, count) in self._sums.items():
            mean = total / max(count, 1)
            found += f" - {name}: " + (f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}")
        return found


def _clock(seconds: float) -> str:
    """A time of the form 5s, 3:20 or 1:02:03."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{whole}s"
